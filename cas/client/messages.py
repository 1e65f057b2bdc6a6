"""Requests of the client as messages, and what is in the answers."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeAlias, TypedDict
from uuid import uuid4

from lxml import etree
from xsdata.models.datatype import XmlDateTime, XmlDuration

from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.client.errors import CasFault, FaultError, NotUnderstood
from cas.soap.envelope import CLOSING, Version, opening
from cas.xml import XmlError, parse_folded, read, write

Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no public name for it

_MES = "{http://iec.ch/TC57/2011/schema/message}"
Period: TypeAlias = timedelta | str
"""A timedelta, or an xs:duration such as `P1M`."""


class Terms(TypedDict, total=False):
    """When and how a DeviceAccess is done; what is not given is the service's default, or stays as it is."""

    priority: int | None
    """From 0, most urgent, to 255."""
    activates: datetime | None
    repeating_interval: Period | None
    duration: Period | None
    expires: datetime | None
    not_older_than: datetime | None
    accept_data_notification: bool | None


def header(verb: mes.Verb, noun: str, source: str | None) -> mes.HeaderType:
    """The header of a request, with a MessageID of its own."""
    return mes.HeaderType(
        verb=verb,
        noun=noun,
        timestamp=XmlDateTime.utcnow(),
        source=source,
        message_id=str(uuid4()),
    )


def document(request: mes.RequestMessageType) -> bytes:
    """A request in its envelope."""
    return envelope(write(request, "mes:RequestMessage"))


def envelope(text: str) -> bytes:
    """A message, as XML with our prefixes, in an envelope of SOAP 1.2."""
    return f"{opening(Version.V12)}{text}{CLOSING}".encode()


def response_of(octets: bytes, status: int) -> mes.ResponseMessageType:
    """The ResponseMessage of an answer. Raises CasFault, NotUnderstood."""
    return read_response(body_of(octets, status), status)


def body_of(octets: bytes, status: int) -> Element:
    """The one child of the SOAP body. Raises NotUnderstood, CasFault."""
    try:
        root = parse_folded(octets)
    except XmlError as problem:
        raise NotUnderstood(f"the answer is no XML: {problem}", status) from None
    body = root.find("{*}Body")
    if etree.QName(root).localname != "Envelope" or body is None or not len(body):
        raise NotUnderstood(f"the answer is {etree.QName(root).localname}, and not a message in SOAP", status)
    if etree.QName(body[0]).localname == "Fault":
        raise _fault(body[0], status)
    return body[0]


def read_response(element: Element, status: int) -> mes.ResponseMessageType:
    """A ResponseMessage that does not say FAILED. Raises CasFault, NotUnderstood."""
    if element.tag != f"{_MES}ResponseMessage":
        raise NotUnderstood(f"a ResponseMessage is expected, not {etree.QName(element).localname}", status)
    try:
        response = read(mes.ResponseMessageType, element)
    except XmlError as problem:
        raise NotUnderstood(str(problem), status) from None
    if response.reply.result is mes.Result.FAILED:
        raise CasFault([FaultError.of(error) for error in response.reply.error], status, "the request failed")
    return response


def _fault(fault: Element, status: int) -> CasFault:
    reason = " ".join(
        (told.text or "").strip() for told in (*fault.iterfind("{*}Reason/{*}Text"), *fault.iterfind("faultstring"))
    )
    message = fault.find(f"{{*}}Detail/{_MES}FaultMessage")
    if message is None:
        message = fault.find(f"detail/{_MES}FaultMessage")
    if message is None:
        return CasFault([], status, reason)
    try:
        errors = read(mes.FaultMessageType, message).reply.error
    except XmlError as problem:
        raise NotUnderstood(str(problem), status) from None
    return CasFault([FaultError.of(error) for error in errors], status, reason)


def device_access(
    devices: Iterable[str],
    groups: Iterable[str],
    descriptors: Iterable[dev.CosemAccessDescriptor],
    *,
    priority: int | None = None,
    activates: datetime | None = None,
    repeating_interval: Period | None = None,
    duration: Period | None = None,
    expires: datetime | None = None,
    not_older_than: datetime | None = None,
    accept_data_notification: bool | None = None,
) -> dev.DeviceAccess:
    """A DeviceAccess with the terms that are given; lists without a member are left out."""
    references = tuple(dev.DeviceReference(device_id=name) for name in devices)
    named = tuple(dev.GroupReference(group_id=name) for name in groups)
    accesses = tuple(dev.CosemAccess(cosem_access_descriptor=descriptor) for descriptor in descriptors)
    return dev.DeviceAccess(
        devices_reference_list=dev.DevicesReferenceList(device_reference=references, group_reference=named)
        if references or named
        else None,
        cosem_access_list=dev.CosemAccessList(cosem_access=accesses) if accesses else None,
        priority=priority,
        activates=xml_time(activates),
        repeating_interval=_duration(repeating_interval),
        duration=_duration(duration),
        expires=xml_time(expires),
        not_older_than=xml_time(not_older_than),
        accept_data_notification=accept_data_notification,
    )


def xml_time(at: datetime | None) -> XmlDateTime | None:
    """An instant. Raises ValueError for one without a zone: it would be another one elsewhere."""
    if at is not None and at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no zone: give it one, as in datetime.now(UTC)")
    return None if at is None else XmlDateTime.from_datetime(at)


def _duration(period: Period | None) -> XmlDuration | None:
    if isinstance(period, timedelta):
        seconds = period / timedelta(seconds=1)
        return XmlDuration(f"PT{seconds:.6f}".rstrip("0").rstrip(".") + "S")
    return None if period is None else XmlDuration(period)
