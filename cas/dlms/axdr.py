"""A-XDR, the coding of xDLMS APDUs (IEC 61334-6; Green Book 8.3, 9.5): a codec compiled once per class.

What there is to compile stands in `cas.bindings.coding`, which codegen derives from the schema; there is no encoder
or decoder by hand for any APDU. `encode` takes an object of any class of COSEMpdu, `decode` gives one back.
"""

import struct
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import TypeAlias, TypeVar

from cas.bindings.coding import TYPE_NAME, TYPES
from cas.cosem.asn1 import (
    Alternative,
    Any,
    Bits,
    Boolean,
    Choice,
    CosemData,
    Enumerated,
    Field,
    Integer,
    Null,
    ObjectIdentifier,
    Octets,
    Sequence,
    SequenceOf,
    Text,
)
from cas.cosem.data import Data, read_bits
from cas.cosem.frozen import new, slot
from cas.cosem.kinds import DataError
from cas.cosem.scanning import length, read_length, scan
from cas.dlms.errors import DecodeError, EncodeError, SurplusOctets

# struct codes of unsigned integers by their octets
_CODE = {1: "B", 2: "H", 4: "I", 8: "Q"}
T = TypeVar("T")
E = TypeVar("E", EncodeError, DecodeError)
Encoder: TypeAlias = Callable[[object], bytes]
Decoder: TypeAlias = Callable[[bytes, int], tuple[object, int]]
SetField: TypeAlias = Callable[[object, object], None]


def encode(apdu: object) -> bytes:
    """Code an object of a class of COSEMpdu.

    Raises EncodeError, whose path names the field that does not fit.
    """
    return encoder(TYPE_NAME[type(apdu)])(apdu)


def decode(cls: type[T], octets: bytes, start: int = 0) -> T:
    """Decode all of `octets` from `start` on as an object of `cls`.

    Raises DecodeError with the offset and the field where the octets stop being one.
    """
    found, end = decoder(TYPE_NAME[cls])(octets, start)
    if end != len(octets):
        raise SurplusOctets(f"{len(octets) - end} octets after the end", end)
    return found  # type: ignore[return-value]  # the decoder of cls makes a cls


@cache
def encoder(name: str) -> Encoder:
    """The encoder of the ASN.1 type of that name."""
    match TYPES[name]:
        case Integer(octets, signed):
            return _integer_encoder(octets, signed)
        case Boolean():
            return lambda value: b"\x01" if value else b"\x00"
        case Null():
            return lambda _value: b""
        case Octets(size):
            return _octets_encoder(size)
        case Text(kind):
            return _text_encoder("utf-8" if kind == "utf8" else "latin-1")
        case Bits(size, application_tag):
            return _bits_encoder(size, application_tag)
        case Enumerated(_, members):
            return _enumerated_encoder(members)
        case CosemData():
            return lambda value: value.octets  # type: ignore[attr-defined]
        case Sequence() as shape:
            return sequence_encoder(shape, _field_encoder, b"\x00")
        case Choice() as shape:
            return choice_encoder(shape, _alternative_encoder)
        case SequenceOf(_, attribute, element):
            return _sequence_of_encoder(attribute, element)
        case ObjectIdentifier() | Any():
            raise EncodeError(f"{name} has no place in an A-XDR coded APDU")


@cache
def decoder(name: str) -> Decoder:
    """The decoder of the ASN.1 type of that name."""
    match TYPES[name]:
        case Integer(octets, signed):
            return _integer_decoder(octets, signed)
        case Boolean():
            return lambda octets, pos: (_octet(octets, pos) != 0, pos + 1)
        case Null():
            return lambda _octets, pos: (True, pos)
        case Octets(size):
            return _octets_decoder(size)
        case Text(kind):
            return _text_decoder("utf-8" if kind == "utf8" else "latin-1")
        case Bits(size, application_tag):
            return _bits_decoder(size, application_tag)
        case Enumerated(cls, members):
            return _enumerated_decoder(Enumerated(cls, members))
        case CosemData():
            return _decode_data
        case Sequence() as shape:
            return _sequence_decoder(shape)
        case Choice() as shape:
            return _choice_decoder(shape)
        case SequenceOf() as shape:
            return _sequence_of_decoder(shape)
        case ObjectIdentifier() | Any():
            raise DecodeError(f"{name} has no place in an A-XDR coded APDU")


