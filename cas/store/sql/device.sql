-- Devices, their keys and their invocation counters.

-- name: device_columns_of_names
-- Parameters: system titles and aliases that a request names.
SELECT device_id, system_title, alias, url, authentication, suite, protection, client_system_title, max_pdu, timeout_s,
       quirks, labels
FROM device
WHERE system_title = ANY(%(titles)s::bytea[])
UNION
SELECT device_id, system_title, alias, url, authentication, suite, protection, client_system_title, max_pdu, timeout_s,
       quirks, labels
FROM device
WHERE alias = ANY(%(aliases)s::text[]);
