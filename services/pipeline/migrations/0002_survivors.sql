-- Whom a customer was merged into, through any number of merges.
create function survivor_of(customer uuid) returns uuid
language sql stable parallel safe as $$
    with recursive chain (id, depth) as (
        select customer, 0
        union all
        select a.survivor_id, chain.depth + 1
        from chain join customer_aliases a on a.absorbed_id = chain.id
        where chain.depth < 20
    )
    select id from chain order by depth desc limit 1
$$;

create index quotes_customer_idx on quotes (customer_id);
create index receivables_customer_idx on receivables (customer_id);
