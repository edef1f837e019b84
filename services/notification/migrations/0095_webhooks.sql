-- Webhooks as they are now: a view.
create table webhooks (
    webhook_id uuid primary key,
    version bigint not null,
    name text not null,
    url text not null,
    types text[] not null,
    owner_id uuid not null,
    state smallint not null,
    pause_reason text not null default '',
    registered_at timestamptz not null
);

-- Their secrets, sealed under a key of the webhook that goes when it does.
create table webhook_secrets (
    webhook_id uuid not null,
    made_at timestamptz not null,
    valid_until timestamptz,
    sealed text not null,
    primary key (webhook_id, made_at)
);

-- How far each has come in each service's log.
create table webhook_positions (
    webhook_id uuid not null,
    context text not null,
    position bigint not null,
    primary key (webhook_id, context)
);

-- How each does, and who is at work for it until when.
create table webhook_standing (
    webhook_id uuid primary key,
    failures integer not null default 0,
    failing_since timestamptz,
    wait_until timestamptz not null default 'epoch',
    last_delivered_at timestamptz,
    busy_until timestamptz not null default 'epoch'
);

-- The delivery log: what waits, and what became of the rest. Published events hold no personal data.
create table webhook_deliveries (
    webhook_id uuid not null,
    context text not null,
    position bigint not null,
    event_id uuid not null,
    type text not null,
    record_id uuid not null,
    body text not null,
    state smallint not null,
    attempts integer not null default 0,
    queued_at timestamptz not null,
    next_attempt_at timestamptz not null,
    delivered_at timestamptz,
    last_status integer not null default 0,
    last_failure text not null default '',
    primary key (webhook_id, context, position)
);
create index webhook_deliveries_open on webhook_deliveries (webhook_id, context, record_id, position) where state in (1, 3);
create index webhook_deliveries_newest on webhook_deliveries (webhook_id, queued_at desc, context desc, position desc);
create index webhook_deliveries_done on webhook_deliveries (webhook_id, queued_at) where state in (2, 4);
