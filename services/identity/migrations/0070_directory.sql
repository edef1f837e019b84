-- Which teams and people came from a directory kept elsewhere. State, not views; nothing rebuilds it.

create table directory_teams (
    provider text not null,
    outside_hash bytea not null,
    team_id uuid not null,
    primary key (provider, outside_hash)
);

create table directory_people (
    provider text not null,
    outside_hash bytea not null,
    person_id uuid not null,
    primary key (provider, outside_hash)
);
create index directory_people_person_idx on directory_people (person_id);

create table directory_runs (
    provider text primary key,
    ran_at timestamptz not null,
    done jsonb not null,
    held_back int not null,
    remaining int not null,
    failure text not null,
    next_at timestamptz
);
comment on table directory_runs is 'The last synchronisation of each directory. A failure names no person.';
