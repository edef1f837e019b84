-- How long personal data is kept that nothing needs any more, as the log said it last.
alter table policies add column retention text;
