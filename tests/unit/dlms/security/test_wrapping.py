"""Wire forms of ciphered APDUs: tags against the reference, lengths, and what does not fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.dlms.errors import DecodeError, DlmsError, EncodeError, UnexpectedApdu
from cas.dlms.security.wrapping import (
    Ciphered,
    Scope,
    decode_octets,
    encode_octets,
    has_service_specific,
    is_ciphered,
    require_plain_tag,
    unwrap,
    wrap,
    wrap_general,
)

# plain, glo-, ded-: the CHOICE xDLMS-APDU of COSEMpdu
TAGS = [
    (1, 33, 65), (5, 37, 69), (6, 38, 70), (8, 40, 72), (12, 44, 76), (13, 45, 77), (14, 46, 78), (22, 54, 86),
    (24, 56, 88), (192, 200, 208), (193, 201, 209), (194, 202, 210), (195, 203, 211), (196, 204, 212), (197, 205, 213),
    (199, 207, 215),
]  # fmt: skip


@pytest.mark.clause("Green Book 8.3, 9.5")
@pytest.mark.parametrize(("plain", "glo", "ded"), TAGS)
def test_tags(plain: int, glo: int, ded: int) -> None:
    assert wrap(plain, b"\x30")[0] == glo
    assert wrap(plain, b"\x30", Scope.DEDICATED)[0] == ded
    assert unwrap(bytes((glo, 1, 0x30))) == Ciphered(Scope.GLOBAL, plain, b"", b"\x30")
    assert unwrap(bytes((ded, 1, 0x30))) == Ciphered(Scope.DEDICATED, plain, b"", b"\x30")


def test_tags_are_all_there_are() -> None:
    ciphered = {tag for row in TAGS for tag in row[1:]} | {219, 220}
    assert {tag for tag in range(256) if is_ciphered(tag)} == ciphered
    assert {tag for tag in range(256) if has_service_specific(tag)} == {row[0] for row in TAGS}


@pytest.mark.parametrize("tag", [15, 216, 217, 218, 219, 0x60])
def test_services_without_a_form_of_their_own(tag: int) -> None:
    with pytest.raises(EncodeError, match="general"):
        wrap(tag, b"")
    with pytest.raises(UnexpectedApdu):
        unwrap(bytes((tag if tag != 219 else 221, 0)))


@given(st.sampled_from(Scope), st.binary(max_size=8), st.binary(max_size=70_000))
def test_general_forms(scope: Scope, title: bytes, content: bytes) -> None:
    apdu = wrap_general(title, content, scope)
    assert apdu[0] == {Scope.GLOBAL: 219, Scope.DEDICATED: 220}[scope]
    assert unwrap(apdu) == Ciphered(scope, None, title, content)


@pytest.mark.parametrize(
    ("length", "coded"),
    [(0, "00"), (127, "7F"), (128, "8180"), (255, "81FF"), (256, "820100"), (65535, "82FFFF"), (65536, "83010000")],
)
def test_lengths(length: int, coded: str) -> None:
    octets = bytes.fromhex(coded) + bytes(length)
    assert encode_octets(bytes(length)) == octets
    assert decode_octets(b"!" + octets + b"rest", 1, "x") == (bytes(length), 1 + len(octets))


def test_cut_and_lengthened_apdus_are_refused() -> None:
    apdu = wrap_general(b"TITLE001", b"\x30" + bytes(200))
    for end in range(1, len(apdu)):
        with pytest.raises(DecodeError):
            unwrap(apdu[:end])
    with pytest.raises(DecodeError, match="1 octets too many"):
        unwrap(apdu + b"\0")
    with pytest.raises(UnexpectedApdu):
        unwrap(b"")


@pytest.mark.parametrize("coded", ["80", "85 00 00 00 00 01 FF", "84 FF FF FF FF", "FF", "82 01"])
def test_bad_lengths_are_refused_where_they_stand(coded: str) -> None:
    with pytest.raises(DecodeError) as caught:
        unwrap(b"\xc8" + bytes.fromhex(coded))
    assert caught.value.offset == 1
    assert caught.value.path == "ciphered-content"


@given(st.binary(max_size=30))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    try:
        unwrap(octets)
    except DlmsError:
        pass


def test_content_must_be_of_the_service_that_the_wrapping_names() -> None:
    named = unwrap(wrap(196, b"\x30")).plain_tag
    assert require_plain_tag(named, b"\xc4\x01") == b"\xc4\x01"
    with pytest.raises(UnexpectedApdu, match="tag 199"):
        require_plain_tag(named, b"\xc7\x01")
    with pytest.raises(DecodeError):
        require_plain_tag(named, b"")
    assert require_plain_tag(unwrap(wrap_general(b"", b"\x30")).plain_tag, b"\xda") == b"\xda"
