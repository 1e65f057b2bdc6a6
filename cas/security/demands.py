"""What a parsed request asks for, in the terms of roles: verb, services, devices; its text is not looked at."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass

from cas.access.model import Octets
from cas.access.steps import descriptor_of
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.security.model import Service, Verb

DEVICE_ACCESS = "DeviceAccess"
GROUPS = ("DeviceGroups", "DeviceGroup")
DIRECTORY = "ResourceDirectory"

_PARTS = {
    "access_request_get": Service.GET,
    "access_request_get_with_selection": Service.GET,
    "access_request_set": Service.SET,
    "access_request_set_with_selection": Service.SET,
    "access_request_action": Service.ACTION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a request asks for."""

    verb: Verb
    noun: str
    services: frozenset[Service] = frozenset()
    names: tuple[str, ...] = ()
    """Devices, as the client writes them."""
    groups: tuple[str, ...] = ()
    everything: bool = False
    """Whether it is about all devices."""
    lasting: bool = False
    """Whether it goes on after the answer, with the devices that its groups have then."""
    ids: tuple[str, ...] = ()
    """Resources, or groups, by their IDs."""
    prefixes: tuple[str, ...] = ()
    """Prefixes that groups are to have."""

    @property
    def changes_state(self) -> bool:
        """Whether it does more than to show something."""
        return self.verb is not Verb.GET


def demand_of(content: mes.RequestMessageType) -> Demand:
    """What a request asks for; its verb is one of those that a request may have."""
    verb, noun = Verb(content.header.verb.value), content.header.noun
    ids = tuple(each.value for each in content.request.id) if content.request is not None else ()
    payload = content.payload
    if noun in GROUPS:
        return _groups_demand(verb, noun, ids, payload)
    if noun != DEVICE_ACCESS or payload is None:
        return Demand(verb=verb, noun=noun, ids=ids)
    nouns = (*payload.device_access, *payload.device_access_of_dev)
    lists = [each.devices_reference_list for each in nouns if each.devices_reference_list is not None]
    descriptors = [descriptor for each in nouns for descriptor in _descriptors(each)]
    names = tuple(reference.device_id for listed in lists for reference in listed.device_reference)
    groups = tuple(reference.group_id for listed in lists for reference in listed.group_reference)
    return Demand(
        verb=verb,
        noun=noun,
        services=frozenset(service for descriptor in descriptors for service in services_of(descriptor)),
        names=names,
        groups=groups,
        # AcceptDataNotification without devices means all of them
        everything=verb is Verb.CREATE and not names and not groups,
        lasting=verb is Verb.CHANGE or any(_lasts(each) for each in nouns),
        ids=ids if verb is not Verb.CREATE else (),
    )


def services_of(descriptor: dev.CosemAccessDescriptor) -> Iterator[Service]:
    """The services that a descriptor uses."""
    if descriptor.cosem_acse_descriptor is not None:
        yield Service.ASSOCIATE
    if descriptor.cosem_time_sync is not None:
        yield Service.TIME_SYNC
    if descriptor.cosem_upgrade is not None:
        yield Service.UPGRADE
    xdlms = descriptor.cosem_xdlms_descriptor
    if xdlms is None:
        return
    if xdlms.get_request is not None:
        yield Service.GET
    if xdlms.set_request is not None:
        yield Service.SET
    if xdlms.action_request is not None:
        yield Service.ACTION
    if xdlms.write_request is not None:
        # Under short names a write may invoke a method: the octets do not tell (Green Book 8.3, 9.3.15).
        yield from (Service.SET, Service.ACTION)
    if xdlms.read_request is not None:
        yield from _read_services(xdlms.read_request)
    if xdlms.access_request is not None:
        yield from _access_services(xdlms.access_request)


def services_of_stored(requests: Iterable[Octets]) -> frozenset[Service]:
    """The services of a resource's requests."""
    return frozenset(service for octets in requests for service in services_of(descriptor_of(octets)))


def objects_of(content: mes.RequestMessageType) -> Iterator[str]:
    """The attributes and methods that a request names: class, OBIS code, number."""
    if content.payload is not None:
        for noun in (*content.payload.device_access, *content.payload.device_access_of_dev):
            for descriptor in _descriptors(noun):
                yield from _objects(descriptor)


def _objects(value: object) -> Iterator[str]:
    if isinstance(value, cos.CosemAttributeDescriptor):
        yield f"attribute {value.class_id} {value.instance_id.hex().upper()} {value.attribute_id}"
    elif isinstance(value, cos.CosemMethodDescriptor):
        yield f"method {value.class_id} {value.instance_id.hex().upper()} {value.method_id}"
    elif isinstance(value, tuple):
        for each in value:
            yield from _objects(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _objects(getattr(value, field.name))


def _descriptors(noun: dev.DeviceAccess) -> Iterator[dev.CosemAccessDescriptor]:
    if noun.cosem_access_list is not None:
        for access in noun.cosem_access_list.cosem_access:
            if access.cosem_access_descriptor is not None:
                yield access.cosem_access_descriptor


def _read_services(request: cos.ReadRequest) -> Iterator[Service]:
    yield Service.GET
    for part in request.variable_access_specification:
        # Selector 0 is no selective access, but the invocation of a method that returns something.
        if part.parameterized_access is not None and part.parameterized_access.selector == 0:
            yield Service.ACTION


def _access_services(request: cos.AccessRequest) -> Iterator[Service]:
    for part in request.access_request_body.access_request_specification.access_request_specification:
        # An alternative that is not known here counts as the worst.
        chosen = [field.name for field in fields(part) if getattr(part, field.name) is not None]
        for name in chosen:
            yield _PARTS.get(name, Service.ACTION)


def _lasts(noun: dev.DeviceAccess) -> bool:
    return bool(
        noun.activates is not None
        or noun.repeating_interval is not None
        or noun.duration is not None
        or noun.accept_data_notification
    )


def _groups_demand(verb: Verb, noun: str, ids: tuple[str, ...], payload: mes.PayloadType | None) -> Demand:
    lists = [] if payload is None else [each for each in (payload.device_groups, payload.device_group) if each]
    groups = [group for listed in lists for group in listed.device_group]
    named = tuple(group.group_id for group in groups if group.group_id)
    return Demand(
        verb=verb,
        noun=noun,
        names=tuple(reference.device_id for group in groups for reference in group.device_reference),
        prefixes=tuple(group.prefix for group in groups if group.prefix),
        # a create names groups that are not there yet
        ids=ids if verb is Verb.CREATE else (*ids, *named),
        lasting=True,
    )
