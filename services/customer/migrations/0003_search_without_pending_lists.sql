-- A GIN index's list of pending entries is read from end to end by every search: seconds after a bulk
-- import, until a vacuum has worked it off. Entries go straight into the index instead.
alter index search_terms_grams_idx set (fastupdate = off);
alter index customers_name_pieces_idx set (fastupdate = off);
alter index customers_phones_idx set (fastupdate = off);
alter index customers_emails_idx set (fastupdate = off);
alter index customers_tags_idx set (fastupdate = off);
alter index contacts_phones_idx set (fastupdate = off);
alter index contacts_emails_idx set (fastupdate = off);
