-- Groups of devices. DG_ALL_METERS is no row; `group_devices` knows it.

-- name: groups_lock
-- One change at a time, so that what was checked is what is written.
SELECT pg_advisory_xact_lock(hashtextextended('cas.groups', 0));

-- name: groups_by_id
SELECT group_id, prefix FROM device_group WHERE group_id = ANY(%(group_ids)s::text[]);

-- name: groups_after
-- A page of groups, with the number of listed members.
SELECT group_id, prefix,
       (SELECT count(*) FROM device_group_member AS member WHERE member.group_id = device_group.group_id)
FROM device_group
WHERE group_id > %(after)s::text
ORDER BY group_id
LIMIT %(page)s::bigint;

-- name: group_members_after
-- A page of the devices of a group, as of now.
SELECT device_id
FROM group_devices(%(group_id)s::text)
WHERE device_id > %(after)s::text COLLATE "C"
ORDER BY device_id COLLATE "C"
LIMIT %(page)s::bigint;

-- name: groups_write
INSERT INTO device_group (group_id, prefix)
SELECT * FROM unnest(%(group_ids)s::text[], %(prefixes)s::text[])
ON CONFLICT (group_id) DO UPDATE SET prefix = excluded.prefix, changed_at = now();

-- name: group_members_remove
-- All members of these groups.
DELETE FROM device_group_member WHERE group_id = ANY(%(group_ids)s::text[]);

-- name: group_members_write
INSERT INTO device_group_member (group_id, device_id)
SELECT * FROM unnest(%(group_ids)s::text[], %(device_ids)s::text[])
ON CONFLICT DO NOTHING;

-- name: group_member_remove
-- Some members of one group.
DELETE FROM device_group_member WHERE group_id = %(group_id)s AND device_id = ANY(%(device_ids)s::text[]);

-- name: groups_remove
DELETE FROM device_group WHERE group_id = ANY(%(group_ids)s::text[]);
