-- Sessions of the service's processes. A session is named after its process; the one that shows that it lives has a word before.

-- name: sessions_end_still
-- End all sessions of the processes that have said nothing for so long, and with them their locks: they stand still, or nothing
-- reaches them. They are chosen before any is ended: PostgreSQL may evaluate conditions in any order.
WITH named AS MATERIALIZED (
    SELECT pid, application_name AS name, state, state_change, client_addr
    FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
), still AS MATERIALIZED (
    SELECT substring(name FROM length(%(lives)s) + 1) AS process, min(coalesce(host(client_addr), 'local')) AS host
    FROM named
    WHERE starts_with(name, %(lives)s) AND state = 'idle'
    GROUP BY 1
    -- Of several connections one may be in the midst of being closed.
    HAVING max(state_change) < clock_timestamp() - %(after)s::interval
)
SELECT process, still.host, count(pg_terminate_backend(pid))
FROM still JOIN named ON name IN (process, %(lives)s || process)
GROUP BY 1, 2;
