-- Key accounts: who looks after a customer together, with spans for audits; the shared plan. Ids, and words about business.
create table key_accounts (
    key_account_id uuid primary key,
    customer_id uuid not null,
    version bigint not null,
    dissolved boolean not null default false
);
create index key_accounts_customer_idx on key_accounts (customer_id);
create table key_account_members (
    key_account_id uuid not null,
    customer_id uuid not null,
    member_id uuid not null,
    is_team boolean not null,
    duty text not null,
    since timestamptz not null,
    since_version bigint not null,
    until timestamptz,
    primary key (key_account_id, since_version)
);
create index key_account_members_customer_idx on key_account_members (customer_id, since);
create index key_account_members_member_idx on key_account_members (member_id) where until is null;
create table key_account_goals (
    goal_id uuid primary key,
    key_account_id uuid not null,
    customer_id uuid not null,
    title text not null,
    due_on date not null,
    owner_id uuid,
    state integer not null,
    note text not null default ''
);
create index key_account_goals_of_idx on key_account_goals (key_account_id, due_on);

-- Whose records members see whoever owns them; see kernel.parties.
create table party_members (
    party_id uuid not null,
    member_id uuid not null,
    primary key (member_id, party_id)
);
create index party_members_party_idx on party_members (party_id);

-- Customers shown to somebody outside for a while.
create table shares (
    share_id uuid primary key,
    grantee_id uuid not null,
    customer_ids uuid[] not null,
    field_classes text[] not null,
    ends_at timestamptz not null,
    project text not null,
    shared_by uuid,
    shared_at timestamptz not null,
    ended_at timestamptz,
    reason text not null default ''
);
create index shares_latest_idx on shares (shared_at desc, share_id desc);
create index shares_grantee_idx on shares (grantee_id) where ended_at is null;
create index shares_customers_idx on shares using gin (customer_ids);
create index shares_project_idx on shares (project) where ended_at is null and project <> '';
