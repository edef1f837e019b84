-- Tickets as lists and pages show them.
create table tickets (
    ticket_id uuid primary key,
    version bigint not null,
    status smallint not null,
    customer_id uuid,
    contact_id uuid,
    requester_id uuid not null,
    channel smallint not null,
    category text not null,
    priority smallint not null,
    product_id text not null,
    subject text not null,
    subject_grams text[] not null,
    description text not null,
    queue text not null default '',
    assignee_id uuid,
    complaint boolean not null,
    confirmed boolean not null default false,
    cause_code text not null default '',
    policy_id uuid,
    opened_at timestamptz not null,
    first_response_at timestamptz,
    resolved_at timestamptz,
    closed_at timestamptz,
    times_resolved integer not null default 0,
    times_reopened integer not null default 0,
    hand_overs integer not null default 0,
    escalation_level integer not null default 0,
    assignment_reason text not null default '',
    next_due_at timestamptz,
    external_ref text not null,
    related_ticket_id uuid,
    import_id text not null,
    imported_version bigint,
    attributes jsonb not null
);
create index tickets_newest on tickets (opened_at desc, ticket_id desc);
create index tickets_of_assignee on tickets (assignee_id, opened_at desc) where status < 4;
create index tickets_of_queue on tickets (queue, opened_at desc);
create index tickets_of_customer on tickets (customer_id, opened_at desc);
create index tickets_due on tickets (next_due_at, ticket_id) where next_due_at is not null;
create index tickets_by_ref on tickets (external_ref, channel) where external_ref <> '';
create index tickets_of_import on tickets (import_id) where import_id <> '';
create index tickets_subject on tickets using gin (subject_grams);

-- A ticket's deadlines. No due_at while the clock is paused.
create table ticket_clocks (
    ticket_id uuid not null,
    clock smallint not null,
    calendar_id uuid not null,
    target_s bigint not null,
    due_at timestamptz,
    remaining_s bigint not null default 0,
    warned boolean not null default false,
    breached boolean not null default false,
    stopped boolean not null default false,
    met boolean not null default false,
    primary key (ticket_id, clock)
);

-- What happened to a ticket, one row a step; how long it took is the distance to the next row.
create table ticket_steps (
    ticket_id uuid not null,
    version bigint not null,
    step text not null,
    activity text not null,
    status smallint not null,
    assignee_id uuid,
    queue text not null,
    started_at timestamptz not null,
    actor text not null,
    primary key (ticket_id, version)
);

-- What was said and written on a ticket.
create table ticket_entries (
    ticket_id uuid not null,
    version bigint not null,
    kind text not null,
    channel smallint not null,
    text text not null,
    written_at timestamptz not null,
    actor text not null,
    primary key (ticket_id, version)
);

-- Calendars, policies, queues, agents and rules in force.
create table desk_definitions (
    kind text not null,
    key text not null,
    stream uuid not null,
    version bigint not null,
    definition jsonb not null,
    primary key (kind, key)
);

-- Surveys and their answers.
create table surveys (
    survey_id uuid primary key,
    about smallint not null,
    ticket_id uuid,
    opportunity_id uuid,
    customer_id uuid,
    contact_id uuid,
    assignee_id uuid,
    token text not null,
    sent_at timestamptz not null,
    answered_at timestamptz,
    score smallint not null default 0,
    comment text not null default '',
    low boolean not null default false,
    follow_up_ticket_id uuid
);
create unique index surveys_by_token on surveys (token);
create index surveys_newest on surveys (sent_at desc, survey_id desc);
create index surveys_of_ticket on surveys (ticket_id) where ticket_id is not null;
create index surveys_of_customer on surveys (customer_id);

-- Customers as the desk needs them, without personal data; kept from other contexts' events.
create table customer_cards (
    customer_id uuid primary key,
    status smallint not null default 0,
    level smallint not null default 0,
    owner_id uuid
);
create table customer_aliases (
    absorbed_id uuid not null,
    survivor_id uuid not null,
    primary key (absorbed_id, survivor_id)
);
create table card_opportunities (
    opportunity_id uuid primary key,
    customer_id uuid,
    open boolean not null
);
create index card_opportunities_of on card_opportunities (customer_id);
create table card_orders (
    order_id uuid primary key,
    customer_id uuid,
    cancelled boolean not null
);
create index card_orders_of on card_orders (customer_id);
