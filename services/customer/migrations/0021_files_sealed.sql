-- Bytes of files are sealed under a key of their own, which goes with the person they are about.
-- Rows from before have no file_id: they are in clear until their person is forgotten.
alter table files add column file_id uuid, add column size_bytes bigint;
update files set size_bytes = octet_length(content);
alter table files alter column size_bytes set not null;
