-- The slowness that 0003 was meant for came from JIT compilation of the lists' statements, not from pending
-- entries: measured once lists switched JIT off. The indexes go back to PostgreSQL's default.
alter index search_terms_grams_idx reset (fastupdate);
alter index customers_name_pieces_idx reset (fastupdate);
alter index customers_phones_idx reset (fastupdate);
alter index customers_emails_idx reset (fastupdate);
alter index customers_tags_idx reset (fastupdate);
alter index contacts_phones_idx reset (fastupdate);
alter index contacts_emails_idx reset (fastupdate);
