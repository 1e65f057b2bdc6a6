"""From the one child of the SOAP body to a request as the bindings have it: look, unpack, arrange, validate, read."""

import base64
import binascii
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from lxml import etree

from cas.access.codes import Code
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.cosem.selection_xml import mend_selections
from cas.soap.errors import MessageRefused
from cas.soap.problems import error, error_at
from cas.soap.schema import Validator
from cas.xml import XmlError, arrange, name, parse_folded, read

Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no public name for it

MES = "http://iec.ch/TC57/2011/schema/message"
DEV = "http://iec.ch/TC13/2014/schema/DeviceAccess"

# What a client may ask for; the other verbs of the envelope are those of answers and events.
VERBS = ("create", "change", "cancel", "close", "delete", "get")
NOUNS = ("DeviceAccess", "DeviceGroups", "DeviceGroup", "ResourceDirectory")
# Octets of a payload for each octet that came. XML of COSEM shrinks to a thirtieth at most; a bomb to a thousandth.
COMPRESSION = 200
LONGEST = 1000
"""Octets of what names a message. PostgreSQL indexes Source and MessageID together, in 2,704 octets at the most."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it came, and as it was read."""

    element: Element
    content: mes.RequestMessageType
    is_statistic_request: bool = False
    """Whether it is a CosemDeviceStatisticRequest, which has no header: it counts as a get of ResourceDirectory (D)."""

    @property
    def header(self) -> mes.HeaderType:
        """The header."""
        return self.content.header

    @property
    def dev_form(self) -> bool:
        """Whether the element DeviceAccess stands in the namespace dev, and not in mes as is usual on the wire."""
        return self.element.find(f"{{{MES}}}Payload/{{{DEV}}}DeviceAccess") is not None

    @property
    def noun(self) -> dev.DeviceAccess | None:
        """The DeviceAccess of the payload; a request has one at the most."""
        payload = self.content.payload
        found = () if payload is None else (*payload.device_access, *payload.device_access_of_dev)
        return found[0] if found else None


def read_message(body: Element, validator: Validator, *, limit: int, strict: bool) -> Message:
    """Read a request. `limit`: octets of an unpacked payload; `strict`: elements must come in schema order.

    Raises MessageRefused.
    """
    if body.tag == f"{{{MES}}}CosemDeviceStatisticRequest":
        return _read_statistic_request(body, validator)
    _look(body)
    if (compressed := body.find(f"{{{MES}}}Payload/{{{MES}}}Compressed")) is not None:
        _unpack(compressed, limit)
    valid = validator.accepts(body)
    if not valid and not strict:  # a client of its own ways: most have none, and arranging costs as much as reading
        arrange(body, mes.RequestMessageType)
        mend_selections(body)
    if not valid and (errors := validator.errors(body)):
        raise MessageRefused(errors)
    if surplus := body.findall(f"{{{MES}}}Payload/{{*}}DeviceAccess")[1:]:
        raise MessageRefused([error_at(Code.TOO_MANY, "a request holds one DeviceAccess", surplus[0])])
    try:
        content = read(mes.RequestMessageType, body)
    except XmlError as problem:
        at = problem.element if problem.element is not None else body
        raise MessageRefused([error_at(Code.INVALID, problem.reason, at)]) from None
    if errors := list(_too_long(content.header)):
        raise MessageRefused(errors)
    return Message(body, content)


def _look(body: Element) -> None:
    """Whether it is a request, and its verb and noun are known: told before all that is wrong inside."""
    if body.tag != f"{{{MES}}}RequestMessage":
        namespace = etree.QName(body).namespace
        details = f"mes:RequestMessage is expected in namespace {MES}, here is {name(body)} in {namespace or 'none'}"
        raise MessageRefused([error_at(Code.INVALID, details, body)])
    errors = []
    for tag, known, code in (("Verb", VERBS, Code.VERB), ("Noun", NOUNS, Code.NOUN)):
        element = body.find(f"{{{MES}}}Header/{{{MES}}}{tag}")
        if element is not None and (text := (element.text or "").strip()) not in known:
            errors.append(error_at(code, f"{text!r} is none of {', '.join(known)}", element))
    if errors:
        raise MessageRefused(errors)


def _too_long(header: mes.HeaderType) -> Iterator[mes.ErrorType]:
    named = {"Source": header.source, "MessageID": header.message_id, "CorrelationID": header.correlation_id}
    for tag, text in named.items():
        if (octets := len((text or "").encode())) > LONGEST:
            details = f"mes:{tag} may have {LONGEST} octets in UTF-8, here are {octets}"
            yield error(Code.HEADER, details, xpath=f"mes:{tag}")


def _read_statistic_request(body: Element, validator: Validator) -> Message:
    if errors := validator.errors(body):
        raise MessageRefused(errors)
    header = mes.HeaderType(verb=mes.Verb.GET, noun="ResourceDirectory")
    return Message(body, mes.RequestMessageType(header=header), is_statistic_request=True)


def _unpack(compressed: Element, limit: int) -> None:
    """Put the document that was gzipped and base64-coded in the place of Compressed."""
    try:
        packed = base64.b64decode("".join((compressed.text or "").split()), validate=True)
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        most = min(limit, COMPRESSION * len(packed))
        octets = unpacker.decompress(packed, most + 1)
        if len(octets) > most:
            raise MessageRefused([error_at(Code.PAYLOAD, f"unpacks to more than {most} octets", compressed)])
        if not unpacker.eof:
            raise MessageRefused([error_at(Code.PAYLOAD, "the gzip data is cut off", compressed)])
        content = parse_folded(octets)
    except (binascii.Error, zlib.error, XmlError) as problem:
        details = f"must be the payload document, gzipped, then in base64: {problem}"
        raise MessageRefused([error_at(Code.PAYLOAD, details, compressed)]) from None
    parent = compressed.getparent()
    assert parent is not None  # noqa: S101 - it was found below Payload
    elements = list(content) if content.tag == f"{{{MES}}}Payload" else [content]
    at = parent.index(compressed)
    parent[at : at + 1] = elements
