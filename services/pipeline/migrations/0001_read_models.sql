-- What pipeline's lists and decisions look things up in. Every table here is rebuilt from the log.

create table leads (
    lead_id uuid primary key,
    state smallint not null,
    status_id text not null,
    source_channel text not null,
    campaign_id uuid,
    submission_id uuid,
    external_ref text not null,
    region_code text not null,
    industry_code text not null,
    utm jsonb not null,
    product_interest text not null,
    behaviours text[] not null,
    import_id text not null,
    first_touch_at timestamptz not null,
    captured_at timestamptz not null,
    touches int not null default 1,
    score int not null default 0,
    high_intent boolean not null default false,
    score_reasons jsonb not null default '[]',
    owner_id uuid,
    queue text not null default '',
    accountable_id uuid,
    assignment_reason text not null default '',
    fallback boolean not null default false,
    duplicate_lead_ids uuid[] not null default '{}',
    duplicate_customer_ids uuid[] not null default '{}',
    customers_checked boolean not null default false,
    next_step text not null default '',
    next_step_on date,
    last_worked_at timestamptz,
    reason text not null default '',
    customer_id uuid,
    contact_id uuid,
    opportunity_id uuid,
    erased boolean not null default false,
    version bigint not null
);
create index leads_captured_idx on leads (captured_at desc, lead_id desc);
create index leads_owner_idx on leads (owner_id, state, captured_at desc);
create index leads_queue_idx on leads (queue) where queue <> '';
create index leads_external_ref_idx on leads (external_ref) where external_ref <> '';
create index leads_import_idx on leads (import_id) where import_id <> '';
create index leads_campaign_idx on leads (campaign_id) where campaign_id is not null;

-- Clear text of people, for search; a row goes when its person is forgotten.
create table lead_people (
    lead_id uuid primary key,
    person_name text not null,
    phone text not null,
    email text not null,
    company text not null,
    grams text[] not null
);
create index lead_people_grams_idx on lead_people using gin (grams);

-- Keyed hashes of phone, e-mail and company, for finding duplicates.
create table lead_keys (
    kind text not null,
    key bytea not null,
    lead_id uuid not null,
    primary key (kind, key, lead_id)
);
create index lead_keys_lead_idx on lead_keys (lead_id);

-- Whose turn it was last under a round-robin rule.
create table rule_turns (
    rule_id text primary key,
    owner_id uuid not null,
    position bigint not null
);

create table agents (
    person_id uuid primary key,
    capacity int not null,
    absent_from timestamptz,
    absent_until timestamptz,
    version bigint not null
);

-- The default pipeline is the live one with the highest default_position.
create table pipelines (
    pipeline_id uuid primary key,
    name text not null,
    default_position bigint,
    retired boolean not null default false
);
create table stages (
    pipeline_id uuid not null,
    stage_id uuid not null,
    name text not null,
    probability int not null,
    norm_days int not null,
    ordinal int not null,
    kind smallint not null,
    primary key (pipeline_id, stage_id)
);

create table opportunities (
    opportunity_id uuid primary key,
    customer_id uuid,
    pipeline_id uuid not null,
    stage_id uuid not null,
    title text not null,
    amount bigint not null,
    currency_code text not null,
    probability int not null,
    owner_id uuid,
    lead_id uuid,
    source_channel text not null,
    campaign_id uuid,
    expected_close_on date,
    product_ids uuid[] not null,
    contact_ids uuid[] not null,
    external_ref text not null,
    import_id text not null,
    state smallint not null,
    opened_at timestamptz not null,
    stage_since timestamptz not null,
    next_step text not null default '',
    next_step_on date,
    reason text not null default '',
    competitor text not null default '',
    closed_at timestamptz,
    grams text[] not null,
    version bigint not null
);
create index opportunities_opened_idx on opportunities (opened_at desc, opportunity_id desc);
create index opportunities_board_idx on opportunities (pipeline_id, stage_id, stage_since) where state = 1;
create index opportunities_owner_idx on opportunities (owner_id, state, opened_at desc);
create index opportunities_customer_idx on opportunities (customer_id);
create index opportunities_lead_idx on opportunities (lead_id) where lead_id is not null;
create index opportunities_external_ref_idx on opportunities (external_ref) where external_ref <> '';
create index opportunities_import_idx on opportunities (import_id) where import_id <> '';
create index opportunities_grams_idx on opportunities using gin (grams);

-- Customers' names and merges, as the customer context tells them.
create table customer_names (
    customer_id uuid primary key,
    name text not null,
    grams text[] not null
);
create index customer_names_grams_idx on customer_names using gin (grams);
create table customer_aliases (
    absorbed_id uuid primary key,
    survivor_id uuid not null
);
create index customer_aliases_survivor_idx on customer_aliases (survivor_id);

