-- Keys of devices as they are stored: which master key they are under, and putting them under another.

-- name: keys_tally
SELECT master_key_id, count(*), count(DISTINCT device_id) FROM device_key GROUP BY master_key_id ORDER BY master_key_id;

-- name: keys_after
-- The next keys behind one, in order.
SELECT device_id, kind, master_key_id, wrapped
FROM device_key
WHERE (device_id, kind) > (%(device_id)s, %(kind)s)
ORDER BY device_id, kind
LIMIT %(page)s;

-- name: keys_under_others
-- The next keys behind one that are under another master key than this, for this transaction alone.
SELECT device_id, kind, master_key_id, wrapped
FROM device_key
WHERE (device_id, kind) > (%(device_id)s, %(kind)s) AND master_key_id <> %(master_key_id)s
ORDER BY device_id, kind
LIMIT %(page)s
FOR UPDATE;

-- name: keys_rewrap
-- `changed_at` stays: it is the same key.
UPDATE device_key AS stored
SET master_key_id = new.master_key_id, wrapped = new.wrapped
FROM unnest(%(device_ids)s::text[], %(kinds)s::text[], %(master_key_ids)s::text[], %(wrapped)s::bytea[])
    AS new (device_id, kind, master_key_id, wrapped)
WHERE stored.device_id = new.device_id AND stored.kind = new.kind;
