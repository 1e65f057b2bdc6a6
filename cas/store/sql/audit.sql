-- The audit log: a chain of hashes, to which entries are only added.

-- name: audit_lock
-- One writer at a time: each entry hashes the one before.
SELECT pg_advisory_xact_lock(hashtextextended('cas.audit', 0));

-- name: audit_head
SELECT number, hash FROM audit_entry ORDER BY number DESC LIMIT 1;

-- name: audit_append
INSERT INTO audit_entry (number, entry, hash)
SELECT * FROM unnest(%(numbers)s::bigint[], %(entries)s::text[], %(hashes)s::bytea[]) ORDER BY 1;

-- name: audit_page
SELECT number, entry, hash FROM audit_entry WHERE number > %(after)s ORDER BY number LIMIT %(page)s;

-- name: audit_newest
-- The newest entries that fit, oldest of them first.
SELECT * FROM (
    SELECT number, entry, hash
    FROM audit_entry
    WHERE (%(actor)s::text IS NULL OR entry::jsonb ->> 'actor' = %(actor)s)
        AND (%(action)s::text IS NULL OR entry::jsonb ->> 'action' = %(action)s)
    ORDER BY number DESC
    LIMIT %(limit)s
) AS newest
ORDER BY number;
