create table balances (customer_id uuid primary key, points bigint not null);
