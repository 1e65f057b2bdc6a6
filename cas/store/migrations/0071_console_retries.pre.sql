-- What the console made to retry an activation names it in its CorrelationID: it is looked for there.
CREATE INDEX device_access_retry ON device_access (correlation_id) WHERE source = 'console';

-- Failures are to be found among many that went well.
CREATE INDEX activation_failed ON activation (access_id) WHERE failure_count > 0;
