"""The bindings' XML, read and written by a codec compiled once per class from the fields' metadata.

xsdata's own parser and serialiser do the same from the same metadata and are the oracle in the tests; this one is an
order of magnitude faster, puts octets of COSEM Data to text and back without objects between, and says of each error
which element is at fault. `arrange` brings known children into schema order before a document is validated.
"""

import dataclasses
import re
import sys
import typing
from collections.abc import Callable
from enum import Enum
from itertools import pairwise
from types import UnionType
from typing import Any, TypeAlias, TypeVar
from xml.etree.ElementTree import QName

from lxml import etree
from xsdata.exceptions import ConverterError
from xsdata.models.datatype import XmlDateTime, XmlDuration

from cas.bindings.coding import TYPE_NAME, TYPES
from cas.cosem.asn1 import Choice, Enumerated, Null, ObjectIdentifier, Sequence, SequenceOf, Shape, Text
from cas.cosem.data import Data, DataError
from cas.cosem.data_xml import (
    TextError,
    from_xml,
    markup,
    octets_of_utf8,
    octets_of_visible,
    text_of_utf8,
    text_of_visible,
    to_xml,
)
from cas.xml_leaves import Leaf
from cas.xml_leaves import reader as leaf_reader

T = TypeVar("T")
Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no public name for it
Put: TypeAlias = Callable[[str], None]

PREFIX = {
    "http://iec.ch/TC57/2011/schema/message": "mes",
    "http://iec.ch/TC13/2014/schema/DeviceAccess": "dev",
    "http://www.dlms.com/COSEMpdu": "cos",
}
"""The prefixes of what we write."""
DECLARATIONS = "".join(f' xmlns:{prefix}="{namespace}"' for namespace, prefix in PREFIX.items())

MOST_TAGS = 500_000
"""Tags of a document, and attributes. A request for 100 000 devices has a fifth of them."""
MOST_NAMESPACES = 10_000
"""Declarations of namespaces in a document."""

_ENCODINGS = ("utf-8", "us-ascii", "ascii", "iso-8859-1")
_ENCODING = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml\s[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_DECLARATION_OCTETS = 1000
_UTF_32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"<\0\0\0", b"\0\0\0<")

# the arcs before the last, which alone may be given on input (Green Book 8.3, 9.4.2.2)
_OID_PREFIX = {"application-context-name": "2.16.756.5.8.1.", "mechanism-name": "2.16.756.5.8.2."}
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*", re.ASCII)
_BOOLEAN = {"true": True, "1": True, "false": False, "0": False}
_QUOTE = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\n": "&#10;", "\t": "&#9;", "\r": "&#13;"})
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class XmlError(ValueError):
    """A document, or an element of one, that is not what it should be; `element` is at fault, None for the document."""

    def __init__(self, reason: str, element: Element | None = None) -> None:
        super().__init__(reason if element is None else f"{path(element)}: {reason}")
        self.reason = reason
        self.element = element


# ---------------------------------------------------------------- documents


def parse(octets: bytes) -> Element:
    """Parse a document from a stranger: no DTD, no entities, nothing fetched; comments and instructions are dropped.

    Raises XmlError. UTF-8, UTF-16, ISO-8859-1 and ASCII are read, and no other encoding: in UTF-7 and its like a `<`
    can be written in ways that no check before the parser sees. Elements and attributes are bounded by `MOST_TAGS`,
    depth (256), names (50 000) and the length of a text (10 MB) by libxml2.
    """
    octets = _utf_8(octets)
    # To look for one octet takes a tenth of the time, and few documents have it.
    if b"!" in octets and b"<!DOCTYPE" in octets:
        raise XmlError("a document type declaration is not accepted")
    _refuse_too_many(octets)
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(octets, parser)
    except etree.XMLSyntaxError as error:
        raise XmlError(error.msg) from None  # which ends with the line and the column
    except (ValueError, LookupError) as error:
        raise XmlError(str(error)) from None
    docinfo: Any = root.getroottree().docinfo
    if docinfo.doctype:  # pragma: no cover - nobody knows how; that it cannot be is not left to the check above
        raise XmlError("a document type declaration is not accepted")
    return root


