-- What proves a consent beside its time and source: the words, and who wrote it down.
alter table consents add column wording text not null default '', add column recorded_by text not null default '';

update consents c set recorded_by = t.actor from timeline t
where t.type = 'consent' and t.kind = 'given' and t.customer_id = c.customer_id and t.effective_at = c.given_at
    and coalesce(t.subject_id::text, '') = c.contact_id
    and t.title = format('Consent given: %s for %s', c.channel, c.purpose);
