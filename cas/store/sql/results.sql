-- What requests on devices came to. The table is partitioned by `kept_until`, which is that of the activation: a statement that says
-- it looks into one partition only.

-- name: result_insert
-- Each once, and the new ones counted in the statistics of their devices, in one statement; the results of a resource that has been
-- deleted meanwhile are dropped. Parameters in binary: text takes longer to write than the rows to store. Statistics are
-- locked in the order of the DeviceIDs, so that two processes never wait for one another in a circle; of devices that are
-- not registered any more there are none. `kind`: what a result shows of its device; NULL: nothing. Returns the devices whose
-- keys did fit, as far as was known, and do not now.
WITH new AS MATERIALIZED (
    SELECT *
    FROM unnest(
        %(access_ids)b::uuid[], %(activations)b::integer[], %(requests)b::integer[], %(device_ids)b::text[],
        %(activated)b::timestamptz[], %(apdus)b::bytea[], %(codes)b::text[], %(reasons)b::text[], %(details)b::text[],
        %(attempts)b::integer[], %(kinds)b::text[]
    ) WITH ORDINALITY AS given (
        access_id, activation, request, device_id, activated, apdu, code, reason, details, attempts, kind, place
    )
), stored AS (
    INSERT INTO result (
        access_id, activation, request, device_id, activated, apdu, code, reason, details, attempts, kept_until
    )
    SELECT new.access_id, activation, request, device_id, activated, apdu, code, reason, details, attempts, kept_until
    FROM new
    JOIN (
        SELECT access_id, number, kept_until FROM activation
        WHERE (access_id, number) IN (SELECT * FROM unnest(%(access_ids)b::uuid[], %(activations)b::integer[]))
        FOR KEY SHARE
    ) AS standing ON standing.access_id = new.access_id AND standing.number = new.activation
    ON CONFLICT DO NOTHING
    RETURNING access_id, activation, request, device_id
), counted AS (
    SELECT device_id,
        count(*) FILTER (WHERE kind = 'answered') AS successes,
        count(*) FILTER (WHERE kind <> 'answered') AS failures,
        max(activated) FILTER (WHERE kind = 'answered') AS last_success,
        max(activated) FILTER (WHERE kind <> 'answered') AS last_failure,
        (array_agg(kind ORDER BY activated DESC, place DESC))[1] AS last_kind
    FROM stored JOIN new USING (access_id, activation, request, device_id)
    WHERE kind IS NOT NULL
    GROUP BY device_id
), registered AS (
    SELECT counted.* FROM counted JOIN device USING (device_id) ORDER BY device_id FOR KEY SHARE OF device
), written AS (
    INSERT INTO device_statistic AS known (device_id, successes, failures, last_success, last_failure, last_kind)
    SELECT * FROM registered
    ON CONFLICT (device_id) DO UPDATE SET
        successes = known.successes + excluded.successes,
        failures = known.failures + excluded.failures,
        last_success = greatest(known.last_success, excluded.last_success),
        last_failure = greatest(known.last_failure, excluded.last_failure),
        -- a result that is older than what is known changes the counts only
        last_kind = CASE
            WHEN greatest(excluded.last_success, excluded.last_failure) >= greatest(known.last_success, known.last_failure)
                THEN excluded.last_kind
            ELSE known.last_kind
        END
    RETURNING known.device_id, known.last_kind
)
SELECT device_id
FROM written
LEFT JOIN device_statistic AS before USING (device_id)
WHERE written.last_kind = 'wrong-keys' AND before.last_kind IS DISTINCT FROM 'wrong-keys';

-- name: result_fill
-- A failure for every result that an activation lacks.
INSERT INTO result (access_id, activation, request, device_id, activated, code, reason, details, kept_until)
SELECT activation.access_id, number, request.position, device_id, activated_at, %(code)s, %(reason)s, %(details)s, kept_until
FROM activation
JOIN activation_chunk AS chunk USING (access_id, number)
CROSS JOIN LATERAL unnest(chunk.device_ids) AS device (device_id)
JOIN access_request AS request ON request.access_id = activation.access_id
    AND request.since <= activation.number AND (request.until IS NULL OR request.until >= activation.number)
