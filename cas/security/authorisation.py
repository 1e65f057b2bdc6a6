"""Whether roles grant what a request asks for, device by device. What is not granted is denied, and nothing is told.

Devices are those of the registry, by their DeviceIDs: an alias gives no way around. Of names and IDs that do not exist,
a client whose rights do not reach everything learns nothing: they are denied like what belongs to others.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from cas.access.groups import ALL_METERS
from cas.access.model import DeviceAccess
from cas.devices.model import normalise_name
from cas.security.demands import DEVICE_ACCESS, DIRECTORY, GROUPS, Demand, services_of_stored
from cas.security.errors import NotAuthorised
from cas.security.model import Role, Service, Verb


class Known(Protocol):
    """What authorisation has to look up."""

    async def resolve(self, names: Sequence[str]) -> Mapping[str, str]:
        """DeviceIDs by name; unknown names are left out."""
        ...

    async def resources(self, ids: Sequence[UUID]) -> Mapping[UUID, DeviceAccess]:
        """Resources by ID; those that do not exist are left out."""
        ...

    async def outside(self, groups: Sequence[str], device_ids: Sequence[str]) -> bool:
        """Whether any of these devices belongs to none of these groups."""
        ...

    async def members(self, groups: Sequence[str]) -> Sequence[str]:
        """The devices of these groups as of now."""
        ...


async def authorise(roles: Sequence[Role], demand: Demand, known: Known) -> None:
    """Check a demand against the roles of who asks. Raises NotAuthorised."""
    if demand.noun == DEVICE_ACCESS:
        granted = await _device_access(roles, demand, known)
    elif demand.noun in GROUPS:
        granted = await _device_groups(roles, demand, known)
    elif demand.noun == DIRECTORY:
        granted = any(role.directory and demand.verb in role.verbs for role in roles)
    else:
        granted = False
    if not granted:
        raise NotAuthorised


async def _device_access(roles: Sequence[Role], demand: Demand, known: Known) -> bool:
    granting = [role for role in roles if demand.verb in role.verbs]
    if any(role.everything and set(role.services).issuperset(Service) for role in granting):
        return True
    services, device_ids, groups, everything = set(demand.services), set[str](), set(demand.groups), demand.everything
    if demand.ids:
        found = await _resources(demand.ids, known)
        if found is None:
            return demand.verb is Verb.GET and _everywhere(granting, {Service.GET})
        for access in found:
            services |= services_of_stored(access.requests)
            device_ids |= {target.device_id for target in access.targets}
            groups |= set(access.groups)
            everything = everything or not (access.targets or access.groups)
    if demand.verb is Verb.GET:
        services = {Service.GET}
    if _everywhere(granting, services or {Service.GET}):
        return True
    if everything:
        return False
    device_ids |= await _device_ids(demand.names, known)
    for service in services or {Service.GET}:
        reach = [role for role in granting if service in role.services]
        if not await _covers(reach, device_ids, groups, known, lasting=demand.lasting):
            return False
    return True


async def _device_groups(roles: Sequence[Role], demand: Demand, known: Known) -> bool:
    granting = [role for role in roles if demand.verb in role.group_verbs]
    if any(role.everything for role in granting):
        return True
    if not granting or (demand.verb is not Verb.CREATE and not demand.ids):
        return False  # without an ID it is about all groups
    prefixes = tuple(prefix for role in granting for prefix in role.prefixes)
    if any(not prefix.startswith(prefixes) for prefix in demand.prefixes):
        return False
    names = await _device_ids(demand.names, known)
    return await _covers(granting, names, set(demand.ids), known, lasting=False)


def _everywhere(roles: Sequence[Role], services: Collection[Service]) -> bool:
    granted = {service for role in roles if role.everything for service in role.services}
    return granted.issuperset(services)


async def _resources(ids: Sequence[str], known: Known) -> list[DeviceAccess] | None:
    """The resources, or None if any does not exist."""
    try:
        wanted = {UUID(text.strip()) for text in ids}
    except ValueError:
        return None
    found = await known.resources(list(wanted))
    return list(found.values()) if len(found) == len(wanted) else None


async def _device_ids(names: Sequence[str], known: Known) -> set[str]:
    """The DeviceIDs of these names; a name that nobody has stands for itself."""
    if not names:
        return set()
    found = await known.resolve(names)
    return {found.get(name) or normalise_name(name) for name in names}


async def _covers(
    roles: Sequence[Role], device_ids: Collection[str], groups: Collection[str], known: Known, *, lasting: bool
) -> bool:
    """Whether these roles together reach all of these devices and groups."""
    if any(role.everything for role in roles):
        return True
    if not roles:
        return False
    own = [group for role in roles for group in role.groups]
    prefixes = tuple(prefix for role in roles for prefix in role.prefixes)
    foreign = [group for group in groups if group not in own]
    if foreign:
        # Who is in such a group may change while the resource goes on.
        if lasting or ALL_METERS in foreign:
            return False
        members = await known.members(foreign)
        if not members:
            return False  # not there, or empty: not to be told
        device_ids = {*device_ids, *members}
    listed = {device for role in roles for device in role.devices}
    left = [device for device in device_ids if device not in listed and not device.startswith(prefixes)]
    return not left or (bool(own) and not await known.outside(own, left))