_set_octets = slot(Data, "octets")


def _octet(octets: bytes, pos: int) -> int:
    if pos >= len(octets):
        raise DecodeError("cut short", len(octets))
    return octets[pos]


def _decode_octet(octets: bytes, pos: int) -> tuple[object, int]:
    try:
        return octets[pos], pos + 1
    except IndexError:
        raise DecodeError("cut short", len(octets)) from None


def _take(octets: bytes, pos: int, size: int) -> bytes:
    end = pos + size
    if end > len(octets):
        raise _cut_short(octets, pos, size)
    return octets[pos:end]


def _cut_short(octets: bytes, pos: int, size: int) -> DecodeError:
    return DecodeError(f"cut short: {size} octets needed, {len(octets) - pos} left", len(octets))


def _length(octets: bytes, pos: int) -> tuple[int, int]:
    try:
        return read_length(octets, pos)
    except DataError as error:
        raise DecodeError(error.reason, error.offset) from None


def _integer_encoder(size: int, signed: bool) -> Encoder:
    pack = struct.Struct(f">{_CODE[size].lower() if signed else _CODE[size]}").pack

    def encode_integer(value: object) -> bytes:
        try:
            return pack(value)
        except (struct.error, OverflowError):
            if not isinstance(value, int):
                raise EncodeError(f"a number is needed, not {type(value).__name__}") from None
            raise EncodeError(f"{value} does not fit {'' if signed else 'un'}signed {8 * size} bits") from None

    return encode_integer


def _integer_decoder(size: int, signed: bool) -> Decoder:
    if size == 1 and not signed:
        return _decode_octet

    unpack_from = struct.Struct(f">{_CODE[size].lower() if signed else _CODE[size]}").unpack_from

    def decode_integer(octets: bytes, pos: int) -> tuple[object, int]:
        try:
            return unpack_from(octets, pos)[0], pos + size
        except struct.error:
            raise _cut_short(octets, pos, size) from None

    return decode_integer


def _enumerated_encoder(members: Mapping[int, Enum]) -> Encoder:
    numbers = {member: bytes((number,)) for number, member in members.items()}

    def encode_enumerated(value: object) -> bytes:
        if not isinstance(value, Enum) or value not in numbers:
            raise EncodeError(f"{value!r} is not one of its names")
        return numbers[value]

    return encode_enumerated


def _octets_encoder(size: int | None) -> Encoder:
    def encode_octets(value: object) -> bytes:
        if not isinstance(value, bytes):
            raise EncodeError(f"octets are needed, not {type(value).__name__}")
        if size is None:
            return length(len(value)) + value
        if len(value) != size:
            raise EncodeError(f"{len(value)} octets, not {size}")
        return value

    return encode_octets


def _octets_decoder(size: int | None) -> Decoder:
    def decode_octets(octets: bytes, pos: int) -> tuple[object, int]:
        count = size
        if count is None:
            count, pos = _length(octets, pos)
        if (end := pos + count) > len(octets):
            raise _cut_short(octets, pos, count)
        return octets[pos:end], end

    return decode_octets


def _text_encoder(charset: str) -> Encoder:
    errors = "surrogateescape" if charset == "utf-8" else "strict"

    def encode_text(value: object) -> bytes:
        try:
            octets = str(value).encode(charset, errors)
        except UnicodeEncodeError as error:
            raise EncodeError(f"{str(value)[error.start]!r} is no character of this string type") from None
        return length(len(octets)) + octets

    return encode_text


def _text_decoder(charset: str) -> Decoder:
    errors = "surrogateescape" if charset == "utf-8" else "strict"

    def decode_text(octets: bytes, pos: int) -> tuple[object, int]:
        size, pos = _length(octets, pos)
        return _take(octets, pos, size).decode(charset, errors), pos + size

    return decode_text


