-- What must be kept for tax offices and auditors, and the day that decides for how long. Numbers stand with the records.
create table vouchers (
    voucher_id uuid primary key,
    kind smallint not null,
    record_id uuid not null,
    customer_id uuid,
    owner_id uuid,
    dated_on date not null,
    amount bigint not null,
    currency_code text not null,
    event_id uuid not null,
    log_position bigint not null,
    recorded_at timestamptz not null
);
create index vouchers_dated_idx on vouchers (dated_on desc, voucher_id desc);
create index vouchers_record_idx on vouchers (record_id);
create index vouchers_customer_idx on vouchers (customer_id);
