-- DeviceAccess resources, their activations, and the messages that made them.

-- name: runner_number
-- A number for this process.
SELECT nextval('runner_number')::integer;

-- name: runner_live
-- The lock on its number tells others that a process lives.
SELECT pg_advisory_lock(x'0CA50002'::integer, %(number)s);

-- name: message_remember
-- Remember a message, unless the same one made a resource within the window, or one that is still being done: then no row. Who
-- asks at the same time waits until it is decided.
INSERT INTO received_message AS message (source, message_id, digest, access_id, received_at)
VALUES (%(source)s, %(message_id)s, %(digest)s, %(access_id)s, %(received_at)s)
ON CONFLICT (source, message_id, digest) DO UPDATE
SET access_id = excluded.access_id, received_at = excluded.received_at
WHERE message.received_at < %(since)s AND NOT EXISTS (
    SELECT FROM activation WHERE access_id = message.access_id AND outcome = 'executing'
)
RETURNING access_id;

-- name: message_resource
SELECT access_id FROM received_message
WHERE source = %(source)s AND message_id = %(message_id)s AND digest = %(digest)s;

-- name: access_insert
-- A resource with its requests, devices and groups.
WITH resource AS (
    INSERT INTO device_access (
        id, created_at, state, source, message_id, correlation_id, message_timestamp, reply_address, async_reply, dev_form,
        priority, activates, repeating_interval, duration, expires, not_older_than, accept_data_notification, ack_required
    ) VALUES (
        %(id)s, %(created_at)s, %(state)s, %(source)s, %(message_id)s, %(correlation_id)s, %(timestamp)s,
        %(reply_address)s, %(async_reply)s, %(dev_form)s,
        %(priority)s, %(activates)s, %(repeating_interval)s, %(duration)s, %(expires)s, %(not_older_than)s,
        %(accept_data_notification)s, %(ack_required)s
    )
), requested AS (
    INSERT INTO access_request (access_id, position, apdu, master_key_id, sealed)
    SELECT %(id)s, position - 1, apdu, master_key_id, sealed
    FROM unnest(%(apdus)s::bytea[], %(master_key_ids)s::text[], %(sealed)s::bytea[]) WITH ORDINALITY
        AS request (apdu, master_key_id, sealed, position)
), grouped AS (
    INSERT INTO access_group (access_id, position, group_id)
    SELECT %(id)s, position, group_id
    FROM unnest(%(group_ids)s::text[]) WITH ORDINALITY AS named (group_id, position)
)
INSERT INTO access_device (access_id, position, device_id, name)
SELECT %(id)s, position, device_id, name
FROM unnest(%(device_ids)s::text[], %(names)s::text[]) WITH ORDINALITY AS device (device_id, name, position);

-- name: access_insert_devices
INSERT INTO access_device (access_id, position, device_id, name)
SELECT %(id)s, position, device_id, name
FROM unnest(%(device_ids)s::text[], %(names)s::text[]) WITH ORDINALITY AS device (device_id, name, position);

-- name: access_insert_groups
INSERT INTO access_group (access_id, position, group_id)
SELECT %(id)s, position, group_id
FROM unnest(%(group_ids)s::text[]) WITH ORDINALITY AS named (group_id, position);

-- name: access_change
-- The new terms of a resource that is still active; no row: it is not.
UPDATE device_access SET
    priority = %(priority)s, activates = %(activates)s, repeating_interval = %(repeating_interval)s,
    duration = %(duration)s, expires = %(expires)s, not_older_than = %(not_older_than)s,
    accept_data_notification = %(accept_data_notification)s
WHERE id = %(id)s AND state = 'active'
RETURNING id;

-- name: access_remove_devices
DELETE FROM access_device WHERE access_id = %(id)s;

-- name: access_remove_groups
DELETE FROM access_group WHERE access_id = %(id)s;

-- name: access_retire_requests
-- What is done up to the last activation, and no more.
UPDATE access_request SET until = (SELECT coalesce(max(number), 0) FROM activation WHERE access_id = %(id)s)
WHERE access_id = %(id)s AND until IS NULL;

-- name: access_forget_requests
-- Those that were changed before they were ever done.
DELETE FROM access_request WHERE access_id = %(id)s AND until < since;

-- name: access_renew_requests
-- From the next activation on.
INSERT INTO access_request (access_id, position, apdu, master_key_id, sealed, since)
SELECT %(id)s, behind.position + request.place, apdu, master_key_id, sealed, behind.number + 1
FROM unnest(%(apdus)s::bytea[], %(master_key_ids)s::text[], %(sealed)s::bytea[]) WITH ORDINALITY
    AS request (apdu, master_key_id, sealed, place)
CROSS JOIN (
    SELECT (SELECT coalesce(max(position), -1) FROM access_request WHERE access_id = %(id)s) AS position,
        (SELECT coalesce(max(number), 0) FROM activation WHERE access_id = %(id)s) AS number
) AS behind;

