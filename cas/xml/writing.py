"""Writes the bindings' objects as XML."""

import dataclasses
import re
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeAlias
from xml.etree.ElementTree import QName

from lxml import etree
from xsdata.models.datatype import XmlDateTime, XmlDuration

from cas.cosem.asn1 import Null, Text
from cas.cosem.data import Data
from cas.cosem.data_xml import markup, text_of_utf8, text_of_visible, to_xml
from cas.xml.classes import Part, once, parts_of, qualified, root_name
from cas.xml.documents import DECLARATIONS

Put: TypeAlias = Callable[[str], None]

_QUOTE = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\n": "&#10;", "\t": "&#9;", "\r": "&#13;"})
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(obj: object) -> bytes:
    """A whole document whose root is the element of the object's class."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{write(obj, root_name(type(obj)), DECLARATIONS)}'.encode()


def write(obj: object, shown: str, declarations: str = "") -> str:
    """The element `shown` (name with our prefix) that holds the object; `declarations` go into its start tag."""
    out: list[str] = []
    _writer(type(obj))(obj, shown, declarations, out.append)
    return "".join(out)


@once
def _writer(cls: type) -> Callable[[Any, str, str, Put], None]:
    parts = parts_of(cls)
    attributes = [(p.attribute, p.shown, _write_text(p)) for p in parts if p.kind == "Attribute"]
    children = [(p.attribute, p.many, _write_part(p)) for p in parts if p.kind != "Attribute"]

    def write_class(obj: Any, shown: str, declarations: str, put: Put) -> None:
        put(f"<{shown}{declarations}")
        for attribute, attribute_name, text in attributes:
            value = getattr(obj, attribute)
            if value is not None:
                shown_value = text(value)
                if not shown_value.isalnum():
                    shown_value = _legal(shown_value).translate(_QUOTE)
                put(f' {attribute_name}="{shown_value}"')
        put(">")
        for attribute, many, write_child in children:
            value = getattr(obj, attribute)
            if many:
                for item in value:
                    write_child(item, put)
            elif value is not None:
                write_child(value, put)
        put(f"</{shown}>")

    return write_class


def _write_part(part: Part) -> Callable[[Any, Put], None]:
    shown = part.shown
    if part.kind == "Wildcard":
        return lambda value, put: put(etree.tostring(value, encoding="unicode", with_tail=False))
    if part.kind == "Text":
        return lambda value, put: put(markup(_legal(value)).replace("\r", "&#13;"))
    if isinstance(part.shape, Null):
        return lambda _value, put: put(f"<{shown}/>")
    if part.type is Data:
        return lambda value, put: put(f"<{shown}>{to_xml(value, 'cos:')}</{shown}>")
    if dataclasses.is_dataclass(part.type):
        return lambda value, put: _writer(type(value))(value, shown, "", put)
    text = _write_text(part)
    if part.type is str and not isinstance(part.shape, Text):
        return lambda value, put: put(f"<{shown}>{markup(_legal(value))}</{shown}>".replace("\r", "&#13;"))
    return lambda value, put: put(f"<{shown}>{markup(text(value))}</{shown}>")


def _write_text(part: Part) -> Callable[[Any], str]:
    if isinstance(part.shape, Text):
        if part.shape.kind == "utf8":
            return lambda value: text_of_utf8(value.encode("utf-8", "surrogateescape"))
        return lambda value: text_of_visible(value.encode("latin-1"))
    if isinstance(part.type, type) and issubclass(part.type, Enum):
        return lambda value: str(value.value)
    return _WRITE[part.type]


def _write_qname(text: str) -> str:
    """`{namespace}local` by our prefix, which is declared at the root; anything else as it is."""
    if not text.startswith("{"):
        return text
    namespace, _, local = text[1:].partition("}")
    return qualified(namespace, local)


def _legal(text: str) -> str:
    """Text of our own that XML can carry; what it cannot is shown as a replacement character."""
    return text if text.isprintable() else _FORBIDDEN.sub("\ufffd", text)


_WRITE: dict[Any, Callable[[Any], str]] = {
    str: str,
    int: str,
    bool: lambda value: "true" if value else "false",
    bytes: lambda value: value.hex().upper(),
    XmlDateTime: str,
    XmlDuration: str,
    QName: lambda value: _write_qname(value.text),
}
