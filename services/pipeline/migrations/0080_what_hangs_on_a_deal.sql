-- What hangs on a deal is asked for when the deal is taken back.
create index orders_opportunity_idx on orders (opportunity_id) where opportunity_id is not null;
create index contracts_opportunity_idx on contracts (opportunity_id) where opportunity_id is not null;
