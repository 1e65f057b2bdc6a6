-- Results in partitions by the day on which their retention ends: what is no longer kept goes with its partition, no row is deleted.
-- Processes of before cannot store results in this table: they are to be stopped first.

-- What is kept for how long where NotOlderThan does not say it, as the service was last told, and when it was last tidied up.
CREATE TABLE retention (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    keep interval NOT NULL DEFAULT '400 days',
    tidied_at timestamptz
);
INSERT INTO retention DEFAULT VALUES;

-- The day on which the retention of an activation's results ends, always a later one. Up to two years ahead it is a Monday, so
-- that there are few partitions; up to 25 years ahead the first of January; what is to be kept longer is kept for ever.
CREATE FUNCTION result_kept_until(begun timestamptz, not_older_than timestamptz, deadline timestamptz) RETURNS date
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN until < begun + interval '2 years' THEN (date_trunc('week', until AT TIME ZONE 'UTC') + interval '7 days')::date
        WHEN until < begun + interval '25 years' THEN (date_trunc('year', until AT TIME ZONE 'UTC') + interval '1 year')::date
        ELSE 'infinity'
    END
    FROM (
        SELECT greatest(
            CASE WHEN not_older_than > begun THEN not_older_than ELSE begun + (SELECT keep FROM retention) END,
            deadline + interval '1 day'
        ) AS until
    ) AS wanted
$$;

CREATE FUNCTION result_partition(until date) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT 'result_until_' || CASE WHEN isfinite(until) THEN to_char(until, 'YYYYMMDD') ELSE 'infinity' END
$$;

-- It takes no lock that keeps others from storing results. One process at a time.
CREATE FUNCTION make_result_partition(until date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    partition CONSTANT text := result_partition(until);
BEGIN
    IF to_regclass(partition) IS NULL THEN
        PERFORM pg_advisory_xact_lock(x'0CA50006'::integer, 0);
        -- Not to_regclass again: it may still remember that there was none.
        IF NOT EXISTS (
            SELECT FROM pg_inherits JOIN pg_class ON oid = inhrelid
            WHERE inhparent = 'result'::regclass AND relname = partition
        ) THEN
            EXECUTE format('CREATE TABLE %I (LIKE result INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition);
            EXECUTE format('ALTER TABLE result ATTACH PARTITION %I FOR VALUES IN (%L)', partition, until);
        END IF;
    END IF;
END
$$;

ALTER TABLE activation ADD COLUMN kept_until date;
UPDATE activation SET kept_until = result_kept_until(activated_at, not_older_than, deadline)
FROM device_access WHERE id = access_id;
ALTER TABLE activation ALTER COLUMN kept_until SET NOT NULL;
CREATE INDEX activation_retention ON activation (kept_until);

-- Whoever begins an activation has the partition of its results: none is ever stored elsewhere.
CREATE FUNCTION activation_retention() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT result_kept_until(NEW.activated_at, not_older_than, NEW.deadline) INTO NEW.kept_until
    FROM device_access WHERE id = NEW.access_id;
    PERFORM make_result_partition(NEW.kept_until);
    RETURN NEW;
END
$$;

-- `kept_until` is that of the activation, so that the key is unique without it. No foreign key: the results of a resource that is
-- deleted go later.
ALTER TABLE result RENAME TO result_before;
CREATE TABLE result (
    access_id uuid NOT NULL,
    activated timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    request integer NOT NULL,
    activation integer NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    kept_until date NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    apdu bytea,
    code text,
    reason text,
    details text,
    CHECK ((apdu IS NULL) <> (code IS NULL))
) PARTITION BY LIST (kept_until);
SELECT make_result_partition(kept_until) FROM activation GROUP BY kept_until;
INSERT INTO result (
    access_id, activated, stored_at, request, activation, attempts, kept_until, device_id, apdu, code, reason, details
)
SELECT access_id, activated, stored_at, request, activation, attempts, kept_until, device_id, apdu, code, reason, details
FROM result_before JOIN activation USING (access_id) WHERE number = activation;
DROP TABLE result_before;
ALTER TABLE result ADD PRIMARY KEY (access_id, request, activation, device_id, kept_until);
CREATE INDEX result_failed ON result (access_id, activation, device_id) WHERE code IS NOT NULL;
-- The newest answers of a device, whichever resource asked for them.
CREATE INDEX result_of_device ON result (device_id, activated) WHERE apdu IS NOT NULL;
CREATE TRIGGER events AFTER INSERT ON result
REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION events_of_results();
CREATE TRIGGER retention BEFORE INSERT ON activation FOR EACH ROW EXECUTE FUNCTION activation_retention();

-- Results of resources that were deleted: nobody sees them any more, and they go in the background.
CREATE TABLE deleted_result (
    access_id uuid NOT NULL,
    kept_until date NOT NULL,
    PRIMARY KEY (access_id, kept_until)
);
CREATE FUNCTION results_of_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO deleted_result (access_id, kept_until)
    SELECT OLD.id, kept_until FROM activation
    WHERE access_id = OLD.id
    GROUP BY kept_until
    HAVING to_regclass(result_partition(kept_until)) IS NOT NULL
    ON CONFLICT DO NOTHING;
    RETURN OLD;
END
$$;
CREATE TRIGGER results BEFORE DELETE ON device_access FOR EACH ROW EXECUTE FUNCTION results_of_deleted();

-- What a request reads, by its octets; the invoke-id, which is the client's own, counts for nothing. NULL: it is not only read
-- (of the services: get-request-normal, get-request-with-list, readRequest).
CREATE FUNCTION request_digest(apdu bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN octet_length(apdu) < 4 THEN NULL
        WHEN get_byte(apdu, 0) = 192 AND get_byte(apdu, 1) IN (1, 3) THEN sha256(substring(apdu FOR 2) || substring(apdu FROM 4))
        WHEN get_byte(apdu, 0) = 5 THEN sha256(apdu)
    END
$$;
ALTER TABLE access_request ADD COLUMN digest bytea GENERATED ALWAYS AS (request_digest(apdu)) STORED;
CREATE INDEX notification_age ON notification USING brin (received_at);
