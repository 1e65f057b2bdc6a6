"""Reading an order: the DeviceAccess of a client's create, checked as far as that is possible without the registry.

Everything that is wrong is told at once, each problem with the element that it is about.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from xsdata.models.datatype import XmlDateTime, XmlDuration

from cas.access.codes import Code
from cas.access.errors import Problem, Refused
from cas.access.groups import ALL_METERS
from cas.access.model import Octets, Origin, Terms
from cas.access.recurrence import Interval, activation
from cas.access.reply import CheckAddress, check_reply
from cas.access.steps import check_step, octets_of
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.dlms.apdu import Request
from cas.dlms.errors import EncodeError
from cas.dlms.selection import resolve_request
from cas.push.targets import Targets

# The parts of a block transfer, which is the service's own business: a client sends and gets whole values.
_BLOCK_FORMS = {
    cos.GetRequest: ("get_request_next",),
    cos.SetRequest: (
        "set_request_with_first_datablock",
        "set_request_with_datablock",
        "set_request_with_list_and_first_datablock",
    ),
    cos.ActionRequest: (
        "action_request_next_pblock",
        "action_request_with_first_pblock",
        "action_request_with_list_and_first_pblock",
        "action_request_with_pblock",
    ),
    cos.VariableAccessSpecification: ("block_number_access", "read_data_block_access", "write_data_block_access"),
}
_DESCRIPTOR = "CosemAccessDescriptor"
SHORTEST_INTERVAL = timedelta(seconds=1)
"""RepeatingInterval (D). Each activation is stored, the missed ones too: a client may not fill the database at will."""
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""A relative time that no device can be told is seen at any time: now, not at 02:00 on each device."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator allows."""

    upgrade_dir: Path | None = None
    """The directory of firmware images; None: no upgrades."""
    check_address: CheckAddress = Targets().check
    """Where events may go."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a client asks for: the devices' names and the steps as they are stored, in order, and the terms."""

    names: tuple[str, ...]
    requests: tuple[Octets, ...]
    terms: Terms
    groups: tuple[str, ...] = ()
    """GroupIDs, each once."""


def read_order(noun: dev.DeviceAccess, origin: Origin, now: datetime, rules: Rules) -> Order:
    """Read the DeviceAccess of a create. Raises Refused with every problem there is."""
    problems: list[Problem] = []
    terms = _read_terms(noun, problems)
    if terms is not None:
        problems += check_terms(terms, now)
        problems += check_reply(origin, terms, now, rules.check_address)
    listens = bool(noun.accept_data_notification)
    names, groups = _read_devices(noun, problems, optional=listens)
    requests = _read_steps(noun, rules, problems, optional=listens)
    if problems or terms is None:
        raise Refused(problems)
    if requests and not names and not groups:
        groups = (ALL_METERS,)
    return Order(names, requests, terms, groups)


@dataclass(frozen=True, slots=True)
class Change:
    """What a client changes; None: as it is."""

    names: tuple[str, ...] | None
    """With `groups`: which devices."""
    groups: tuple[str, ...]
    requests: tuple[Octets, ...] | None
    terms: Mapping[str, Any]
    """Fields of Terms."""


def read_change(noun: dev.DeviceAccess, rules: Rules) -> Change:
    """Read the DeviceAccess of a change, which has only what is to change. Raises Refused."""
    problems: list[Problem] = []
    terms = _read_terms(noun, problems)
    names, groups = _read_devices(noun, problems, optional=noun.devices_reference_list is None)
    requests = _read_steps(noun, rules, problems, optional=noun.cosem_access_list is None)
    if problems or terms is None:
        raise Refused(problems)
    given = {each.name for each in fields(Terms) if getattr(noun, each.name) is not None}
    return Change(
        None if noun.devices_reference_list is None else names,
        groups,
        None if noun.cosem_access_list is None else requests,
        {name: getattr(terms, name) for name in given},
    )


