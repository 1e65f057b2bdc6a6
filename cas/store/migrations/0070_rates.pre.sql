-- How often somebody asked: one row for each client, and for each address that tried passwords, until its bucket is full again at
-- `full_at` (seconds of Unix); then it is as good as none. It may be lost in a crash, so nothing of it is written ahead.
CREATE UNLOGGED TABLE rate_bucket (
    name text PRIMARY KEY,
    full_at double precision NOT NULL
);
