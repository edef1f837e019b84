-- The log and what must be true at the same instant: keys, idempotency, inbox, tracking, timers.

create table events (
    originator_id uuid not null,
    originator_version bigint not null,
    topic text not null,
    state bytea not null,
    notification_id bigserial not null,
    event_id uuid not null,
    recorded_at timestamptz not null,
    effective_at timestamptz not null,
    actor text not null,
    request_id text not null,
    correlation_id uuid not null,
    causation_id uuid,
    traceparent text not null default '',
    timeline_id text not null default '',
    primary key (originator_id, originator_version)
);
create unique index events_notification_id_idx on events (notification_id);
create index events_correlation_idx on events (correlation_id);
create index events_timeline_idx on events (timeline_id) where timeline_id <> '';
comment on table events is 'Append only. originator_id = stream, notification_id = position.';

-- One key per data subject, wrapped by the master key. A null key is a forgotten person.
create table subject_keys (
    subject text primary key,
    wrapped bytea,
    made_at timestamptz not null default now()
);

-- The answers of commands already carried out.
create table idempotency (
    actor text not null,
    method text not null,
    request_id text not null,
    fingerprint bytea not null,
    response bytea not null,
    recorded_at timestamptz not null default now(),
    primary key (actor, method, request_id)
);
create index idempotency_recorded_idx on idempotency (recorded_at);

-- Events already reacted to.
create table inbox (
    consumer text not null,
    event_id uuid not null,
    handled_at timestamptz not null default now(),
    primary key (consumer, event_id)
);
create index inbox_handled_idx on inbox (handled_at);

-- How far an ordered consumer is, per slot of a context. `wanted` names the instance that asks for it.
create table tracking (
    consumer text not null,
    context text not null,
    slot int not null,
    position bigint not null default 0,
    recorded_at timestamptz,
    wanted text,
    primary key (consumer, context, slot)
);

-- Events that could not be handled, and every later one of the same stream.
create table parked (
    consumer text not null,
    context text not null,
    stream_id uuid not null,
    position bigint not null,
    version bigint not null,
    type text not null,
    body bytea not null,
    reason text not null,
    attempts int not null default 0,
    parked_at timestamptz not null default now(),
    primary key (consumer, context, position)
);
create index parked_stream_idx on parked (consumer, stream_id, version);

-- What is due when. Claimed with for update skip locked; the broker is never the clock.
create table timers (
    key text primary key,
    kind text not null,
    due_at timestamptz not null,
    payload jsonb not null default '{}',
    timeline_id text not null default '',
    correlation_id uuid not null,
    causation_id uuid,
    traceparent text not null default '',
    attempts int not null default 0,
    not_before timestamptz not null default '-infinity',
    failed_at timestamptz,
    last_error text not null default ''
);
create index timers_due_idx on timers (kind, due_at) where failed_at is null;

-- The clocks of backdated runs: timers set inside one wait for it, not for the wall.
create table timelines (
    timeline_id text primary key,
    reached_at timestamptz not null,
    touched_at timestamptz not null
);

-- How far the relay is, and the last position it published in every slot.
create table relay_checkpoint (
    relay text primary key,
    position bigint not null,
    slot_positions bigint[] not null,
    confirmed_at timestamptz not null default now()
);
