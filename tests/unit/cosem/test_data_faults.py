"""Data that a hostile or odd device may send: it costs little, and never anything but a value or a DataError."""

import pytest

from cas.cosem.data import Data, expand
from cas.cosem.kinds import DataError
from cas.cosem.scanning import length


@pytest.mark.parametrize("count", [3, 4, 5, 200])
def test_an_array_of_empty_structures(count: int) -> None:
    assert Data.array([Data.structure()] * count).value == [()] * count


def test_a_compact_array_of_few_octets_does_not_become_a_mountain_of_nulls() -> None:
    """Array [10000] of structure {99 null-data, unsigned}: 10 kB would become 1 MB, all in one element."""
    structure = b"\x02" + length(100) + b"\x00" * 99 + b"\x11"
    octets = b"\x13\x01" + (10_000).to_bytes(2, "big") + structure + length(10_000) + bytes(10_000)
    element = expand(Data.decode(octets))
    with pytest.raises(DataError, match="more nulls") as caught:
        next(element)
    assert caught.value.offset is not None
    assert caught.value.offset < 8_000  # it stopped within the element


def test_a_compact_array_with_some_nulls_is_expanded() -> None:
    octets = bytes.fromhex("13 02 03 00 11 00 03 010203")
    assert Data.decode(octets).value == [(None, 1, None), (None, 2, None), (None, 3, None)]
