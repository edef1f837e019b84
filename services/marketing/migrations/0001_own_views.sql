-- Views of marketing's own events, written in the transaction that records them.

create table campaigns (
    campaign_id uuid primary key,
    name text not null,
    kind int not null,
    channel text not null,
    budget bigint not null,
    currency_code text not null,
    cost bigint not null default 0,
    owner_id uuid not null,
    starts_on date not null,
    ends_on date not null,
    segment_id uuid,
    expected_leads int not null,
    state text not null default 'planned',
    conclusion text not null default '',
    planned_at timestamptz not null,
    version bigint not null
);
create index campaigns_planned_idx on campaigns (planned_at desc, campaign_id);

create table campaign_costs (
    cost_id uuid primary key,
    campaign_id uuid not null,
    amount bigint not null,
    currency_code text not null,
    purpose text not null,
    booked_on date not null
);
create index campaign_costs_campaign_idx on campaign_costs (campaign_id);

create table forms (
    form_id uuid primary key,
    title text not null,
    campaign_id uuid,
    owner_id uuid not null,
    source_channel text not null,
    definition jsonb not null,
    state text not null default 'draft',
    drafted_at timestamptz not null,
    version bigint not null
);
create index forms_drafted_idx on forms (drafted_at desc, form_id);

-- No personal data: what was entered is read from the log, by those who may.
create table submissions (
    submission_id uuid primary key,
    form_id uuid not null,
    campaign_id uuid,
    source_channel text not null,
    region_code text not null,
    industry_code text not null,
    behaviours text[] not null,
    visitor_id uuid,
    consent_given boolean not null,
    owner_id uuid not null,
    submitted_at timestamptz not null
);
create index submissions_submitted_idx on submissions (submitted_at desc, submission_id);
create index submissions_form_idx on submissions (form_id);
create index submissions_campaign_idx on submissions (campaign_id);
create index submissions_visitor_idx on submissions (visitor_id);

create table touches (
    touch_ref uuid primary key,
    kind text not null,
    channel text not null,
    campaign_id uuid,
    customer_id uuid,
    contact_id uuid,
    lead_id uuid,
    visitor_id uuid,
    submission_id uuid,
    form_id uuid,
    touched_at timestamptz not null
);
create index touches_customer_idx on touches (customer_id, touched_at) where customer_id is not null;
create index touches_lead_idx on touches (lead_id) where lead_id is not null;
create index touches_visitor_idx on touches (visitor_id) where visitor_id is not null;
create index touches_submission_idx on touches (submission_id) where submission_id is not null;
create index touches_form_idx on touches (form_id, kind) where form_id is not null;

create table segments (
    segment_id uuid primary key,
    name text not null,
    owner_id uuid not null,
    filter jsonb not null,
    retired boolean not null default false,
    version bigint not null
);

create table templates (
    template_id uuid primary key,
    name text not null,
    channel int not null,
    owner_id uuid not null,
    subject_line text not null,
    html_body text not null,
    text_body text not null,
    links jsonb not null,
    template_version int not null,
    retired boolean not null default false,
    version bigint not null
);

create table mailings (
    mailing_id uuid primary key,
    name text not null,
    campaign_id uuid,
    segment_id uuid not null,
    template_id uuid not null,
    channel int not null,
    owner_id uuid not null,
    state text not null default 'planned',
    planned_at timestamptz not null,
    version bigint not null
);
create index mailings_planned_idx on mailings (planned_at desc, mailing_id);

create table messages (
    send_id uuid primary key,
    campaign_id uuid,
    mailing_id uuid,
    journey_id uuid,
    run_id uuid,
    step_id text not null,
    customer_id uuid,
    contact_id uuid,
    submission_id uuid,
    recipient_id uuid,
    channel int not null,
    template_id uuid not null,
    template_version int not null,
    owner_id uuid,
    test boolean not null,
    state text not null default 'planned',
    reason int not null default 0,
    planned_at timestamptz not null,
    dispatched_at timestamptz,
    left_at timestamptz,
    opened_at timestamptz,
    clicked_at timestamptz,
    clicks int not null default 0
);
create index messages_planned_idx on messages (planned_at desc, send_id);
create index messages_recipient_idx on messages (recipient_id, channel, dispatched_at);
create index messages_campaign_idx on messages (campaign_id) where campaign_id is not null;
create index messages_mailing_idx on messages (mailing_id) where mailing_id is not null;
create index messages_journey_idx on messages (journey_id) where journey_id is not null;
create index messages_customer_idx on messages (customer_id) where customer_id is not null;

create table unsubscribed (
    recipient_id uuid not null,
    channel int not null,
    customer_id uuid,
    contact_id uuid,
    send_id uuid,
    campaign_id uuid,
    unsubscribed_at timestamptz not null,
    primary key (recipient_id, channel)
);

create table contact_policy (
    policy_id uuid primary key,
    most_messages int not null,
    window_days int not null,
    consent_required boolean not null
);

create table journeys (
    journey_id uuid primary key,
    name text not null,
    campaign_id uuid,
    owner_id uuid not null,
    trigger_kind int not null,
    trigger_ref uuid,
    definition jsonb not null,
    journey_version int not null,
    state text not null default 'draft',
    version bigint not null
);
create index journeys_trigger_idx on journeys (trigger_kind, trigger_ref) where state = 'active';

create table journey_runs (
    run_id uuid primary key,
    journey_id uuid not null,
    journey_version int not null,
    customer_id uuid,
    contact_id uuid,
    submission_id uuid,
    recipient_id uuid,
    owner_id uuid,
    state text not null default 'active',
    reason int not null default 0,
    current_step_id text not null default '',
    waiting_until timestamptz,
    entered_at timestamptz not null,
    left_at timestamptz
);
create index journey_runs_journey_idx on journey_runs (journey_id, entered_at desc, run_id);
create index journey_runs_customer_idx on journey_runs (customer_id) where state = 'active';
create index journey_runs_recipient_idx on journey_runs (recipient_id) where state = 'active';

create table journey_steps (
    run_id uuid not null,
    step_id text not null,
    journey_id uuid not null,
    kind int not null,
    answer boolean not null,
    send_id uuid,
    coupon_id uuid,
    taken_at timestamptz not null,
    version bigint not null,
    primary key (run_id, step_id)
);
create index journey_steps_journey_idx on journey_steps (journey_id, step_id);

create table coupons (
    coupon_id uuid primary key,
    code text not null,
    value bigint not null,
    currency_code text not null,
    expires_on date not null,
    customer_id uuid,
    contact_id uuid,
    campaign_id uuid,
    run_id uuid,
    owner_id uuid,
    issued_at timestamptz not null
);
create index coupons_issued_idx on coupons (issued_at desc, coupon_id);

-- How often one source sent one form, by the hour. Not a view: nothing in the log says it.
create table form_attempts (
    source text not null,
    form_id uuid not null,
    hour timestamptz not null,
    attempts int not null,
    primary key (source, form_id, hour)
);
create index form_attempts_hour_idx on form_attempts (hour);
