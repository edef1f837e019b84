-- Read models. Each pair is facts as they came (one row per event, written once) and the card folded from them.

create table deal_moves (
    opportunity_id uuid not null,
    version int not null,
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    kind smallint not null,
    stage_id text,
    pipeline_id text,
    customer_id uuid,
    owner_id uuid,
    lead_id uuid,
    campaign_id uuid,
    source_channel text,
    amount bigint,
    currency text,
    probability smallint,
    expected_close_on date,
    slip_days int,
    product_ids uuid[],
    title text,
    reason text,
    primary key (opportunity_id, version)
);

create table deals (
    opportunity_id uuid primary key,
    version int not null,
    opened_at timestamptz not null,
    recorded_at timestamptz not null,
    moved_at timestamptz,
    outcome smallint not null,
    closed_at timestamptz,
    removed bool not null,
    stage_id text,
    pipeline_id text,
    customer_id uuid,
    owner_id uuid,
    lead_id uuid,
    campaign_id uuid,
    source_channel text,
    amount bigint,
    currency text,
    probability smallint,
    expected_close_on date,
    slips int not null,
    slipped_days int not null,
    product_ids uuid[] not null,
    title text,
    reason text
);
create index deals_opened_idx on deals (opened_at);
create index deals_closed_idx on deals (closed_at) where outcome <> 0;
create index deals_owner_idx on deals (owner_id);
comment on column deals.outcome is '0 open, 1 won, 2 lost';

create table stage_visits (
    opportunity_id uuid not null,
    version int not null,
    stage_id text,
    entered_at timestamptz not null,
    left_at timestamptz,
    primary key (opportunity_id, version)
);

create table lead_moves (
    lead_id uuid not null,
    version int not null,
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    kind smallint not null,
    source_channel text,
    campaign_id uuid,
    region_code text,
    industry_code text,
    owner_id uuid,
    customer_id uuid,
    opportunity_id uuid,
    primary key (lead_id, version)
);

create table leads (
    lead_id uuid primary key,
    version int not null,
    captured_at timestamptz not null,
    qualified_at timestamptz,
    disqualified_at timestamptz,
    converted_at timestamptz,
    removed bool not null,
    source_channel text,
    campaign_id uuid,
    region_code text,
    industry_code text,
    owner_id uuid,
    customer_id uuid,
    opportunity_id uuid
);
create index leads_captured_idx on leads (captured_at);

create table order_moves (
    order_id uuid not null,
    version int not null,
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    kind smallint not null,
    number text,
    customer_id uuid,
    owner_id uuid,
    opportunity_id uuid,
    amount bigint,
    exact numeric,
    currency text,
    product_ids uuid[],
    primary key (order_id, version)
);
create index order_moves_paid_idx on order_moves (effective_at) where kind = 5;

create table orders (
    order_id uuid primary key,
    version int not null,
    placed_at timestamptz not null,
    confirmed_at timestamptz,
    shipped_at timestamptz,
    cancelled_at timestamptz,
    number text,
    customer_id uuid,
    owner_id uuid,
    opportunity_id uuid,
    amount bigint,
    exact numeric,
    currency text,
    product_ids uuid[] not null
);
create index orders_confirmed_idx on orders (confirmed_at);
comment on column orders.exact is 'Net total in major units before rounding; sum first, round once.';

create table stages (
    pipeline_id text not null,
    stage_id text not null,
    version int not null,
    pipeline_name text not null,
    name text not null,
    position int not null,
    kind smallint not null,
    norm_days int not null,
    probability int not null,
    primary key (pipeline_id, stage_id)
);

create table products (
    product_id text primary key,
    version int not null,
    name text not null,
    category text not null
);

create table customer_moves (
    customer_id uuid not null,
    version int not null,
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    kind smallint not null,
    industry_code text,
    region_code text,
    source text,
    owner_id uuid,
    status smallint,
    absorbed_by uuid,
    primary key (customer_id, version)
);