WHERE activation.access_id = %(access_id)s AND number = %(number)s
FOR KEY SHARE OF activation
ON CONFLICT DO NOTHING;

-- name: result_span
-- The activations whose results a selection may have, and how long they are kept, as text: it may be infinity. None: NULLs.
SELECT min(number), max(number), min(kept_until)::text, max(kept_until)::text
FROM activation
WHERE access_id = ANY(%(ids)s) AND (%(end)s::timestamptz IS NULL OR activated_at < %(end)s)
    AND (%(start)s::timestamptz IS NULL OR finished_at IS NULL OR finished_at >= %(start)s);

-- name: result_page
-- The next results of a resource by request and activation, behind the last one of the page before: `page` rows at the most, and
-- `octets` unless the first has more. With each the number of rows that were there for this page.
SELECT access_id, activation, request, device_id, activated, apdu, code, reason, details, attempts, candidates
FROM (
    SELECT *, count(*) OVER () AS candidates,
        sum(octets) OVER (ORDER BY request, activation, device_id) - octets AS octets_before
    FROM (
        SELECT access_id, activation, request, device_id, activated, apdu, code, reason, details, attempts,
            coalesce(octet_length(apdu), 0) AS octets
        FROM result
        WHERE access_id = %(id)s AND kept_until BETWEEN %(first_kept)s AND %(last_kept)s
            AND activation BETWEEN %(first)s AND %(last)s
            AND (request, activation, device_id) > (%(after_request)s, %(after_activation)s, %(after_device_id)s)
            AND (%(start)s::timestamptz IS NULL OR activated >= %(start)s)
            AND (%(end)s::timestamptz IS NULL OR activated < %(end)s)
            AND (%(device_ids)s::text[] IS NULL OR device_id = ANY(%(device_ids)s) OR EXISTS (
                SELECT FROM unnest(%(groups)s::text[]) AS named (group_id)
                CROSS JOIN LATERAL group_devices(named.group_id) AS member
                WHERE member.device_id = result.device_id
            ))
        ORDER BY request, activation, device_id
        LIMIT %(page)s
    ) AS page
) AS measured
WHERE octets_before < %(octets)s
ORDER BY request, activation, device_id;

-- name: result_page_last_valid
-- The same of only the newest answer of each device to each request: of those that no later one of the selection follows.
SELECT access_id, activation, request, device_id, activated, apdu, code, reason, details, attempts, candidates
FROM (
    SELECT *, count(*) OVER () AS candidates,
        sum(octets) OVER (ORDER BY request, activation, device_id) - octets AS octets_before
    FROM (
        SELECT access_id, activation, request, device_id, activated, apdu, code, reason, details, attempts,
            coalesce(octet_length(apdu), 0) AS octets
        FROM result
        WHERE access_id = %(id)s AND code IS NULL AND kept_until BETWEEN %(first_kept)s AND %(last_kept)s
            AND activation BETWEEN %(first)s AND %(last)s
            AND (request, activation, device_id) > (%(after_request)s, %(after_activation)s, %(after_device_id)s)
            AND (%(start)s::timestamptz IS NULL OR activated >= %(start)s)
            AND (%(end)s::timestamptz IS NULL OR activated < %(end)s)
            AND (%(device_ids)s::text[] IS NULL OR device_id = ANY(%(device_ids)s) OR EXISTS (
                SELECT FROM unnest(%(groups)s::text[]) AS named (group_id)
                CROSS JOIN LATERAL group_devices(named.group_id) AS member
                WHERE member.device_id = result.device_id
            ))
            AND NOT EXISTS (
                SELECT
                FROM activation AS later
                CROSS JOIN LATERAL (
                    SELECT FROM result AS newer
                    WHERE newer.access_id = %(id)s AND newer.request = result.request AND newer.activation = later.number
                        AND newer.device_id = result.device_id AND newer.kept_until = later.kept_until AND newer.code IS NULL
                        AND newer.kept_until BETWEEN %(first_kept)s AND %(last_kept)s
                        AND (%(start)s::timestamptz IS NULL OR newer.activated >= %(start)s)
                        AND (%(end)s::timestamptz IS NULL OR newer.activated < %(end)s)
                    OFFSET 0
                ) AS found
                WHERE later.access_id = %(id)s AND later.number > result.activation AND later.number <= %(last)s
            )
        ORDER BY request, activation, device_id
        LIMIT %(page)s
    ) AS page
) AS measured
WHERE octets_before < %(octets)s
ORDER BY request, activation, device_id;

