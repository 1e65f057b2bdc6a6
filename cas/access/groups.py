"""Groups of devices: create, change, delete, get (IEC TS 62056-9-1, 5.3).

A group lists its devices, or has a prefix: then all devices whose DeviceID begins with it belong to it, as of each
activation. `DG_ALL_METERS` always exists, holds every device, and can be neither changed nor deleted (D). Letters of a
prefix count as they are: the hex digits of a system title are upper case in a DeviceID.

Every function takes the pool. What changes several groups changes all of them or none.
"""

import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

from cas.access.codes import Code
from cas.access.errors import Problem, Refused
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.devices.registry import find_devices_on
from cas.store.database import Connection, Pool
from cas.store.queries import query

ALL_METERS = "DG_ALL_METERS"
PREFIX_TYPE = "PREFIX"
PAGE = 1000

_GROUP_ID = re.compile(r"[!-~]{1,64}")
_PREFIX = re.compile(r"[!-~]{1,64}")

_LOCK = query("groups_lock")
_BY_ID = query("groups_by_id")
_AFTER = query("groups_after")
_MEMBERS_AFTER = query("group_members_after")
_WRITE = query("groups_write")
_MEMBERS_REMOVE = query("group_members_remove")
_MEMBERS_WRITE = query("group_members_write")
_MEMBER_REMOVE = query("group_member_remove")
_REMOVE = query("groups_remove")


@dataclass(frozen=True, slots=True)
class Group:
    """A group as a client gives it: with a prefix, or with names of devices, which may be aliases."""

    group_id: str
    prefix: str | None = None
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """A group as it is stored; `members` counts those listed, None where a rule says who belongs to it."""

    group_id: str
    prefix: str | None
    members: int | None


def read_groups(noun: mes.DeviceGroups, path: str) -> list[Group]:
    """The groups of a payload; one without a GroupID gets one (D). Raises Refused with every problem there is.

    `path` is where the payload stands, `/Payload/DeviceGroups`.
    """
    if not noun.device_group:
        raise Refused([Problem(Code.MANDATORY, "no group is given: add a DeviceGroup", path)])
    groups: list[Group] = []
    problems: list[Problem] = []
    for place, element in enumerate(noun.device_group, 1):
        prefix = element.prefix or None
        if element.type_value == PREFIX_TYPE and prefix is None:
            at = f"{path}/DeviceGroup[{place}]"
            problems.append(Problem(Code.MANDATORY, f"a group of Type {PREFIX_TYPE} needs a Prefix", at))
        names = tuple(reference.device_id for reference in element.device_reference)
        groups.append(Group(element.group_id or f"DG_{uuid4()}", prefix, names))
    if problems:
        raise Refused(problems)
    return groups


def group_noun(group_id: str, prefix: str | None = None, devices: Iterable[str] = ()) -> mes.DeviceGroup:
    """A group as it stands in an answer."""
    return mes.DeviceGroup(
        group_id=group_id,
        prefix=prefix,
        type_value=None if prefix is None else PREFIX_TYPE,
        device_reference=tuple(dev.DeviceReference(device_id=device_id) for device_id in devices),
    )


async def create_groups(pool: Pool, groups: Sequence[Group], path: str = "") -> list[str]:
    """Make new groups; return their GroupIDs. Raises Refused, with elements of the payload at `path` if given."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(_LOCK)
        standing = await _standing(connection, [group.group_id for group in groups])
        taken = [
            Problem(
                Code.RELATIONSHIP,
                f"the group {group.group_id!r} exists already: change it, or choose another GroupID",
                at,
                reason="group exists",
                id=group.group_id,
            )
            for group, at in _placed(groups, path)
            if group.group_id in standing
        ]
        await _store(connection, groups, path, taken)
    return [group.group_id for group in groups]


async def change_groups(pool: Pool, groups: Sequence[Group], path: str = "") -> list[str]:
    """Replace what makes up these groups, members or prefix; return their GroupIDs. Raises Refused."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(_LOCK)
        standing = await _standing(connection, [group.group_id for group in groups])
        unknown = [
            _unknown(group.group_id, at) for group, at in _placed(groups, path) if group.group_id not in standing
        ]
        await _store(connection, groups, path, [problem for problem in unknown if problem.id != ALL_METERS])
    return [group.group_id for group in groups]


