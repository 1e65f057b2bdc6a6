-- Locks on devices, of one connection for each process.

-- name: device_lock
-- Whether each was granted, in the order asked: none that another process has reserved, which has the lock on the complement. In a
-- shared one of a moment nobody stands in the way of another, and in its own not the process that has reserved it.
SELECT CASE WHEN pg_try_advisory_xact_lock_shared(~key) THEN pg_try_advisory_lock(key) ELSE false END
FROM unnest(%(keys)s::bigint[]) WITH ORDINALITY AS wanted (key, place) ORDER BY place;

-- name: device_lock_anyhow
-- The same, whether somebody has reserved them or not.
SELECT pg_try_advisory_lock(key) FROM unnest(%(keys)s::bigint[]) WITH ORDINALITY AS wanted (key, place) ORDER BY place;

-- name: device_unlock
SELECT pg_advisory_unlock(key) FROM unnest(%(keys)s::bigint[]) AS held (key);
