-- What the relay and the consumers need beside the log.

-- crc32(stream) % 16, as kernel.slots.slot_of computes it. A CRC is linear over bits, so each of its
-- four lowest bits is the parity of some of the stream's bits.
create function slot_of(stream uuid) returns int
language sql immutable strict parallel safe as $$
    select 5 # (
        (bit_count(b.bits & x'2fde46eb07fa82f15a4e1b48df01d104') & 1)
        | ((bit_count(b.bits & x'5ebc8dd60ff405e3b59c3690be03a209') & 1) << 1)
        | ((bit_count(b.bits & x'bc781bad1fe80bc66b396d207d074413') & 1) << 2)
        | ((bit_count(b.bits & x'78f1365a3fd0178cd772da40fa0e8826') & 1) << 3)
    )::int
    from (select ('x' || replace(stream::text, '-', ''))::bit(128) as bits) as b
$$;

-- Deliveries under suspicion of killing the process: counted before each try, removed after success.
create table suspects (
    consumer text not null,
    context text not null,
    position bigint not null,
    attempts int not null,
    primary key (consumer, context, position)
);
