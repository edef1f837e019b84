alter table order_moves add column cost numeric, add column costed numeric;
alter table orders add column cost numeric, add column costed numeric;
comment on column orders.cost is 'Cost of the lines whose cost is known, in major units before rounding.';
comment on column orders.costed is 'Net of the same lines, in major units before rounding.';