-- name: result_tally
-- The results that are there, those that failed, and those that activations under way do not have yet. They come after the
-- activation began.
SELECT count(apdu), count(code), (
    SELECT count(*)
    FROM activation
    JOIN activation_chunk AS chunk USING (access_id, number)
    CROSS JOIN LATERAL unnest(chunk.device_ids) AS device (device_id)
    JOIN access_request AS request ON request.access_id = activation.access_id
        AND request.since <= activation.number AND (request.until IS NULL OR request.until >= activation.number)
    WHERE activation.access_id = ANY(%(ids)s) AND outcome = 'executing'
        AND (%(end)s::timestamptz IS NULL OR activated_at < %(end)s)
        AND chunk.state <> 'done'
        AND (%(device_ids)s::text[] IS NULL OR device_id = ANY(%(device_ids)s) OR EXISTS (
            SELECT FROM unnest(%(groups)s::text[]) AS named (group_id)
            CROSS JOIN LATERAL group_devices(named.group_id) AS member
            WHERE member.device_id = device.device_id
        ))
        AND NOT EXISTS (
            SELECT FROM result
            WHERE result.access_id = activation.access_id AND result.request = request.position
                AND result.activation = activation.number AND result.device_id = device.device_id
                AND result.kept_until = activation.kept_until
                AND result.kept_until BETWEEN %(first_kept)s AND %(last_kept)s
        )
)
FROM result
WHERE access_id = ANY(%(ids)s) AND kept_until BETWEEN %(first_kept)s AND %(last_kept)s
    AND activation BETWEEN %(first)s AND %(last)s
    AND (%(start)s::timestamptz IS NULL OR activated >= %(start)s)
    AND (%(end)s::timestamptz IS NULL OR activated < %(end)s)
    AND (%(device_ids)s::text[] IS NULL OR device_id = ANY(%(device_ids)s) OR EXISTS (
        SELECT FROM unnest(%(groups)s::text[]) AS named (group_id)
        CROSS JOIN LATERAL group_devices(named.group_id) AS member
        WHERE member.device_id = result.device_id
    ));

-- name: result_fresh
-- The newest stored answer to each request of a resource that was made at or after its NotOlderThan, with the request. Only to
-- requests that read, and that nothing precedes that is not a read: it may change what is read, or the association.
SELECT wanted.position, named.device_id, newest.activated, newest.apdu, wanted.apdu
FROM device_access AS resource
JOIN access_request AS wanted ON wanted.access_id = resource.id
CROSS JOIN unnest(%(device_ids)s::text[]) AS named (device_id)
CROSS JOIN LATERAL (
    SELECT activated, result.apdu
    FROM result
    JOIN access_request AS made ON made.access_id = result.access_id AND made.position = result.request
    WHERE result.device_id = named.device_id AND result.apdu IS NOT NULL AND activated >= resource.not_older_than
        AND result.access_id <> resource.id AND made.digest = wanted.digest
        AND NOT EXISTS (
            SELECT FROM access_request AS earlier
            WHERE earlier.access_id = made.access_id AND earlier.position < made.position AND earlier.digest IS NULL
        )
    ORDER BY activated DESC
    LIMIT 1
) AS newest
WHERE resource.id = %(access_id)s AND resource.not_older_than <= resource.created_at AND wanted.since = 1
    AND NOT EXISTS (
        SELECT FROM access_request AS earlier
        WHERE earlier.access_id = resource.id AND earlier.position < wanted.position AND earlier.digest IS NULL
    );
