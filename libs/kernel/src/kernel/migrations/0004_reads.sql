-- Who was shown which personal data, when. Written before the answer leaves; append only, like the log.
create table reads (
    position bigint generated always as identity primary key,
    read_at timestamptz not null default clock_timestamp(),
    actor text not null,
    method text not null,
    request_id text not null,
    correlation_id uuid not null,
    subjects uuid[] not null,
    classes text[] not null
);
create index reads_by_subject on reads using gin (subjects);
create index reads_by_actor on reads (actor, read_at);
create index reads_by_time on reads using brin (read_at);
