"""Shapes of ASN.1 types: what A-XDR and BER need to know of a class and XML does not tell (IEC 61334-6, X.690).

codegen writes a table of these beside the bindings; `cas.dlms.axdr` and `cas.dlms.ber` compile it. A type is
referred to by its ASN.1 name, so that recursive types need no special care.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Integer:
    """INTEGER of a fixed number of octets, big-endian (A-XDR), or of any length (BER)."""

    octets: int
    signed: bool


@dataclass(frozen=True, slots=True)
class Boolean:
    """BOOLEAN: 00 false, anything else true."""


@dataclass(frozen=True, slots=True)
class Null:
    """NULL: no octets. The Python value is `True` where it is present, in XML as an empty element; else None."""


@dataclass(frozen=True, slots=True)
class Octets:
    """OCTET STRING, as bytes; `size` octets if that is not None, else preceded by its length."""

    size: int | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """VisibleString or GraphicString (a character an octet, latin-1) or UTF8String, as str."""

    kind: Literal["visible", "graphic", "utf8"] = "visible"


@dataclass(frozen=True, slots=True)
class Bits:
    """BIT STRING, as a str of 0 and 1, first bit first; of `size` bits if that is not None."""

    size: int | None = None
    application_tag: int | None = None
    """Set where A-XDR embeds the BER coding, tag included: Conformance, [APPLICATION 31]."""


@dataclass(frozen=True, slots=True)
class ObjectIdentifier:
    """OBJECT IDENTIFIER, as dotted decimals."""


@dataclass(frozen=True, slots=True)
class Any:
    """ANY, as bytes: whole BER encodings kept as they stand, without a tag of their own (BER only)."""


@dataclass(frozen=True, slots=True)
class Enumerated:
    """ENUMERATED of one octet (A-XDR) or BER INTEGER; the bindings' Enum, its members by number."""

    cls: type[Enum]
    members: Mapping[int, Enum]


@dataclass(frozen=True, slots=True)
class CosemData:
    """The type Data, kept as its own octets (`cas.cosem.data.Data`)."""


@dataclass(frozen=True, slots=True)
class Field:
    """A component of a SEQUENCE: the attribute of the class, and how it is coded."""

    attribute: str
    type: str
    optional: bool = False
    default: object = None
    """DEFAULT value (A-XDR writes a flag octet as for OPTIONAL); None when there is none."""
    tag: int | None = None
    """BER context tag; A-XDR writes none."""
    explicit: bool = False
    """BER: the tag encloses the type's own tag."""

    @property
    def is_required(self) -> bool:
        """Whether there must be a value."""
        return not self.optional and self.default is None


@dataclass(frozen=True, slots=True)
class Sequence:
    """SEQUENCE, its components in order."""

    cls: type
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Alternative:
    """An alternative of a CHOICE: the attribute of the class that is set when this one is chosen."""

    attribute: str
    type: str
    tag: int
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """CHOICE: a tag octet, then the alternative. Exactly one attribute of the class is not None."""

    cls: type
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class SequenceOf:
    """SEQUENCE OF: the class has one tuple attribute."""

    cls: type
    attribute: str
    element: str


Shape: TypeAlias = (
    Integer
    | Boolean
    | Null
    | Octets
    | Text
    | Bits
    | ObjectIdentifier
    | Any
    | Enumerated
    | CosemData
    | Sequence
    | Choice
    | SequenceOf
)
