"""Hypothesis strategies for COSEM values, made from the kinds themselves."""

from hypothesis import strategies as st

from cas.cosem.data import KIND, SIZE, STRUCTS, Data, Kind, length

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