create table products (
    product_id uuid primary key,
    sku text not null,
    name text not null,
    category text not null,
    list_price bigint not null,
    currency_code text not null,
    unit text not null,
    tax_basis_points int not null,
    external_ref text not null,
    import_id text not null,
    withdrawn boolean not null default false,
    grams text[] not null,
    version bigint not null
);
create index products_sku_idx on products (sku);
create index products_name_idx on products (name, product_id);
create index products_external_ref_idx on products (external_ref) where external_ref <> '';
create index products_import_idx on products (import_id) where import_id <> '';
create index products_grams_idx on products using gin (grams);

create table categories (
    category_id uuid primary key,
    name text not null,
    parent_category_id uuid
);
create table price_lists (
    price_list_id uuid primary key,
    name text not null,
    kind smallint not null,
    customer_ids uuid[] not null,
    version int not null
);

create table quotes (
    quote_id uuid primary key,
    number text not null,
    opportunity_id uuid not null,
    customer_id uuid,
    owner_id uuid,
    quote_version int not null,
    state smallint not null,
    net_total bigint not null,
    tax_total bigint not null,
    total bigint not null,
    currency_code text not null,
    discount_basis_points int not null,
    valid_until date not null,
    approval_id uuid,
    drafted_at timestamptz not null,
    version bigint not null
);
create index quotes_drafted_idx on quotes (drafted_at desc, quote_id desc);
create index quotes_opportunity_idx on quotes (opportunity_id);

create table approval_flows (
    flow_id uuid primary key,
    subject_kind smallint not null,
    name text not null,
    version int not null
);
create table approvals (
    approval_id uuid primary key,
    subject_kind smallint not null,
    subject_id uuid not null,
    subject_version int not null,
    title text not null,
    requested_by uuid,
    amount bigint not null,
    currency_code text not null,
    discount_basis_points int not null,
    flow_id uuid,
    flow_version int not null,
    step_id text not null,
    waiting_for uuid[] not null,
    involved uuid[] not null,
    state smallint not null,
    requested_at timestamptz not null,
    decided_at timestamptz,
    version bigint not null
);
create index approvals_requested_idx on approvals (requested_at desc, approval_id desc);
create index approvals_waiting_idx on approvals using gin (waiting_for);
create index approvals_subject_idx on approvals (subject_id);

create table contracts (
    contract_id uuid primary key,
    number text not null,
    title text not null,
    customer_id uuid,
    opportunity_id uuid,
    quote_id uuid,
    owner_id uuid,
    amount bigint not null,
    currency_code text not null,
    starts_on date not null,
    ends_on date,
    contract_version int not null,
    state smallint not null,
    signed_on date,
    approval_id uuid,
    drawn_up_at timestamptz not null,
    grams text[] not null,
    version bigint not null
);
create index contracts_drawn_up_idx on contracts (drawn_up_at desc, contract_id desc);
create index contracts_customer_idx on contracts (customer_id);
create index contracts_ends_idx on contracts (ends_on) where ends_on is not null;
create index contracts_grams_idx on contracts using gin (grams);
create table contract_numbers (
    year int primary key,
    last_sequence int not null
);

create table orders (
    order_id uuid primary key,
    number text not null,
    customer_id uuid,
    opportunity_id uuid,
    contract_id uuid,
    quote_id uuid,
    owner_id uuid,
    state smallint not null,
    net_total bigint not null,
    tax_total bigint not null,
    total bigint not null,
    currency_code text not null,
    net_exact numeric not null,
    line_count int not null,
    placed_on date not null,
    external_ref text not null,
    import_id text not null,
    shipped_on date,
    delivered_on date,
    carrier text not null default '',
    tracking_number text not null default '',
    approval_id uuid,
    grams text[] not null,
    version bigint not null
);
create index orders_placed_idx on orders (placed_on desc, order_id desc);
create index orders_customer_idx on orders (customer_id);
create index orders_external_ref_idx on orders (external_ref) where external_ref <> '';
create index orders_import_idx on orders (import_id) where import_id <> '';
create index orders_grams_idx on orders using gin (grams);

create table receivables (
    receivable_id uuid primary key,
    order_id uuid not null,
    customer_id uuid,
    owner_id uuid,
    due_on date not null,
    amount bigint not null,
    paid bigint not null default 0,
    written_off bigint not null default 0,
    currency_code text not null,
    cancelled boolean not null default false
);
create index receivables_due_idx on receivables (due_on, receivable_id);
create index receivables_order_idx on receivables (order_id);
create table payments (
    payment_id uuid primary key,
    order_id uuid not null,
    amount bigint not null,
    unallocated bigint not null,
    currency_code text not null,
    received_on date not null,
    method text not null,
    reference text not null
);
create index payments_order_idx on payments (order_id);
