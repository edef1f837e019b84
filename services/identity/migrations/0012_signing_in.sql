-- Rules of signing in (a view), and what must never be in an event: secrets, addresses of failed sign-ins.

create table sign_in_policy (
    policy_id uuid primary key,
    max_age_days int not null,
    remembered int not null,
    most_addresses int not null,
    second_factor_roles text[] not null,
    version bigint not null
);

create table shared_accounts (
    session_id uuid primary key,
    person_id uuid not null,
    suspected_at timestamptz not null,
    other_session_ids uuid[] not null,
    addresses int not null
);
create index shared_accounts_time_idx on shared_accounts (suspected_at desc);

-- From here on state, not views; nothing rebuilds it.

alter table sessions
    add column last_used_at timestamptz,
    add column role text not null default '',
    add column via text not null default 'password';
comment on column sessions.role is 'The one role worn in this session; empty for all that are held.';

create table former_passwords (
    person_id uuid not null,
    password_hash text not null,
    until timestamptz not null
);
create index former_passwords_person_idx on former_passwords (person_id, until desc);

create table second_factors (
    person_id uuid primary key,
    sealed text not null,
    enrolled_at timestamptz,
    last_step bigint not null default 0
);
comment on table second_factors is 'The secret is sealed under the person''s key. Without enrolled_at it is not confirmed yet.';

create table recovery_codes (
    person_id uuid not null,
    code_hash bytea not null,
    primary key (person_id, code_hash)
);

create table sign_in_log (
    entry_id bigint generated always as identity primary key,
    at timestamptz not null,
    person_id uuid,
    outcome text not null,
    via text not null,
    source text not null,
    device text not null,
    session_id uuid
);
create index sign_in_log_person_idx on sign_in_log (person_id, entry_id desc);
create index sign_in_log_at_idx on sign_in_log (at);
comment on table sign_in_log is 'Kept 180 days. Of an unknown login nothing is kept: it may be a password typed in the wrong field.';

create table provider_links (
    provider text not null,
    subject_hash bytea not null,
    person_id uuid not null,
    linked_at timestamptz not null,
    primary key (provider, subject_hash)
);
create index provider_links_person_idx on provider_links (person_id);

create table pending_sign_ins (
    state_hash bytea primary key,
    browser_hash bytea not null,
    provider text not null,
    nonce text not null,
    verifier text not null,
    expires_at timestamptz not null
);
create index pending_sign_ins_expires_idx on pending_sign_ins (expires_at);
