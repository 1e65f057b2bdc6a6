-- DeviceAccess resources, their activations, and the messages that made them.

-- name: runner_number
-- A number for this process.
SELECT nextval('runner_number')::integer;

-- name: runner_live
-- The lock on its number tells others that a process lives.
SELECT pg_advisory_lock(x'0CA50002'::integer, %(number)s);

-- name: accesses_insert
-- Resources with their requests, devices and groups, and their messages remembered; not those whose message made one within its
-- window, or one that is still being done. Who asks with the same message at the same time waits until it is decided, in the order
-- of the key, so that two processes never wait for one another in a circle. With a `runner`, the only activation of each begins,
-- one chunk, which nobody else takes. As JSON, which takes less to write than forty arrays.
WITH given AS MATERIALIZED (
    SELECT *
    FROM jsonb_to_recordset(%(resources)s::jsonb) AS given (
        id uuid, created_at timestamptz, state text, source text, message_id text, correlation_id text,
        message_timestamp timestamptz, reply_address text, async_reply boolean, dev_form boolean, ack_required boolean,
        priority smallint, activates timestamptz, repeating_interval text, duration text, expires timestamptz,
        not_older_than timestamptz, accept_data_notification boolean, digest bytea, since timestamptz,
        requests jsonb, devices jsonb, groups jsonb
    )
), remembered AS (
    INSERT INTO received_message AS message (source, message_id, digest, access_id, received_at)
    SELECT coalesce(source, ''), coalesce(message_id, ''), digest, id, created_at
    FROM given
    WHERE since IS NOT NULL
    ORDER BY 1, 2, 3
    ON CONFLICT (source, message_id, digest) DO UPDATE
    SET access_id = excluded.access_id, received_at = excluded.received_at
    WHERE message.received_at < (SELECT since FROM given WHERE id = excluded.access_id) AND NOT EXISTS (
        SELECT FROM activation WHERE access_id = message.access_id AND outcome = 'executing'
    )
    RETURNING access_id
), new AS MATERIALIZED (
    SELECT * FROM given WHERE since IS NULL OR id IN (SELECT access_id FROM remembered)
), resource AS (
    INSERT INTO device_access (
        id, created_at, state, source, message_id, correlation_id, message_timestamp, reply_address, async_reply, dev_form,
        ack_required, priority, activates, repeating_interval, duration, expires, not_older_than, accept_data_notification
    )
    SELECT id, created_at, state, source, message_id, correlation_id, message_timestamp, reply_address, async_reply, dev_form,
        ack_required, priority, activates, repeating_interval, duration, expires, not_older_than, accept_data_notification
    FROM new
    RETURNING id, created_at
), requested AS (
    INSERT INTO access_request (access_id, position, apdu, master_key_id, sealed)
    SELECT id, position - 1, apdu, master_key_id, sealed
    FROM new
    CROSS JOIN LATERAL ROWS FROM (
        jsonb_to_recordset(requests) AS (apdu bytea, master_key_id text, sealed bytea)
    ) WITH ORDINALITY AS request (apdu, master_key_id, sealed, position)
), grouped AS (
    INSERT INTO access_group (access_id, position, group_id)
    SELECT id, position, group_id
    FROM new CROSS JOIN LATERAL jsonb_array_elements_text(groups) WITH ORDINALITY AS named (group_id, position)
), listed AS (
    INSERT INTO access_device (access_id, position, device_id, name)
    SELECT id, position, device ->> 0, device ->> 1
    FROM new CROSS JOIN LATERAL jsonb_array_elements(devices) WITH ORDINALITY AS listed (device, position)
), begun AS (
    INSERT INTO activation (access_id, number, scheduled_at, activated_at, outcome, runner, open_chunks)
    SELECT id, 1, resource.created_at, resource.created_at, 'executing', %(runner)s, 1
    FROM resource JOIN new USING (id)
    WHERE %(runner)s::integer IS NOT NULL AND requests <> '[]'
    RETURNING access_id, number
), chunked AS (
    INSERT INTO activation_chunk (access_id, number, chunk, device_ids, state)
    SELECT access_id, number, 0,
        ARRAY(
            SELECT device ->> 0 FROM jsonb_array_elements(devices) WITH ORDINALITY AS listed (device, position)
            ORDER BY position
        ),
        'running'
    FROM begun JOIN new ON id = access_id
)
SELECT id FROM new;

