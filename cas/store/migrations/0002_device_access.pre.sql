-- DeviceAccess resources: what to do on which devices, when (IEC TS 62056-9-1, 5.2).
CREATE TABLE device_access (
    id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'finished', 'closed', 'canceled')),
    -- the message that made it
    source text,
    message_id text,
    correlation_id text,
    message_timestamp timestamptz,
    reply_address text,
    async_reply boolean NOT NULL,
    dev_form boolean NOT NULL,
    -- its terms; intervals are kept as xs:duration, whose months PostgreSQL would keep, but not the client's way of writing
    priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 255),
    activates timestamptz,
    repeating_interval text,
    duration text,
    expires timestamptz,
    not_older_than timestamptz,
    accept_data_notification boolean NOT NULL
);

-- The devices of a resource in the client's order, `name` as the client wrote it. No foreign key to device: what was done on
-- a device stays known when its registration goes.
CREATE TABLE access_device (
    access_id uuid NOT NULL REFERENCES device_access ON DELETE CASCADE,
    position integer NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (access_id, device_id)
);

-- The requests of a resource in order, each the octets of an APDU.
CREATE TABLE access_request (
    access_id uuid NOT NULL REFERENCES device_access ON DELETE CASCADE,
    position integer NOT NULL,
    apdu bytea NOT NULL,
    PRIMARY KEY (access_id, position)
);

-- Each time that a resource was or is being done. `runner` is the process that does it; it holds an advisory lock as long
-- as it lives (class 0x0CA50002), so that what a dead one left can be found.
CREATE TABLE activation (
    access_id uuid NOT NULL REFERENCES device_access ON DELETE CASCADE,
    number integer NOT NULL CHECK (number >= 1),
    activated_at timestamptz NOT NULL,
    finished_at timestamptz,
    outcome text NOT NULL CHECK (outcome IN ('executing', 'ok', 'not-completed', 'failed', 'stopped')),
    runner integer NOT NULL,
    PRIMARY KEY (access_id, number)
);
CREATE INDEX activation_executing ON activation (runner) WHERE outcome = 'executing';
CREATE SEQUENCE runner_number AS integer CYCLE;

-- What each request on each device came to, in each activation: the octets of the response APDU, or why there is none.
CREATE TABLE result (
    access_id uuid NOT NULL,
    activation integer NOT NULL,
    request integer NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    activated timestamptz NOT NULL,
    apdu bytea,
    code text,
    reason text,
    details text,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (access_id, request, activation, device_id),
    FOREIGN KEY (access_id, activation) REFERENCES activation ON DELETE CASCADE,
    CHECK ((apdu IS NULL) <> (code IS NULL))
);

-- Messages that made a resource, for a day: their repeat is answered by that resource. No foreign key: a repeat that comes
-- after the resource was deleted must not make it again.
CREATE TABLE received_message (
    source text NOT NULL,
    message_id text NOT NULL,
    digest bytea NOT NULL,
    access_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (source, message_id, digest)
);
CREATE INDEX received_message_age ON received_message (received_at);
