-- Sessions of the service's processes. A session is named after its process; one that shows that it lives has a word before.

-- name: sessions_still
-- Those that were to show that they live, and have said nothing for so long; and all other sessions of processes that have only
-- such: they stand still, or nothing reaches them.
WITH named AS MATERIALIZED (
    SELECT pid, coalesce(host(client_addr), 'local') AS host, starts_with(application_name, %(lives)s) AS lives,
        CASE WHEN starts_with(application_name, %(lives)s) THEN substring(application_name FROM length(%(lives)s) + 1)
            ELSE application_name END AS process,
        state = 'idle' AND state_change < clock_timestamp() - %(after)s::interval AS still
    FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user
), judged AS (
    SELECT process, bool_and(still) AS still FROM named WHERE lives GROUP BY process
)
SELECT pid, process, host
FROM named JOIN judged USING (process)
WHERE CASE WHEN lives THEN named.still ELSE judged.still END;

-- name: sessions_end
-- And with them go their locks.
SELECT pg_terminate_backend(pid) FROM unnest(%(pids)s::integer[]) AS still (pid);
