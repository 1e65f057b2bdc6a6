"""COSEM Data, held as its A-XDR octets (Green Book 8.3, 9.5, type Data; IEC 61334-6).

A `Data` is one immutable `bytes`: what came from the meter is what is stored and what goes back on the wire, a
profile of 17,000 values costs one object, and nothing is parsed that nobody looks at. `value`, `children` and
`cas.cosem.data_xml` read octets that have passed `scan`.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cas.cosem.frozen import new, slot
from cas.cosem.kinds import (
    ARRAY,
    BIT_STRING,
    CODES,
    COMPACT_ARRAY,
    DONT_CARE,
    KIND,
    NULL,
    OCTET_STRING,
    SIZE,
    STRUCTS,
    STRUCTURE,
    TAG,
    UTF8_STRING,
    VISIBLE_STRING,
    DataError,
    Kind,
)
from cas.cosem.scanning import (
    ROWS_WORTH_IT,
    equal_rows,
    length,
    read_length,
    row_shape,
    scan,
    scan_type,
    scan_variable,
    similar_rows,
)

Value: TypeAlias = "bool | int | float | str | bytes | list[Value] | tuple[Value, ...] | None"
"""Python's view of a Data: array is a list, structure a tuple, bit-string a str of 0 and 1, date-time its octets."""

MAX_EXPANSION = 64
"""Most octets that an octet of compact-array may become."""


@dataclass(frozen=True, slots=True)
class Data:
    """One COSEM Data value. The octets must be one whole value; `Data.decode` checks foreign ones."""

    octets: bytes

    @staticmethod
    def decode(octets: bytes) -> "Data":
        """Take exactly one value.

        Raises DataError with the offset where the octets stop being one.
        """
        end = scan(octets, 0)
        if end != len(octets):
            raise DataError(f"{len(octets) - end} octets after the value", end)
        return Data(octets)

    @staticmethod
    def of(kind: Kind, value: Value = None) -> "Data":
        """Make a value of a simple kind.

        Raises DataError when the value does not fit the kind.
        """
        tag = TAG[kind]
        return Data(bytes((tag,)) + encode_simple(tag, value))

    @staticmethod
    def array(items: "Iterable[Data]") -> "Data":
        """Make an array of these values, which should be of one type."""
        return _collection(ARRAY, items)

    @staticmethod
    def structure(*items: "Data") -> "Data":
        """Make a structure of these values."""
        return _collection(STRUCTURE, items)

    @staticmethod
    def table(kinds: "Sequence[Kind]", rows: "Sequence[Sequence[Value]]") -> "Data":
        """Make an array of structures from rows of values, each column of one simple kind.

        Raises DataError when a value does not fit its kind or a row has another number of cells.
        """
        return Data(_table([TAG[kind] for kind in kinds], rows))

    @property
    def tag(self) -> int:
        """The tag of the chosen alternative."""
        return self.octets[0]

    @property
    def kind(self) -> Kind:
        """The name of the chosen alternative, as in XML."""
        return KIND[self.octets[0]]

    @property
    def value(self) -> Value:
        """Python's view; see `Value`. null-data and dont-care are None.

        Raises DataError for a compact-array, wherever it stands, whose contents do not fit its type.
        """
        return read_value(self.octets, 0)[0]

    @property
    def simple(self) -> Value:
        """The same of a value that is no collection; None of an array, structure or compact-array. Never raises."""
        return None if self.octets[0] in (ARRAY, STRUCTURE, COMPACT_ARRAY) else read_value(self.octets, 0)[0]

    def children(self) -> "list[Data]":
        """Take an array or structure apart; no other kind has children (DataError)."""
        octets = self.octets
        if octets[0] not in (ARRAY, STRUCTURE):
            raise DataError(f"{self.kind} has no elements")
        count, pos = read_length(octets, 1)
        found: list[Data] = []
        if count >= ROWS_WORTH_IT and (row := row_shape(octets, pos)):
            size = row.size
            end = pos + equal_rows(octets, pos, count, row) * size
            for at in range(pos, end, size):  # as `frozen` says
                made = new(Data)
                _set_octets(made, octets[at : at + size])
                found.append(made)
            pos = end
        for _ in range(count - len(found)):
            end = scan(octets, pos)
            found.append(Data(octets[pos:end]))
            pos = end
        return found

    def __repr__(self) -> str:
        text = self.octets.hex() if len(self.octets) <= 64 else f"{self.octets[:32].hex()}... {len(self.octets)} octets"
        return f"<Data {self.kind} {text}>"