create table customers (
    customer_id uuid primary key,
    version int not null,
    registered_at timestamptz not null,
    industry_code text,
    region_code text,
    source text,
    owner_id uuid,
    status smallint not null,
    archived bool not null,
    absorbed_by uuid
);
create index customers_absorbed_idx on customers (absorbed_by) where absorbed_by is not null;

create table team_moves (
    team_id uuid not null,
    version int not null,
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    kind smallint not null,
    name text,
    parent_team_id uuid,
    primary key (team_id, version)
);

create table teams (
    team_id uuid primary key,
    version int not null,
    name text,
    parent_team_id uuid,
    dissolved bool not null
);

create table member_moves (
    person_id uuid not null,
    version int not null,
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    kind smallint not null,
    team_id uuid,
    primary key (person_id, version)
);

create table members (
    person_id uuid primary key,
    version int not null,
    team_id uuid,
    has_left bool not null
);

create table ticket_moves (
    ticket_id uuid not null,
    version int not null,
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    kind smallint not null,
    customer_id uuid,
    assignee_id uuid,
    category text,
    queue text,
    complaint bool,
    primary key (ticket_id, version)
);

create table tickets (
    ticket_id uuid primary key,
    version int not null,
    opened_at timestamptz not null,
    responded_at timestamptz,
    resolved_at timestamptz,
    resolutions int not null,
    breaches int not null,
    removed bool not null,
    customer_id uuid,
    assignee_id uuid,
    category text,
    queue text,
    complaint bool not null,
    closed_at timestamptz
);
create index tickets_opened_idx on tickets (opened_at);

create table survey_answers (
    survey_id uuid not null,
    version int not null,
    ticket_id uuid,
    customer_id uuid,
    assignee_id uuid,
    score int not null,
    answered_at timestamptz not null,
    recorded_at timestamptz not null,
    primary key (survey_id, version)
);

create table campaign_moves (
    campaign_id uuid not null,
    version int not null,
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    kind smallint not null,
    name text,
    channel text,
    owner_id uuid,
    amount bigint,
    currency text,
    primary key (campaign_id, version)
);

create table campaigns (
    campaign_id uuid primary key,
    version int not null,
    name text,
    channel text,
    owner_id uuid,
    launched_at timestamptz,
    ended_at timestamptz,
    budget bigint,
    cost bigint not null,
    currency text
);

create table submissions (
    submission_id uuid primary key,
    form_id uuid,
    campaign_id uuid,
    source_channel text,
    owner_id uuid,
    region_code text,
    industry_code text,
    submitted_at timestamptz not null,
    recorded_at timestamptz not null
);

-- How far each slot of each context has been folded.
create table folded_slots (
    context text not null,
    slot int not null,
    position bigint not null,
    recorded_at timestamptz not null,
    effective_at timestamptz not null,
    primary key (context, slot)
);

-- Every event of every context. Types, actors and requests are stored short; data is as stored, sealed.
create table audit_types (
    type_id int primary key,
    name text not null
);

create table audit_events (
    stream uuid not null,
    version int not null,
    context smallint not null,
    type_id int not null,
    position bigint not null,
    event_id uuid not null,
    recorded_at timestamptz not null,
    effective_at timestamptz,
    actor uuid,
    actor_text text,
    request uuid,
    request_text text,
    correlation_id uuid not null,
    causation_id uuid,
    data bytea not null,
    primary key (stream, version, context)
);
create index audit_events_recorded_idx on audit_events (recorded_at, context, position);
create index audit_events_actor_idx on audit_events (actor, recorded_at) where actor is not null;
create index audit_events_type_idx on audit_events (type_id, recorded_at);
create index audit_events_correlation_idx on audit_events using hash (correlation_id);
create index audit_events_request_idx on audit_events using hash (request) where request is not null;
comment on column audit_events.effective_at is 'Null when equal to recorded_at.';
comment on column audit_events.actor is 'The id of a person; every other actor stands in actor_text.';
