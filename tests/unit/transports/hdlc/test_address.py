"""Addresses of 1, 2 and 4 octets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transports.hdlc.address import Address, decode


@pytest.mark.parametrize(
    ("address", "octets"),
    [  # IEC 62056-46, 6.4.2.3 and the examples of the DLMS User Association
        (Address(16), "21"),
        (Address(1), "03"),
        (Address(1, 17), "0223"),
        (Address(1, 17, 4), "00020023"),
        (Address(0x1234, 0x3FFF), "4868feff"),
    ],
)
def test_octets(address: Address, octets: str) -> None:
    assert address.encode().hex() == octets
    assert decode(bytes.fromhex(octets), 0) == address


def test_the_size_is_chosen_by_the_values() -> None:
    assert [Address(1).size, Address(1, 2).size, Address(1, 200).size, Address(200, 1).size] == [1, 2, 4, 4]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((128, None, 1), "logical address 128 does not fit"),
        ((1, 128, 2), "physical address 128 does not fit"),
        ((0x4000, 1), "0 to 16383"),
        ((1, None, 2), "has a physical part"),
        ((1, 5, 1), "has no physical part"),
        ((1, 5, 3), "not 3"),
        ((-1,), "does not fit"),
        ((200,), "has a physical part"),
    ],
)
def test_what_does_not_fit_is_refused(parts: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Address(*parts)


@pytest.mark.parametrize("octets", ["020203", "0202020203", "00000000"])
def test_lengths_that_do_not_exist(octets: str) -> None:
    with pytest.raises(ValueError, match="octets"):
        decode(bytes.fromhex(octets), 0)


@pytest.mark.parametrize("octets", ["", "02", "0202", "020202"])
def test_an_address_that_is_cut_off(octets: str) -> None:
    assert decode(bytes.fromhex(octets), 0) is None


def test_broadcast_covers_every_station() -> None:
    assert Address(0x7F).covers(Address(1))
    assert Address(1, 0x7F).covers(Address(1, 17))
    assert Address(1, 0x3FFF, 4).covers(Address(1, 17))
    assert not Address(1, 0x3FFF, 4).covers(Address(2, 17))
    assert Address(1, 0x3FFF, 4).is_broadcast
    assert not Address(1, 0x7F, 4).is_broadcast
    assert not Address(1, 17).covers(Address(1, 18))


@given(st.integers(0, 0x3FFF), st.integers(0, 0x3FFF))
def test_every_address_of_4_octets_survives(logical: int, physical: int) -> None:
    address = Address(logical, physical, 4)
    read = decode(b"\xaa" + address.encode() + b"\x21", 1)
    assert read == address
    assert read is not None
    assert read.size == 4
