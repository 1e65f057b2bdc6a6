-- Groups of devices (IEC TS 62056-9-1, 5.3): with a prefix, all devices whose DeviceID begins with it; else those listed.
-- DG_ALL_METERS is no row: it is there in every database, and nobody can change it.
CREATE TABLE device_group (
    group_id text COLLATE "C" PRIMARY KEY CHECK (group_id <> 'DG_ALL_METERS'),
    prefix text COLLATE "C" CHECK (prefix <> ''),
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- A device whose registration goes leaves its groups.
CREATE TABLE device_group_member (
    group_id text COLLATE "C" NOT NULL REFERENCES device_group ON DELETE CASCADE,
    device_id text COLLATE "C" NOT NULL REFERENCES device ON DELETE CASCADE,
    PRIMARY KEY (group_id, device_id)
);
CREATE INDEX device_group_member_device ON device_group_member (device_id);

-- The devices of a group as of now, each once; none of a group that does not exist. Inlined by the planner, so that a
-- caller's own conditions on device_id reach the indexes. A DeviceID has only characters below 127.
CREATE FUNCTION group_devices(wanted text) RETURNS TABLE (device_id text)
LANGUAGE sql STABLE ROWS 1000 AS $$
    SELECT device.device_id
    FROM device
    WHERE wanted = 'DG_ALL_METERS'
    UNION ALL
    SELECT device.device_id
    FROM device_group
    JOIN device ON device.device_id >= device_group.prefix AND device.device_id < device_group.prefix || chr(127)
    WHERE device_group.group_id = wanted
    UNION ALL
    SELECT member.device_id
    FROM device_group_member AS member
    WHERE member.group_id = wanted
$$;
