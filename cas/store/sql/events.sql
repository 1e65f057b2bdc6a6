-- Events on their way, and the notifications that some of them tell.

-- name: event_brokers_set
-- The targets that get the events of every resource made from now on.
WITH gone AS (
    DELETE FROM event_broker WHERE target <> ALL(%(targets)s::text[]) RETURNING target
), dropped AS (
    DELETE FROM event USING gone WHERE event.target = gone.target
)
INSERT INTO event_broker (target) SELECT unnest(%(targets)s::text[]) ON CONFLICT DO NOTHING;

-- name: event_targets_waiting
-- The targets that are to be told something: one step in the index for each.
WITH RECURSIVE known AS (
    (SELECT target FROM event ORDER BY target LIMIT 1)
    UNION ALL
    SELECT (SELECT target FROM event WHERE event.target > known.target ORDER BY target LIMIT 1)
    FROM known
    WHERE known.target IS NOT NULL
)
SELECT target FROM known WHERE target IS NOT NULL
UNION
SELECT target FROM event_broker WHERE EXISTS (SELECT FROM system_event WHERE NOT published);

-- name: event_target_lock
SELECT pg_try_advisory_lock(%(key)s);

-- name: event_target_unlock
SELECT pg_advisory_unlock(%(key)s);

-- name: event_next
-- The oldest event of a target, but for resources that wait, and the seconds until it is old enough to be sent: what comes
-- until then goes into the same message.
SELECT access_id, message_id,
    CASE WHEN message_id IS NULL THEN
        extract(epoch FROM created_at - clock_timestamp()) + %(gather)s::float8
    ELSE 0 END::float8
FROM event
WHERE target = %(target)s AND access_id <> ALL(%(waiting)s::uuid[])
ORDER BY id
LIMIT 1;

-- name: event_seal
-- Give a message its identity: the oldest events of a resource that have the same verb, `most` results at the most unless the
-- first has more.
WITH candidate AS (
    SELECT id, verb, cardinality(requests) + cardinality(notifications) AS size
    FROM event
    WHERE target = %(target)s AND access_id = %(access_id)s AND message_id IS NULL
    ORDER BY id
    LIMIT 1000
), measured AS (
    SELECT id,
        bool_and(verb = first) OVER (ORDER BY id) AS alike,
        sum(size) OVER (ORDER BY id) AS total,
        row_number() OVER (ORDER BY id) AS place
    FROM (SELECT *, first_value(verb) OVER (ORDER BY id) AS first FROM candidate) AS compared
)
UPDATE event SET message_id = %(message_id)s
FROM measured
WHERE event.id = measured.id AND alike AND (total <= %(most)s OR place = 1);

-- name: event_message
-- A message with what its header needs; a resource that is gone leaves NULL.
SELECT told.*, reply_address, coalesce(correlation_id, resource.message_id), coalesce(ack_required, false),
    coalesce(dev_form, false), state
FROM (
    SELECT array_agg(id) AS ids, access_id, min(verb) AS verb, min(created_at) AS created_at,
        sum(cardinality(requests) + cardinality(notifications))::bigint AS size
    FROM event
    WHERE target = %(target)s AND access_id = %(access_id)s AND message_id = %(message_id)s
    GROUP BY access_id
) AS told
LEFT JOIN device_access AS resource ON resource.id = told.access_id;

-- name: event_acknowledge
DELETE FROM event WHERE id = ANY(%(rows)s::bigint[]);

-- name: event_close
-- The last event of resources that are over, with nothing under way.
WITH ended AS (
    UPDATE device_access SET events_closed = true
    WHERE event_targets IS NOT NULL AND state <> 'active' AND NOT events_closed
        AND NOT EXISTS (SELECT FROM activation WHERE access_id = id AND outcome = 'executing')
    RETURNING id, event_targets, state
)
INSERT INTO event (target, access_id, verb)
SELECT target, id, CASE state WHEN 'canceled' THEN 'canceled' ELSE 'closed' END
FROM ended CROSS JOIN LATERAL unnest(event_targets) AS target;

-- name: event_stands
-- A row as long as an event is there: all its rows go at once.
SELECT FROM event WHERE id = ANY(%(rows)s::bigint[]) LIMIT 1;

-- name: event_requests
-- The requests that an event has results of.
SELECT position, apdu
FROM access_request
WHERE access_id = %(access_id)s
    AND position IN (SELECT unnest(requests) FROM event WHERE id = ANY(%(rows)s::bigint[]))
