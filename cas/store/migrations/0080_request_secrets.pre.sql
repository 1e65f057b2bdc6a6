-- Passwords and new secrets in requests (AARQ, set, action). `apdu` has zeros in their place; the whole APDU is sealed like a key of
-- a device, under the master key `master_key_id`, with the ID of the resource and `apdu` as additional data.
ALTER TABLE access_request
    ADD COLUMN master_key_id text,
    ADD COLUMN sealed bytea,
    ADD CHECK ((master_key_id IS NULL) = (sealed IS NULL));
CREATE INDEX access_request_sealed ON access_request (access_id, position) WHERE sealed IS NOT NULL;