async def delete_groups(pool: Pool, group_ids: Sequence[str], path: str = "") -> list[str]:
    """Remove these groups; return their GroupIDs. Raises Refused.

    A DeviceAccess that refers to one has no devices by it from its next activation on.
    """
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(_LOCK)
        standing = await _standing(connection, group_ids)
        problems = [
            _untouchable(path) if group_id == ALL_METERS else _unknown(group_id, path)
            for group_id in group_ids
            if group_id not in standing
        ]
        if problems:
            raise Refused(problems)
        await connection.execute(_REMOVE, {"group_ids": list(group_ids)})
    return list(dict.fromkeys(group_ids))


async def require_groups(pool: Pool, group_ids: Sequence[str], path: str = "") -> None:
    """Raise Refused unless these groups exist."""
    async with pool.connection() as connection:
        standing = await _standing(connection, group_ids)
    problems = [_unknown(name, path) for name in group_ids if name not in standing and name != ALL_METERS]
    if problems:
        raise Refused(problems)


async def get_group(pool: Pool, group_id: str, path: str = "") -> Group:
    """One group without its members, for which see `iterate_members`. Raises Refused."""
    if group_id == ALL_METERS:
        return Group(ALL_METERS)
    async with pool.connection() as connection:
        standing = await _standing(connection, [group_id])
    if group_id not in standing:
        raise Refused([_unknown(group_id, path)])
    return Group(group_id, standing[group_id])


async def iterate_groups(pool: Pool) -> AsyncGenerator[Listed]:
    """All groups, DG_ALL_METERS first, then in the order of their GroupIDs; in constant memory."""
    yield Listed(ALL_METERS, None, None)
    after = ""
    while True:
        async with pool.connection() as connection:
            rows = await (await connection.execute(_AFTER, {"after": after, "page": PAGE})).fetchall()
        for group_id, prefix, members in rows:
            yield Listed(group_id, prefix, members if prefix is None else None)
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


async def iterate_members(pool: Pool, group_id: str, *, page: int = PAGE) -> AsyncGenerator[str]:
    """The DeviceIDs of a group as of now, in order, in constant memory; none of a group that does not exist."""
    after = ""
    while True:
        async with pool.connection() as connection:
            found = await members_after(connection, group_id, after, page=page)
        for device_id in found:
            yield device_id
        if len(found) < page:
            return
        after = found[-1]


async def members_after(connection: Connection, group_id: str, after: str = "", *, page: int = PAGE) -> list[str]:
    """The next page of DeviceIDs of a group that sort behind `after`; fewer than `page` at the end."""
    cursor = await connection.execute(_MEMBERS_AFTER, {"group_id": group_id, "after": after, "page": page})
    return [row[0] for row in await cursor.fetchall()]


async def add_members(pool: Pool, group_id: str, names: Sequence[str]) -> None:
    """Add devices to a group that lists its devices. Raises Refused."""
    async with pool.connection() as connection, connection.transaction():
        known = await _members(connection, group_id, names)
        columns = {"group_ids": [group_id] * len(known), "device_ids": known}
        await connection.execute(_MEMBERS_WRITE, columns)


async def remove_members(pool: Pool, group_id: str, names: Sequence[str]) -> None:
    """Take devices out of a group that lists its devices; those that are not in it are no problem. Raises Refused."""
    async with pool.connection() as connection, connection.transaction():
        known = await _members(connection, group_id, names)
        await connection.execute(_MEMBER_REMOVE, {"group_id": group_id, "device_ids": known})


