-- New entries at the end of the audit log, all or none; their numbers. `contents`: each a JSON object, which is given the time as
-- its first member. One writer at a time: each entry hashes the one before.
CREATE FUNCTION audit_append(contents text[]) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE
    last_number bigint;
    last_hash bytea;
    content text;
    at text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('cas.audit', 0));
    at := to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"');
    SELECT number, hash INTO last_number, last_hash FROM audit_entry ORDER BY number DESC LIMIT 1;
    last_number := coalesce(last_number, 0);
    last_hash := coalesce(last_hash, decode(repeat('00', 32), 'hex'));
    FOREACH content IN ARRAY contents LOOP
        content := '{"at":"' || at || '",' || substr(content, 2);
        last_number := last_number + 1;
        last_hash := sha256(last_hash || int8send(last_number) || convert_to(content, 'UTF8'));
        INSERT INTO audit_entry (number, entry, hash) VALUES (last_number, content, last_hash);
        RETURN NEXT last_number;
    END LOOP;
END
$$;
