-- How long results are kept, and the end of what is not. `now` is always a parameter.

-- name: retention_set
UPDATE retention SET keep = %(keep)s WHERE keep <> %(keep)s;

-- name: retention_lock
-- One process at a time tidies up.
SELECT pg_try_advisory_lock(x'0CA50006'::integer, 1);

-- name: retention_unlock
SELECT pg_advisory_unlock(x'0CA50006'::integer, 1);

-- name: retention_due
-- A row: it is time to tidy up, and this process does it.
UPDATE retention SET tidied_at = %(now)s
WHERE tidied_at IS NULL OR tidied_at <= %(now)s::timestamptz - %(every)s::interval
RETURNING tidied_at;

-- name: retention_make_ahead
-- The partitions of what begins in the next weeks, so that nobody has to make one on the way.
SELECT make_result_partition(result_kept_until(%(now)s::timestamptz + ahead * interval '7 days', NULL, NULL))
FROM generate_series(0, 4) AS ahead;

-- name: retention_missing
-- Partitions that there should be, in a database that serves: of what is kept, and of what begins now.
SELECT result_partition(until) AS partition
FROM (
    SELECT kept_until FROM activation WHERE kept_until > %(now)s::timestamptz AND outcome <> 'missed'
    UNION
    SELECT result_kept_until(%(now)s, NULL, NULL) FROM retention WHERE tidied_at IS NOT NULL
) AS needed (until)
WHERE NOT EXISTS (
    SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'result'::regclass AND NOT inhdetachpending
        AND relname = result_partition(until)
)
ORDER BY until;

-- name: retention_over
-- Partitions whose results are no longer kept, and whether their end has begun before; none that a result may still come into.
SELECT partition, until, inhdetachpending
FROM (
    SELECT relname::text AS partition, to_date(right(relname, 8), 'YYYYMMDD') AS until, inhdetachpending
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'result'::regclass AND relname ~ '^result_until_\d{8}$'
) AS partitions
WHERE until <= (%(now)s::timestamptz AT TIME ZONE 'UTC')::date
    AND NOT EXISTS (SELECT FROM activation WHERE kept_until = until AND outcome = 'executing')
ORDER BY until;

-- name: retention_left
-- Partitions whose end was broken off before their table went.
SELECT relname::text FROM pg_class
WHERE relkind = 'r' AND NOT relispartition AND relname ~ '^result_until_\d{8}$' AND relnamespace = (
    SELECT relnamespace FROM pg_class WHERE oid = 'result'::regclass
);

-- name: retention_longer
-- Activations of a partition whose resource is to be kept longer, by a change.
SELECT access_id, number
FROM activation JOIN device_access ON id = access_id
WHERE kept_until = %(until)s AND not_older_than > %(now)s
LIMIT 1000;

-- name: retention_keep_activation
WITH kept AS (
    UPDATE activation SET kept_until = result_kept_until(%(now)s, not_older_than, NULL)
    FROM device_access
    WHERE access_id = %(access_id)s AND number = %(number)s AND id = access_id
    RETURNING kept_until
)
SELECT kept_until::text, make_result_partition(kept_until) FROM kept;

-- name: retention_keep_results
UPDATE result SET kept_until = %(kept_until)s
WHERE access_id = %(access_id)s AND activation = %(number)s AND kept_until = %(until)s;

-- name: retention_forget_resources
-- Resources that are over, and of which nothing is kept.
DELETE FROM device_access
WHERE state <> 'active' AND id IN (
    SELECT access_id FROM activation
    WHERE kept_until <= %(before)s AND outcome <> 'executing'
        AND NOT EXISTS (
            SELECT FROM activation AS other
            WHERE other.access_id = activation.access_id AND (other.kept_until > %(before)s OR other.outcome = 'executing')
        )
        AND EXISTS (SELECT FROM device_access WHERE id = access_id AND state <> 'active')
    LIMIT %(most)s
);

-- name: retention_forget_activations
-- The earlier activations of resources that go on; the last one says what became of it.
DELETE FROM activation
WHERE (access_id, number) IN (
    SELECT access_id, number FROM activation
    WHERE kept_until <= %(before)s AND outcome <> 'executing'
        AND EXISTS (
            SELECT FROM activation AS later WHERE later.access_id = activation.access_id AND later.number > activation.number
        )
    LIMIT %(most)s
);

-- name: retention_forget_notifications
DELETE FROM notification
WHERE id IN (
    SELECT notification.id
    FROM notification JOIN device_access ON device_access.id = access_id
    WHERE received_at < %(now)s::timestamptz - (SELECT keep FROM retention) AND (not_older_than IS NULL OR not_older_than <= %(now)s)
    LIMIT %(most)s
);

-- name: retention_forget_messages
-- Repeats of a message are known for a day. Not in the way of whoever is just remembering one.
DELETE FROM received_message
WHERE (source, message_id, digest) IN (
    SELECT source, message_id, digest FROM received_message
    WHERE received_at < %(now)s::timestamptz - interval '1 day'
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
);

-- name: deleted_next
-- As text: it may be infinity.
SELECT access_id, kept_until::text FROM deleted_result LIMIT 1;

-- name: deleted_results
DELETE FROM result
WHERE kept_until = %(kept_until)s AND ctid = ANY(ARRAY(
    SELECT ctid FROM result WHERE access_id = %(access_id)s AND kept_until = %(kept_until)s LIMIT %(most)s
));

-- name: deleted_done
DELETE FROM deleted_result WHERE access_id = %(access_id)s AND kept_until = %(kept_until)s;
