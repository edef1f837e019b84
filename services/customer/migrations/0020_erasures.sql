-- Erasures of persons, and the ids they went by. No personal text.
create table erasures (
    erasure_id uuid primary key,
    version bigint not null,
    state text not null,
    reason text not null,
    request_ref text not null,
    requested_at timestamptz not null,
    completed_at timestamptz,
    round int not null,
    contexts text[] not null,
    waiting_for text[] not null
);
create index erasures_requested_idx on erasures (requested_at desc, erasure_id desc);
create table erased_subjects (
    subject_id uuid not null,
    erasure_id uuid not null,
    primary key (subject_id, erasure_id)
);
create index timeline_contact_idx on timeline ((details ->> 'contact_id')) where type = 'activity';
create index follow_ups_contact_idx on follow_ups (contact_id) where contact_id is not null;
