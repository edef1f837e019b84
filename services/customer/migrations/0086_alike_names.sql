-- Which names share two pieces is asked of the index: an array's index only tells which share one.
drop index customers_name_pieces_idx;
create index customers_name_pieces_idx on customers using gin (array_to_tsvector(name_pieces));
