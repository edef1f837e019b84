-- Which instances of the bus live, so that each knows which partitions are its own.
create table bus_instances (
    instance text primary key,
    seen_at timestamptz not null default now()
);
