-- Signed checkpoints over the log and over the reads; see docs/audit.md. Append only, like what they seal.
create table seals (
    chain text not null,
    number bigint not null,
    body text not null,
    signature bytea not null,
    marks bytea not null,
    primary key (chain, number)
);
comment on table seals is 'body is what was signed, byte for byte; marks tell which row of a window was damaged.';
-- Hashes and signatures do not get shorter.
alter table seals alter column marks set storage external;
