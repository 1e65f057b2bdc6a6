"""A DeviceAccess from what a form says: objects line by line, devices or groups, a schedule; and the SOAP of it.

1.0.1.8.0.255                    the value of a register, with its scaler and unit
1.0.1.8.0.255:scaler_unit        another attribute, by name or number
70/0.0.96.3.10.255:control_state the interface class, where the code does not tell it
1.0.99.1.0.255 last 3 days       a profile: its columns, its period and its newest rows
# what stands behind it is a remark
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lxml import etree
from xsdata.models.datatype import XmlDateTime, XmlDuration

from cas import xml
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.console.words import Schedule
from cas.cosem.data import Data
from cas.cosem.interface_classes import attribute_of, find_class
from cas.cosem.obis import Obis
from cas.cosem.obis_names import usual_class
from cas.cosem.selection import BUFFER, PROFILE_GENERIC, CaptureObject, Range, Selection, selector_of

MOST_LINES = 200
NOUN = "DeviceAccess"
SOURCE = "console"
_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_CONFIRMED = 0xC1
_VALUE, _CAPTURE_OBJECTS, _CAPTURE_PERIOD = 2, 3, 4
_CLOCK = CaptureObject(8, bytes((0, 0, 1, 0, 0, 255)), 2)
_NOW = bytes.fromhex("FFFEFFFFFFFFFFFFFFFFFFFF")

# the attribute that tells scaler and unit, by class and attribute (Blue Book 12, 4.3)
SCALER_UNIT = {(3, 2): 3, (4, 2): 3, (5, 2): 4, (5, 3): 4}

_LINE = re.compile(
    r"(?:(?P<class>\d{1,5})/)?(?P<code>[0-9A-Fa-f.*:-]+?)(?::(?P<attribute>[A-Za-z_][A-Za-z0-9_]*|\d{1,3}))?"
    r"(?:\s+last\s+(?P<count>\d{1,3})\s+(?P<unit>days?|hours?))?",
    re.ASCII,
)


class AskingError(ValueError):
    """A line that does not say what to ask for; the text names it, and says what to write."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An attribute that is asked for."""

    class_id: int
    code: Obis
    attribute: int
    selection: Selection | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a form asks for."""

    asked: tuple[Asked, ...]
    devices: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    schedule: Schedule = field(default_factory=Schedule)
    priority: int | None = None


def parse_lines(text: str) -> tuple[Asked, ...]:
    """The attributes that the lines mean, each once, in order. Raises AskingError."""
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    if len(lines) > MOST_LINES:
        raise AskingError(f"{len(lines)} objects are too many for one access: {MOST_LINES} at most")
    return tuple(dict.fromkeys(asked for line in lines for asked in _expand(_parse_line(line))))


def _parse_line(line: str) -> Asked:
    found = _LINE.fullmatch(line)
    if found is None:
        raise AskingError(f"{line!r} is not understood: write 1.0.1.8.0.255, or look for a name above")
    try:
        code = Obis.parse(found["code"])
    except ValueError as error:
        raise AskingError(str(error)) from None
    class_id = int(found["class"]) if found["class"] else usual_class(code)
    if class_id is None:
        raise AskingError(f"{code} does not tell its interface class: write it in front, as in 1/{code}")
    if not 0 < class_id <= 0xFFFF:
        raise AskingError(f"{class_id} is no interface class: 1 to 65535")
    attribute = _attribute(class_id, found["attribute"], line)
    is_buffer = (class_id, attribute) == (PROFILE_GENERIC, BUFFER)
    if found["count"] and not is_buffer:
        raise AskingError(f"{line!r}: only the buffer of a profile has rows of the last days")
    return Asked(class_id, code, attribute, _last(found["count"] or "1", found["unit"] or "day") if is_buffer else None)


def _attribute(class_id: int, text: str | None, line: str) -> int:
    if text is None:
        return _VALUE
    if text.isdecimal():
        if 1 <= int(text) <= 127:
            return int(text)
        raise AskingError(f"{line!r}: an attribute is a number from 1 to 127")
    cls = find_class(class_id)
    number = cls.attribute(text) if cls else None
    if number is None:
        known = ", ".join(member.name for member in cls.attributes.values()) if cls else "none"
        raise AskingError(f"{line!r}: there is no attribute {text!r}; known are {known}")
    return number


def _last(count: str, unit: str) -> Range:
    number = int(count)
    if not 1 <= number <= 254:
        raise AskingError(f"last {count} {unit}: 1 to 254 can be asked for")
    ago = b"\xff\xff" + bytes((number,)) + b"\xff" * 7 if unit.startswith("day") else b"\xff" * 3 + bytes((number,))
    start = (b"\xff\xfd" + ago).ljust(12, b"\xff")
    return Range(_CLOCK, Data.of("octet-string", start), Data.of("octet-string", _NOW))


def _expand(asked: Asked) -> list[Asked]:
    """What is asked for together with an attribute, so that its value can be shown."""
    if (asked.class_id, asked.attribute) == (PROFILE_GENERIC, BUFFER):
        described = (_CAPTURE_OBJECTS, _CAPTURE_PERIOD)
        return [*(Asked(asked.class_id, asked.code, number) for number in described), asked]
    scale = SCALER_UNIT.get((asked.class_id, asked.attribute))
    return [asked, Asked(asked.class_id, asked.code, scale)] if scale else [asked]


def name_of(asked: Asked) -> str:
    """The attribute as the interface class names it."""
    return attribute_of(asked.class_id, asked.attribute).name


def device_access(plan: Plan) -> dev.DeviceAccess:
    """The noun of a create."""
    return noun_of(tuple(_descriptor(asked) for asked in plan.asked), plan)


def noun_of(descriptors: Sequence[dev.CosemAccessDescriptor], plan: Plan) -> dev.DeviceAccess:
    """The noun of a create with these descriptors; what the plan asks for does not count."""
    schedule = plan.schedule
    return dev.DeviceAccess(
        devices_reference_list=dev.DevicesReferenceList(
            device_reference=tuple(dev.DeviceReference(device_id=name) for name in plan.devices),
            group_reference=tuple(dev.GroupReference(group_id=name) for name in plan.groups),
        ),
        cosem_access_list=dev.CosemAccessList(
            cosem_access=tuple(dev.CosemAccess(cosem_access_descriptor=each) for each in descriptors)
        ),
        priority=plan.priority,
        activates=_time(schedule.activates),
        repeating_interval=XmlDuration(schedule.repeating_interval) if schedule.repeating_interval else None,
        duration=XmlDuration(schedule.duration) if schedule.duration else None,
        expires=_time(schedule.expires),
    )


def message_of(noun: dev.DeviceAccess, message_id: str) -> mes.RequestMessage:
    """The request that means the same, as any client would send it."""
    header = mes.HeaderType(
        verb=mes.Verb.CREATE, noun=NOUN, source=SOURCE, message_id=message_id, correlation_id=message_id
    )
    return mes.RequestMessage(header=header, payload=mes.PayloadType(device_access=(noun,)))


def message_about(verb: mes.Verb, ids: Sequence[str], noun: str = NOUN) -> mes.RequestMessage:
    """A request about what exists."""
    header = mes.HeaderType(verb=verb, noun=noun, source=SOURCE)
    request = mes.RequestType(id=tuple(mes.IdType(value=each) for each in ids))
    return mes.RequestMessage(header=header, request=request)


def soap_of(message: mes.RequestMessage) -> str:
    """A request in its envelope, indented."""
    body = xml.write(message, "mes:RequestMessage")
    root = etree.fromstring(
        f'<soap:Envelope xmlns:soap="{_SOAP}"{xml.DECLARATIONS}><soap:Body>{body}</soap:Body></soap:Envelope>'
    )
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")


def _time(moment: datetime | None) -> XmlDateTime | None:
    return None if moment is None else XmlDateTime.from_datetime(moment.astimezone(UTC))


def _descriptor(asked: Asked) -> dev.CosemAccessDescriptor:
    selection = None
    if asked.selection is not None:
        selection = cos.SelectiveAccessDescriptor(
            access_selector=selector_of(asked.selection), access_parameters=asked.selection.encode()
        )
    normal = cos.GetRequestNormal(
        invoke_id_and_priority=_CONFIRMED,
        cosem_attribute_descriptor=cos.CosemAttributeDescriptor(
            class_id=asked.class_id, instance_id=asked.code.octets, attribute_id=asked.attribute
        ),
        access_selection=selection,
    )
    get = cos.GetRequest(get_request_normal=normal)
    return dev.CosemAccessDescriptor(cosem_xdlms_descriptor=dev.CosemXdlmsDescriptor(get_request=get))
