-- What customer and pipeline tell, kept for segments, attribution and consent. No personal data.

create table audience (
    customer_id uuid primary key,
    kind text not null default '',
    industry_code text not null default '',
    region_code text not null default '',
    size_code text not null default '',
    source text not null default '',
    owner_id uuid,
    status text not null default '',
    level text not null default '',
    tags text[] not null default '{}',
    primary_contact_id uuid,
    archived boolean not null default false,
    absorbed_by uuid
);
create index audience_owner_idx on audience (owner_id);
create index audience_tags_idx on audience using gin (tags);
create index audience_absorbed_idx on audience (absorbed_by) where absorbed_by is not null;

create table contacts (
    contact_id uuid primary key,
    customer_id uuid not null,
    removed boolean not null default false
);
create index contacts_customer_idx on contacts (customer_id);

create table consents (
    recipient_id uuid not null,
    channel text not null,
    purpose text not null,
    customer_id uuid not null,
    given boolean not null,
    said_at timestamptz not null,
    primary key (recipient_id, channel, purpose)
);

create table products (
    product_id text primary key,
    sku text not null default '',
    name text not null default '',
    category text not null default ''
);

create table orders (
    order_id uuid primary key,
    customer_id uuid,
    opportunity_id uuid,
    owner_id uuid,
    net bigint not null default 0,
    currency_code text not null default '',
    ordered_at timestamptz,
    confirmed boolean not null default false,
    cancelled boolean not null default false
);
create index orders_customer_idx on orders (customer_id, ordered_at);
create index orders_opportunity_idx on orders (opportunity_id) where opportunity_id is not null;

create table order_lines (
    order_id uuid not null,
    line_number int not null,
    product_id text not null,
    product_name text not null,
    primary key (order_id, line_number)
);
create index order_lines_product_idx on order_lines (product_id);

create table payments (
    event_id uuid primary key,
    order_id uuid not null,
    amount bigint not null,
    currency_code text not null,
    received_at timestamptz not null
);
create index payments_order_idx on payments (order_id);

create table leads (
    lead_id uuid primary key,
    source_channel text not null default '',
    campaign_id uuid,
    submission_id uuid,
    owner_id uuid,
    qualified boolean not null default false,
    customer_id uuid,
    opportunity_id uuid,
    captured_at timestamptz,
    taken_back boolean not null default false
);
create index leads_campaign_idx on leads (campaign_id) where campaign_id is not null;
create index leads_submission_idx on leads (submission_id) where submission_id is not null;
create index leads_customer_idx on leads (customer_id) where customer_id is not null;

create table lead_touches (
    event_id uuid primary key,
    lead_id uuid not null,
    kind text not null,
    channel text not null,
    campaign_id uuid,
    touched_at timestamptz not null
);
create index lead_touches_lead_idx on lead_touches (lead_id);

create table deals (
    opportunity_id uuid primary key,
    customer_id uuid,
    lead_id uuid,
    source_channel text not null default '',
    campaign_id uuid,
    owner_id uuid,
    state text not null default 'open',
    won_amount bigint not null default 0,
    currency_code text not null default '',
    opened_at timestamptz,
    closed_at timestamptz
);
create index deals_campaign_idx on deals (campaign_id) where campaign_id is not null;
create index deals_customer_idx on deals (customer_id);
create index deals_won_idx on deals (closed_at) where state = 'won';
