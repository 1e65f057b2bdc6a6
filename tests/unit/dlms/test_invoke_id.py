"""Invoke-ids in octets: the same as the decoded APDU says, wherever an APDU has one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.bindings import cosempdu as cos
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.invoke_id import confirmed, is_long, number_of, numbered, same_identity
from tests import strategies

SHORT = ["Get-Request", "Get-Response", "Set-Request", "Set-Response", "Action-Request", "Action-Response"]
LONG = ["Access-Request", "Access-Response"]


def decoded(apdu: bytes) -> int:
    body: Any = decode_apdu(apdu)
    if isinstance(body, cos.AccessRequest | cos.AccessResponse):
        return body.long_invoke_id_and_priority
    (chosen,) = (v for name in body.__dataclass_fields__ if (v := getattr(body, name)) is not None)
    number: int = chosen.invoke_id_and_priority
    return number


@given(st.sampled_from(SHORT + LONG).flatmap(strategies.of), st.integers(0, 0xFFFFFFFF))
def test_it_is_found_and_changed_where_the_codec_puts_it(body: object, number: int) -> None:
    apdu = encode_apdu(body)
    assert number_of(apdu) == decoded(apdu)
    number &= 0xFFFFFFFF if is_long(apdu) else 0xFF
    changed = numbered(apdu, number)
    assert decoded(changed) == number
    assert numbered(changed, decoded(apdu)) == apdu


@pytest.mark.parametrize("apdu", ["", "C4", "C401", "D801", "D80101", "0E010600", "DA000000", "0F00000001000000"])
def test_others_have_none(apdu: str) -> None:
    octets = bytes.fromhex(apdu)
    assert number_of(octets) is None


def test_a_request_is_confirmed_and_keeps_its_priority() -> None:
    assert confirmed(0x81, 5, long=False) == 0xC5
    assert confirmed(0x00, 0x13, long=False) == 0x43
    assert confirmed(0x80000001, 0x01000002, long=True) == 0xC0000002


def test_only_the_identity_counts() -> None:
    assert same_identity(0xC5, 0x05, long=False)
    assert not same_identity(0xC5, 0xC6, long=False)
    assert same_identity(0xC0000010, 0x00000010, long=True)
    assert not same_identity(0x00000110, 0x00000010, long=True)
