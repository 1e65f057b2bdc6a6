"""The noun DeviceGroups, which deployed clients call DeviceGroup (IEC TS 62056-9-1, 5.3, 7.2.4)."""

from collections.abc import AsyncIterator, Mapping, Sequence

from cas.access.codes import Code
from cas.access.errors import Problem, Refused
from cas.access.groups import Group, group_noun, read_groups
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.soap.answer import Answer, done
from cas.soap.desk import Desk, Handler
from cas.soap.message import Message
from cas.xml import write

_GROUP = "mes:DeviceGroup"


async def create(desk: Desk, message: Message) -> Answer:
    """Make groups."""
    noun, path = _noun(message)
    return done(await desk.inventory.create_groups(read_groups(noun, path), path))


async def change(desk: Desk, message: Message) -> Answer:
    """Replace the members, or the prefix, of groups."""
    noun, path = _noun(message)
    return done(await desk.inventory.change_groups(read_groups(noun, path), path))


async def delete(desk: Desk, message: Message) -> Answer:
    """Remove groups."""
    names, path = _named(message)
    if not names:
        raise Refused([Problem(Code.REQUEST, "name the group: Request/ID is missing", "/Request/ID")])
    return done(await desk.inventory.delete_groups(names, path))


async def get(desk: Desk, message: Message) -> Answer:
    """All groups by their GroupIDs; or those that are named, with their members as of now."""
    names, path = _named(message)
    element = f"mes:{message.header.noun}"
    if not names:
        return Answer(mes.ReplyType(result=mes.Result.OK), _all(desk, element))
    found = [await desk.inventory.group(name, path) for name in names]
    return done(names, _each(desk, found, element))


HANDLERS: Mapping[str, Handler] = {"create": create, "change": change, "delete": delete, "get": get}
"""What each verb does."""


async def _all(desk: Desk, element: str) -> AsyncIterator[str]:
    yield f"<{element}>"
    async for listed in desk.inventory.groups():
        yield write(group_noun(listed.group_id), _GROUP)
    yield f"</{element}>"


async def _each(desk: Desk, found: Sequence[Group], element: str) -> AsyncIterator[str]:
    yield f"<{element}>"
    for group in found:
        yield write(group_noun(group.group_id, group.prefix), _GROUP).removesuffix(f"</{_GROUP}>")
        async for device_id in desk.inventory.members(group.group_id):
            yield write(dev.DeviceReference(device_id=device_id), "mes:DeviceReference")
        yield f"</{_GROUP}>"
    yield f"</{element}>"


def _noun(message: Message) -> tuple[mes.DeviceGroups, str]:
    """The groups of the payload, under either name, and where they stand."""
    payload = message.content.payload
    if payload is not None and payload.device_groups is not None:
        return payload.device_groups, "/Payload/DeviceGroups"
    if payload is not None and payload.device_group is not None:
        return payload.device_group, "/Payload/DeviceGroup"
    path = f"/Payload/{message.header.noun}"
    raise Refused([Problem(Code.MANDATORY, f"the payload must hold {message.header.noun}", path)])


def _named(message: Message) -> tuple[list[str], str]:
    """The GroupIDs of a request, which stand in Request/ID or in the payload, and where they stand."""
    request = message.content.request
    if request is not None and (ids := [named.value.strip() for named in request.id if named.value.strip()]):
        return list(dict.fromkeys(ids)), "/Request/ID"
    if message.content.payload is None:
        return [], "/Request/ID"
    noun, path = _noun(message)
    return list(dict.fromkeys(group.group_id for group in noun.device_group if group.group_id)), path
