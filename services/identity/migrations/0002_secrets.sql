-- What must never be in an event: hashes of secrets. These are state, not views; nothing rebuilds them.

create table accounts (
    person_id uuid primary key,
    login text not null unique,
    password_hash text,
    must_change boolean not null default false,
    closed boolean not null default false,
    changed_at timestamptz
);
comment on table accounts is 'One per person, for ever: a login is never given to anybody else.';

create table sessions (
    session_id uuid primary key,
    person_id uuid not null,
    token_hash bytea not null unique,
    opened_at timestamptz not null,
    expires_at timestamptz not null,
    source text not null,
    device text not null
);
create index sessions_person_idx on sessions (person_id);
create index sessions_expires_idx on sessions (expires_at);
comment on table sessions is 'Open sessions only. A closed or expired one is deleted.';

create table sign_in_attempts (
    key bytea primary key,
    attempts int not null,
    since timestamptz not null
);
create index sign_in_attempts_since_idx on sign_in_attempts (since);
comment on table sign_in_attempts is 'Attempts in the current window, by hash of login and source. Old rows go with every new one.';

create table service_accounts (
    service text primary key,
    secret_hash bytea not null,
    permissions text[] not null,
    changed_at timestamptz not null
);
