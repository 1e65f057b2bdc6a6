-- Clients of the SOAP door: their roles, the nonces they used, and what their requests are about.

-- name: clients_lock
-- One change at a time, so that what was checked as a whole is what is written.
SELECT pg_advisory_xact_lock(hashtextextended('cas.clients', 0));

-- name: clients_all
SELECT 'role' AS kind, definition FROM client_role
UNION ALL
SELECT 'client', definition FROM client;

-- name: clients_write
INSERT INTO client (name, definition)
SELECT * FROM unnest(%(names)s::text[], %(definitions)s::jsonb[])
ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, changed_at = now();

-- name: clients_remove
DELETE FROM client WHERE name = ANY(%(names)s);

-- name: roles_write
INSERT INTO client_role (name, definition)
SELECT * FROM unnest(%(names)s::text[], %(definitions)s::jsonb[])
ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, changed_at = now();

-- name: roles_remove
DELETE FROM client_role WHERE name = ANY(%(names)s);

-- name: nonce_forget
DELETE FROM seen_nonce WHERE forget_at < %(now)s;

-- name: nonce_remember
INSERT INTO seen_nonce (digest, forget_at) VALUES (%(digest)s, %(forget_at)s)
ON CONFLICT DO NOTHING
RETURNING true;

-- name: devices_outside
-- Whether any of these devices belongs to none of these groups.
SELECT EXISTS (
    SELECT wanted.device_id FROM unnest(%(device_ids)s::text[]) AS wanted (device_id)
    EXCEPT
    SELECT member.device_id FROM unnest(%(groups)s::text[]) AS named (group_id)
    CROSS JOIN LATERAL group_devices(named.group_id) AS member
);

-- name: devices_of_groups
-- The devices of these groups as of now, each once.
SELECT DISTINCT member.device_id
FROM unnest(%(groups)s::text[]) AS named (group_id)
CROSS JOIN LATERAL group_devices(named.group_id) AS member;