-- name: message_resource
SELECT access_id FROM received_message
WHERE source = %(source)s AND message_id = %(message_id)s AND digest = %(digest)s;

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
FROM ROWS FROM (
    jsonb_to_recordset(%(requests)s::jsonb) AS (apdu bytea, master_key_id text, sealed bytea)
) WITH ORDINALITY AS request (apdu, master_key_id, sealed, place)
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
WITH locked AS MATERIALIZED (
    SELECT id FROM device_access WHERE id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE
), changed AS (
    UPDATE device_access SET state = %(state)s, next_at = NULL
    WHERE id IN (SELECT id FROM locked) AND (
        state = 'active'
        OR state = 'closed' AND %(state)s = 'canceled'
            AND EXISTS (SELECT FROM activation WHERE access_id = id AND outcome = 'executing')
    )
    RETURNING id
)
SELECT pg_notify('cas_stop', id::text) FROM changed WHERE %(state)s = 'canceled';

-- name: access_delete
WITH locked AS MATERIALIZED (
    SELECT id FROM device_access WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE
), gone AS (
    DELETE FROM device_access WHERE id IN (SELECT id FROM locked) RETURNING id
)
SELECT pg_notify('cas_stop', id::text) FROM gone;

-- name: access_hold
-- Nobody changes or deletes a resource from here on. Before its activations, as whoever deletes it, and as much as their end
-- takes: nobody waits for one another in a circle.
SELECT FROM device_access WHERE id = %(access_id)s FOR NO KEY UPDATE;

-- name: activation_counted
SELECT count(*), count(code)
FROM result
WHERE access_id = %(access_id)s AND activation = %(number)s
    AND kept_until = (SELECT kept_until FROM activation WHERE access_id = %(access_id)s AND number = %(number)s)
    AND request IN (SELECT position FROM access_request WHERE access_id = %(access_id)s);

-- name: activations_finish
-- The end of activations, and of the resources that have no further one; whoever waits for them is told, whoever plans if there
-- is something to plan or to end, and whoever tells events, as it may have been the last of a resource.
WITH given AS MATERIALIZED (
    SELECT *
    FROM unnest(
        (SELECT %(access_ids)s::uuid[]), %(numbers)s::integer[], %(ats)s::timestamptz[], %(stopped)s::boolean[],
        %(results)s::bigint[], %(failed)s::bigint[]
    ) AS ended (access_id, number, at, stopped, results, failed)
), locked AS MATERIALIZED (
    -- Before its activations, and in order, as whoever cancels or deletes some: nobody waits for one another in a circle.
    SELECT id FROM device_access
    WHERE id = ANY((SELECT %(access_ids)s::uuid[])::uuid[])
    ORDER BY id
    FOR NO KEY UPDATE
), ended AS (
    UPDATE device_access SET state = 'finished'
    WHERE id IN (SELECT id FROM locked) AND state = 'active' AND next_at IS NULL AND NOT accept_data_notification
), cleared AS (
    DELETE FROM activation_chunk AS gone USING given WHERE gone.access_id = given.access_id AND gone.number = given.number
), forgotten AS (
    DELETE FROM activation_attempt AS gone USING given WHERE gone.access_id = given.access_id AND gone.number = given.number
), settled AS (
    DELETE FROM activation_sent AS gone USING given WHERE gone.access_id = given.access_id AND gone.number = given.number
)
UPDATE activation
SET finished_at = at, open_chunks = 0, result_count = results, failure_count = failed,
    outcome = CASE
        WHEN given.stopped THEN 'stopped'
        WHEN results = 0 THEN 'empty'
        WHEN failed = 0 THEN 'ok'
        WHEN failed < results THEN 'not-completed'
        ELSE 'failed'
    END
FROM given JOIN locked ON id = given.access_id
WHERE activation.access_id = given.access_id AND activation.number = given.number AND outcome = 'executing'
RETURNING activation.access_id, activation.number, outcome, pg_notify('cas_finished', activation.access_id::text), (
    SELECT pg_notify('cas_due', '') FROM device_access
    WHERE id = activation.access_id AND state = 'active' AND (next_at IS NOT NULL OR expires IS NOT NULL)
), (
    SELECT pg_notify('cas_event', '') FROM device_access
    WHERE id = activation.access_id AND event_targets IS NOT NULL
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
