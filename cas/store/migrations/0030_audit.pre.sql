-- Who may do what at the door, and what was done.

-- Roles and clients as their definitions stand in a file as well; a password is a scrypt hash.
CREATE TABLE client_role (
    name text PRIMARY KEY,
    definition jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE client (
    name text PRIMARY KEY,
    definition jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- Nonces of messages (ReplayDetection), as digests, for as long as the message would be new enough to be taken again.
CREATE TABLE seen_nonce (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    forget_at timestamptz NOT NULL
);
CREATE INDEX seen_nonce_age ON seen_nonce (forget_at);

-- The audit log. `hash` is SHA-256 over the hash of the entry before (32 octets of zero before the first), the number as 8 octets
-- and the entry in UTF-8: who changes, removes or inserts an entry has to make all later ones anew, and then contradicts
-- whoever noted a hash.
CREATE TABLE audit_entry (
    number bigint PRIMARY KEY CHECK (number >= 1),
    entry text NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32)
);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_entry_is_not_emptied BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- A new entry fits the end of the chain, whoever writes it.
CREATE FUNCTION audit_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_number bigint;
    last_hash bytea;
BEGIN
    SELECT number, hash INTO last_number, last_hash FROM audit_entry ORDER BY number DESC LIMIT 1;
    IF NEW.number IS DISTINCT FROM coalesce(last_number, 0) + 1 OR NEW.hash IS DISTINCT FROM sha256(
        coalesce(last_hash, decode(repeat('00', 32), 'hex')) || int8send(NEW.number) || convert_to(NEW.entry, 'UTF8')
    ) THEN
        RAISE EXCEPTION 'entry % does not fit the end of the audit log', NEW.number;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER audit_entry_fits BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_fits();
