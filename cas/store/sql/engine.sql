-- The engine: which resources are due, their activations in chunks of devices, and what processes tell each other.
-- `now` is always a parameter: in service the database's clock, in tests what they choose.

-- name: engine_clock
SELECT clock_timestamp();

-- name: engine_next_moment
-- When there is something to do next: an activation that is due, the end of a window, of a resource.
SELECT least(
    (SELECT min(next_at) FROM device_access
     WHERE next_at IS NOT NULL AND state = 'active'
        AND NOT EXISTS (SELECT FROM activation WHERE access_id = id AND outcome = 'executing')),
    (SELECT min(deadline) FROM activation WHERE outcome = 'executing' AND deadline > %(now)s),
    (SELECT min(expires) FROM device_access WHERE expires IS NOT NULL AND state = 'active' AND expires > %(now)s)
);

-- name: resource_due
-- A resource whose time has come and that nobody is planning. One whose last activation is still under way waits for it.
SELECT id, created_at, activates, repeating_interval, duration, expires, next_k, priority, accept_data_notification,
    (SELECT coalesce(max(number), 0) FROM activation WHERE access_id = id)
FROM device_access AS resource
WHERE next_at <= %(now)s AND state = 'active'
    AND NOT EXISTS (SELECT FROM activation WHERE access_id = id AND outcome = 'executing')
ORDER BY priority, next_at
LIMIT 1
FOR UPDATE OF resource SKIP LOCKED;

-- name: resource_to_plan
-- The same of one resource, whether it is due or not.
SELECT id, created_at, activates, repeating_interval, duration, expires, next_k, priority, accept_data_notification,
    (SELECT coalesce(max(number), 0) FROM activation WHERE access_id = id)
FROM device_access AS resource
WHERE id = %(access_id)s AND state = 'active'
FOR UPDATE OF resource;

-- name: resource_plan_next
-- One without a further activation is finished, unless it waits for notifications or for the end of the last activation.
UPDATE device_access SET
    next_k = %(next_k)s, next_at = %(next_at)s,
    state = CASE
        WHEN %(next_at)s::timestamptz IS NULL AND NOT accept_data_notification AND NOT EXISTS (
            SELECT FROM activation WHERE access_id = id AND outcome = 'executing'
        ) THEN 'finished'
        ELSE state
    END
WHERE id = %(access_id)s;

-- name: resources_expire
-- Resources whose end has come, and that have nothing under way.
UPDATE device_access SET state = 'finished', next_at = NULL
WHERE state = 'active' AND expires <= %(now)s
    AND NOT EXISTS (SELECT FROM activation WHERE access_id = id AND outcome = 'executing')
RETURNING id;

-- name: activations_missed
INSERT INTO activation (access_id, number, scheduled_at, activated_at, finished_at, outcome)
SELECT %(access_id)s, number, moment, moment, %(now)s, 'missed'
FROM unnest(%(numbers)s::integer[], %(moments)s::timestamptz[]) AS missed (number, moment);

-- name: activation_plan
INSERT INTO activation (access_id, number, scheduled_at, activated_at, deadline, outcome)
VALUES (%(access_id)s, %(number)s, %(scheduled_at)s, %(now)s, %(deadline)s, 'executing');

-- name: activation_fan_out
-- The devices as of now, in chunks, each with a job; all inside the database, so that no process holds a million names.
WITH device AS (
    SELECT device_id, row_number() OVER (ORDER BY device_id COLLATE "C") - 1 AS place
    FROM access_targets(%(access_id)s)
), chunk AS (
    INSERT INTO activation_chunk (access_id, number, chunk, device_ids)
    SELECT %(access_id)s, %(number)s, place / %(chunk_size)s, array_agg(device_id)
    FROM device
    GROUP BY place / %(chunk_size)s
    RETURNING chunk, cardinality(device_ids) AS devices
), job AS (
    SELECT coalesce(cardinality(procrastinate_defer_jobs_v1(array_agg(
        ROW(
            %(queue)s, %(task)s, %(job_priority)s, %(access_id)s::text || ' ' || %(number)s || ' ' || chunk, NULL,
            jsonb_build_object('access_id', %(access_id)s::text, 'number', %(number)s, 'chunk', chunk), NULL
        )::procrastinate_job_to_defer_v1 ORDER BY chunk
    ))), 0) AS jobs
    FROM chunk
), counted AS (
    UPDATE activation SET open_chunks = jobs FROM job
    WHERE access_id = %(access_id)s AND number = %(number)s
)
SELECT jobs, (SELECT coalesce(sum(devices), 0)::bigint FROM chunk) FROM job;