async def _members(connection: Connection, group_id: str, names: Sequence[str]) -> list[str]:
    await connection.execute(_LOCK)
    standing = await _standing(connection, [group_id])
    if group_id == ALL_METERS:
        raise Refused([_untouchable("")])
    if group_id not in standing:
        raise Refused([_unknown(group_id, "")])
    if (prefix := standing[group_id]) is not None:
        details = f"the group {group_id!r} has the prefix {prefix!r}, which alone says who belongs to it"
        raise Refused([Problem(Code.RELATIONSHIP, details, id=group_id)])
    found = await find_devices_on(connection, names)
    problems = [_unknown_device(group_id, name, "") for name in names if name not in found]
    if problems:
        raise Refused(problems)
    return sorted({registered.device.device_id for registered in found.values()})


async def _standing(connection: Connection, group_ids: Sequence[str]) -> dict[str, str | None]:
    """The prefix, or None, of those groups that there are."""
    rows = await (await connection.execute(_BY_ID, {"group_ids": list(group_ids)})).fetchall()
    return dict(rows)


async def _store(connection: Connection, groups: Sequence[Group], path: str, problems: list[Problem]) -> None:
    """Write these groups as they are now. Raises Refused, also with the `problems` found before."""
    names = {name for group in groups for name in group.devices}
    known = {name: found.device.device_id for name, found in (await find_devices_on(connection, names)).items()}
    times = Counter(group.group_id for group in groups)
    for group, at in _placed(groups, path):
        problems += _check(group, at, times[group.group_id])
        for place, name in enumerate(group.devices, 1):
            if name not in known:
                problems.append(_unknown_device(group.group_id, name, f"{at}/DeviceReference[{place}]" if at else ""))
    if problems:
        raise Refused(problems)
    group_ids = [group.group_id for group in groups]
    await connection.execute(_WRITE, {"group_ids": group_ids, "prefixes": [group.prefix for group in groups]})
    await connection.execute(_MEMBERS_REMOVE, {"group_ids": group_ids})
    # twice in a list, or by two of its names: a device belongs to a group once
    pairs = sorted({(group.group_id, known[name]) for group in groups for name in group.devices})
    columns = {"group_ids": [pair[0] for pair in pairs], "device_ids": [pair[1] for pair in pairs]}
    await connection.execute(_MEMBERS_WRITE, columns)


def _placed(groups: Sequence[Group], path: str) -> Iterator[tuple[Group, str]]:
    for place, group in enumerate(groups, 1):
        yield group, f"{path}/DeviceGroup[{place}]" if path else ""


def _check(group: Group, at: str, times: int) -> Iterator[Problem]:
    if group.group_id == ALL_METERS:
        yield _untouchable(at)
    elif not _GROUP_ID.fullmatch(group.group_id):
        details = f"the GroupID {group.group_id!r} must be 1 to 64 visible ASCII characters without blanks"
        yield Problem(Code.PAYLOAD, details, at)
    if times > 1:
        yield Problem(Code.RELATIONSHIP, f"the group {group.group_id!r} is given {times} times", at, id=group.group_id)
    if group.prefix is not None:
        if not _PREFIX.fullmatch(group.prefix):
            details = f"the Prefix {group.prefix!r} must be 1 to 64 visible ASCII characters, as DeviceIDs have them"
            yield Problem(Code.PAYLOAD, details, at)
        if group.devices:
            details = f"the group {group.group_id!r} has a Prefix and lists devices: it can have one of the two"
            yield Problem(Code.RELATIONSHIP, details, at, id=group.group_id)


def _unknown(group_id: str, at: str) -> Problem:
    details = f"no group has the GroupID {group_id!r}: never made, or deleted"
    return Problem(Code.REQUEST_ID, details, at, reason="unknown group", id=group_id)


def _unknown_device(group_id: str, name: str, at: str) -> Problem:
    return Problem(Code.DEVICE, f"the device {name!r} of group {group_id!r} is not registered", at, id=group_id)


def _untouchable(at: str) -> Problem:
    details = f"{ALL_METERS} holds every device: it can be neither made, changed nor deleted"
    return Problem(Code.RELATIONSHIP, details, at, reason="group cannot be changed", id=ALL_METERS)
