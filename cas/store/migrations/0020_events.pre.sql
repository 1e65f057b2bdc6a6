-- Events of resources on their way to whoever is to be told (IEC TS 62056-9-1, 5.2.3, 5.2.4). They are made by triggers: whatever
-- stores a result, in whatever process, has its event in the same transaction, and none can be forgotten.

-- `event_targets`: where the events of a resource go, NULL: nowhere. `events_closed`: the last event, that it is over, is made.
ALTER TABLE device_access
    ADD COLUMN ack_required boolean NOT NULL DEFAULT false,
    ADD COLUMN event_targets text[],
    ADD COLUMN events_closed boolean NOT NULL DEFAULT false;
CREATE INDEX device_access_to_close ON device_access (id)
    WHERE event_targets IS NOT NULL AND state <> 'active' AND NOT events_closed;
CREATE INDEX device_access_notified ON device_access (id) WHERE accept_data_notification AND state = 'active';

-- Targets that get the events of every resource: the MQTT broker, when one is configured.
CREATE TABLE event_broker (
    target text PRIMARY KEY
);

-- Notifications that a resource accepted, as octets of the plain APDU.
CREATE TABLE notification (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    access_id uuid NOT NULL REFERENCES device_access ON DELETE CASCADE,
    device_id text COLLATE "C" NOT NULL,
    received_at timestamptz NOT NULL,
    apdu bytea NOT NULL
);
CREATE INDEX notification_of_resource ON notification (access_id, id);

-- What a target is to be told. An event refers to results by their keys, so that nothing is stored twice. Events of a resource go
-- out by `id`; several may go out in one message, which has its `message_id` before it is sent for the first time, and keeps it.
-- No foreign key: that a resource is gone is an event, too.
CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target text NOT NULL,
    access_id uuid NOT NULL,
    verb text NOT NULL CHECK (verb IN ('created', 'changed', 'closed', 'canceled', 'deleted')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    message_id uuid,
    activations integer[] NOT NULL DEFAULT '{}',
    requests integer[] NOT NULL DEFAULT '{}',
    device_ids text[] COLLATE "C" NOT NULL DEFAULT '{}',
    notifications bigint[] NOT NULL DEFAULT '{}'
);
CREATE INDEX event_of_target ON event (target, id);
CREATE INDEX event_of_resource ON event (access_id, target, id);

-- A synchronous answer to an on-demand access has all that an event could tell: those have none at the ReplyAddress (D).
CREATE FUNCTION event_targets_of_resource() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    receiver text;
BEGIN
    IF NEW.async_reply OR NEW.accept_data_notification OR NEW.repeating_interval IS NOT NULL OR NEW.activates > NEW.created_at THEN
        receiver := lower(substring(NEW.reply_address FROM '^[^:/?#]+://[^/?#]*'));
    END IF;
    SELECT array_agg(target) INTO NEW.event_targets
    FROM (SELECT target FROM event_broker UNION ALL SELECT receiver WHERE receiver IS NOT NULL) AS known;
    RETURN NEW;
END
$$;
CREATE TRIGGER event_targets
BEFORE INSERT OR UPDATE OF reply_address, async_reply, accept_data_notification, repeating_interval, activates ON device_access
FOR EACH ROW EXECUTE FUNCTION event_targets_of_resource();

CREATE FUNCTION events_of_results() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event (target, access_id, verb, activations, requests, device_ids)
    SELECT target, told.id, 'changed', activations, requests, device_ids
    FROM (SELECT DISTINCT access_id FROM stored) AS named
    JOIN device_access AS told ON told.id = named.access_id AND event_targets IS NOT NULL
    CROSS JOIN LATERAL (
        SELECT array_agg(activation) AS activations, array_agg(request) AS requests, array_agg(device_id) AS device_ids
        FROM stored WHERE access_id = told.id
    ) AS listed
    CROSS JOIN LATERAL unnest(event_targets) AS target;
    RETURN NULL;
END
$$;
CREATE TRIGGER events AFTER INSERT ON result
REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION events_of_results();

CREATE FUNCTION events_of_notifications() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event (target, access_id, verb, notifications)
    SELECT target, access_id, 'created', array_agg(stored.id ORDER BY stored.id)
    FROM stored
    JOIN device_access ON device_access.id = access_id AND event_targets IS NOT NULL
    CROSS JOIN LATERAL unnest(event_targets) AS target
    GROUP BY target, access_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER events AFTER INSERT ON notification
REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION events_of_notifications();

-- What is still to be told of a resource goes with it. Brokers keep a status of each resource, and are told that it is gone.
CREATE FUNCTION events_of_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM event USING gone WHERE access_id = gone.id;
    INSERT INTO event (target, access_id, verb)
    SELECT target, id, 'deleted' FROM gone JOIN event_broker ON target = ANY(event_targets);
    RETURN NULL;
END
$$;
CREATE TRIGGER events AFTER DELETE ON device_access
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION events_of_deletion();

CREATE FUNCTION events_announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('cas_event', target) FROM (SELECT DISTINCT target FROM made) AS named;
    RETURN NULL;
END
$$;
CREATE TRIGGER announce AFTER INSERT ON event
REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION events_announce();

-- A resource that is over may have its last event to make; whoever delivers looks whether it has.
CREATE FUNCTION events_may_close() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('cas_event', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER events_closing AFTER UPDATE OF state ON device_access
FOR EACH ROW WHEN (NEW.event_targets IS NOT NULL AND OLD.state = 'active' AND NEW.state <> 'active')
EXECUTE FUNCTION events_may_close();
