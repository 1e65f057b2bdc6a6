-- The device registry. DeviceID is the system title as 16 upper case hex digits, or an alias, which never looks like one.
-- Collation "C" makes a prefix of a DeviceID a range of the primary key's index.
CREATE TABLE device (
    device_id text COLLATE "C" PRIMARY KEY,
    system_title bytea UNIQUE CHECK (octet_length(system_title) = 8),
    alias text COLLATE "C" UNIQUE CHECK (alias !~* '^[0-9a-f]{16}$'),
    url text NOT NULL,
    authentication text NOT NULL,
    suite smallint NOT NULL CHECK (suite BETWEEN 0 AND 2),
    protection text NOT NULL CHECK (protection IN ('none', 'authenticated', 'encrypted', 'both')),
    client_system_title bytea CHECK (octet_length(client_system_title) = 8),
    max_pdu integer NOT NULL CHECK (max_pdu BETWEEN 0 AND 65535),
    quirks jsonb NOT NULL DEFAULT '{}',
    labels jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    CHECK (device_id = upper(encode(system_title, 'hex')) OR device_id = alias)
);

-- Keys of devices, each encrypted under a master key; the additional data binds device and kind.
CREATE TABLE device_key (
    device_id text COLLATE "C" NOT NULL REFERENCES device ON DELETE CASCADE,
    kind text NOT NULL,
    master_key_id text NOT NULL,
    wrapped bytea NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, kind)
);

-- Invocation counters. An initialization vector is a system title and a counter, so what may never repeat is a counter
-- under one key and one client system title: `scope` is a digest of the two. No foreign key: a counter outlives the
-- registration of its device. `next` is the lowest value not yet handed out.
CREATE TABLE invocation_counter (
    scope bytea PRIMARY KEY CHECK (octet_length(scope) = 16),
    next bigint NOT NULL CHECK (next >= 1)
) WITH (fillfactor = 50);
