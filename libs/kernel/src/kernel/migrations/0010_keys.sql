-- Keys are made by the service and only ever changed through these functions. They belong to the role
-- <service>_keys (kernel.migrations sees to that), which may do nothing else; the service may call them.
-- So a destroyed key stays destroyed: nobody but the owner of the tables can put one back or remove its row.

create function forget_key(whose text) returns boolean
language sql security definer set search_path = pg_catalog, pg_temp as $$
    insert into public.subject_keys as k (subject, wrapped) values (whose, null)
    on conflict (subject) do update set wrapped = null where k.wrapped is not null
    returning true
$$;
comment on function forget_key is 'Destroy a subject''s key for ever; null when it was destroyed before.';

create function rewrap_key(whose text, wrapped_before bytea, wrapped_now bytea) returns boolean
language sql security definer set search_path = pg_catalog, pg_temp as $$
    update public.subject_keys as k set wrapped = wrapped_now
    where k.subject = whose and k.wrapped = wrapped_before and wrapped_now is not null
    returning true
$$;
comment on function rewrap_key is 'Wrap the same key under another master key; null when it was changed or destroyed meanwhile.';
