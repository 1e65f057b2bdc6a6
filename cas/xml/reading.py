"""Reads the bindings' objects from elements, and says of each error which element is at fault."""

import dataclasses
import re
import typing
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar
from xml.etree.ElementTree import QName

from lxml import etree
from xsdata.exceptions import ConverterError
from xsdata.models.datatype import XmlDateTime, XmlDuration

from cas.bindings.coding import TYPE_NAME, TYPES
from cas.bindings.device_access import DeviceReference
from cas.cosem.asn1 import Choice, Enumerated, Null, ObjectIdentifier, Shape, Text
from cas.cosem.data import Data
from cas.cosem.data_xml import TextError, from_xml, octets_of_utf8, octets_of_visible
from cas.cosem.kinds import DataError
from cas.xml.classes import OID_PREFIX, Part, once, parts_of, whole_oid
from cas.xml.documents import Element, XmlError, name
from cas.xml.folding import spread, unfold

T = TypeVar("T")

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*", re.ASCII)
_BOOLEAN = {"true": True, "1": True, "false": False, "0": False}


def read(cls: type[T], element: Element) -> T:
    """The object of an element. Raises XmlError, which carries the element at fault."""
    try:
        found: T = _reader(cls)(element)
    except (XmlError, TextError) as error:
        unfold(element)  # before its path is told
        raise XmlError(error.reason, typing.cast("Element | None", error.element)) from None
    return found


@once
def _reader(cls: type) -> Callable[[Element], Any]:
    parts = parts_of(cls)
    if all(part.kind == "Attribute" for part in parts):
        return _attribute_reader(cls, parts)
    read_children = _children_reader(parts)
    attributes = {p.tag: (p.attribute, _read_text(p)) for p in parts if p.kind == "Attribute"}
    required = {p.attribute: p.shown for p in parts if p.required and p.kind != "Text"}
    text = next(((p.attribute, _read_text(p)) for p in parts if p.kind == "Text"), None)
    several = [(p.attribute, spread if p.type is DeviceReference else tuple) for p in parts if p.many]
    is_choice = isinstance(TYPES.get(TYPE_NAME.get(cls, "")), Choice)

    def read_class(element: Element) -> Any:
        values = read_children(element)
        if is_choice and len(values) != 1:
            raise XmlError(f"holds one of its alternatives, not {len(values)}", element)
        _read_attributes(element, attributes, values)
        if text is not None:
            values[text[0]] = _checked(text[1], element.text or "", element)
        if not required.keys() <= values.keys():
            raise _missing(required, values, element)
        for attribute, whole in several:
            if attribute in values:
                values[attribute] = whole(values[attribute])
        return cls(**values)

    return read_class


def _children_reader(parts: tuple[Part, ...]) -> Callable[[Element], dict[str, Any]]:
    elements = {p.tag: (p.attribute, p.many, _read_part(p)) for p in parts if p.kind == "Element"}
    wildcard = next((p.attribute for p in parts if p.kind == "Wildcard"), None)
    holds_text = any(p.kind == "Text" for p in parts)

    def read_children(element: Element) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if not holds_text and element.text:
            _refuse_text(element.text, element)
        for child in element:
            if child.tail:
                _refuse_text(child.tail, element)
            known = elements.get(child.tag)
            if known is not None:
                attribute, many, read_child = known
                if many:
                    values.setdefault(attribute, []).append(read_child(child))
                elif attribute in values:
                    raise XmlError("stands twice", child)
                else:
                    values[attribute] = read_child(child)
            elif wildcard is not None:
                values.setdefault(wildcard, []).append(child)
            else:
                raise XmlError(f"has no place in {name(element)}", child)
        return values

    return read_children


def _attribute_reader(cls: type, parts: tuple[Part, ...]) -> Callable[[Element], Any]:
    """Reads an element that has nothing but attributes, such as a DeviceReference."""
    attributes = {p.tag: (p.attribute, _read_text(p)) for p in parts}
    required = {p.attribute: p.shown for p in parts if p.required}

    def read_class(element: Element) -> Any:
        values: dict[str, Any] = {}
        if len(element):
            raise XmlError(f"has no place in {name(element)}", element[0])
        if element.text:
            _refuse_text(element.text, element)
        _read_attributes(element, attributes, values)
        if not required.keys() <= values.keys():
            raise _missing(required, values, element)
        return cls(**values)

    return read_class


