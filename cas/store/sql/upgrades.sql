-- Firmware images under way.

-- name: image_transfer_find
SELECT digest, phase FROM image_transfer WHERE device_id = %(device_id)s;

-- name: image_transfer_note
INSERT INTO image_transfer (device_id, digest, phase)
VALUES (%(device_id)s, %(digest)s, %(phase)s)
ON CONFLICT (device_id) DO UPDATE SET digest = excluded.digest, phase = excluded.phase, noted_at = now();

-- name: image_transfer_forget
DELETE FROM image_transfer WHERE device_id = %(device_id)s;
