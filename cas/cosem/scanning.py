"""Where a COSEM Data ends in octets, and whether it is one: the one place that judges this (Green Book 8.3, 9.5).

Arrays of equal rows, as profile buffers are, are recognised by comparing the columns of tags at once.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from operator import itemgetter
from typing import Any

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
    DataError,
)

MAX_DEPTH = 32
"""Deepest nesting accepted; the Blue Book needs 6. A hostile meter could otherwise exhaust the stack."""

_UNKNOWN, _VARIABLE = 0, -1
# octets of a whole value by its tag, -1 where that takes a look at what follows, 0 for a tag that does not exist
_WHOLE = [1 if t in (NULL, DONT_CARE) else 1 + SIZE[t] if t in SIZE else -1 if t in KIND else 0 for t in range(256)]
ROWS_WORTH_IT = 4
"""Elements from which on looking for a common row shape pays."""
_ROWS_WORTH_SHAPES, _MANY_SHAPES = 64, 8
"""Rows from which on taking several shapes apart pays, and how many."""
_LARGEST_ROW = 1024
"""Octets of the longest row whose shape is looked for, which takes longer than to read it."""
_ROW_HEAD, _MOST_KEPT, _LARGEST_KEPT = 4, 64, 256
"""Octets that rows are known by, rows that are known, octets of the longest: a hostile meter may send any number."""


_SHORT = tuple(bytes((count,)) for count in range(0x80))
"""Lengths of one octet."""


def length(count: int) -> bytes:
    """Code a length or count: one octet below 128, else 80 + its number of octets, then those (IEC 61334-6, 6.1)."""
    if count < 0x80:
        return _SHORT[count]
    octets = count.to_bytes((count.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def read_length(octets: bytes, pos: int) -> tuple[int, int]:
    """Read a length, or count, at `pos`: (length, position after it).

    Raises DataError where it is cut short or of more than 4 octets.
    """
    if pos >= len(octets):
        raise DataError("cut short in a length", len(octets))
    first = octets[pos]
    if first < 0x80:
        return first, pos + 1
    size = first & 0x7F
    if not 1 <= size <= 4:
        raise DataError(f"a length of {size} octets", pos)
    end = pos + 1 + size
    if end > len(octets):
        raise DataError("cut short in a length", len(octets))
    return int.from_bytes(octets[pos + 1 : end], "big"), end


def scan(octets: bytes, pos: int) -> int:
    """Find the end of the Data value that starts at `pos`, judging all of it. Linear in the octets, flat in memory.

    Raises DataError at the first octet that cannot stand where it stands.
    """
    last = len(octets)
    if pos < last and 0 < (size := _WHOLE[octets[pos]]) <= last - pos:  # most answers: one value of a fixed size
        return pos + size
    end = _scan(octets, pos, 1, 0)
    if end > len(octets):
        raise DataError("cut short", len(octets))
    return end


def _scan(octets: bytes, pos: int, count: int, depth: int) -> int:
    whole = _WHOLE
    last = len(octets)
    try:
        for _ in range(count):
            tag = octets[pos]
            size = whole[tag]
            if size > 0:
                pos += size
            elif size == _UNKNOWN:
                raise DataError(f"no Data has the tag {tag}", pos)
            elif tag in (STRUCTURE, ARRAY):
                pos = _scan_collection(octets, pos, depth + 1)
            else:
                pos = scan_variable(octets, pos, tag)
            if pos > last:
                raise DataError("cut short", last)
    except IndexError:
        raise DataError("cut short", last) from None
    return pos


def _scan_collection(octets: bytes, pos: int, depth: int) -> int:
    if depth > MAX_DEPTH:
        raise DataError(f"nested deeper than {MAX_DEPTH}", pos)
    count, start = read_length(octets, pos + 1)
    if count > len(octets) - start:  # every element takes an octet at least
        raise DataError(f"{count} elements announced, {len(octets) - start} octets left", pos)
    if count >= ROWS_WORTH_IT and octets[pos] == ARRAY and (row := row_shape(octets, start, depth)):
        rows = equal_rows(octets, start, count, row)
        start += rows * row.size
        count -= rows
        for found, at in similar_rows(octets, start, count, depth):
            start = at + found.size
            count -= 1
    return _scan(octets, start, count, depth)


def scan_variable(octets: bytes, pos: int, tag: int) -> int:
    """Find the end of a value of a kind that says its length itself, as a bit-string does."""
    if tag == COMPACT_ARRAY:
        after = scan_type(octets, pos + 1)
        size, start = read_length(octets, after)
        return start + size
    size, start = read_length(octets, pos + 1)
    if tag == BIT_STRING:
        size = (size + 7) // 8
    return start + size


def scan_type(octets: bytes, pos: int) -> int:
    """Find the end of the TypeDescription at `pos`. Raises DataError."""
    return _scan_type(octets, pos, 0)[0]


def _scan_type(octets: bytes, pos: int, depth: int) -> tuple[int, int]:
    """Where the type ends, and how many octets a value of it takes at least."""
    if depth > MAX_DEPTH:
        raise DataError(f"type nested deeper than {MAX_DEPTH}", pos)
    if pos >= len(octets):
        raise DataError("cut short in a type description", len(octets))
    tag = octets[pos]
    if tag == ARRAY:  # number-of-elements Unsigned16, type-description
        count = int.from_bytes(octets[pos + 1 : pos + 3], "big")
        end, least = _scan_type(octets, pos + 3, depth + 1)
        if count and not least:  # nothing would bound the elements
            raise DataError("an array of elements without octets", pos)
        return end, count * least
    if tag == STRUCTURE:
        count, end = read_length(octets, pos + 1)
        total = 0
        for _ in range(count):
            end, least = _scan_type(octets, end, depth + 1)
            total += least
        return end, total
    if tag not in KIND or tag == COMPACT_ARRAY:
        raise DataError(f"no type has the tag {tag}", pos)
    return pos + 1, 0 if tag in (NULL, DONT_CARE) else SIZE.get(tag, 1)


@dataclass(frozen=True, eq=False)
class Row:
    """The shape that rows of an array share: where tags and lengths stand, and which leaves stand between."""

    size: int
    mask: int
    """The bits that are not part of a leaf's value, in the octets of a row as one number."""
    marks: int
    """How those stand."""
    leaves: tuple[tuple[int, int, int], ...]
    """(tag, offset, size) of the value of each leaf, in order; the size of a bit-string is in bits."""
    flat: bool
    """A structure of leaves, without collections inside."""

    @cached_property
    def unpacker(self) -> struct.Struct | None:
        """A struct for a whole row, where Python's view of every leaf is what struct gives."""
        if not self.flat or not self.leaves:
            return None
        code, at = ">", 0
        for tag, offset, size in self.leaves:
            if tag not in STRUCTS and tag != OCTET_STRING:
                return None
            code += f"{offset - at}x" + (f"{size}s" if tag == OCTET_STRING else CODES[tag][1])
            at = offset + size
        return struct.Struct(code)

    @cached_property
    def reader(self) -> Callable[[bytes, int], tuple[Any, ...]] | None:
        """What reads a flat row of leaves that struct knows, with nulls between; None for another row."""
        known = [leaf for leaf in self.leaves if leaf[0] not in (NULL, DONT_CARE)]
        unpack = replace(self, leaves=tuple(known)).unpacker
        if unpack is None:
            return None
        if len(known) == len(self.leaves):
            return unpack.unpack_from
        order = iter(range(len(known)))
        nothing = len(known)
        # where each cell comes from: a nothing is put behind the values, and taken from there
        pick = itemgetter(*(nothing if leaf[0] in (NULL, DONT_CARE) else next(order) for leaf in self.leaves), nothing)
        return lambda octets, at: pick((*unpack.unpack_from(octets, at), None))[:-1]

    @cached_property
    def fixed(self) -> tuple[tuple[int, int], ...]:
        """(offset, octet): every octet that is not part of a leaf's value."""
        mask, marks = self.mask.to_bytes(self.size, "big"), self.marks.to_bytes(self.size, "big")
        return tuple((offset, octet) for offset, octet in enumerate(marks) if mask[offset])

    def is_at(self, octets: bytes, pos: int) -> bool:
        """Whether there is such a row at `pos`."""
        # of octets that are cut short the first, which is a fixed tag, stands in a lower place
        return int.from_bytes(octets[pos : pos + self.size], "big") & self.mask == self.marks


