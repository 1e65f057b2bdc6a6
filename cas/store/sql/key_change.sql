-- Changes of the keys of a device: one at a time for each device, across all processes.

-- name: key_change_lock
-- Held by the connection until it is given up; it does not wait.
SELECT pg_try_advisory_lock(hashtextextended('cas.key_change/' || %(device_id)s::text, 0));

-- name: key_change_unlock
SELECT pg_advisory_unlock(hashtextextended('cas.key_change/' || %(device_id)s::text, 0));

-- name: device_keys_forget
DELETE FROM device_key WHERE device_id = %(device_id)s::text AND kind = ANY(%(kinds)s::text[]);
