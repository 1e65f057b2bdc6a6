-- The audit log: a chain of hashes, to which entries are only added.

-- name: audit_append
SELECT audit_append(%(contents)s::text[]);

-- name: audit_append_before
-- Of what is about to be done: it is durable with the next commit that waits for that, at the latest, as the log of the database is
-- written in order. So who does it commits, and waits for that, before anything is sent to a device or answered.
SELECT audit_append(%(contents)s::text[]), set_config('synchronous_commit', 'off', true);

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
