-- Messages, where each stands, and what it is made of.
create table messages (
    message_id uuid primary key,
    version bigint not null,
    recipient_id uuid not null,
    recipient_kind smallint not null,
    customer_id uuid,
    channel smallint not null,
    kind text not null,
    subject_kind text not null,
    subject_id text not null,
    fields jsonb not null,
    title text not null,
    text text not null,
    state smallint not null,
    attempts integer not null default 0,
    last_failure text not null default '',
    queued_at timestamptz not null,
    send_at timestamptz,
    sent_at timestamptz,
    read_at timestamptz,
    historic boolean not null default false,
    cause_event_id uuid
);
create index messages_newest on messages (queued_at desc, message_id desc);
create index messages_of_recipient on messages (recipient_id, queued_at desc, message_id desc);
create index messages_unread on messages (recipient_id) where channel = 1 and state = 4;
create index messages_about on messages (subject_id);

-- Every step of every delivery.
create table delivery_steps (
    message_id uuid not null,
    version bigint not null,
    step text not null,
    happened_at timestamptz not null,
    attempt integer not null,
    detail text not null,
    primary key (message_id, version)
);

-- How people want to be told.
create table preferences (
    person_id uuid primary key,
    version bigint not null,
    definition jsonb not null
);
