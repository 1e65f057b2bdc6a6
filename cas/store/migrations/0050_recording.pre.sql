-- Devices whose APDUs are recorded, as an operator asked.
CREATE TABLE recorded_device (
    device_id text COLLATE "C" PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now()
);