_ROWS: dict[bytes, Row] = {}
"""Flat rows that have been seen, by the octets that they begin with."""


def row_shape(octets: bytes, pos: int, depth: int = 0) -> Row | None:
    """The shape of the structure at `pos`; None if it is no structure or holds what has no shape (compact-array)."""
    if pos >= len(octets) or octets[pos] != STRUCTURE:
        return None
    # buffers of meters of one model have rows of one shape, and each buffer is looked at several times
    known = _ROWS.get(octets[pos : pos + _ROW_HEAD])
    if known is not None and depth < MAX_DEPTH and known.is_at(octets, pos):
        return known
    row = _row_shape(octets, pos, depth)
    if row is not None and row.flat and row.size <= _LARGEST_KEPT:
        if len(_ROWS) >= _MOST_KEPT:
            _ROWS.clear()
        _ROWS[octets[pos : pos + _ROW_HEAD]] = row
    return row


def _row_shape(octets: bytes, pos: int, depth: int) -> Row | None:
    end = _scan(octets, pos, 1, depth)
    if end - pos > _LARGEST_ROW:
        return None
    mask = bytearray(b"\xff" * (end - pos))
    leaves: list[tuple[int, int, int]] = []
    collections = 0
    at = pos
    while at < end:
        tag = octets[at]
        start = at + 1
        size = held = _WHOLE[tag] - 1
        if held < 0:
            if tag == COMPACT_ARRAY:
                return None
            size, start = read_length(octets, start)
            if tag in (ARRAY, STRUCTURE):
                collections += 1
                at = start
                continue
            held = (size + 7) // 8 if tag == BIT_STRING else size
        at = start + held
        leaves.append((tag, start - pos, size))
        if held:
            mask[start - pos : at - pos] = bytes(held)
    bits = int.from_bytes(mask, "big")
    marks = int.from_bytes(octets[pos:end], "big") & bits
    return Row(end - pos, bits, marks, tuple(leaves), collections == 1)