def _missing(required: dict[str, str], values: dict[str, Any], element: Element) -> XmlError:
    shown = sorted(shown for attribute, shown in required.items() if attribute not in values)
    return XmlError(f"{', '.join(shown)} missing", element)


def _read_attributes(
    element: Element, attributes: dict[str, tuple[str, Callable[[str], Any]]], values: dict[str, Any]
) -> None:
    items: Any = element.items()
    for key, value in items:
        if key in attributes:
            attribute, read_value = attributes[key]
            values[attribute] = _checked(read_value, value, element)
        elif not key.startswith("{"):
            raise XmlError(f"has no attribute {key}", element)


def _refuse_text(text: str | None, element: Element) -> None:
    if text and not text.isspace():
        raise XmlError(f"the text {text.strip()[:40]!r} has no place in it", element)


def _text(element: Element) -> str:
    """The text of an element that holds nothing else."""
    if len(element):
        raise XmlError("holds text, no elements", element)
    if element.keys():
        _read_attributes(element, {}, {})  # complains
    return element.text or ""


def _read_part(part: Part) -> Callable[[Element], Any]:
    if isinstance(part.shape, Null):
        return _read_null
    if part.type is Data:
        return _read_data
    if dataclasses.is_dataclass(part.type):
        cls = typing.cast("type", part.type)
        return lambda element: _reader(cls)(element)  # looked up late: types may contain themselves
    if part.type is QName:
        return _read_qname
    read_value = _read_text(part)
    return lambda element: _checked(read_value, _text(element), element)


def _read_qname(element: Element) -> QName:
    prefix, _, local = _text(element).strip().rpartition(":")
    namespace = element.nsmap.get(prefix or None)
    if prefix and namespace is None:
        raise XmlError(f"the prefix {prefix} is not declared", element)
    return QName(namespace, local) if namespace else QName(local)


def _read_null(element: Element) -> bool:
    _refuse_text(_text(element), element)
    return True


def _read_data(element: Element) -> Data:
    if len(element) != 1:
        raise XmlError(f"holds one COSEM Data, not {len(element)}", element)
    _refuse_text(element.text, element)
    _refuse_text(element[0].tail, element)
    return from_xml(element[0])


def _checked(read_value: Callable[[str], Any], text: str, element: Element) -> Any:
    try:
        return read_value(text)
    except (ValueError, ConverterError) as error:
        reason = error.reason if isinstance(error, DataError) else str(error)
        raise XmlError(reason, element) from None


def _read_text(part: Part) -> Callable[[str], Any]:
    kind, shape = part.type, part.shape
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _read_enum(kind, shape)
    if isinstance(shape, Text):
        if shape.kind == "utf8":
            return lambda text: octets_of_utf8(text).decode("utf-8", "surrogateescape")
        return lambda text: octets_of_visible(text).decode("latin-1")
    if isinstance(shape, ObjectIdentifier):
        prefix = OID_PREFIX.get(etree.QName(part.tag).localname)
        whole = whole_oid(prefix) if prefix else str.strip
        return lambda text: whole(text.strip()) or text.strip()
    return _READ[kind]


def _read_enum(kind: type[Enum], shape: Shape | None) -> Callable[[str], Enum]:
    members = {str(member.value): member for member in kind}
    if isinstance(shape, Enumerated):
        members |= {str(number): member for number, member in shape.members.items()}

    def read_enum(text: str) -> Enum:
        member = members.get(text.strip())
        if member is None:
            raise ValueError(f"{text.strip()[:40]!r} is none of {', '.join(str(m.value) for m in kind)}")
        return member

    return read_enum


def _read_int(text: str) -> int:
    if text.isdecimal() and text.isascii() and len(text) < 20:  # most are
        return int(text)
    text = text.strip()
    if not _INTEGER.fullmatch(text) or len(text) > 40:
        raise ValueError(f"{text[:40]!r} is no number")
    return int(text)


def _read_bool(text: str) -> bool:
    try:
        return _BOOLEAN[text.strip()]
    except KeyError:
        raise ValueError(f"{text[:40]!r} is neither true nor false") from None


def _read_hex(text: str) -> bytes:
    text = text.strip()
    if not _HEX.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no hexBinary")
    return bytes.fromhex(text)


_READ: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: _read_int,
    bool: _read_bool,
    bytes: _read_hex,
    XmlDateTime: lambda text: XmlDateTime.from_string(text.strip()),
    XmlDuration: lambda text: XmlDuration(text.strip()),
}
