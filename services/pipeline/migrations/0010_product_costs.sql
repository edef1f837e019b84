create table product_costs (
    product_id uuid not null,
    currency_code text not null,
    valid_from date not null,
    unit_cost bigint not null,
    primary key (product_id, currency_code, valid_from)
);