_set_octets = slot(Data, "octets")


def _collection(tag: int, items: Iterable[Data]) -> Data:
    parts = [item.octets for item in items]
    return Data(b"".join((bytes((tag,)), length(len(parts)), *parts)))


def _table(tags: Sequence[int], rows: Sequence[Sequence[Value]]) -> bytes:
    """Column by column where each has a size of its own: the octets of a column are laid side by side in one go."""
    head = bytes((ARRAY,)) + length(len(rows))
    if any(len(row) != len(tags) for row in rows):
        raise DataError(f"a row has not the {len(tags)} cells of the columns")
    columns = [_column(tag, cells) for tag, cells in zip(tags, zip(*rows, strict=True), strict=False)]
    sized = [column for column in columns if column is not None]
    if not rows or len(sized) < len(columns):
        start = bytes((STRUCTURE,)) + length(len(tags))
        cells = (b"".join(bytes((t,)) + encode_simple(t, v) for t, v in zip(tags, row, strict=True)) for row in rows)
        return head + b"".join(start + row for row in cells)
    template = bytes((STRUCTURE,)) + length(len(tags)) + b"".join(prefix + bytes(size) for prefix, size, _ in sized)
    step = len(template)
    out = bytearray(template * len(rows))
    at = 1 + len(length(len(tags)))
    for prefix, size, octets in sized:
        at += len(prefix)
        for i in range(size):
            out[at + i :: step] = octets[i::size]
        at += size
    return head + out


def _column(tag: int, cells: Sequence[Value]) -> tuple[bytes, int, bytes] | None:
    """What stands before each cell, its size, and all cells side by side; None where the sizes differ."""
    if tag == OCTET_STRING:
        parts = [_octets(cell) for cell in cells]
        size = len(parts[0])
        if any(len(part) != size for part in parts):
            return None
        return bytes((tag,)) + length(size), size, b"".join(parts)
    if tag not in STRUCTS or tag in (25, 26, 27):
        return None
    try:
        return bytes((tag,)), SIZE[tag], struct.pack(f">{len(cells)}{CODES[tag][1]}", *cells)
    except struct.error as error:
        raise DataError(f"a cell is no {KIND[tag]}: {error}") from None


def encode_simple(tag: int, value: Value) -> bytes:
    """The octets after the tag of a value that is no collection. Raises DataError when it does not fit."""
    try:
        if coder := STRUCTS.get(tag):
            if tag in (25, 26, 27) and len(_octets(value)) != SIZE[tag]:
                raise DataError(f"{KIND[tag]} has {SIZE[tag]} octets, not {len(_octets(value))}")
            return coder.pack(bool(value) if tag == 3 else value)
        if tag == OCTET_STRING:
            octets = _octets(value)
            return length(len(octets)) + octets
        if tag in (VISIBLE_STRING, UTF8_STRING):
            if not isinstance(value, str):
                raise DataError(f"{KIND[tag]} takes a str, not {type(value).__name__}")
            octets = value.encode("latin-1") if tag == VISIBLE_STRING else value.encode("utf-8", "surrogateescape")
            return length(len(octets)) + octets
        if tag == BIT_STRING:
            return encode_bits(str(value))
        if tag in (NULL, DONT_CARE) and value is None:
            return b""
    except (struct.error, UnicodeEncodeError, OverflowError) as error:
        raise DataError(f"{value!r} is no {KIND[tag]}: {error}") from None
    raise DataError(f"{type(value).__name__} is no {KIND[tag]}")


