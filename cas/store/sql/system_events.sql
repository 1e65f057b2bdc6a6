-- Numbered events of the service itself.

-- name: system_events_add
WITH added AS (
    INSERT INTO system_event (at, number, subject, process, details, repeats, published)
    SELECT at, number, subject, %(process)s, details, repeats, NOT EXISTS (SELECT FROM event_broker)
    FROM unnest(%(ats)s::timestamptz[], %(numbers)s::integer[], %(subjects)s::text[], %(details)s::jsonb[], %(repeats)s::integer[])
        AS new (at, number, subject, details, repeats)
    RETURNING published
)
SELECT pg_notify('cas_event', coalesce((SELECT min(target) FROM event_broker), '')) FROM added LIMIT 1;

-- name: system_events_newest
-- The newest of those that fit, behind (older than) one, or before (newer than) one.
SELECT id, at, number, subject, process, details, repeats, message_id
FROM system_event
WHERE (%(before)s::bigint IS NULL OR id < %(before)s) AND (%(after)s::bigint IS NULL OR id > %(after)s)
    AND (%(numbers)s::integer[] IS NULL OR number = ANY(%(numbers)s))
    AND (%(subject)s::text IS NULL OR subject = %(subject)s)
ORDER BY id DESC
LIMIT %(limit)s;

-- name: system_events_set
-- Without a broker nobody waits for the events of the system.
UPDATE system_event SET published = true WHERE NOT published AND NOT EXISTS (SELECT FROM event_broker);

-- name: system_event_unpublished
SELECT id, at, number, subject, process, details, repeats, message_id
FROM system_event WHERE NOT published ORDER BY id LIMIT 1;

-- name: system_event_publish
UPDATE system_event SET published = true WHERE id = %(id)s;

-- name: system_events_forget
DELETE FROM system_event
WHERE id IN (
    SELECT id FROM system_event WHERE at < %(now)s::timestamptz - (SELECT keep FROM retention) ORDER BY at LIMIT %(most)s
);