def pack_bits(bits: str) -> bytes:
    """The octets of a string of 0 and 1, first bit highest, padded with 0."""
    if bits.strip("01"):
        raise EncodeError(f"{bits!r} is no string of 0 and 1")
    size = (len(bits) + 7) // 8
    return int(bits.ljust(8 * size, "0") or "0", 2).to_bytes(size, "big")


def _bits_encoder(size: int | None, application_tag: int | None) -> Encoder:
    def encode_bits(value: object) -> bytes:
        bits = str(value)
        octets = pack_bits(bits)
        if size is None:
            return length(len(bits)) + octets
        if len(bits) != size:
            raise EncodeError(f"{len(bits)} bits, not {size}")
        if application_tag is None:
            return octets
        # BER inside A-XDR: tag, length, number of unused bits (Green Book 8.3, 9.5, Conformance)
        return bytes((0x5F, application_tag, len(octets) + 1, 8 * len(octets) - size)) + octets

    return encode_bits


def _bits_decoder(size: int | None, application_tag: int | None) -> Decoder:
    def decode_bits(octets: bytes, pos: int) -> tuple[object, int]:
        count = size
        if count is None:
            count, pos = _length(octets, pos)
        octet_count = (count + 7) // 8
        if application_tag is not None:
            head = bytes((0x5F, application_tag, octet_count + 1, 8 * octet_count - count))
            if (found := _take(octets, pos, 4)) != head:
                raise DecodeError(f"{found.hex()} where {head.hex()} heads the bit string", pos)
            pos += 4
        _take(octets, pos, octet_count)
        return read_bits(octets, pos, count), pos + octet_count

    return decode_bits


def _enumerated_decoder(shape: Enumerated) -> Decoder:
    members = shape.members

    def decode_enumerated(octets: bytes, pos: int) -> tuple[object, int]:
        if pos >= len(octets):
            raise DecodeError("cut short", len(octets))
        member = members.get(octets[pos])
        if member is None:
            raise DecodeError(f"{octets[pos]} is no {shape.cls.__name__}", pos)
        return member, pos + 1

    return decode_enumerated


def _decode_data(octets: bytes, pos: int) -> tuple[object, int]:
    try:
        end = scan(octets, pos)
    except DataError as error:
        raise DecodeError(error.reason, error.offset) from None
    made = new(Data)
    _set_octets(made, octets[pos:end])
    return made, end


def sequence_encoder(shape: Sequence, encoder_of: Callable[[Field], Encoder], absent: bytes) -> Encoder:
    """The encoder of a SEQUENCE, one component after another; one that is not there, or the default, is `absent`."""
    fields = [
        (field.attribute, field.default, None if field.is_required else absent, encoder_of(field))
        for field in shape.fields
    ]

    def encode_sequence(value: object) -> bytes:
        out = []
        for attribute, default, without, encode_field in fields:
            item = getattr(value, attribute)
            if item is None or (default is not None and item == default):
                if without is None:
                    raise EncodeError("missing", attribute)
                out.append(without)
                continue
            try:
                out.append(encode_field(item))
            except EncodeError as error:
                raise inside(error, attribute) from None
        return b"".join(out)

    return encode_sequence


def _field_encoder(field: Field) -> Encoder:
    encode_value = encoder(field.type)
    if field.is_required:
        return encode_value
    # OPTIONAL and DEFAULT: a flag octet, 00 for absent or the default (IEC 61334-6, 6.10)
    return lambda value: b"\x01" + encode_value(value)


def _sequence_decoder(shape: Sequence) -> Decoder:
    fields = [(field.attribute, slot(shape.cls, field.attribute), _field_decoder(field)) for field in shape.fields]
    cls = shape.cls

    def decode_sequence(octets: bytes, pos: int) -> tuple[object, int]:
        made: object = new(cls)
        for attribute, set_field, decode_field in fields:
            try:
                value, pos = decode_field(octets, pos)
            except DecodeError as error:
                raise inside(error, attribute) from None
            set_field(made, value)
        return made, pos

    return decode_sequence


def _field_decoder(field: Field) -> Decoder:
    decode_value = decoder(field.type)
    if field.is_required:
        return decode_value
    default = field.default

    def decode_optional(octets: bytes, pos: int) -> tuple[object, int]:
        if pos >= len(octets):
            raise DecodeError("cut short", len(octets))
        flag = octets[pos]
        if flag == 0:
            return default, pos + 1
        if flag != 1:
            raise DecodeError(f"{flag} is no presence flag", pos)
        return decode_value(octets, pos + 1)

    return decode_optional


