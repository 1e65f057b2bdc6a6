-- The directory of resources.

-- name: directory_after
-- A page of resources in the order of their making, each with its devices as the client named them, its groups, its requests and
-- its last activation.
SELECT id, created_at, state, reply_address, async_reply, priority, activates, repeating_interval, duration, expires,
    not_older_than, accept_data_notification,
    ARRAY(SELECT name FROM access_device WHERE access_id = id ORDER BY position),
    ARRAY(SELECT group_id FROM access_group WHERE access_id = id ORDER BY position),
    ARRAY(SELECT apdu FROM access_request WHERE access_id = id AND until IS NULL ORDER BY position),
    last.activated_at, last.outcome
FROM device_access
LEFT JOIN LATERAL (
    SELECT activated_at, outcome FROM activation WHERE access_id = id ORDER BY number DESC LIMIT 1
) AS last ON true
WHERE (created_at, id) > (%(created_at)s, %(id)s)
ORDER BY created_at, id
LIMIT %(page)s;
