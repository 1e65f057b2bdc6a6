-- Devices and their keys. Names are compared in the two columns that hold them: system titles and aliases never look alike.

-- name: devices_by_name
-- The devices that go by these names, each with its keys as it stores them.
WITH named AS (
    SELECT device_id FROM device WHERE system_title = ANY((SELECT %(titles)s::bytea[])::bytea[])
    UNION
    SELECT device_id FROM device WHERE alias = ANY((SELECT %(aliases)s::text[])::text[])
)
SELECT device.device_id, system_title, alias, url, authentication, suite, protection, client_system_title, max_pdu,
       nullif(quirks, '{}'), nullif(labels, '{}'), stored.kinds, stored.master_key_ids, stored.wrapped
FROM named
JOIN device USING (device_id)
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(kind ORDER BY kind), '{}') AS kinds,
           coalesce(array_agg(master_key_id ORDER BY kind), '{}') AS master_key_ids,
           coalesce(array_agg(wrapped ORDER BY kind), '{}') AS wrapped
    FROM device_key WHERE device_key.device_id = device.device_id
) AS stored;

-- name: device_ids_by_name
SELECT device_id, system_title, alias FROM device
WHERE system_title = ANY((SELECT %(titles)s::bytea[])::bytea[]) OR alias = ANY((SELECT %(aliases)s::text[])::text[]);

-- name: devices_after
-- A page of the devices whose DeviceID begins with a prefix. A DeviceID has only characters below 127.
SELECT device.device_id, system_title, alias, url, authentication, suite, protection, client_system_title, max_pdu,
       nullif(quirks, '{}'), nullif(labels, '{}'), stored.kinds, stored.master_key_ids, stored.wrapped
FROM device
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(kind ORDER BY kind), '{}') AS kinds,
           coalesce(array_agg(master_key_id ORDER BY kind), '{}') AS master_key_ids,
           coalesce(array_agg(wrapped ORDER BY kind), '{}') AS wrapped
    FROM device_key WHERE device_key.device_id = device.device_id
) AS stored
WHERE device.device_id >= %(prefix)s::text
  AND device.device_id < %(prefix)s::text || chr(127)
  AND device.device_id > %(after)s::text
ORDER BY device.device_id
LIMIT %(page)s::bigint;

-- name: devices_lock
-- One registration at a time, so that what was compared is what is written.
SELECT pg_advisory_xact_lock(hashtextextended('cas.devices', 0));

-- name: devices_write
INSERT INTO device AS stored (
    device_id, system_title, alias, url, authentication, suite, protection, client_system_title, max_pdu, quirks, labels
)
SELECT * FROM unnest(
    %(device_id)s::text[], %(system_title)s::bytea[], %(alias)s::text[], %(url)s::text[], %(authentication)s::text[],
    %(suite)s::smallint[], %(protection)s::text[], %(client_system_title)s::bytea[], %(max_pdu)s::integer[],
    %(quirks)s::jsonb[], %(labels)s::jsonb[]
)
ON CONFLICT (device_id) DO UPDATE SET
    system_title = excluded.system_title,
    alias = excluded.alias,
    url = excluded.url,
    authentication = excluded.authentication,
    suite = excluded.suite,
    protection = excluded.protection,
    client_system_title = excluded.client_system_title,
    max_pdu = excluded.max_pdu,
    quirks = excluded.quirks,
    labels = excluded.labels,
    changed_at = now();

-- name: device_keys_write
INSERT INTO device_key (device_id, kind, master_key_id, wrapped)
SELECT * FROM unnest(%(device_id)s::text[], %(kind)s::text[], %(master_key_id)s::text[], %(wrapped)s::bytea[])
ON CONFLICT (device_id, kind) DO UPDATE SET
    master_key_id = excluded.master_key_id,
    wrapped = excluded.wrapped,
    changed_at = now();

-- name: devices_remove
DELETE FROM device WHERE device_id = ANY(%(device_ids)s::text[]);
