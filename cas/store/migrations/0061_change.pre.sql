-- The activations in which a request is done: from the number `since` to `until`, NULL: without end. A change replaces requests, but
-- the results of earlier activations keep theirs; the positions of those that are done now come last.
ALTER TABLE access_request
    ADD COLUMN since integer NOT NULL DEFAULT 1,
    ADD COLUMN until integer;
