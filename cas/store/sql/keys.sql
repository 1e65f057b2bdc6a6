-- Keys of devices and secrets in requests as they are stored: which master key they are under, and putting them under another.

-- name: keys_tally
SELECT master_key_id, count(*), count(DISTINCT device_id)
FROM (
    SELECT master_key_id, device_id FROM device_key
    UNION ALL
    SELECT master_key_id, NULL FROM access_request WHERE sealed IS NOT NULL
) AS stored
GROUP BY master_key_id
ORDER BY master_key_id;

-- name: keys_after
-- The next keys behind one, in order.
SELECT device_id, kind, master_key_id, wrapped
FROM device_key
WHERE (device_id, kind) > (%(first)s, %(second)s)
ORDER BY device_id, kind
LIMIT %(page)s;

-- name: keys_under_others
-- The next keys behind one that are under another master key than this, for this transaction alone.
SELECT device_id, kind, master_key_id, wrapped
FROM device_key
WHERE (device_id, kind) > (%(first)s, %(second)s) AND master_key_id <> %(master_key_id)s
ORDER BY device_id, kind
LIMIT %(page)s
FOR UPDATE;

-- name: keys_rewrap
-- `changed_at` stays: it is the same key.
UPDATE device_key AS stored
SET master_key_id = new.master_key_id, wrapped = new.wrapped
FROM unnest(%(firsts)s::text[], %(seconds)s::text[], %(master_key_ids)s::text[], %(wrapped)s::bytea[])
    AS new (device_id, kind, master_key_id, wrapped)
WHERE stored.device_id = new.device_id AND stored.kind = new.kind;

-- name: requests_after
SELECT access_id, position, master_key_id, sealed, apdu
FROM access_request
WHERE sealed IS NOT NULL AND (access_id, position) > (%(first)s, %(second)s)
ORDER BY access_id, position
LIMIT %(page)s;

-- name: requests_under_others
SELECT access_id, position, master_key_id, sealed, apdu
FROM access_request
WHERE sealed IS NOT NULL AND (access_id, position) > (%(first)s, %(second)s) AND master_key_id <> %(master_key_id)s
ORDER BY access_id, position
LIMIT %(page)s
FOR UPDATE;

-- name: requests_rewrap
UPDATE access_request AS stored
SET master_key_id = new.master_key_id, sealed = new.wrapped
FROM unnest(%(firsts)s::uuid[], %(seconds)s::integer[], %(master_key_ids)s::text[], %(wrapped)s::bytea[])
    AS new (access_id, position, master_key_id, wrapped)
WHERE stored.access_id = new.access_id AND stored.position = new.position;
