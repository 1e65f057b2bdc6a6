-- What the operators' console shows. Reads only; pages go on behind a key, so that the millionth row costs what the first does.

-- name: console_counts
SELECT
    (SELECT count(*) FROM device_access WHERE state = 'active') AS resources,
    (SELECT count(*) FROM activation WHERE outcome = 'executing') AS activations,
    -- counted where that is quick, else as PostgreSQL remembers it
    (SELECT CASE WHEN reltuples > 100000 THEN reltuples::bigint ELSE (SELECT count(*) FROM device) END
     FROM pg_class WHERE oid = 'device'::regclass) AS devices,
    (SELECT count(*) FROM device_statistic WHERE last_kind <> 'answered') AS troubled,
    (SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo') AS waiting,
    (SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing') AS doing,
    (SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '1 minute') AS workers;

-- name: console_hours
-- What the activations came to that began in a period, by the hour.
SELECT date_trunc('hour', activated_at, 'UTC') AS hour, coalesce(sum(result_count), 0)::bigint AS results,
    coalesce(sum(failure_count), 0)::bigint AS failures
FROM activation
WHERE activated_at >= %(since)s AND outcome <> 'executing'
GROUP BY 1;

-- name: console_running
-- Activations under way. A device is done when it has a result for the last request.
SELECT activation.access_id, number, activated_at, deadline, source, state,
    ARRAY(SELECT apdu FROM access_request WHERE access_id = activation.access_id ORDER BY position LIMIT 12) AS asked,
    requests.total::integer AS requests,
    coalesce(planned.devices, 0)::bigint AS devices,
    least(done.devices, planned.devices)::bigint AS done,
    failed.devices AS failed, trying.devices AS trying
FROM activation
JOIN device_access ON id = activation.access_id
CROSS JOIN LATERAL (SELECT count(*) AS total FROM access_request WHERE access_id = activation.access_id) AS requests
CROSS JOIN LATERAL (
    SELECT sum(cardinality(device_ids)) AS devices
    FROM activation_chunk AS chunk
    WHERE chunk.access_id = activation.access_id AND chunk.number = activation.number
) AS planned
CROSS JOIN LATERAL (
    SELECT count(*) AS devices FROM result
    WHERE result.access_id = activation.access_id AND request = requests.total - 1 AND activation = number
        AND result.kept_until = activation.kept_until
) AS done
CROSS JOIN LATERAL (
    SELECT count(DISTINCT device_id) AS devices FROM result
    WHERE result.access_id = activation.access_id AND activation = number AND code IS NOT NULL
        AND result.kept_until = activation.kept_until
) AS failed
CROSS JOIN LATERAL (
    SELECT count(*) AS devices FROM activation_attempt AS attempt
    WHERE attempt.access_id = activation.access_id AND attempt.number = activation.number
        AND NOT EXISTS (
            SELECT FROM result
            WHERE result.access_id = attempt.access_id AND result.request = requests.total - 1
                AND result.activation = attempt.number AND result.device_id = attempt.device_id
                AND result.kept_until = activation.kept_until
        )
) AS trying
WHERE outcome = 'executing'
ORDER BY activated_at DESC
LIMIT %(limit)s;

-- name: console_finished
-- The newest activations that are over.
SELECT access_id, number, activated_at, finished_at, outcome, source, result_count AS results, failure_count AS failures,
    ARRAY(SELECT apdu FROM access_request WHERE access_id = id ORDER BY position LIMIT 12) AS asked,
    (SELECT count(*) FROM access_request WHERE access_id = id)::integer AS requests
FROM activation
JOIN device_access ON id = access_id
WHERE outcome <> 'executing' AND activated_at < %(before)s
ORDER BY activated_at DESC
LIMIT %(limit)s;

-- name: console_slowest
-- The segments whose devices took longest on average in the newest activations, in seconds. Of more than some thousand devices
-- only a sample is looked at. A device without a segment stands for itself, by its address.
SELECT coalesce(nullif(labels ->> 'segment', ''), substring(url FROM '^[^:/?#]+://(?:[^/?#@]*@)?([^/?#]*)'), device_id) AS segment,
    round(avg(extract(epoch FROM stored_at - result.activated)), 2)::float8 AS seconds,
    count(DISTINCT device_id) AS devices
FROM (
    SELECT access_id, number, kept_until,
        (SELECT count(*) - 1 FROM access_request WHERE access_id = activation.access_id) AS last_request
    FROM activation
    WHERE activated_at >= %(since)s AND outcome <> 'missed'
    ORDER BY activated_at DESC
    LIMIT 6
) AS recent
JOIN result ON result.access_id = recent.access_id AND request = recent.last_request AND activation = recent.number
    AND result.kept_until = recent.kept_until
JOIN device
    TABLESAMPLE SYSTEM ((SELECT least(100, 500000 / greatest(reltuples, 1)) FROM pg_class WHERE oid = 'device'::regclass))
    REPEATABLE (0) USING (device_id)
GROUP BY 1
ORDER BY seconds DESC
LIMIT %(limit)s;

-- name: console_failing
-- Resources whose newest activation of a period failed on devices or tries some again, newest first; but not where the console
-- made a retry of all of it.
SELECT access_id, number, activated_at, deadline, outcome, source,
    ARRAY(SELECT apdu FROM access_request WHERE access_id = id ORDER BY position LIMIT 12) AS asked,
    (SELECT count(*) FROM access_request WHERE access_id = id)::integer AS requests
FROM (
    SELECT DISTINCT ON (access_id) access_id, number, activated_at, deadline, outcome, failure_count, kept_until
    FROM (SELECT * FROM activation WHERE activated_at >= %(since)s ORDER BY activated_at DESC LIMIT 2000) AS recent
    WHERE outcome <> 'missed'
    ORDER BY access_id, number DESC
) AS newest
JOIN device_access ON id = access_id
WHERE (
        failure_count > 0
        OR outcome = 'executing' AND (
            EXISTS (
                SELECT FROM result
                WHERE result.access_id = id AND activation = number AND code IS NOT NULL
                    AND result.kept_until = newest.kept_until
            )
            OR EXISTS (
                SELECT FROM activation_attempt AS attempt WHERE attempt.access_id = id AND attempt.number = newest.number
            )
        )
    )
    AND NOT EXISTS (
        SELECT FROM device_access AS retry
        WHERE retry.source = 'console' AND retry.correlation_id = newest.access_id || '/' || newest.number
    )
ORDER BY activated_at DESC
LIMIT %(limit)s;

-- name: console_accesses
-- A page of resources, newest first.
SELECT id, created_at, state, source, correlation_id, reply_address, priority, activates, repeating_interval, duration,
    expires, not_older_than, accept_data_notification, next_at,
    ARRAY(SELECT group_id FROM access_group WHERE access_id = id ORDER BY position) AS groups,
    (SELECT count(*) FROM (SELECT FROM access_device WHERE access_id = id LIMIT 10001) AS named) AS devices,
    (SELECT device_id FROM access_device WHERE access_id = id LIMIT 1) AS device,
    ARRAY(SELECT apdu FROM access_request WHERE access_id = id ORDER BY position LIMIT 12) AS asked,
    (SELECT count(*) FROM access_request WHERE access_id = id)::integer AS requests,
    number, outcome, activated_at, finished_at, result_count AS results, failure_count AS failures
FROM device_access
LEFT JOIN LATERAL (
    SELECT number, outcome, activated_at, finished_at, result_count, failure_count
    FROM activation WHERE access_id = id ORDER BY number DESC LIMIT 1
) AS last ON true
WHERE (created_at, id) < (%(before)s::timestamptz, %(before_id)s::uuid)
    AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (NOT %(running)s::boolean OR id IN (SELECT access_id FROM activation WHERE outcome = 'executing'))
    AND (NOT %(failed)s::boolean
        OR failure_count > 0 AND id IN (SELECT access_id FROM activation WHERE failure_count > 0))
    AND (%(search)s::text IS NULL OR starts_with(id::text, %(search)s) OR source = %(search)s OR correlation_id = %(search)s
        OR EXISTS (SELECT FROM access_device WHERE access_id = id AND device_id = %(search)s))
ORDER BY created_at DESC, id DESC
LIMIT %(limit)s;

-- name: console_access
-- The same of one resource.
SELECT id, created_at, state, source, correlation_id, reply_address, priority, activates, repeating_interval, duration,
    expires, not_older_than, accept_data_notification, next_at,
    ARRAY(SELECT group_id FROM access_group WHERE access_id = id ORDER BY position) AS groups,
    (SELECT count(*) FROM (SELECT FROM access_device WHERE access_id = id LIMIT 10001) AS named) AS devices,
    (SELECT device_id FROM access_device WHERE access_id = id LIMIT 1) AS device,
    ARRAY(SELECT apdu FROM access_request WHERE access_id = id ORDER BY position LIMIT 12) AS asked,
    (SELECT count(*) FROM access_request WHERE access_id = id)::integer AS requests,
    number, outcome, activated_at, finished_at, result_count AS results, failure_count AS failures
FROM device_access
LEFT JOIN LATERAL (
    SELECT number, outcome, activated_at, finished_at, result_count, failure_count
    FROM activation WHERE access_id = id ORDER BY number DESC LIMIT 1
) AS last ON true
WHERE id = %(id)s;

-- name: console_requests
SELECT apdu FROM access_request WHERE access_id = %(id)s ORDER BY position;

-- name: console_activations
-- The newest activations of a resource.
SELECT number, scheduled_at, activated_at, finished_at, deadline, outcome, result_count AS results, failure_count AS failures
FROM activation
WHERE access_id = %(id)s AND number < %(before)s
ORDER BY number DESC
LIMIT %(limit)s;

-- name: console_kept
-- When the results of an activation go. The statements on one activation are told it: they plan, lock and search the partition
-- that has its results, and not all of two years. As text: it may be infinity.
SELECT access_id AS id, number, kept_until::text FROM activation WHERE access_id = %(id)s AND number = %(number)s;

-- name: console_devices_done
-- A page of the devices that have results in an activation, or of those that failed, for a reason.
SELECT named.device_id, results, failures, attempts, result.activated, stored_at, reason, details
FROM (
    SELECT DISTINCT device_id FROM result
    WHERE access_id = %(id)s AND activation = %(number)s AND kept_until = %(kept_until)s::date AND code IS NOT NULL
        AND %(failed)s::boolean AND device_id > %(after)s AND (%(why)s::text IS NULL OR reason = %(why)s)
    UNION
    SELECT device_id FROM result
    WHERE access_id = %(id)s AND activation = %(number)s AND kept_until = %(kept_until)s::date AND request = 0
        AND NOT %(failed)s::boolean AND device_id > %(after)s
    ORDER BY device_id
    LIMIT %(limit)s
) AS named
CROSS JOIN LATERAL (
    SELECT count(*) AS results, count(code) AS failures, max(attempts) AS attempts, min(activated) AS activated,
        max(stored_at) AS stored_at,
        (array_agg(reason ORDER BY request) FILTER (WHERE code IS NOT NULL))[1] AS reason,
        (array_agg(result.details ORDER BY request) FILTER (WHERE code IS NOT NULL))[1] AS details
    FROM result
    WHERE access_id = %(id)s AND activation = %(number)s AND kept_until = %(kept_until)s::date AND device_id = named.device_id
        AND request IN (SELECT position FROM access_request WHERE access_id = %(id)s)
) AS result
ORDER BY device_id;

-- name: console_devices_waiting
-- A part of the devices of an activation under way that have not answered, with the last failure of those tried before.
SELECT listed.device_id, coalesce(attempts, 0) AS attempts, reason, details
FROM activation_chunk AS chunk
CROSS JOIN LATERAL unnest(device_ids) AS listed (device_id)
LEFT JOIN activation_attempt AS attempt
    ON attempt.access_id = chunk.access_id AND attempt.number = chunk.number AND attempt.device_id = listed.device_id
WHERE chunk.access_id = %(id)s AND chunk.number = %(number)s AND chunk.state <> 'done'
    AND NOT EXISTS (
        SELECT FROM result
        WHERE result.access_id = %(id)s AND result.request = 0 AND result.activation = %(number)s
            AND result.kept_until = %(kept_until)s::date AND result.device_id = listed.device_id
    )
LIMIT %(limit)s;

-- name: console_devices_trying
-- A page of the devices of an activation under way that failed, for a reason, and are tried again.
SELECT device_id, attempts, reason, details
FROM activation_attempt AS attempt
WHERE access_id = %(id)s AND number = %(number)s AND device_id > %(after)s AND (%(why)s::text IS NULL OR reason = %(why)s)
    AND NOT EXISTS (
        SELECT FROM result
        WHERE result.access_id = %(id)s AND result.activation = %(number)s AND result.kept_until = %(kept_until)s::date
            AND result.device_id = attempt.device_id
            AND result.request = (SELECT max(position) FROM access_request WHERE access_id = %(id)s)
    )
ORDER BY device_id
LIMIT %(limit)s;

-- name: console_reasons
-- Why devices failed in an activation, or are tried again, each device by its first failure.
SELECT reason, count(*) FILTER (WHERE NOT again) AS failed, count(*) FILTER (WHERE again) AS trying
FROM (
    (SELECT DISTINCT ON (device_id) device_id, reason, false AS again FROM result
     WHERE access_id = %(id)s AND activation = %(number)s AND kept_until = %(kept_until)s::date AND code IS NOT NULL
     ORDER BY device_id, request)
    UNION ALL
    SELECT device_id, reason, true FROM activation_attempt AS attempt
    WHERE access_id = %(id)s AND number = %(number)s
        AND NOT EXISTS (
            SELECT FROM result
            WHERE result.access_id = %(id)s AND result.activation = %(number)s AND result.kept_until = %(kept_until)s::date
                AND result.device_id = attempt.device_id
                AND result.request = (SELECT max(position) FROM access_request WHERE access_id = %(id)s)
        )
) AS failed
GROUP BY reason
ORDER BY count(*) DESC, reason;

-- name: console_failed_devices
-- The devices that failed in an activation, for a reason.
SELECT DISTINCT device_id FROM result
WHERE access_id = %(id)s AND activation = %(number)s AND kept_until = %(kept_until)s::date AND code IS NOT NULL
    AND (%(why)s::text IS NULL OR reason = %(why)s)
ORDER BY device_id
LIMIT %(limit)s;

-- name: console_results
-- What each request on one device came to in an activation.
SELECT position, access_request.apdu AS request, result.activated, result.apdu AS answer, code, reason, details, attempts
FROM access_request
LEFT JOIN result ON result.access_id = %(id)s AND result.request = position
    AND result.activation = %(number)s AND result.kept_until = %(kept_until)s::date AND result.device_id = %(device_id)s
WHERE access_request.access_id = %(id)s
ORDER BY position;

-- name: console_series
-- The newest answers to some requests of a resource on some devices.
SELECT wanted.request, device_id, result.activated, result.apdu AS answer
FROM unnest(%(requests)s::integer[]) AS wanted (request)
CROSS JOIN LATERAL (
    SELECT number, kept_until FROM activation WHERE access_id = %(id)s ORDER BY number DESC LIMIT %(activations)s
) AS recent
JOIN result ON access_id = %(id)s AND result.request = wanted.request AND activation = recent.number
    AND result.kept_until = recent.kept_until AND device_id = ANY(%(device_ids)s::text[])
WHERE result.apdu IS NOT NULL
ORDER BY device_id, wanted.request, result.activated;

-- name: console_devices
-- A page of devices by DeviceID: those whose DeviceID or alias begins as searched, in a state, of a group.
SELECT device.device_id, alias, url, authentication, suite, protection, labels, changed_at,
    ARRAY(SELECT kind FROM device_key WHERE device_key.device_id = device.device_id) AS keys,
    successes, failures, last_success, last_failure, last_kind
FROM device
LEFT JOIN device_statistic USING (device_id)
WHERE device.device_id > %(after)s
    AND (%(search)s::text IS NULL
        OR device.device_id >= %(search)s::text COLLATE "C" AND device.device_id < (%(search)s || chr(127)) COLLATE "C"
        OR alias >= %(search)s::text COLLATE "C" AND alias < (%(search)s || chr(127)) COLLATE "C")
    AND (%(kind)s::text IS NULL OR last_kind = %(kind)s OR %(kind)s = 'never' AND last_kind IS NULL
        OR %(kind)s = 'troubled' AND last_kind <> 'answered')
ORDER BY device.device_id
LIMIT %(limit)s;

-- name: console_devices_named
-- As console_devices, in any state, by the indexes of both names.
SELECT device.device_id, alias, url, authentication, suite, protection, labels, changed_at,
    ARRAY(SELECT kind FROM device_key WHERE device_key.device_id = device.device_id) AS keys,
    successes, failures, last_success, last_failure, last_kind
FROM (
    (SELECT device_id FROM device
     WHERE device_id > %(after)s
        AND device_id >= %(search)s::text COLLATE "C" AND device_id < (%(search)s || chr(127)) COLLATE "C"
     ORDER BY device_id LIMIT %(limit)s)
    UNION
    (SELECT device_id FROM device
     WHERE device_id > %(after)s AND alias >= %(search)s::text COLLATE "C" AND alias < (%(search)s || chr(127)) COLLATE "C"
     ORDER BY device_id LIMIT %(limit)s)
) AS named
JOIN device USING (device_id)
LEFT JOIN device_statistic USING (device_id)
ORDER BY device.device_id
LIMIT %(limit)s;

-- name: console_devices_troubled
-- As console_devices, of the few that do not answer, by their own index.
SELECT device.device_id, alias, url, authentication, suite, protection, labels, changed_at,
    ARRAY(SELECT kind FROM device_key WHERE device_key.device_id = device.device_id) AS keys,
    successes, failures, last_success, last_failure, last_kind
FROM device_statistic
JOIN device USING (device_id)
WHERE last_kind <> 'answered' AND device.device_id > %(after)s
    AND (%(search)s::text IS NULL OR starts_with(device.device_id, %(search)s) OR starts_with(alias, %(search)s))
    AND (%(kind)s = 'troubled' OR last_kind = %(kind)s)
ORDER BY device.device_id
LIMIT %(limit)s;

-- name: console_device
SELECT device.device_id, alias, url, authentication, suite, protection, labels, changed_at,
    ARRAY(SELECT kind FROM device_key WHERE device_key.device_id = device.device_id) AS keys,
    successes, failures, last_success, last_failure, last_kind
FROM device
LEFT JOIN device_statistic USING (device_id)
WHERE device.device_id = %(name)s OR alias = %(name)s OR system_title = decode(%(title)s, 'hex')
LIMIT 1;

-- name: console_device_accesses
-- The newest resources that name a device, or a group with it, each with its last outcome there.
SELECT id, created_at, state, newest.number, newest.activated_at, coalesce(answered, false) AS answered, reason,
    EXISTS (SELECT FROM activation WHERE access_id = id AND outcome = 'executing') AS under_way,
    ARRAY(SELECT apdu FROM access_request WHERE access_id = id ORDER BY position LIMIT 12) AS asked,
    (SELECT count(*) FROM access_request WHERE access_id = id)::integer AS requests
FROM (
    SELECT access_id AS id FROM access_device WHERE device_id = %(device_id)s
    UNION
    SELECT recent.id
    FROM (
        SELECT access_id AS id, group_id FROM access_group JOIN device_access ON id = access_id
        ORDER BY created_at DESC LIMIT 100
    ) AS recent
    CROSS JOIN LATERAL group_devices(recent.group_id) AS member
    WHERE member.device_id = %(device_id)s
) AS named
JOIN device_access USING (id)
LEFT JOIN LATERAL (
    SELECT done.number, done.activated_at, result.apdu IS NOT NULL AS answered, reason
    FROM (
        SELECT number, activated_at, kept_until FROM activation
        WHERE access_id = id AND outcome <> 'missed'
        ORDER BY number DESC
        LIMIT 3
    ) AS done
    JOIN result ON result.access_id = id AND request = 0 AND activation = done.number AND device_id = %(device_id)s
        AND result.kept_until = done.kept_until
    ORDER BY done.number DESC
    LIMIT 1
) AS newest ON true
ORDER BY created_at DESC
LIMIT %(limit)s;

-- name: console_device_groups
SELECT group_id FROM device_group_member WHERE device_id = %(device_id)s
UNION
SELECT group_id FROM device_group WHERE starts_with(%(device_id)s, prefix)
ORDER BY group_id;

-- name: console_notifications
-- The newest notifications that resources accepted.
SELECT id, access_id, device_id, received_at, apdu
FROM notification
WHERE id < %(before)s
ORDER BY id DESC
LIMIT %(limit)s;

-- name: console_outbox
-- Events that wait for their target, by target: how many, and since when.
SELECT target, count(*) AS events, min(created_at) AS since
FROM (SELECT target, created_at FROM event ORDER BY target, id LIMIT 10000) AS waiting
GROUP BY target
ORDER BY target;

-- name: console_audit
-- The newest entries of the audit log before a number.
SELECT number, entry
FROM audit_entry
WHERE number < %(before)s
    AND (%(actor)s::text IS NULL OR entry::jsonb ->> 'actor' = %(actor)s)
    AND (%(text)s::text IS NULL OR entry ILIKE '%%' || %(text)s || '%%')
ORDER BY number DESC
LIMIT %(limit)s;
