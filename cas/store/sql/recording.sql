-- name: devices_recorded
SELECT device_id, since FROM recorded_device ORDER BY device_id;

-- name: recording_start
INSERT INTO recorded_device (device_id) SELECT unnest(%(device_ids)s::text[]) ON CONFLICT DO NOTHING;

-- name: recording_stop
DELETE FROM recorded_device WHERE device_id = ANY (%(device_ids)s::text[]);
