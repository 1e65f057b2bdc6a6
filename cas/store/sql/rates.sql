-- Token buckets that all fronts share. One that takes `each` seconds to fill by a token, and is full again at `full_at`, has a token
-- as long as it would be full within `whole` seconds after that token is taken.

-- name: rate_take
-- Take a token; no row: there is none.
INSERT INTO rate_bucket AS bucket (name, full_at)
VALUES (%(name)s, extract(epoch FROM clock_timestamp())::double precision + %(each)s::double precision)
ON CONFLICT (name) DO UPDATE
SET full_at = greatest(bucket.full_at, extract(epoch FROM clock_timestamp())::double precision) + %(each)s
WHERE bucket.full_at + %(each)s <= extract(epoch FROM clock_timestamp())::double precision + %(whole)s
RETURNING true;

-- name: rate_wait
-- Seconds until there is a token.
SELECT greatest(full_at + %(each)s - %(whole)s - extract(epoch FROM clock_timestamp()), 0)::double precision
FROM rate_bucket
WHERE name = %(name)s;

-- name: rate_forget
DELETE FROM rate_bucket WHERE full_at < extract(epoch FROM clock_timestamp());