def read_names(noun: dev.DeviceAccess) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The devices, and the groups, to which a get is narrowed; None: to none. Raises Refused."""
    if noun.devices_reference_list is None:
        return None
    problems: list[Problem] = []
    named = _read_devices(noun, problems, optional=False)
    if problems:
        raise Refused(problems)
    return named


def unknown_devices(names: Sequence[str], known: Container[str]) -> list[Problem]:
    """A problem for each name that is not known, at its place in the list."""
    return [
        Problem(Code.DEVICE, f"the device {name!r} is not registered", f"DevicesReferenceList/DeviceReference[{place}]")
        for place, name in enumerate(names, 1)
        if name not in known
    ]


def instant(value: XmlDateTime | None) -> datetime | None:
    """An xs:dateTime as an instant; without a zone it is taken for UTC. Raises ValueError for a year beyond 9999."""
    if value is None:
        return None
    # 24:00:00 is the first moment of the next day (XML Schema 1.0 Part 2, 3.2.7).
    ends_a_day = value.hour == 24
    read = (value.replace(hour=0) if ends_a_day else value).to_datetime() + timedelta(days=ends_a_day)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def _read_terms(noun: dev.DeviceAccess, problems: list[Problem]) -> Terms | None:
    instants: dict[str, datetime | None] = {}
    for element, value in (
        ("Activates", noun.activates),
        ("Expires", noun.expires),
        ("NotOlderThan", noun.not_older_than),
    ):
        try:
            instants[element] = instant(value)
        except (ValueError, OverflowError):
            problems.append(Problem(Code.PAYLOAD, f"{value} is outside of the years 1 to 9999", element))
    for element, period, shortest in (
        ("RepeatingInterval", noun.repeating_interval, SHORTEST_INTERVAL),
        ("Duration", noun.duration, timedelta.resolution),
    ):
        if period is not None and (wrong := _wrong(period, shortest)):
            problems.append(Problem(Code.PAYLOAD, f"{element} is {period}: {wrong}", element))
    if problems:
        return None
    return Terms(
        priority=255 if noun.priority is None else noun.priority,
        activates=instants["Activates"],
        repeating_interval=None if noun.repeating_interval is None else str(noun.repeating_interval),
        duration=None if noun.duration is None else str(noun.duration),
        expires=instants["Expires"],
        not_older_than=instants["NotOlderThan"],
        accept_data_notification=bool(noun.accept_data_notification),
    )


def _wrong(period: XmlDuration, shortest: timedelta) -> str | None:
    if period.negative:
        return "it must not be negative"
    try:
        end = activation(_ANY_TIME, Interval.parse(str(period)), 1, UTC)
    except (ValueError, OverflowError):
        end = None
    if end is None:
        return "it must end before the year 9999"
    return f"it must be {shortest.total_seconds():g} s or longer" if end - _ANY_TIME < shortest else None


def check_terms(terms: Terms, now: datetime) -> Iterator[Problem]:
    """What in these terms contradicts itself."""
    first = max(terms.activates, now) if terms.activates else now
    if terms.expires is not None and terms.expires <= first:
        details = f"Expires {terms.expires.isoformat()} is not after the first activation, {first.isoformat()}"
        yield Problem(Code.RELATIONSHIP, details, "Expires")


def _group(place: int) -> str:
    return f"DevicesReferenceList/GroupReference[{place}]"


def _read_devices(
    noun: dev.DeviceAccess, problems: list[Problem], *, optional: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of devices and the GroupIDs, these each once."""
    listed = noun.devices_reference_list
    if listed is None or not (listed.device_reference or listed.group_reference):
        if not optional:
            details = "no device is named: add a DeviceReference or a GroupReference"
            problems.append(Problem(Code.MANDATORY, details, "DevicesReferenceList"))
        return (), ()
    groups = dict.fromkeys(reference.group_id for reference in listed.group_reference)
    return tuple(reference.device_id for reference in listed.device_reference), tuple(groups)


def _read_steps(noun: dev.DeviceAccess, rules: Rules, problems: list[Problem], *, optional: bool) -> tuple[Octets, ...]:
    if noun.cosem_access_list is None or not noun.cosem_access_list.cosem_access:
        if not optional:
            problems.append(Problem(Code.MANDATORY, "nothing is to be done: add a CosemAccess", "CosemAccessList"))
        return ()
    requests: list[Octets] = []
    for place, access in enumerate(noun.cosem_access_list.cosem_access, 1):
        path = f"CosemAccessList/CosemAccess[{place}]"
        descriptor = access.cosem_access_descriptor
        if access.cosem_access_result:
            problems.append(Problem(Code.PAYLOAD, "a request has no results", f"{path}/CosemAccessResult"))
        elif descriptor is None:
            problems.append(Problem(Code.MANDATORY, f"CosemAccess {place} has no {_DESCRIPTOR}", path))
        else:
            path += f"/{_DESCRIPTOR}"
            wrong = [
                replace(problem, element=f"{path}/{element}")
                for element, problem in (*_check_request(descriptor), *check_step(descriptor, rules.upgrade_dir))
            ]
            problems += wrong
            if not wrong:
                _encode(descriptor, path, requests, problems)
    return tuple(requests)


def _check_request(descriptor: dev.CosemAccessDescriptor) -> Iterator[tuple[str, Problem]]:
    if descriptor.cosem_xdlms_descriptor is None:
        return
    name, body = _chosen(descriptor.cosem_xdlms_descriptor)
    for form in _block_forms(body):
        details = (
            f"{form.rpartition('/')[2]}: the service does block transfer itself; send the whole request, the answer "
            "comes whole"
        )
        yield f"CosemXDLMSDescriptor/{name}/{form}", Problem(Code.PAYLOAD, details)
        return
    try:
        resolve_request(cast("Request", body), _ANY_TIME)
    except EncodeError as problem:
        yield f"CosemXDLMSDescriptor/{name}", Problem(Code.PAYLOAD, str(problem))


def _encode(descriptor: dev.CosemAccessDescriptor, path: str, requests: list[Octets], problems: list[Problem]) -> None:
    try:
        requests.append(octets_of(descriptor))
    except EncodeError as error:
        kind, body = _chosen(descriptor)
        problems.append(Problem(Code.PAYLOAD, str(error), f"{path}/{kind}/{_chosen(body)[0]}"))


def _block_forms(body: object) -> Iterator[str]:
    parts: Sequence[object] = (body,)
    path = ""
    if isinstance(body, cos.ReadRequest):
        parts, path = body.variable_access_specification, "Variable-Access-Specification/"
    elif isinstance(body, cos.WriteRequest):
        parts = body.variable_access_specification.variable_access_specification
        path = "variable-access-specification/Variable-Access-Specification/"
    for part in parts:
        for form in _BLOCK_FORMS.get(type(part), ()):
            if getattr(part, form) is not None:
                yield path + _element(type(part), form)


def _chosen(choice: object) -> tuple[str, object]:
    """The alternative of a choice that is there: the name of its element, and its value."""
    for attribute in choice.__dataclass_fields__:  # type: ignore[attr-defined]  # classes of the bindings
        value = getattr(choice, attribute)
        if value is not None:
            return _element(type(choice), attribute), value
    raise ValueError(f"{type(choice).__name__} is empty")


def _element(cls: type, attribute: str) -> str:
    metadata = cls.__dataclass_fields__[attribute].metadata  # type: ignore[attr-defined]  # classes of the bindings
    return str(metadata.get("name", attribute))
