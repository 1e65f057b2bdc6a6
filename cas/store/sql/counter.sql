-- Invocation counters. `next` is the lowest value not yet handed out; 4294967295 is the highest there is.

-- name: counter_reserve
-- Reserve `count` values, the last of which is next - 1; some may lie above the highest. No row: none is left. Committed before a value is used, whatever
-- the server's default: a value that a crash forgets would be handed out twice.
INSERT INTO invocation_counter AS stored (scope, next)
VALUES (%(scope)s::bytea, 1 + %(count)s::bigint)
ON CONFLICT (scope) DO UPDATE SET next = stored.next + %(count)s::bigint
WHERE stored.next <= 4294967295
RETURNING next, set_config('synchronous_commit', 'on', true);

-- name: counter_raise
-- Never lowers.
INSERT INTO invocation_counter AS stored (scope, next)
VALUES (%(scope)s::bytea, %(next)s::bigint)
ON CONFLICT (scope) DO UPDATE SET next = greatest(stored.next, excluded.next)
RETURNING next, set_config('synchronous_commit', 'on', true);

-- name: counters_read
SELECT scope, next FROM invocation_counter WHERE scope = ANY(%(scopes)s::bytea[]);

-- name: counters_skip
-- Values that may have been used by a database that is lost. One that is shared by several devices may skip more than once.
INSERT INTO invocation_counter AS stored (scope, next)
SELECT scope, 1 + %(skip)s::bigint FROM unnest(%(scopes)s::bytea[]) AS used (scope)
ON CONFLICT (scope) DO UPDATE SET next = least(stored.next + %(skip)s::bigint, %(highest)s::bigint + 1);
