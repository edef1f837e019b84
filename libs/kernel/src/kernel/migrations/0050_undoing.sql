-- Finds what was recorded in a span of time; a few pages for millions of events, since they are in its order.

create index events_recorded_idx on events using brin (recorded_at) with (pages_per_range = 32, autosummarize = on);
