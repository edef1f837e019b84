-- How many failed is asked every few seconds, of a table that holds a timer per customer.
create index timers_failed_idx on timers (failed_at) where failed_at is not null;
