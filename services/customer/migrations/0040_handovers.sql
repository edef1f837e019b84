-- Handovers of what people own, and every record that moved. Ids only.
create table handovers (
    handover_id uuid primary key,
    leaver_id uuid not null,
    to_person_id uuid not null,
    state text not null,
    reason text not null,
    keep_watching boolean not null,
    ordered_at timestamptz not null,
    completed_at timestamptz,
    round bigint not null,
    contexts text[] not null,
    waiting_for text[] not null,
    moved bigint not null,
    left_over bigint not null
);
create index handovers_ordered_idx on handovers (ordered_at desc, handover_id desc);
create index handovers_leaver_idx on handovers (leaver_id);
create table handover_moves (
    handover_id uuid not null,
    version bigint not null,
    ordinal bigint not null,
    context text not null,
    kind text not null,
    record_id uuid not null,
    to_person_id uuid not null,
    moved_at timestamptz not null,
    primary key (handover_id, version, ordinal)
);
