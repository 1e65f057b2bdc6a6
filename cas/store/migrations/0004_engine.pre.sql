-- What the engine needs to do DeviceAccess resources at their times, in chunks of devices, by any number of processes.

-- When the next activation is due: the `next_k`-th on the calendar that begins at Activates, 0 being Activates itself. NULL:
-- there is none, or a front does the only one by itself.
ALTER TABLE device_access ADD COLUMN next_at timestamptz, ADD COLUMN next_k bigint NOT NULL DEFAULT 0;
CREATE INDEX device_access_due ON device_access (next_at) WHERE next_at IS NOT NULL AND state = 'active';
CREATE INDEX device_access_expiring ON device_access (expires) WHERE expires IS NOT NULL AND state = 'active';

-- Groups that a resource names, besides single devices.
CREATE TABLE access_group (
    access_id uuid NOT NULL REFERENCES device_access ON DELETE CASCADE,
    position integer NOT NULL,
    group_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (access_id, group_id)
);

-- The devices of a resource as of now, each once. PL/pgSQL, whose statements are read when they are first run: the groups
-- come with a later migration.
CREATE FUNCTION access_targets(resource uuid) RETURNS TABLE (device_id text)
LANGUAGE plpgsql STABLE ROWS 100000 AS $$
#variable_conflict use_column
BEGIN
    IF EXISTS (SELECT FROM access_group WHERE access_id = resource) THEN
        RETURN QUERY
        SELECT device_id FROM access_device WHERE access_id = resource
        UNION
        SELECT member.device_id
        FROM access_group AS named CROSS JOIN LATERAL group_devices(named.group_id) AS member
        WHERE named.access_id = resource;
    ELSE
        RETURN QUERY SELECT device_id FROM access_device WHERE access_id = resource;
    END IF;
END
$$;

-- `scheduled_at` is the time on the calendar, `activated_at` when it really began. No device is accessed at or after `deadline`.
-- Activations of the engine have no `runner`; they end when no chunk is open.
ALTER TABLE activation
    ADD COLUMN scheduled_at timestamptz,
    ADD COLUMN deadline timestamptz,
    ADD COLUMN open_chunks integer NOT NULL DEFAULT 0,
    ADD COLUMN stopped boolean NOT NULL DEFAULT false,
    ALTER COLUMN runner DROP NOT NULL,
    DROP CONSTRAINT activation_outcome_check,
    ADD CONSTRAINT activation_outcome_check CHECK (
        outcome IN ('executing', 'ok', 'not-completed', 'failed', 'empty', 'stopped', 'missed')
    );
CREATE INDEX activation_under_way ON activation (access_id) WHERE outcome = 'executing';
CREATE INDEX activation_deadline ON activation (deadline) WHERE outcome = 'executing';

-- The devices of an activation, in chunks; a row goes when its activation has ended. `run` counts how often a process took the
-- chunk: one that was taken for dead finds another number than its own, and leaves the chunk alone. `passes` counts how often
-- all of its devices that had no result were tried.
CREATE TABLE activation_chunk (
    access_id uuid NOT NULL,
    number integer NOT NULL,
    chunk integer NOT NULL,
    device_ids text[] COLLATE "C" NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done')),
    run integer NOT NULL DEFAULT 0,
    passes integer NOT NULL DEFAULT 0,
    PRIMARY KEY (access_id, number, chunk),
    FOREIGN KEY (access_id, number) REFERENCES activation ON DELETE CASCADE
) WITH (fillfactor = 80);
CREATE INDEX activation_chunk_waiting ON activation_chunk (access_id, number) WHERE state = 'waiting';

-- Devices that will be tried again, with their last failure.
CREATE TABLE activation_attempt (
    access_id uuid NOT NULL,
    number integer NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    attempts integer NOT NULL,
    code text NOT NULL,
    reason text NOT NULL,
    details text NOT NULL,
    PRIMARY KEY (access_id, number, device_id),
    FOREIGN KEY (access_id, number) REFERENCES activation ON DELETE CASCADE
);

-- Requests that change a device (set, action) and may have been sent. Who writes the row may send the request, nobody else.
CREATE TABLE activation_sent (
    access_id uuid NOT NULL,
    number integer NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    request integer NOT NULL,
    PRIMARY KEY (access_id, number, device_id, request),
    FOREIGN KEY (access_id, number) REFERENCES activation ON DELETE CASCADE
);

-- How often the device was tried for this result.
ALTER TABLE result ADD COLUMN attempts integer NOT NULL DEFAULT 1;
