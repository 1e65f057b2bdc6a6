-- The firmware image that the service initiated last on a device, and is not done with: a device does not tell which image it
-- is taking. No foreign key: what is under way on a device stays known while its registration is replaced.
CREATE TABLE image_transfer (
    device_id text COLLATE "C" PRIMARY KEY,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    phase text NOT NULL CHECK (phase IN ('transfer', 'activation')),
    noted_at timestamptz NOT NULL DEFAULT now()
);
