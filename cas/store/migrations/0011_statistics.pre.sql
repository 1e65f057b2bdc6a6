-- How communication with each device went. `last_kind` is what the last communication showed of it. One row is written again and
-- again: room in the page keeps that out of the indexes.
CREATE TABLE device_statistic (
    device_id text COLLATE "C" PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    successes bigint NOT NULL DEFAULT 0,
    failures bigint NOT NULL DEFAULT 0,
    last_success timestamptz,
    last_failure timestamptz,
    last_kind text NOT NULL CHECK (last_kind IN ('answered', 'present', 'silent', 'wrong-keys', 'no-keys'))
) WITH (fillfactor = 50);
