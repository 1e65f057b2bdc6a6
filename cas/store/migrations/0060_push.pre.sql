-- The greatest invocation counter that was accepted of a device's notifications, by key and system title.
CREATE TABLE push_counter (
    scope bytea PRIMARY KEY,
    counter bigint NOT NULL
);

-- Senders without a system title are recognised by their address, which stands in the URL.
CREATE INDEX device_host ON device (
    (lower(substring(url FROM '^[^:/?#]+://(?:[^/?#@]*@)?(\[[^]]*\]|[^:/?#]*)'))), device_id
);
