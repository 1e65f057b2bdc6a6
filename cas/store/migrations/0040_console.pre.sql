-- What the operators' console shows of activations and devices without reading all results.

-- How many results an activation came to when it ended, and how many of them are failures; NULL while it is under way.
ALTER TABLE activation ADD COLUMN result_count bigint, ADD COLUMN failure_count bigint;
CREATE INDEX activation_begun ON activation (activated_at);

-- The resources that name a device.
CREATE INDEX access_device_named ON access_device (device_id);

-- The devices that do not answer: few, one hopes, among many.
CREATE INDEX device_statistic_troubled ON device_statistic (last_kind, device_id) WHERE last_kind <> 'answered';
