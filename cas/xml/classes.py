"""What the bindings' classes look like in XML, from the metadata of their fields."""

import dataclasses
import sys
import typing
from collections.abc import Callable
from types import UnionType
from typing import Any, TypeVar

from cas.bindings.coding import TYPE_NAME, TYPES
from cas.cosem.asn1 import Choice, Sequence, SequenceOf, Shape
from cas.xml.documents import PREFIX

T = TypeVar("T")

# the arcs before the last, which alone may be given on input (Green Book 8.3, 9.4.2.2)
OID_PREFIX = {"application-context-name": "2.16.756.5.8.1.", "mechanism-name": "2.16.756.5.8.2."}


def once(make: Callable[[type], T]) -> Callable[[type], T]:
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
class Part:
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


def qualified(namespace: str, local: str) -> str:
    """The name with our prefix, or as it is where the namespace is none of ours."""
    return f"{PREFIX[namespace]}:{local}" if namespace in PREFIX else local


@once
def parts_of(cls: type) -> tuple[Part, ...]:
    """The fields of a class, in schema order."""
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


def _part(field: "dataclasses.Field[Any]", hint: Any, default_namespace: str, shape: Shape | None) -> Part:
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
    return Part(
        attribute=field.name,
        kind=kind,
        tag=f"{{{namespace}}}{local}" if namespace else local,
        shown=qualified(namespace, local),
        type=hint,
        many=many,
        required=required,
        shape=shape,
    )


def root_name(cls: type) -> str:
    """The element name, with our prefix, of a class that is an element by itself."""
    return qualified(_meta(cls, "namespace") or _module_namespace(cls), _meta(cls, "name") or cls.__name__)


def whole_oid(prefix: str) -> Callable[[str], str | None]:
    """A function that makes an object identifier of its last arc; it returns None for what is none."""
    return lambda text: prefix + text if text.isascii() and text.isdecimal() else None
