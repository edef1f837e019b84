-- Grants that end, roles held for a team, and guests of customers.

alter table held_roles
    add column granted_at timestamptz,
    add column granted_by text not null default '',
    add column ends_at timestamptz,
    add column team_id uuid;
create index held_roles_ends_idx on held_roles (ends_at) where ends_at is not null;

alter table people
    add column kind int not null default 0,
    add column customer_id uuid,
    add column second_factor boolean not null default false,
    add column providers text[] not null default '{}';
create index people_customer_idx on people (customer_id) where customer_id is not null;

-- What was changed in who may do what, in the order of the log.
create table permission_changes (
    position bigint primary key,
    recorded_at timestamptz not null,
    effective_at timestamptz not null,
    actor text not null,
    what text not null,
    person_id uuid,
    role text not null default '',
    role_id uuid,
    team_id uuid,
    client_id uuid,
    details jsonb not null default '{}'
);
create index permission_changes_person_idx on permission_changes (person_id, position desc);
create index permission_changes_role_idx on permission_changes (role, position desc);
create index permission_changes_time_idx on permission_changes (recorded_at);