-- name: chunk_take
-- Begin, or take over from a process that is no more.
UPDATE activation_chunk AS chunk SET state = 'running', run = run + 1
FROM activation, device_access
WHERE chunk.access_id = %(access_id)s AND chunk.number = %(number)s AND chunk.chunk = %(chunk)s AND chunk.state <> 'done'
    AND activation.access_id = chunk.access_id AND activation.number = chunk.number
    AND device_access.id = chunk.access_id
RETURNING chunk.access_id, chunk.number, chunk.chunk, chunk.run, chunk.passes, activation.deadline,
    device_access.priority, device_access.state = 'canceled',
    activation.number = 1 AND repeating_interval IS NULL AND (activates IS NULL OR activates <= created_at),
    activation.number = 1 AND coalesce(not_older_than <= created_at, false);

-- name: chunk_over
-- A chunk whose turn has not come, and that is no longer to be done: its window is over, or its resource canceled.
SELECT chunk.access_id, chunk.number, chunk.chunk
FROM activation
JOIN device_access ON device_access.id = activation.access_id
JOIN activation_chunk AS chunk USING (access_id, number)
WHERE outcome = 'executing' AND chunk.state = 'waiting'
    AND (deadline <= %(now)s OR device_access.state = 'canceled')
LIMIT 1
FOR UPDATE OF chunk SKIP LOCKED;

-- name: chunk_requests
SELECT position, apdu, master_key_id, sealed FROM access_request AS request
WHERE access_id = %(access_id)s AND request.since <= %(number)s AND (request.until IS NULL OR request.until >= %(number)s)
ORDER BY position;

-- name: chunk_pending
-- The devices of a chunk that lack results, with the requests that they lack, those of them that may have been sent before,
-- and the last failure.
SELECT device.device_id, device.missing,
    ARRAY(
        SELECT request FROM activation_sent AS sent
        WHERE sent.access_id = %(access_id)s AND sent.number = %(number)s AND sent.device_id = device.device_id
            AND request = ANY(device.missing)
    ),
    coalesce(attempts, 0), code, reason, details
FROM (
    SELECT listed.device_id, array_agg(request.position ORDER BY request.position) AS missing
    FROM activation_chunk AS chunk
    CROSS JOIN LATERAL unnest(device_ids) AS listed (device_id)
    JOIN access_request AS request ON request.access_id = chunk.access_id
        AND request.since <= chunk.number AND (request.until IS NULL OR request.until >= chunk.number)
    WHERE chunk.access_id = %(access_id)s AND chunk.number = %(number)s AND chunk.chunk = %(chunk)s
        AND NOT EXISTS (
            SELECT FROM result
            WHERE result.access_id = %(access_id)s AND result.request = request.position
                AND result.activation = %(number)s AND result.device_id = listed.device_id
                AND result.kept_until = (
                    SELECT kept_until FROM activation WHERE access_id = %(access_id)s AND number = %(number)s
                )
        )
    GROUP BY listed.device_id
) AS device
LEFT JOIN activation_attempt AS attempt
    ON attempt.access_id = %(access_id)s AND attempt.number = %(number)s AND attempt.device_id = device.device_id
ORDER BY device.device_id;

-- name: chunk_attempts
INSERT INTO activation_attempt (access_id, number, device_id, attempts, code, reason, details)
SELECT %(access_id)s, %(number)s, failed.*
FROM unnest(%(device_ids)s::text[], %(attempts)s::integer[], %(codes)s::text[], %(reasons)s::text[], %(details)s::text[])
    AS failed (device_id, attempts, code, reason, details)
WHERE EXISTS (
    SELECT FROM activation WHERE access_id = %(access_id)s AND number = %(number)s AND outcome = 'executing' FOR KEY SHARE
)
ON CONFLICT (access_id, number, device_id) DO UPDATE
SET attempts = excluded.attempts, code = excluded.code, reason = excluded.reason, details = excluded.details;

-- name: chunk_wait
-- Not done yet: it waits for its next turn. No row: another process has taken it.
UPDATE activation_chunk SET state = 'waiting', passes = passes + %(passes)s
WHERE access_id = %(access_id)s AND number = %(number)s AND chunk = %(chunk)s AND run = %(run)s AND state = 'running'
RETURNING chunk;

