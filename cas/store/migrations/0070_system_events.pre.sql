-- Numbered events of the service itself (cas/system_events.py says what the numbers mean). `published`: the broker has it, or there
-- is none.
CREATE TABLE system_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    number integer NOT NULL,
    subject text NOT NULL,
    process text NOT NULL,
    details jsonb NOT NULL,
    repeats integer NOT NULL,
    message_id uuid NOT NULL DEFAULT gen_random_uuid(),
    published boolean NOT NULL
);
CREATE INDEX system_event_age ON system_event (at);
CREATE INDEX system_event_unpublished ON system_event (id) WHERE NOT published;
