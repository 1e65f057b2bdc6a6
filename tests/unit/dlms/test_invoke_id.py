"""Invoke-ids in octets: the same as the decoded APDU says, wherever an APDU has one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.bindings import cosempdu as cos
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.invoke_id import as_answer, identified, number_of
from tests import strategies

SHORT = ["Get-Request", "Get-Response", "Set-Request", "Set-Response", "Action-Request", "Action-Response"]
LONG = ["Access-Request", "Access-Response"]
LONG_CLASSES = (cos.AccessRequest, cos.AccessResponse)


def decoded(apdu: bytes) -> int:
    body: Any = decode_apdu(apdu)
    if isinstance(body, LONG_CLASSES):
        return body.long_invoke_id_and_priority
    (chosen,) = (v for name in body.__dataclass_fields__ if (v := getattr(body, name)) is not None)
    number: int = chosen.invoke_id_and_priority
    return number


@given(st.sampled_from(SHORT + LONG).flatmap(strategies.of), st.integers(0, 0xFFFFFF), st.booleans())
def test_it_is_found_and_changed_where_the_codec_puts_it(body: object, identity: int, confirmed: bool) -> None:
    apdu = encode_apdu(body)
    number = decoded(apdu)
    assert number_of(apdu) == number
    changed = identified(apdu, identity, confirmed=confirmed)
    bit, mask = (0x40000000, 0xFFFFFF) if isinstance(body, LONG_CLASSES) else (0x40, 0x0F)
    assert decoded(changed) == number & ~(bit | mask) | identity & mask | (bit if confirmed else 0)
    assert as_answer(changed, identified(apdu, identity), apdu) == apdu


@pytest.mark.parametrize("apdu", ["", "C4", "C401", "D801", "D80101", "0E010600", "DA000000", "0F00000001000000"])
def test_others_have_none(apdu: str) -> None:
    octets = bytes.fromhex(apdu)
    assert number_of(octets) is None
    for request in ("C001C1", "D9C0000001"):
        assert as_answer(octets, bytes.fromhex(request), bytes.fromhex(request)) == octets


def test_a_request_is_confirmed_and_keeps_its_priority() -> None:
    assert identified(bytes.fromhex("C00181"), 5) == bytes.fromhex("C001C5")
    assert identified(bytes.fromhex("C00100"), 0x13) == bytes.fromhex("C00143")
    assert identified(bytes.fromhex("C10141"), 2, confirmed=False) == bytes.fromhex("C10102")
    assert identified(bytes.fromhex("D980000001"), 0x01000002) == bytes.fromhex("D9C0000002")


@pytest.mark.parametrize(
    ("answer", "request_", "expected"),
    [
        ("C40105", "C001C5", True),
        ("C401C6", "C001C5", False),
        ("DA00000010", "D9C0000010", True),
        ("DA00000110", "D9C0000010", False),
        ("C401C5", "D9C0000005", False),  # late, of another service
        ("DA00000005", "C001C5", False),
        ("D80101", "C001C5", True),  # an exception names no request
        ("C401C5", "0500", True),
    ],
)
def test_only_the_identity_counts(answer: str, request_: str, expected: bool) -> None:
    asked = bytes.fromhex(request_)
    assert (as_answer(bytes.fromhex(answer), asked, asked) is not None) is expected