def equal_rows(octets: bytes, start: int, count: int, row: Row) -> int:
    """How many of the `count` rows at `start` have the shape `row`, which is that of the first one."""
    size = row.size
    if not row.is_at(octets, start + size):
        return 1
    rows = min(count, (len(octets) - start) // size)
    end = start + rows * size
    for offset, octet in row.fixed:
        column = octets[start + offset : end : size]
        if column.count(octet) != rows:
            rows = next(i for i, found in enumerate(column) if found != octet)
            end = start + rows * size
    return rows


def similar_rows(octets: bytes, start: int, count: int, depth: int = 0) -> Iterator[tuple[Row, int]]:
    """Take rows of a few shapes, as buffers with null-data here and there are: each with its position.

    Stops before the first element that is none, and altogether where there are too few, too many shapes, or so little
    order in them that reading value by value is quicker. Raises DataError where a row is no Data.
    """
    if count < _ROWS_WORTH_SHAPES or (row := row_shape(octets, start, depth)) is None:
        return
    number = int.from_bytes
    first = row, row.size, row.mask, row.marks
    shapes = [first]
    following: dict[Row, tuple[Row, int, int, int]] = {}  # what came after such a row the last time
    misses = 0
    for taken in range(count):
        last = row
        row, size, mask, marks = following.get(last, first)
        if number(octets[start : start + size], "big") & mask != marks:  # as `is_at`, which takes twice the time
            misses += 1
            if misses * len(shapes) > 2 * (taken + _ROWS_WORTH_SHAPES):
                return
            for shape in shapes:
                row, size, mask, marks = shape
                if number(octets[start : start + size], "big") & mask == marks:
                    break
            else:
                found = row_shape(octets, start, depth) if len(shapes) < _MANY_SHAPES else None
                if found is None:
                    return
                row, size, mask, marks = found, found.size, found.mask, found.marks
                shapes.append((row, size, mask, marks))
            following[last] = row, size, mask, marks
        yield row, start
        start += size
