-- Which rules in force name whom: an approval flow by its id, the assignment rules by theirs. Ids only.
create table rules_naming (
    stream uuid not null,
    person_id uuid not null,
    primary key (person_id, stream)
);
create index rules_naming_stream_idx on rules_naming (stream);