def _octets(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise DataError(f"octets are needed, not {type(value).__name__}")
    return value


def encode_bits(bits: str) -> bytes:
    """A BIT STRING of variable length: number of bits, then the bits from the highest, padded with 0."""
    if bits.strip("01"):
        raise DataError(f"{bits!r} is no string of 0 and 1")
    size = (len(bits) + 7) // 8
    return length(len(bits)) + int(bits.ljust(size * 8, "0") or "0", 2).to_bytes(size, "big")


def read_bits(octets: bytes, pos: int, count: int) -> str:
    """The first `count` bits of the octets at `pos`, as 0 and 1."""
    size = (count + 7) // 8
    return f"{int.from_bytes(octets[pos : pos + size], 'big'):0{size * 8}b}"[:count] if count else ""


def read_value(octets: bytes, pos: int) -> tuple[Value, int]:
    """Python's view of the value at `pos`, and where it ends. The octets must have passed `scan`."""
    tag = octets[pos]
    if coder := STRUCTS.get(tag):
        return coder.unpack_from(octets, pos + 1)[0], pos + 1 + coder.size
    if tag in (NULL, DONT_CARE):
        return None, pos + 1
    if tag == COMPACT_ARRAY:
        end = scan_variable(octets, pos, tag)
        return [read_value(item.octets, 0)[0] for item in expand(Data(octets[pos:end]))], end
    count, start = read_length(octets, pos + 1)
    if tag == ARRAY:
        return _read_array(octets, start, count)
    if tag == STRUCTURE:
        items = []
        for _ in range(count):
            item, start = read_value(octets, start)
            items.append(item)
        return tuple(items), start
    if tag == BIT_STRING:
        return read_bits(octets, start, count), start + (count + 7) // 8
    end = start + count
    if tag == OCTET_STRING:
        return octets[start:end], end
    if tag == VISIBLE_STRING:
        return octets[start:end].decode("latin-1"), end
    return octets[start:end].decode("utf-8", "surrogateescape"), end


def _read_array(octets: bytes, start: int, count: int) -> tuple[list[Value], int]:
    items: list[Value] = []
    if count >= ROWS_WORTH_IT and (row := row_shape(octets, start)) and (unpack := row.unpacker):
        rows = equal_rows(octets, start, count, row)
        end = start + rows * row.size
        items.extend(unpack.iter_unpack(memoryview(octets)[start:end]))
        count -= rows
        start = end
        for found, at in similar_rows(octets, start, count):
            if (read := found.reader) is None:
                break
            items.append(read(octets, at))
            start = at + found.size
            count -= 1
    for _ in range(count):
        item, start = read_value(octets, start)
        items.append(item)
    return items, start


def expand(compact: Data) -> Iterator[Data]:
    """The elements of a compact-array, each as an ordinary Data (Green Book 8.3, 9.5, compact-array).

    Raises DataError where the contents do not fill whole elements, or would grow beyond `MAX_EXPANSION` times.
    """
    octets = compact.octets
    after = scan_type(octets, 1)
    size, pos = read_length(octets, after)
    end = pos + size
    room = MAX_EXPANSION * len(octets)
    while pos < end:
        item, after_item = _expand_one(octets, pos, end, 1, room)
        if after_item == pos:
            raise DataError("elements without octets in a compact-array", pos)
        pos = after_item
        room -= len(item)
        yield Data(item)


def _expand_one(octets: bytes, pos: int, end: int, at: int, room: int) -> tuple[bytes, int]:
    """The value at `pos` of the type at `at`, in `room` octets at the most, and where it ends."""
    tag = octets[at]
    if tag in (ARRAY, STRUCTURE):
        if tag == ARRAY:
            members: Sequence[int] = [at + 3] * int.from_bytes(octets[at + 1 : at + 3], "big")
        else:
            count, at = read_length(octets, at + 1)
            members = []
            for _ in range(count):
                members.append(at)
                at = scan_type(octets, at)
        out = [bytes((tag,)), length(len(members))]
        for member in members:
            part, pos = _expand_one(octets, pos, end, member, room)
            room -= len(part)
            if room < 0:
                raise DataError("a compact-array of more nulls than its octets warrant", pos)
            out.append(part)
        return b"".join(out), pos
    if tag in (NULL, DONT_CARE):
        return bytes((tag,)), pos
    if tag in SIZE:
        after = pos + SIZE[tag]
    else:
        count, start = read_length(octets, pos)
        after = start + ((count + 7) // 8 if tag == BIT_STRING else count)
    if after > end:
        raise DataError("a compact-array ends inside an element", end)
    return bytes((tag,)) + octets[pos:after], after
