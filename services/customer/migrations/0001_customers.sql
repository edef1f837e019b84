-- Read models of the customer service. All can be rebuilt from the log, except `files`.

-- One row per customer that was ever registered.
create table customers (
    customer_id uuid primary key,
    version bigint not null,
    kind smallint not null,
    name text not null,
    industry_code text not null,
    region_code text not null,
    size_code text not null,
    intent_code text not null,
    credit_code text not null,
    website text not null,
    employees bigint not null,
    revenue_minor bigint not null default 0,
    revenue_currency text not null default '',
    phones text[] not null default '{}',
    emails text[] not null default '{}',
    address text not null default '',
    remark text not null default '',
    custom_fields jsonb not null default '{}',
    status smallint not null,
    level smallint not null default 0,
    level_rule_id text not null default '',
    level_rule_set_version bigint not null default 0,
    level_reason text not null default '',
    level_pinned boolean not null default false,
    owner_id uuid,
    source text not null,
    external_ref text not null,
    import_id text not null,
    tags text[] not null default '{}',
    name_pieces text[] not null default '{}',
    registered_at timestamptz not null,
    merged_into uuid,
    taken_back boolean not null default false
);
create index customers_registered_idx on customers (registered_at desc, customer_id desc);
create index customers_name_idx on customers (name, customer_id);
create index customers_owner_idx on customers (owner_id, registered_at desc);
create index customers_credit_code_idx on customers (credit_code) where credit_code <> '';
create index customers_external_ref_idx on customers (external_ref) where external_ref <> '';
create index customers_phones_idx on customers using gin (phones);
create index customers_emails_idx on customers using gin (emails);
create index customers_tags_idx on customers using gin (tags);
create index customers_name_pieces_idx on customers using gin (name_pieces);

-- The words a customer is found by, one row per place they stand in.
create table search_terms (
    customer_id uuid not null,
    place text not null,
    term text not null,
    grams text[] not null,
    primary key (customer_id, place)
);
create index search_terms_grams_idx on search_terms using gin (grams);

-- People to talk to.
create table contacts (
    contact_id uuid primary key,
    customer_id uuid not null,
    added_version bigint not null,
    name text not null,
    position text not null,
    decision_role smallint not null,
    is_primary boolean not null,
    phones text[] not null,
    emails text[] not null,
    remark text not null
);
create index contacts_customer_idx on contacts (customer_id, added_version);
create index contacts_phones_idx on contacts using gin (phones);
create index contacts_emails_idx on contacts using gin (emails);

-- Consents in force.
create table consents (
    customer_id uuid not null,
    contact_id text not null,
    channel text not null,
    purpose text not null,
    source text not null,
    given_at timestamptz not null,
    primary key (customer_id, contact_id, channel, purpose)
);

-- Who was merged into whom, one step.
create table aliases (
    absorbed_id uuid primary key,
    survivor_id uuid not null
);
create index aliases_survivor_idx on aliases (survivor_id);

-- When somebody was last in touch.
create table contact_times (
    customer_id uuid primary key,
    last_contact_at timestamptz not null
);

-- What happened here, and what happened to the customer elsewhere.
create table timeline (
    event_id uuid primary key,
    customer_id uuid not null,
    type text not null,
    kind text not null default '',
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    actor text not null,
    event_type text not null,
    subject_id uuid,
    title text not null default '',
    content text not null default '',
    details jsonb not null default '{}',
    attachments jsonb not null default '[]'
);
create index timeline_customer_idx on timeline (customer_id, effective_at desc, event_id desc);
create index timeline_subject_idx on timeline (subject_id);
create table timeline_elsewhere (like timeline including all);

-- Planned contacts.
create table follow_ups (
    follow_up_id uuid primary key,
    customer_id uuid not null,
    owner_id uuid,
    contact_id uuid,
    due_at timestamptz not null,
    subject text not null,
    suggested_content text not null,
    state smallint not null
);
create index follow_ups_owner_idx on follow_ups (owner_id, due_at) where state in (1, 2);
create index follow_ups_customer_idx on follow_ups (customer_id, due_at);

-- Saved groups.
create table customer_groups (
    group_id uuid primary key,
    name text not null,
    filter_json text not null,
    owner_id uuid,
    shared boolean not null
);
create index customer_groups_name_idx on customer_groups (name, group_id);

-- The rules in force.
create table policies (
    policy_id uuid primary key,
    level_rules text not null default '',
    care text not null default ''
);

-- Rows that imports took.
create table imported_rows (
    import_id text not null,
    external_ref text not null,
    customer_id uuid not null,
    outcome smallint not null,
    primary key (import_id, external_ref)
);
create index imported_rows_customer_idx on imported_rows (customer_id);

-- Orders of pipeline, and what they add up to.
create table orders (
    order_id uuid primary key,
    customer_id uuid not null,
    currency_code text not null,
    total_minor bigint not null,
    placed_at timestamptz not null
);
create table order_totals (
    customer_id uuid not null,
    currency_code text not null,
    order_count bigint not null,
    total_minor bigint not null,
    paid_minor bigint not null,
    first_order_at timestamptz,
    last_order_at timestamptz,
    primary key (customer_id, currency_code)
);

-- Tickets of ticketing.
create table tickets (
    ticket_id uuid primary key,
    customer_id uuid,
    is_open boolean not null
);
create index tickets_customer_idx on tickets (customer_id) where is_open;

-- Bytes of attachments, by their hash. Not a read model: nothing rebuilds it.
create table files (
    sha256 text primary key,
    media_type text not null,
    name text not null,
    content bytea not null,
    uploaded_at timestamptz not null
);
