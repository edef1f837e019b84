-- Programs that may call the public API: a view, and the state that must never be in an event.

create table api_clients (
    client_id uuid primary key,
    name text not null,
    permissions text[] not null,
    data_scope int not null,
    owner_id uuid not null,
    registered_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    version bigint not null
);
create index api_clients_owner_idx on api_clients (owner_id);

-- State, not a view; nothing rebuilds it.
create table api_client_secrets (
    client_id uuid not null,
    secret_hash bytea not null,
    made_at timestamptz not null,
    valid_until timestamptz,
    primary key (client_id, secret_hash)
);

create table api_client_uses (
    client_id uuid primary key,
    last_used_at timestamptz not null,
    source text not null
);