-- name: access_replanned
-- Whoever plans looks again, and whoever waits for the end.
SELECT pg_notify('cas_due', ''), pg_notify('cas_finished', %(id)s::text);

-- name: access_planned
-- Whoever plans looks when the new resource is due.
SELECT pg_notify('cas_due', '');

-- name: access_by_id
SELECT id, created_at, state, source, message_id, correlation_id, message_timestamp, reply_address, async_reply,
    dev_form, priority, activates, repeating_interval, duration, expires, not_older_than, accept_data_notification,
    ARRAY(SELECT name FROM access_device WHERE access_id = id ORDER BY position),
    ARRAY(SELECT device_id FROM access_device WHERE access_id = id ORDER BY position),
    ARRAY(SELECT apdu FROM access_request WHERE access_id = id AND until IS NULL ORDER BY position),
    ARRAY(SELECT group_id FROM access_group WHERE access_id = id ORDER BY position),
    ack_required,
    ARRAY(SELECT apdu FROM access_request WHERE access_id = id AND until IS NOT NULL ORDER BY position)
FROM device_access
WHERE id = ANY(%(ids)s);

-- name: access_set_state
-- A cancel is told to whoever is doing the resource; it also stops what a close lets finish.
WITH changed AS (
    UPDATE device_access SET state = %(state)s, next_at = NULL
    WHERE id = ANY(%(ids)s) AND (
        state = 'active'
        OR state = 'closed' AND %(state)s = 'canceled'
            AND EXISTS (SELECT FROM activation WHERE access_id = id AND outcome = 'executing')
    )
    RETURNING id
)
SELECT pg_notify('cas_stop', id::text) FROM changed WHERE %(state)s = 'canceled';

-- name: access_delete
WITH gone AS (
    DELETE FROM device_access WHERE id = ANY(%(ids)s) RETURNING id
)
SELECT pg_notify('cas_stop', id::text) FROM gone;

-- name: activation_begin
-- The only activation of a resource that this process does by itself: one chunk, which nobody else takes.
WITH begun AS (
    INSERT INTO activation (access_id, number, scheduled_at, activated_at, outcome, runner, open_chunks)
    VALUES (%(access_id)s, 1, %(at)s, %(at)s, 'executing', %(runner)s, 1)
    RETURNING access_id, number
)
INSERT INTO activation_chunk (access_id, number, chunk, device_ids, state)
SELECT access_id, number, 0, %(device_ids)s::text[], 'running' FROM begun;

-- name: activation_finish
-- The end of an activation, and of a resource that has no further one; whoever waits for it is told, and whoever plans if there
-- is something to plan or to end.
WITH counted AS (
    SELECT count(*) AS results, count(code) AS failed
    FROM result
    WHERE access_id = %(access_id)s AND activation = %(number)s
        AND kept_until = (SELECT kept_until FROM activation WHERE access_id = %(access_id)s AND number = %(number)s)
        AND request IN (SELECT position FROM access_request WHERE access_id = %(access_id)s)
), ended AS (
    UPDATE device_access SET state = 'finished'
    WHERE id = %(access_id)s AND state = 'active' AND next_at IS NULL AND NOT accept_data_notification
), cleared AS (
    DELETE FROM activation_chunk WHERE access_id = %(access_id)s AND number = %(number)s
), forgotten AS (
    DELETE FROM activation_attempt WHERE access_id = %(access_id)s AND number = %(number)s
), settled AS (
    DELETE FROM activation_sent WHERE access_id = %(access_id)s AND number = %(number)s
)
UPDATE activation
SET finished_at = %(at)s, open_chunks = 0, result_count = results, failure_count = failed,
    outcome = CASE
        WHEN %(stopped)s THEN 'stopped'
        WHEN results = 0 THEN 'empty'
        WHEN failed = 0 THEN 'ok'
        WHEN failed < results THEN 'not-completed'
        ELSE 'failed'
    END
FROM counted
WHERE access_id = %(access_id)s AND number = %(number)s AND outcome = 'executing'
RETURNING outcome, pg_notify('cas_finished', access_id::text), (
    SELECT pg_notify('cas_due', '') FROM device_access
    WHERE id = %(access_id)s AND state = 'active' AND (next_at IS NOT NULL OR expires IS NOT NULL)
);

-- name: activation_executing
-- No row: it has been ended, or deleted.
SELECT FROM activation WHERE access_id = %(access_id)s AND number = %(number)s AND outcome = 'executing';

-- name: activation_abandoned
-- Activations of processes that are no more.
SELECT access_id, number
FROM activation
WHERE outcome = 'executing' AND runner IS NOT NULL AND runner NOT IN (
    SELECT objid::bigint
    FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND datname = current_database() AND classid = x'0CA50002'::integer AND objsubid = 2
        AND granted
);
