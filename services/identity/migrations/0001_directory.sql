-- What the log of identity folds to. These can be rebuilt from it at any time.

create table people (
    person_id uuid primary key,
    name text not null,
    email text not null,
    login text not null,
    team_id uuid,
    position text not null,
    "left" boolean not null default false,
    joined_at timestamptz not null,
    version bigint not null
);
create index people_team_idx on people (team_id);
comment on table people is 'Name and e-mail in clear, to be searched. team_id of somebody who left is the last one.';

create table held_roles (
    person_id uuid not null,
    role text not null,
    primary key (person_id, role)
);
create index held_roles_role_idx on held_roles (role);

create table teams (
    team_id uuid primary key,
    name text not null,
    parent_team_id uuid,
    manager_id uuid,
    version bigint not null
);
create index teams_parent_idx on teams (parent_team_id);
create index teams_manager_idx on teams (manager_id);

create table roles (
    role text primary key,
    role_id uuid not null,
    title text not null,
    permissions text[] not null,
    data_scope int not null,
    preset boolean not null,
    retired boolean not null default false,
    version bigint not null
);
