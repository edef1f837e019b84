-- When an administrator decided that a parked event will never be handled here. It is kept, and no longer waits.
alter table parked add column set_aside_at timestamptz;
