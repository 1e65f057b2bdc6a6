"""Secrets in APDUs are blanked, everything else stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.bindings.coding import XDLMS_APDU
from cas.dlms import axdr
from cas.dlms.apdu import decode_apdu
from cas.dlms.redaction import redact
from tests import strategies

SECRET = b"TopSecretTopSecret".hex().upper()
SIZE = f"{len(SECRET) // 2:02X}"
BLOCK = "01" + "00000001" + SIZE + SECRET

HOLDING = {
    "password of AARQ": "6040A1090607608574050801018A0207808B0760857405080201"
    f"AC148012{SECRET}BE10040E01000000065F1F0400007E1F04B0",
    "dedicated key": f"0101{SIZE}{SECRET}0000065F1F0400007E1F04B0",
    "secret of association": f"C101C1000F0000280000FF070009{SIZE}{SECRET}",
    "secret in a list": f"C104C102000F0000280000FF070000010000600D00FF02000209{SIZE}{SECRET}1105",
    "secret in blocks": f"C102C1000F0000280000FF0700{BLOCK}",
    "some later block": f"C103C1{BLOCK}",
    "change of HLS secret": f"C301C1000F0000280000FF020109{SIZE}{SECRET}",
    "key transfer": f"C301C1004000002B0000FF020101010202160009{SIZE}{SECRET}",
    "key transfer in a list": f"C303C101004000002B0000FF020109{SIZE}{SECRET}",
    "key transfer in blocks": f"C304C1004000002B0000FF02{BLOCK}",
    "secret of association in an ACCESS": f"D940000001000102000F0000280000FF070109{SIZE}{SECRET}",
    "change of HLS secret in an ACCESS": f"D940000001000103000F0000280000FF020109{SIZE}{SECRET}",
    "secret by a short name": f"060102FA180109{SIZE}{SECRET}",
    "change of secret by a short name": f"060104FA5800000109{SIZE}{SECRET}",
    "a general block": f"E08000010000{SIZE}{SECRET}",
    "some later pblock": f"C306C1{BLOCK}",
}


@pytest.mark.parametrize("apdu", HOLDING.values(), ids=HOLDING)
def test_a_secret_does_not_show(apdu: str) -> None:
    octets = bytes.fromhex(apdu)
    assert decode_apdu(octets)
    shown = redact("sent", octets)
    assert SECRET not in shown.hex().upper()
    assert type(decode_apdu(shown)) is type(decode_apdu(octets))


@given(strategies.of(XDLMS_APDU), st.binary(max_size=30))
def test_it_never_fails_and_changes_nothing_else(apdu: object, noise: bytes) -> None:
    octets = axdr.encode(apdu)
    redact("received", noise)
    if octets[0] not in (0x01, 0x06, 0xC1, 0xC3, 0xD9, 0xE0):
        assert redact("received", octets) == octets
    else:
        assert redact("sent", redact("sent", octets)) == redact("sent", octets)


def test_what_cannot_be_understood_and_might_hold_a_secret_is_left_out() -> None:
    assert redact("sent", bytes.fromhex("60AA" + SECRET)) == b""
    assert redact("sent", bytes.fromhex("C1FF" + SECRET)) == b""
    assert redact("sent", b"") == b""