def _refuse_too_many(octets: bytes) -> None:
    """Bound what a document holds before there is any of it. What is too short to hold so many is not counted."""
    size = len(octets)
    # Each element takes many times the octets that it is written with.
    if size > MOST_TAGS and (octets.count(b"<") > MOST_TAGS or octets.count(b"=") > MOST_TAGS):
        raise XmlError(f"more than {MOST_TAGS} tags or attributes: divide the document")
    # To move an element, every namespace in scope is looked through for each element in it.
    if size > MOST_NAMESPACES * len(' xmlns=""') and octets.count(b"xmlns") > MOST_NAMESPACES:
        raise XmlError(f"more than {MOST_NAMESPACES} declarations of namespaces: declare them once, at the root")


def _utf_8(octets: bytes) -> bytes:
    """The document in UTF-8, whatever it says of itself (XML 1.0, appendix F). Raises XmlError."""
    try:
        if octets.startswith(_UTF_32):
            raise XmlError("UTF-32 is not read: send UTF-8")
        if octets.startswith((b"\xff\xfe", b"\xfe\xff")):
            return octets.decode("utf-16").encode()
        if octets.startswith((b"<\0", b"\0<")):
            return octets.decode("utf-16-le" if octets[0] else "utf-16-be").encode()
        declared = _ENCODING.match(octets[:_DECLARATION_OCTETS])
        encoding = declared[1].decode().lower() if declared is not None else "utf-8"
        if encoding not in _ENCODINGS:
            raise XmlError(f"the encoding {encoding[:40]} is not read: send UTF-8")
        return octets if encoding == "utf-8" else octets.decode(encoding).encode()
    except UnicodeError as error:
        raise XmlError(f"not in its encoding: {error.reason if hasattr(error, 'reason') else error}") from None


def name(element: Element) -> str:
    """The element's name with our prefix, or the document's own where it is none of our namespaces."""
    qualified = etree.QName(element)
    prefix = PREFIX.get(qualified.namespace or "", element.prefix)
    return f"{prefix}:{qualified.localname}" if prefix else qualified.localname


def path(element: Element) -> str:
    """Where the element stands, from the root: names, and a position among equals where there are several."""
    steps = []
    at: Element | None = element
    while at is not None:
        parent = at.getparent()
        same = [] if parent is None else [child for child in parent if child.tag == at.tag]
        steps.append(f"{name(at)}[{same.index(at) + 1}]" if len(same) > 1 else name(at))
        at = parent
    return "/" + "/".join(reversed(steps))


