"""OBIS codes: the notations people and XML use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.cosem.obis import Obis


@pytest.mark.parametrize(
    "text", ["1.0.1.8.0.255", "1-0:1.8.0*255", "1-0:1.8.0.255", "1-0:1.8.0", "0100010800FF", " 0100010800ff\n"]
)
def test_notations_of_one_code(text: str) -> None:
    code = Obis.parse(text)
    assert code.octets == bytes((1, 0, 1, 8, 0, 255))
    assert (str(code), code.grouped, code.hex) == ("1.0.1.8.0.255", "1-0:1.8.0*255", "0100010800FF")


@given(st.binary(min_size=6, max_size=6))
def test_every_notation_reads_back(octets: bytes) -> None:
    code = Obis(octets)
    assert Obis.parse(str(code)) == Obis.parse(code.grouped) == Obis.parse(code.hex) == code


@pytest.mark.parametrize(
    "text",
    ["", "1.8.0", "1.0.1.8.0.256", "1.0.1.8.0.255.1", "1-0:1.8", "0100010800F", "a.b.c.d.e.f", "\u0661.0.1.8.0.255"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no OBIS code"):
        Obis.parse(text)


def test_six_octets() -> None:
    with pytest.raises(ValueError, match="6 octets, not 5"):
        Obis(bytes(5))
    assert min(Obis.parse("1.0.2.8.0.255"), Obis.parse("1.0.1.8.0.255")) == Obis.parse("1.0.1.8.0.255")
