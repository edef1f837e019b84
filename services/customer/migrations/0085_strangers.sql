-- People whom no customer's record knows: leads, requesters of tickets, senders of forms. Ids and days only.
create table strangers (
    person_id uuid primary key,
    kind smallint not null,
    last_purpose_at timestamptz not null,
    known boolean not null default false,
    open boolean not null default false,
    submission_id uuid
);
create index strangers_purpose_idx on strangers (last_purpose_at, person_id) where not known;
create index strangers_submission_idx on strangers (submission_id) where submission_id is not null;

-- Where a rule is in force already: look who is due, as setting it would have begun.
insert into timers (key, kind, due_at, payload, correlation_id)
select 'retention_look', 'retention_look', now(), '{}', gen_random_uuid() from policies where coalesce(retention, '') <> ''
on conflict (key) do nothing;
