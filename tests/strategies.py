"""Hypothesis strategies for COSEM values and APDUs, made from the kinds and the coding tables themselves."""

from typing import Any

from hypothesis import strategies as st

from cas.bindings.coding import TYPES
from cas.cosem.asn1 import Any as AnyType
from cas.cosem.asn1 import (
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
from cas.cosem.data import Data
from cas.cosem.kinds import KIND, SIZE, STRUCTS, Kind
from cas.cosem.scanning import length

_BOUNDED = {tag: kind for tag, kind in KIND.items() if tag in STRUCTS}


def _fixed(tag: int) -> st.SearchStrategy[Data]:
    octets = st.sampled_from([b"\x00", b"\x01"]) if tag == 3 else st.binary(min_size=SIZE[tag], max_size=SIZE[tag])
    return octets.map(lambda o: Data(bytes((tag,)) + o))


def _of(kind: Kind, values: st.SearchStrategy[str] | st.SearchStrategy[bytes]) -> st.SearchStrategy[Data]:
    return values.map(lambda value: Data.of(kind, value))


leaves: st.SearchStrategy[Data] = st.one_of(
    *map(_fixed, _BOUNDED),
    st.sampled_from([Data.of("null-data"), Data.of("dont-care")]),
    _of("octet-string", st.binary(max_size=40)),
    _of("visible-string", st.binary(max_size=40).map(lambda o: o.decode("latin-1"))),
    _of(
        "utf8-string",
        st.one_of(st.text(max_size=20), st.binary(max_size=9).map(lambda o: o.decode(errors="surrogateescape"))),
    ),
    _of("bit-string", st.text("01", max_size=40)),
    _of("visible-string", st.sampled_from([r"\x41", r"C:\x", r"\\x0a", "a\rb", "<&>", "]]>"])),
)


def compact_arrays() -> st.SearchStrategy[Data]:
    """Arrays of (long-unsigned, octet-string) and the like, in the compact coding."""
    cell = st.sampled_from([18, 5, 9, 10, 4, 0])
    types = st.lists(cell, min_size=1, max_size=3).map(lambda tags: b"\x02" + length(len(tags)) + bytes(tags))
    return st.builds(lambda t, c: Data(b"\x13" + t + length(len(c)) + c), types, st.binary(max_size=30))


def rows() -> st.SearchStrategy[Data]:
    """Arrays of structures of one shape, as profile buffers are, here and there with another row between."""

    def build(template: list[int], count: int, seeds: list[bytes], odd: list[Data]) -> Data:
        table = [
            Data.structure(*(Data(bytes((t,)) + (seeds[i % len(seeds)] * 12)[: SIZE[t]]) for t in template))
            for i in range(count)
        ]
        return Data.array(table[: count // 2] + odd + table[count // 2 :])

    tags = st.lists(st.sampled_from([5, 6, 17, 18, 25, 22, 20]), min_size=1, max_size=5)
    return st.builds(
        build,
        tags,
        st.integers(0, 12),
        st.lists(st.binary(min_size=1, max_size=12), min_size=1),
        st.lists(leaves, max_size=2),
    )


data: st.SearchStrategy[Data] = st.recursive(
    st.one_of(leaves, compact_arrays()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=6).map(Data.array),
        st.lists(inner, max_size=6).map(lambda items: Data.structure(*items)),
        rows(),
    ),
    max_leaves=12,
)


# ---------------------------------------------------------------- any class of COSEMpdu, made from its coding table

_BER_VALUES = st.binary(max_size=6).map(lambda o: b"\x04" + bytes((len(o),)) + o)
_OIDS = st.builds(
    lambda arcs: "2.16.756.5.8." + ".".join(map(str, arcs)), st.lists(st.integers(0, 2**31), min_size=1, max_size=3)
)


def of(name: str, depth: int = 0) -> st.SearchStrategy[Any]:  # noqa: C901 - a case for each shape
    """Values of the ASN.1 type of this name, as the bindings hold them."""
    match TYPES[name]:
        case Integer(octets, signed):
            bits = 8 * octets - signed
            return st.integers(-(1 << bits) if signed else 0, (1 << bits) - 1)
        case Boolean():
            return st.booleans()
        case Null():
            return st.just(True)
        case Octets(size):
            return st.binary(min_size=size or 0, max_size=40 if size is None else size)
        case Text(kind):
            if kind == "utf8":
                return st.binary(max_size=20).map(lambda o: o.decode("utf-8", "surrogateescape"))
            return st.binary(max_size=20).map(lambda o: o.decode("latin-1"))
        case Bits(size):
            return st.text("01", min_size=size or 0, max_size=24 if size is None else size)
        case ObjectIdentifier():
            return _OIDS
        case AnyType():
            return _BER_VALUES
        case Enumerated(cls):
            return st.sampled_from(cls)
        case CosemData():
            return data if depth < 3 else leaves
        case Sequence(cls, fields):
            return st.builds(cls, **{f.attribute: _component(f, depth) for f in fields})
        case Choice(cls, alternatives):
            return st.sampled_from(alternatives).flatmap(
                lambda chosen: st.builds(cls, **{chosen.attribute: of(chosen.type, depth + 1)})
            )
        case SequenceOf(cls, attribute, element):
            items = st.lists(of(element, depth + 1), max_size=3).map(tuple)
            return st.builds(cls, **{attribute: items})


def _component(field: Field, depth: int) -> st.SearchStrategy[Any]:
    values = st.deferred(lambda: of(field.type, depth + 1))
    return st.none() | values if field.optional else values
