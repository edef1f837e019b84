-- Lists show live customers only: not archived, not merged away, not taken back with their import.
create index customers_live_idx on customers (registered_at desc, customer_id desc)
    where merged_into is null and not taken_back and status <> 5;
create index customers_live_owner_idx on customers (owner_id, registered_at desc, customer_id desc)
    where merged_into is null and not taken_back and status <> 5;
create index customers_live_name_idx on customers (name, customer_id)
    where merged_into is null and not taken_back and status <> 5;
drop index customers_registered_idx;
drop index customers_name_idx;
drop index customers_owner_idx;
