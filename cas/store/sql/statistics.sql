-- How communication with devices went.

-- name: statistics_by_id
-- Of these devices; a device that nobody asked anything has no row.
SELECT device_id, successes, failures, last_success, last_failure, last_kind
FROM device_statistic
WHERE device_id = ANY(%(device_ids)s::text[]);
