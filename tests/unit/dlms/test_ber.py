"""BER: any definite length is read, the shortest is written, and what is no ACSE APDU is an error that says where."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cas import xml
from cas.bindings import cosempdu as cos
from cas.bindings.coding import TYPES
from cas.cosem.asn1 import Choice, Sequence, SequenceOf
from cas.dlms import axdr, ber
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.errors import DecodeError, EncodeError

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/apdus.json").read_text())["apdus"]
ACSE = [bytes.fromhex(v["hex"]) for v in VECTORS if v["hex"].startswith(("60", "61", "62", "63"))]

CONTEXT = bytes.fromhex("A109060760857405080101")
USER_INFORMATION = bytes.fromhex("BE10040E01000000065F1F0400007E1F04B0")


def tlv(tag: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes((tag, len(content))) + content


def aarq(*components: bytes) -> object:
    return decode_apdu(tlv(0x60, b"".join(components)))


def lengthen(octets: bytes, extra: int) -> bytes:
    """The same with every length of a constructed encoding in the long form, `extra` zeros before it."""
    out, pos = b"", 0
    while pos < len(octets):
        tag, size = octets[pos], octets[pos + 1]
        content = octets[pos + 2 : pos + 2 + size]
        assert size < 0x80
        if tag & 0x20:
            content = lengthen(content, extra)
        count = len(content).to_bytes(1 + extra, "big")
        out += bytes((tag, 0x80 | len(count))) + count + content
        pos += 2 + size
    return out


class TestLengths:
    @pytest.mark.parametrize("octets", ACSE, ids=lambda o: o[:12].hex())
    @pytest.mark.parametrize("extra", [0, 1, 3])
    def test_of_any_definite_form_are_read(self, octets: bytes, extra: int) -> None:
        assert decode_apdu(lengthen(octets, extra)) == decode_apdu(octets)

    def test_written_are_the_shortest(self) -> None:
        for size, head in ((127, "7F"), (128, "8180"), (255, "81FF"), (256, "820100")):
            information = encode_apdu(cos.RlrqApdu(user_information=bytes(size)))
            assert bytes.fromhex(f"04{head}") + bytes(size) == information[-size - len(head) // 2 - 1 :]

    @pytest.mark.parametrize("length", ["80", "85", "FF", "8500000000 10", "84FFFFFFFF", "82FF"])
    def test_indefinite_or_absurd_ones_are_refused(self, length: str) -> None:
        with pytest.raises(DecodeError):
            decode_apdu(b"\x60" + bytes.fromhex(length) + CONTEXT + b"\x00\x00")


class TestComponents:
    def test_in_order(self) -> None:
        assert aarq(CONTEXT, USER_INFORMATION) == cos.AarqApdu(
            application_context_name="2.16.756.5.8.1.1", user_information=USER_INFORMATION[4:]
        )

    @pytest.mark.parametrize(
        ("components", "reason"),
        [
            ([USER_INFORMATION, CONTEXT], "application_context_name: missing"),
            ([CONTEXT, CONTEXT], "A1 is unknown or out of order in AarqApdu"),
            ([CONTEXT, USER_INFORMATION, b"\x8a\x02\x07\x80"], "8A is unknown or out of order"),
            ([CONTEXT, b"\xbf\x01\x00"], "BF is unknown"),
            ([b""], "application_context_name: missing"),
            ([CONTEXT, b"\x00"], "cut short|unknown"),
        ],
    )
    def test_out_of_order_missing_or_twice(self, components: list[bytes], reason: str) -> None:
        with pytest.raises(DecodeError, match=reason):
            aarq(*components)

    @pytest.mark.parametrize(
        ("component", "path"),
        [
            ("A10A060760857405080101 00", "application_context_name"),  # an octet more than the type's own encoding
            ("A109040760857405080101", "application_context_name"),  # OCTET STRING for OBJECT IDENTIFIER
            ("A1020600", "application_context_name"),
            ("A109060760857405080181", "application_context_name"),  # the last arc goes on
        ],
    )
    def test_faults_inside_name_the_field(self, component: str, path: str) -> None:
        with pytest.raises(DecodeError, match=path):
            aarq(bytes.fromhex(component))

    @pytest.mark.parametrize("bits", ["8A00", "8A0108", "8A020980", "8A0107"])
    def test_bit_strings_that_are_none(self, bits: str) -> None:
        with pytest.raises(DecodeError, match="sender_acse_requirements"):
            aarq(CONTEXT, bytes.fromhex(bits))

    def test_an_octet_after_the_apdu(self) -> None:
        for octets in ACSE:
            with pytest.raises(DecodeError, match="1 octets after the end"):
                decode_apdu(octets + b"\x00")

    def test_an_inner_length_may_not_reach_beyond_the_outer(self) -> None:
        with pytest.raises(DecodeError):
            decode_apdu(bytes.fromhex("6005A109060760857405080101"))


class TestNumbers:
    @pytest.mark.parametrize(
        ("number", "content"),
        [
            (0, "00"),
            (127, "7F"),
            (128, "0080"),
            (-1, "FF"),
            (-128, "80"),
            (-129, "FF7F"),
            (-32768, "8000"),
            (2**63 - 1, "7FFFFFFFFFFFFFFF"),
            (-(2**63), "8000000000000000"),
        ],
    )
    @pytest.mark.clause("X.690, 8.3.2")
    def test_are_written_in_the_fewest_octets(self, number: int, content: str) -> None:
        apdu = cos.AarqApdu(application_context_name="2.16.756.5.8.1.1", calling_ae_invocation_id=number)
        inner = tlv(0x02, bytes.fromhex(content))
        assert encode_apdu(apdu) == tlv(0x60, CONTEXT + tlv(0xA9, inner))
        assert decode_apdu(encode_apdu(apdu)) == apdu

    def test_of_endless_length_are_refused(self) -> None:
        with pytest.raises(DecodeError, match="calling_ae_invocation_id"):
            aarq(CONTEXT, tlv(0xA9, tlv(0x02, b"\x7f" * 9)))
        with pytest.raises(EncodeError, match="does not fit"):
            encode_apdu(cos.AarqApdu(application_context_name="2.16.756.5.8.1.1", calling_ae_invocation_id=2**63))

    def test_an_object_identifier_of_endless_arcs_is_refused(self) -> None:
        """Python turns no number of more than 4300 digits into text, and raises ValueError."""
        arcs = b"\x60" + b"\xff" * 4000 + b"\x01"
        content = b"\x06" + b"\x82" + len(arcs).to_bytes(2, "big") + arcs
        component = b"\xa1\x82" + len(content).to_bytes(2, "big") + content
        with pytest.raises(DecodeError, match="application_context_name"):
            decode_apdu(b"\x60\x82" + len(component).to_bytes(2, "big") + component)

    @pytest.mark.parametrize("dotted", ["", "2", "3.1", "1.40", "2.16.-1", "a.b", "2.16.756." + "9" * 500, "2..1"])
    def test_text_that_is_no_object_identifier(self, dotted: str) -> None:
        with pytest.raises(EncodeError, match="application_context_name"):
            encode_apdu(cos.AarqApdu(application_context_name=dotted))

    @pytest.mark.parametrize(
        ("dotted", "content"),
        [("2.16.756.5.8.1.1", "60857405080101"), ("0.0", "00"), ("1.39.128", "4F8100"), ("2.999", "8837")],
    )
    def test_object_identifiers(self, dotted: str, content: str) -> None:
        octets = tlv(0x60, tlv(0xA1, tlv(0x06, bytes.fromhex(content))))
        assert encode_apdu(cos.AarqApdu(application_context_name=dotted)) == octets
        assert decode_apdu(octets) == cos.AarqApdu(application_context_name=dotted)


class TestAuthenticationValue:
    """other [3] SEQUENCE {other-mechanism-name, other-mechanism-value ANY}: ANY has no tag of its own."""

    OTHER = tlv(0xAC, tlv(0xA3, tlv(0x06, bytes.fromhex("60857405080207")) + tlv(0x04, b"\x01\x02")))

    def test_other(self) -> None:
        other = cos.AuthenticationValueOther(
            other_mechanism_name="2.16.756.5.8.2.7", other_mechanism_value=b"\x04\x02\x01\x02"
        )
        apdu = cos.AarqApdu(
            application_context_name="2.16.756.5.8.1.1",
            calling_authentication_value=cos.AuthenticationValue(other=other),
        )
        assert encode_apdu(apdu) == tlv(0x60, CONTEXT + self.OTHER)
        assert aarq(CONTEXT, self.OTHER) == apdu

    @pytest.mark.parametrize("value", [b"", b"\x04", b"\x04\x02\x01", b"\x04\x01\x01\x00"])
    def test_a_value_that_is_no_encoding_is_not_written(self, value: bytes) -> None:
        other = cos.AuthenticationValueOther(other_mechanism_name="2.16.756.5.8.2.7", other_mechanism_value=value)
        with pytest.raises(EncodeError, match="one BER encoding"):
            ber.encode(other)

    def test_charstring_and_bitstring(self) -> None:
        for component, chosen in (
            (tlv(0xAC, tlv(0x80, b"12345678")), cos.AuthenticationValue(charstring=b"12345678")),
            (tlv(0xAC, tlv(0x81, b"\x04\xa0")), cos.AuthenticationValue(bitstring="1010")),
        ):
            apdu = aarq(CONTEXT, component)
            assert isinstance(apdu, cos.AarqApdu)
            assert apdu.calling_authentication_value == chosen
            assert encode_apdu(apdu) == tlv(0x60, CONTEXT + component)


CLASSES = [shape.cls for shape in TYPES.values() if isinstance(shape, Sequence | Choice | SequenceOf)]


@st.composite
def mutated(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """A good APDU with a few octets changed, taken out or put in."""
    octets = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(octets) - 1)))
        match draw(st.integers(0, 3)):
            case 0 if octets:
                octets[at] = draw(st.integers(0, 255))
            case 1 if octets:
                octets[at] ^= 1 << draw(st.integers(0, 7))
            case 2:
                octets[at:at] = draw(st.binary(max_size=4))
            case _:
                del octets[at : at + draw(st.integers(1, 4))]
    return bytes(octets)


@settings(max_examples=1500)
@given(mutated([bytes.fromhex(v["hex"]) for v in VECTORS]))
def test_an_apdu_gone_wrong_is_another_one_or_a_decode_error(octets: bytes) -> None:
    try:
        apdu = decode_apdu(octets)
    except DecodeError as error:
        assert error.offset is None or 0 <= error.offset <= len(octets)
        assert str(error)
        return
    # what was understood can be coded again, and shown
    whole = apdu if isinstance(apdu, cos.XDlmsApdu) else None
    again = axdr.encode(whole) if whole else encode_apdu(apdu)
    assert decode_apdu(again) == apdu
    xml.document(apdu)


@settings(max_examples=800)
@given(mutated(ACSE))
def test_an_acse_apdu_gone_wrong(octets: bytes) -> None:
    try:
        apdu = ber.decode(cos.ACseApdu, octets)
    except DecodeError:
        return
    assert ber.decode(cos.ACseApdu, ber.encode(apdu)) == apdu


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@settings(max_examples=25)
@given(st.binary(max_size=40) | st.lists(st.sampled_from([0, 1, 2, 9, 0x81, 0x82, 255]), max_size=30).map(bytes))
def test_no_octets_make_any_class_raise_anything_else(cls: type, octets: bytes) -> None:
    for decode in (axdr.decode, ber.decode):
        try:
            decode(cls, octets)
        except DecodeError as error:
            assert error.offset is None or 0 <= error.offset <= len(octets)
