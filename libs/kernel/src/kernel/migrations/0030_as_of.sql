-- Views as they were at a moment. The service may fill these schemas, and makes tables nowhere else. Their
-- tables are unlogged: after a crash they are empty, and so is the list of what they hold.

create schema as_of_1;
create schema as_of_2;
create schema as_of_3;
create schema as_of_4;

create unlogged table as_of_moments (
    slot int primary key,
    clock text not null,
    moment timestamptz not null,
    position bigint not null,
    events bigint not null,
    migrations bigint not null,
    built_at timestamptz not null default now(),
    unique (clock, moment)
);
comment on table as_of_moments is 'What the schemas as_of_… hold: the views by this clock, of the log up to this position.';

-- Counts forgettings: views that were being built while somebody was forgotten are thrown away.
create table as_of_generation (
    only_row boolean primary key default true check (only_row),
    n bigint not null
);
insert into as_of_generation (n) values (0);

-- Queries that ask for now() are answered with the moment: these schemas are searched before pg_catalog.
create function as_of_1.now() returns timestamptz language sql stable as
    $$ select pg_catalog.current_setting('headwater.as_of')::timestamptz $$;
create function as_of_2.now() returns timestamptz language sql stable as
    $$ select pg_catalog.current_setting('headwater.as_of')::timestamptz $$;
create function as_of_3.now() returns timestamptz language sql stable as
    $$ select pg_catalog.current_setting('headwater.as_of')::timestamptz $$;
create function as_of_4.now() returns timestamptz language sql stable as
    $$ select pg_catalog.current_setting('headwater.as_of')::timestamptz $$;
