-- Devices as senders of notifications.

-- name: devices_by_host
-- The devices whose URL names this host as it is written there; IPv6 addresses stand in brackets.
SELECT device_id, url
FROM device
WHERE lower(substring(url FROM '^[^:/?#]+://(?:[^/?#@]*@)?(\[[^]]*\]|[^:/?#]*)')) = %(host)s::text
ORDER BY device_id
LIMIT %(limit)s::bigint;

-- name: push_counter_last
SELECT counter FROM push_counter WHERE scope = %(scope)s;

-- name: push_counter_accept
INSERT INTO push_counter (scope, counter) VALUES (%(scope)s, %(counter)s)
ON CONFLICT (scope) DO UPDATE SET counter = greatest(push_counter.counter, excluded.counter);