def document(obj: object) -> bytes:
    """A whole document whose root is the element of the object's class."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{write(obj, root_name(type(obj)), DECLARATIONS)}'.encode()


def root_name(cls: type) -> str:
    """The element name, with our prefix, of a class that is an element by itself."""
    return _qualified(_meta(cls, "namespace") or _module_namespace(cls), _meta(cls, "name") or cls.__name__)


# ---------------------------------------------------------------- what a class looks like


def _once(make: Callable[[type], T]) -> Callable[[type], T]:
    """Make a thing once for each class."""
    made: dict[type, T] = {}

    def get(cls: type) -> T:
        try:
            return made[cls]
        except KeyError:
            made[cls] = make(cls)
            return made[cls]

    return get


@dataclasses.dataclass(frozen=True, slots=True)
class _Part:
    """A field of a class as XML sees it."""

    attribute: str
    kind: str
    tag: str
    """Qualified name, or that of the attribute."""
    shown: str
    """Name with prefix."""
    type: Any
    many: bool
    required: bool
    shape: Shape | None
    """The ASN.1 type, where there is one: text, NULL, enumerations and object identifiers depend on it."""


def _meta(cls: type, what: str) -> str | None:
    found: str | None = getattr(cls.__dict__.get("Meta"), what, None)
    return found


def _module_namespace(cls: type) -> str:
    namespace: str = getattr(sys.modules[cls.__module__], "__NAMESPACE__", "")
    return namespace


def _qualified(namespace: str, local: str) -> str:
    return f"{PREFIX[namespace]}:{local}" if namespace in PREFIX else local


@_once
def _parts(cls: type) -> tuple[_Part, ...]:
    hints = typing.get_type_hints(cls)
    shape = TYPES.get(TYPE_NAME.get(cls, ""))
    shapes: dict[str, Shape] = {}
    if isinstance(shape, Sequence):
        shapes = {field.attribute: TYPES[field.type] for field in shape.fields}
    elif isinstance(shape, Choice):
        shapes = {field.attribute: TYPES[field.type] for field in shape.alternatives}
    elif isinstance(shape, SequenceOf):
        shapes = {shape.attribute: TYPES[shape.element]}
    namespace = _meta(cls, "namespace") or ""
    return tuple(
        _part(field, hints[field.name], namespace, shapes.get(field.name)) for field in dataclasses.fields(cls)
    )


def _part(field: "dataclasses.Field[Any]", hint: Any, default_namespace: str, shape: Shape | None) -> _Part:
    metadata = field.metadata
    local = metadata.get("name", field.name)
    kind = metadata.get("type", "Text")
    is_element = kind == "Element"
    namespace = metadata.get("namespace", default_namespace if is_element else "")
    many = typing.get_origin(hint) is tuple
    arguments = typing.get_args(hint)
    if many or typing.get_origin(hint) in (typing.Union, UnionType):
        hint = arguments[0]
    required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    return _Part(
        attribute=field.name,
        kind=kind,
        tag=f"{{{namespace}}}{local}" if namespace else local,
        shown=_qualified(namespace, local),
        type=hint,
        many=many,
        required=required,
        shape=shape,
    )


# ---------------------------------------------------------------- reading


def read(cls: type[T], element: Element) -> T:
    """The object of an element. Raises XmlError, which carries the element at fault."""
    try:
        found: T = _reader(cls)(element)
    except TextError as error:
        raise XmlError(error.reason, typing.cast("Element", error.element)) from None
    return found


@_once
def _reader(cls: type) -> Callable[[Element], Any]:
    parts = _parts(cls)
    if all(part.kind == "Attribute" for part in parts):
        return _attribute_reader(cls, parts)
    read_children = _children_reader(parts)
    attributes = {p.tag: (p.attribute, _read_text(p)) for p in parts if p.kind == "Attribute"}
    required = {p.attribute: p.shown for p in parts if p.required and p.kind != "Text"}
    text = next(((p.attribute, _read_text(p)) for p in parts if p.kind == "Text"), None)
    several = [p.attribute for p in parts if p.many]
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
        for attribute in several:
            if attribute in values:
                values[attribute] = tuple(values[attribute])
        return cls(**values)

    return read_class


def _children_reader(parts: tuple[_Part, ...]) -> Callable[[Element], dict[str, Any]]:
    elements = {p.tag: (p.attribute, p.many, _read_part(p)) for p in parts if p.kind == "Element"}
    wildcard = next((p.attribute for p in parts if p.kind == "Wildcard"), None)
    holds_text = any(p.kind == "Text" for p in parts)
    read_leaves = _leaves_reader(parts)

    def read_children(element: Element) -> dict[str, Any]:
        values: dict[str, Any] | None = read_leaves(element) if read_leaves else None
        if values is not None:
            return values
        values = {}
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


def _attribute_reader(cls: type, parts: tuple[_Part, ...]) -> Callable[[Element], Any]:
    """Reads an element that has nothing but attributes, of which a large request has most: a DeviceReference."""
    attributes = {p.tag: (p.attribute, _read_text(p)) for p in parts}
    required = {p.attribute: p.shown for p in parts if p.required}

    def read_class(element: Element) -> Any:
        values: dict[str, Any] = {}
        if len(element):
            raise XmlError(f"has no place in {name(element)}", element[0])
        _refuse_text(element.text, element)
        _read_attributes(element, attributes, values)
        if not required.keys() <= values.keys():
            raise _missing(required, values, element)
        return cls(**values)

    return read_class


def _leaves_reader(parts: tuple[_Part, ...]) -> Callable[[Element], dict[str, Any] | None] | None:
    """Reads many children that are one attribute each at once; None where a class has others."""
    leaves: dict[str, Leaf] = {}
    for part in parts:
        cls: type = part.type
        inside = _parts(cls) if part.many and dataclasses.is_dataclass(cls) else ()
        if len(inside) != 1 or inside[0].kind != "Attribute" or not inside[0].required:
            return None
        only = inside[0]
        leaves[part.attribute] = Leaf(part.tag, only.tag, cls, only.attribute, _read_text(only))
    return leaf_reader(leaves) if leaves else None


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


def _read_part(part: _Part) -> Callable[[Element], Any]:
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


def _read_text(part: _Part) -> Callable[[str], Any]:
    kind, shape = part.type, part.shape
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _read_enum(kind, shape)
    if isinstance(shape, Text):
        if shape.kind == "utf8":
            return lambda text: octets_of_utf8(text).decode("utf-8", "surrogateescape")
        return lambda text: octets_of_visible(text).decode("latin-1")
    if isinstance(shape, ObjectIdentifier):
        prefix = _OID_PREFIX.get(etree.QName(part.tag).localname)
        whole = _whole_oid(prefix) if prefix else str.strip
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


# ---------------------------------------------------------------- writing


def write(obj: object, shown: str, declarations: str = "") -> str:
    """The element `shown` (name with our prefix) that holds the object; `declarations` go into its start tag."""
    out: list[str] = []
    _writer(type(obj))(obj, shown, declarations, out.append)
    return "".join(out)


@_once
def _writer(cls: type) -> Callable[[Any, str, str, Put], None]:
    parts = _parts(cls)
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


def _write_part(part: _Part) -> Callable[[Any, Put], None]:
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


def _write_text(part: _Part) -> Callable[[Any], str]:
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
    return _qualified(namespace, local)


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


# ---------------------------------------------------------------- arranging


def arrange(element: Element, cls: type) -> None:
    """Bring what the schema knows into the form that it asks for, in place, all the way down.

    Children go into schema order, numbers of enumerations become their names, and an application-context-name or
    mechanism-name given by its last arc becomes whole. What is unknown stays, for the validation to complain about.
    """
    order, inner, unknown = _arrangement(cls)
    for child in element:
        if known := inner.get(child.tag):
            known(child)
    _sort(element, order, unknown)


def _sort(element: Element, order: dict[str, int], unknown: int) -> None:
    children = list(element)
    ranks = [order.get(child.tag, unknown) for child in children]
    if all(a <= b for a, b in pairwise(ranks)):
        return
    for _, child in sorted(zip(ranks, children, strict=True), key=lambda pair: pair[0]):
        element.append(child)  # moves it


@_once
def _arrangement(cls: type) -> tuple[dict[str, int], dict[str, Callable[[Element], None]], int]:
    """The ranks of the children, how each is arranged inside, and the rank of what is unknown."""
    parts = _parts(cls)
    ranks = {part.tag: rank for rank, part in enumerate(parts) if part.kind == "Element"}
    unknown = next((rank for rank, part in enumerate(parts) if part.kind == "Wildcard"), len(parts))
    inner: dict[str, Callable[[Element], None]] = {}
    for part in parts:
        if part.kind != "Element":
            continue
        if dataclasses.is_dataclass(part.type) and part.type is not Data:
            if any(inside.kind == "Element" for inside in _parts(typing.cast("type", part.type))):
                inner[part.tag] = _arrange_inside(typing.cast("type", part.type))
        elif isinstance(part.shape, Enumerated):
            inner[part.tag] = _respell({str(number): str(m.value) for number, m in part.shape.members.items()}.get)
        elif (prefix := _OID_PREFIX.get(etree.QName(part.tag).localname)) is not None:
            inner[part.tag] = _respell(_whole_oid(prefix))
    return ranks, inner, unknown


def _arrange_inside(cls: type) -> Callable[[Element], None]:
    return lambda element: arrange(element, cls)


def _whole_oid(prefix: str) -> Callable[[str], str | None]:
    return lambda text: prefix + text if text.isascii() and text.isdecimal() else None


def _respell(better: Callable[[str], str | None]) -> Callable[[Element], None]:
    def respell(element: Element) -> None:
        if text := better((element.text or "").strip()):
            element.text = text

    return respell
