-- What the operators' console shows of activations and devices without reading all results.

-- How many results an activation came to when it ended, and how many of them are failures; NULL while it is under way.
ALTER TABLE activation ADD COLUMN result_count bigint, ADD COLUMN failure_count bigint;
CREATE INDEX activation_begun ON activation (activated_at);

-- Failures are few, one hopes, among many results.
CREATE INDEX result_failed ON result (access_id, activation, device_id) WHERE code IS NOT NULL;
CREATE INDEX device_statistic_troubled ON device_statistic (last_kind, device_id) WHERE last_kind <> 'answered';

-- The resources that are not over, and those that name a device.
CREATE INDEX device_access_active ON device_access (created_at, id) WHERE state = 'active';
CREATE INDEX access_device_named ON access_device (device_id);