def choice_encoder(shape: Choice, encoder_of: Callable[[Alternative], Encoder]) -> Encoder:
    """The encoder of a CHOICE, of which exactly one alternative must be set."""
    alternatives = [(alternative.attribute, encoder_of(alternative)) for alternative in shape.alternatives]

    def encode_choice(value: object) -> bytes:
        given = [one for one in alternatives if getattr(value, one[0]) is not None]
        if len(given) != 1:
            names = ", ".join(attribute for attribute, _ in given)
            raise EncodeError(f"one alternative must be set, not {names or 'none'}", type(value).__name__)
        attribute, encode_chosen = given[0]
        try:
            return encode_chosen(getattr(value, attribute))
        except EncodeError as error:
            raise inside(error, attribute) from None

    return encode_choice


def _alternative_encoder(alternative: Alternative) -> Encoder:
    tag, name = bytes((alternative.tag,)), alternative.type
    return lambda value: tag + encoder(name)(value)  # found when it is needed: types may hold themselves


def _choice_decoder(shape: Choice) -> Decoder:
    cls = shape.cls
    slots = {alternative.attribute: slot(cls, alternative.attribute) for alternative in shape.alternatives}
    by_tag = {alternative.tag: alternative for alternative in shape.alternatives}
    compiled: dict[int, tuple[str, Decoder, SetField, list[SetField]]] = {}

    def compile_chosen(octets: bytes, pos: int) -> tuple[str, Decoder, SetField, list[SetField]]:
        """An alternative is compiled when it first comes: types may hold themselves."""
        if pos >= len(octets):
            raise DecodeError("cut short", len(octets)) from None
        tag = octets[pos]
        if tag not in by_tag:
            raise DecodeError(f"{tag} is no tag of {cls.__name__}", pos) from None
        chosen = by_tag[tag]
        others = [set_other for attribute, set_other in slots.items() if attribute != chosen.attribute]
        compiled[tag] = chosen.attribute, decoder(chosen.type), slots[chosen.attribute], others
        return compiled[tag]

    def decode_choice(octets: bytes, pos: int) -> tuple[object, int]:
        try:
            attribute, decode_chosen, set_chosen, set_others = compiled[octets[pos]]
        except LookupError:
            attribute, decode_chosen, set_chosen, set_others = compile_chosen(octets, pos)
        try:
            value, end = decode_chosen(octets, pos + 1)
        except DecodeError as error:
            raise inside(error, attribute) from None
        made: object = new(cls)
        set_chosen(made, value)
        for set_other in set_others:
            set_other(made, None)
        return made, end

    return decode_choice


def _sequence_of_encoder(attribute: str, element: str) -> Encoder:
    def encode_sequence_of(value: object) -> bytes:
        items = getattr(value, attribute)
        encode_item = encoder(element)
        out = [length(len(items))]
        for index, item in enumerate(items):
            try:
                out.append(encode_item(item))
            except EncodeError as error:
                raise inside(error, f"{attribute}[{index}]") from None
        return b"".join(out)

    return encode_sequence_of


def _sequence_of_decoder(shape: SequenceOf) -> Decoder:
    def decode_sequence_of(octets: bytes, pos: int) -> tuple[object, int]:
        count, pos = _length(octets, pos)
        if count > len(octets) - pos:  # every element takes an octet at least
            raise DecodeError(f"{count} elements announced, {len(octets) - pos} octets left", pos)
        decode_item = decoder(shape.element)
        items = []
        for index in range(count):
            try:
                item, pos = decode_item(octets, pos)
            except DecodeError as error:
                raise inside(error, f"{shape.attribute}[{index}]") from None
            items.append(item)
        return shape.cls(**{shape.attribute: tuple(items)}), pos

    return decode_sequence_of


def inside(error: E, attribute: str) -> E:
    """The same error, one field further out."""
    error.path = f"{attribute}.{error.path}".rstrip(".")
    return error