-- name: chunk_defer
-- Unless it has one to be done already, because its last one is done for a process that died.
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW(
        %(queue)s, %(task)s, %(job_priority)s, %(access_id)s::text || ' ' || %(number)s || ' ' || %(chunk)s, NULL,
        jsonb_build_object('access_id', %(access_id)s::text, 'number', %(number)s, 'chunk', %(chunk)s), %(at)s::timestamptz
    )::procrastinate_job_to_defer_v1
])
WHERE NOT EXISTS (
    SELECT FROM procrastinate_jobs
    WHERE lock = %(access_id)s::text || ' ' || %(number)s || ' ' || %(chunk)s AND status = 'todo'
);

-- name: chunk_done
-- No row: it was done before, or another process has taken it.
WITH done AS (
    UPDATE activation_chunk SET state = 'done'
    WHERE access_id = %(access_id)s AND number = %(number)s AND chunk = %(chunk)s AND run = %(run)s AND state = 'running'
    RETURNING chunk
)
UPDATE activation SET open_chunks = open_chunks - 1, stopped = stopped OR %(stopped)s
FROM done
WHERE access_id = %(access_id)s AND number = %(number)s
RETURNING open_chunks, stopped;

-- name: job_end
-- Of the last attempt alone: any earlier one has lost the job to it.
DELETE FROM procrastinate_jobs WHERE id = %(id)s AND attempts = %(attempts)s AND status = 'doing';

-- name: job_again
-- The same, to be done again; it keeps its place among its equals.
UPDATE procrastinate_jobs SET status = 'todo', attempts = attempts + 1, scheduled_at = now() + %(after)s::interval
WHERE id = %(id)s AND attempts = %(attempts)s AND status = 'doing';

-- name: sent_claim
-- The right to send requests that change a device; who gets no row must not send.
INSERT INTO activation_sent (access_id, number, device_id, request)
SELECT claim.*
FROM unnest(%(access_ids)s::uuid[], %(numbers)s::integer[], %(device_ids)s::text[], %(requests)s::integer[])
    AS claim (access_id, number, device_id, request)
JOIN activation USING (access_id, number)
WHERE outcome = 'executing' AND NOT EXISTS (
    SELECT FROM result
    WHERE result.access_id = claim.access_id AND result.request = claim.request
        AND result.activation = claim.number AND result.device_id = claim.device_id
        AND result.kept_until = activation.kept_until
)
ON CONFLICT DO NOTHING
RETURNING access_id, number, device_id, request, set_config('synchronous_commit', 'on', true);

-- name: sent_claim_all
-- Whatever is not a read, of all activations under way, counts as sent.
INSERT INTO activation_sent (access_id, number, device_id, request)
SELECT access_id, activation.number, device_id, position
FROM activation
JOIN activation_chunk AS chunk USING (access_id, number)
CROSS JOIN LATERAL unnest(device_ids) AS listed (device_id)
JOIN access_request AS request USING (access_id)
WHERE outcome = 'executing' AND digest IS NULL
    AND request.since <= activation.number AND (request.until IS NULL OR request.until >= activation.number)
    AND NOT EXISTS (
        SELECT FROM result
        WHERE result.access_id = activation.access_id AND result.request = position
            AND result.activation = activation.number AND result.device_id = listed.device_id
            AND result.kept_until = activation.kept_until
    )
ON CONFLICT DO NOTHING;

-- name: sent_release
-- It was not executed after all, that is certain: it may be sent again.
DELETE FROM activation_sent
WHERE access_id = %(access_id)s AND number = %(number)s AND device_id = %(device_id)s AND request = %(request)s;

-- name: activation_is_over
-- Whether nothing of a resource is under way.
SELECT NOT EXISTS (SELECT FROM activation WHERE access_id = %(access_id)s AND outcome = 'executing');

-- name: resources_stopped
-- Those of these resources that are canceled or gone: what a process asks that may have missed a notification.
SELECT wanted.id FROM unnest(%(ids)s::uuid[]) AS wanted (id)
LEFT JOIN device_access USING (id)
WHERE device_access.id IS NULL OR state = 'canceled';

-- name: engine_depth
-- What waits and what is under way, in all processes.
SELECT queue_name, status::text, count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') GROUP BY 1, 2
UNION ALL
SELECT '', 'activations', count(*) FROM activation WHERE outcome = 'executing'
UNION ALL
SELECT '', 'events', count(*) FROM event;
