-- Whose records members of key accounts see whoever owns them; see kernel.parties.
create table party_members (
    party_id uuid not null,
    member_id uuid not null,
    primary key (member_id, party_id)
);
create index party_members_party_idx on party_members (party_id);