ORDER BY position;

-- name: event_span
-- How long the results of an event are kept: where they can be. As text: it may be infinity. One whose activation is gone is
-- nowhere.
SELECT min(kept_until)::text, max(kept_until)::text
FROM event
CROSS JOIN LATERAL unnest(activations) AS told (number)
JOIN activation USING (access_id, number)
WHERE event.id = ANY(%(rows)s::bigint[]);

-- name: event_results
-- The next results of an event, behind the last one of the page before, each with the name that the client has for the device.
-- One whose retention has ended has no `activated`.
SELECT told.access_id, told.activation, told.request, told.device_id, activated, apdu, code, reason, details, attempts,
    coalesce(named.name, told.device_id)
FROM (
    SELECT access_id, listed.*
    FROM event CROSS JOIN LATERAL unnest(activations, requests, device_ids) AS listed (activation, request, device_id)
    WHERE event.id = ANY(%(rows)s::bigint[])
        AND (listed.request, listed.activation, listed.device_id)
            > (%(after_request)s, %(after_activation)s, %(after_device_id)s::text COLLATE "C")
    ORDER BY listed.request, listed.activation, listed.device_id
    LIMIT %(page)s
) AS told
LEFT JOIN activation AS begun ON begun.access_id = told.access_id AND begun.number = told.activation
LEFT JOIN result ON result.access_id = told.access_id AND result.activation = told.activation AND result.request = told.request
    AND result.device_id = told.device_id AND result.kept_until = begun.kept_until
    AND result.kept_until BETWEEN %(first_kept)s AND %(last_kept)s
LEFT JOIN access_device AS named ON named.access_id = told.access_id AND named.device_id = told.device_id
ORDER BY told.request, told.activation, told.device_id;

-- name: event_notifications
-- The next notifications of an event, each with the name that the client has for the device.
SELECT notification.id, notification.device_id, received_at, apdu, coalesce(named.name, notification.device_id)
FROM notification
LEFT JOIN access_device AS named
    ON named.access_id = notification.access_id AND named.device_id = notification.device_id
WHERE notification.id > %(after)s
    AND notification.id IN (SELECT unnest(notifications) FROM event WHERE event.id = ANY(%(rows)s::bigint[]))
ORDER BY notification.id
LIMIT %(page)s;

-- name: notification_store
-- One for each resource that accepts notifications of this device now: it names the device, or a group with it, or nothing.
INSERT INTO notification (access_id, device_id, received_at, apdu)
SELECT id, %(device_id)s, %(received_at)s, %(apdu)s
FROM device_access AS resource
WHERE accept_data_notification AND state = 'active'
    AND (activates IS NULL OR activates <= %(received_at)s) AND (expires IS NULL OR expires > %(received_at)s)
    AND (
        EXISTS (SELECT FROM access_device WHERE access_id = id AND device_id = %(device_id)s)
        OR EXISTS (
            SELECT FROM access_group AS named
            CROSS JOIN LATERAL group_devices(named.group_id) AS member
            WHERE named.access_id = resource.id AND member.device_id = %(device_id)s
        )
        OR NOT EXISTS (SELECT FROM access_device WHERE access_id = id)
            AND NOT EXISTS (SELECT FROM access_group WHERE access_id = id)
    );

-- name: notification_page
-- The next notifications of a resource, behind the last one of the page before, each with the client's name for the device.
SELECT notification.id, notification.device_id, received_at, apdu, coalesce(named.name, notification.device_id)
FROM notification
LEFT JOIN access_device AS named
    ON named.access_id = notification.access_id AND named.device_id = notification.device_id
WHERE notification.access_id = %(id)s AND notification.id > %(after)s
    AND (%(start)s::timestamptz IS NULL OR received_at >= %(start)s)
    AND (%(end)s::timestamptz IS NULL OR received_at < %(end)s)
    AND (%(device_ids)s::text[] IS NULL OR notification.device_id = ANY(%(device_ids)s) OR EXISTS (
        SELECT FROM unnest(%(groups)s::text[]) AS listed (group_id)
        CROSS JOIN LATERAL group_devices(listed.group_id) AS member
        WHERE member.device_id = notification.device_id
    ))
ORDER BY notification.id
LIMIT %(page)s;
