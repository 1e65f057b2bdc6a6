-- Devices as senders of notifications.

-- name: devices_by_host
-- The devices whose URL names this host as it is written there; IPv6 addresses stand in brackets.
SELECT device_id, url
FROM device
WHERE lower(substring(url FROM '^[^:/?#]+://(?:[^/?#@]*@)?(\[[^]]*\]|[^:/?#]*)')) = %(host)s::text
ORDER BY device_id
LIMIT %(limit)s::bigint;
