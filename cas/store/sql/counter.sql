-- Invocation counters. `next` is the lowest value not yet handed out; 4294967295 is the highest there is.

-- name: counter_reserve
-- Reserve `count` values, the last of which is next - 1; some may lie above the highest. No row: none is left. Committed before a value is used, whatever
-- the server's default: a value that a crash forgets would be handed out twice.
INSERT INTO invocation_counter AS stored (scope, next)
SELECT scope, 1 + count FROM unnest(%(scopes)s::bytea[], %(counts)s::bigint[]) AS wanted (scope, count) ORDER BY scope
ON CONFLICT (scope) DO UPDATE SET next = stored.next + excluded.next - 1
WHERE stored.next <= 4294967295
RETURNING scope, next, set_config('synchronous_commit', 'on', true);

-- name: counter_raise
-- Never lowers. In the order of their scopes, as those above: so that no two statements wait for each other.
INSERT INTO invocation_counter AS stored (scope, next)
SELECT scope, next FROM unnest(%(scopes)s::bytea[], %(values)s::bigint[]) AS reached (scope, next) ORDER BY scope
ON CONFLICT (scope) DO UPDATE SET next = greatest(stored.next, excluded.next)
RETURNING next, set_config('synchronous_commit', 'on', true);

-- name: counters_read
SELECT scope, next FROM invocation_counter WHERE scope = ANY(%(scopes)s::bytea[]);

-- name: counters_skip
-- Values that may have been used by a database that is lost. One that is shared by several devices may skip more than once.
INSERT INTO invocation_counter AS stored (scope, next)
SELECT scope, 1 + %(skip)s::bigint FROM unnest(%(scopes)s::bytea[]) AS used (scope)
ON CONFLICT (scope) DO UPDATE SET next = least(stored.next + %(skip)s::bigint, %(highest)s::bigint + 1);
