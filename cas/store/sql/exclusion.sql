-- Locks on devices, of one connection for each process.

-- name: device_lock
-- Whether each was granted, in the order asked.
SELECT pg_try_advisory_lock(key) FROM unnest(%(keys)s::bigint[]) WITH ORDINALITY AS wanted (key, place) ORDER BY place;

-- name: device_unlock
SELECT pg_advisory_unlock(key) FROM unnest(%(keys)s::bigint[]) AS held (key);
