-- The directory of resources is read in the order of their making.
CREATE INDEX device_access_made ON device_access (created_at, id);
