-- How communication with devices went.

-- name: statistics_count
-- Add what a batch of results came to, one row for each device. Devices that are not registered any more are left out. Rows
-- are locked in the order of the DeviceIDs, so that two processes never wait for one another in a circle. Returns the devices
-- whose keys did fit, as far as was known, and do not now.
WITH counted AS (
    SELECT new.*
    FROM unnest(
        %(device_ids)s::text[], %(successes)s::bigint[], %(failures)s::bigint[],
        %(last_successes)s::timestamptz[], %(last_failures)s::timestamptz[], %(kinds)s::text[]
    ) AS new (device_id, successes, failures, last_success, last_failure, last_kind)
    JOIN device USING (device_id)
    ORDER BY device_id
    FOR KEY SHARE OF device
), before AS (
    SELECT device_id, last_kind FROM device_statistic WHERE device_id = ANY(%(device_ids)s::text[])
), written AS (
    INSERT INTO device_statistic AS stored (device_id, successes, failures, last_success, last_failure, last_kind)
    SELECT * FROM counted
    ON CONFLICT (device_id) DO UPDATE SET
        successes = stored.successes + excluded.successes,
        failures = stored.failures + excluded.failures,
        last_success = greatest(stored.last_success, excluded.last_success),
        last_failure = greatest(stored.last_failure, excluded.last_failure),
        -- a result that is older than what is known changes the counts only
        last_kind = CASE
            WHEN greatest(excluded.last_success, excluded.last_failure)
                >= greatest(stored.last_success, stored.last_failure) THEN excluded.last_kind
            ELSE stored.last_kind
        END
    RETURNING stored.device_id, stored.last_kind
)
SELECT written.device_id
FROM written
LEFT JOIN before USING (device_id)
WHERE written.last_kind = 'wrong-keys' AND before.last_kind IS DISTINCT FROM 'wrong-keys';

-- name: statistics_by_id
-- Of these devices; a device that nobody asked anything has no row.
SELECT device_id, successes, failures, last_success, last_failure, last_kind
FROM device_statistic
WHERE device_id = ANY(%(device_ids)s::text[]);
