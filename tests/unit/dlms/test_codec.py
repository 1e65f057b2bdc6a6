"""The codecs of APDUs: octets and XML hold the same, for every class, every vector and every cut."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from cas import xml
from cas.bindings import cosempdu as cos
from cas.bindings.coding import ACSE_APDU, TYPES, XDLMS_APDU
from cas.cosem.asn1 import Alternative, Choice
from cas.dlms import axdr, ber
from cas.dlms.apdu import decode_apdu, encode_apdu, encode_kept, encode_numbered
from cas.dlms.errors import DecodeError, EncodeError
from cas.dlms.invoke_id import identified
from tests import oracle, strategies

ROOT = Path(__file__).parents[3]
VECTORS = json.loads((ROOT / "tests/vectors/apdus.json").read_text())["apdus"]
SCHEMA = etree.XMLSchema(etree.parse(ROOT / "schemas/COSEMpdu.xsd"))


def alternatives(name: str) -> tuple[Alternative, ...]:
    shape = TYPES[name]
    assert isinstance(shape, Choice)
    return shape.alternatives


def top(document: str) -> type[cos.XDlmsApdu | cos.ACseApdu]:
    return cos.ACseApdu if etree.fromstring(document).tag.endswith("aCSE-APDU") else cos.XDlmsApdu


def decode(cls: type[cos.XDlmsApdu | cos.ACseApdu], octets: bytes) -> object:
    return ber.decode(cls, octets) if cls is cos.ACseApdu else axdr.decode(cls, octets)


def encode(apdu: object) -> bytes:
    return ber.encode(apdu) if isinstance(apdu, cos.ACseApdu) else axdr.encode(apdu)


@pytest.mark.parametrize("vector", VECTORS, ids=[v["name"] for v in VECTORS])
class TestVectors:
    """Public examples, and examples written by hand from the ASN.1."""

    def test_octets_become_the_xml(self, vector: dict[str, str]) -> None:
        cls = top(vector["xml"])
        apdu = decode(cls, bytes.fromhex(vector["hex"]))
        written = xml.document(apdu)
        SCHEMA.assertValid(etree.fromstring(written))
        assert xml.read(cls, xml.parse(written)) == xml.read(cls, xml.parse(vector["xml"].encode()))

    def test_xml_becomes_the_octets(self, vector: dict[str, str]) -> None:
        apdu = xml.read(top(vector["xml"]), xml.parse(vector["xml"].encode()))
        assert encode(apdu).hex().upper() == vector["hex"]

    def test_every_cut_is_an_error_that_says_where(self, vector: dict[str, str]) -> None:
        octets = bytes.fromhex(vector["hex"])
        for cut in range(len(octets)):
            with pytest.raises(DecodeError):
                decode_apdu(octets[:cut])
        with pytest.raises(DecodeError, match="octet"):
            decode_apdu(octets + b"\x00")


@pytest.mark.parametrize("alternative", alternatives(XDLMS_APDU), ids=lambda a: a.attribute)
@settings(max_examples=25)
@given(data=st.data())
def test_every_xdlms_apdu_survives_both_codings(alternative: Alternative, data: st.DataObject) -> None:
    apdu = cos.XDlmsApdu(**{alternative.attribute: data.draw(strategies.of(alternative.type))})
    octets = axdr.encode(apdu)
    assert octets[0] == alternative.tag
    assert axdr.decode(cos.XDlmsApdu, octets) == apdu
    document = xml.document(apdu)
    SCHEMA.assertValid(etree.fromstring(document))
    assert xml.read(cos.XDlmsApdu, xml.parse(document)) == apdu


@pytest.mark.parametrize("alternative", alternatives(ACSE_APDU), ids=lambda a: a.attribute)
@settings(max_examples=60)
@given(data=st.data())
def test_every_acse_apdu_survives_both_codings(alternative: Alternative, data: st.DataObject) -> None:
    apdu = cos.ACseApdu(**{alternative.attribute: data.draw(strategies.of(alternative.type))})
    octets = ber.encode(apdu)
    assert octets[0] == alternative.tag
    assert ber.decode(cos.ACseApdu, octets) == apdu
    document = xml.document(apdu)
    SCHEMA.assertValid(etree.fromstring(document))
    assert xml.read(cos.ACseApdu, xml.parse(document)) == apdu


@settings(max_examples=60)
@given(apdu=strategies.of(XDLMS_APDU))
def test_xsdata_itself_reads_what_we_write_and_writes_what_we_read(apdu: cos.XDlmsApdu) -> None:
    theirs = oracle.render(oracle.parse(xml.document(apdu)))
    assert xml.read(cos.XDlmsApdu, xml.parse(theirs)) == apdu


@given(
    st.binary(max_size=80)
    | st.builds(lambda tag, rest: bytes((tag,)) + rest, st.integers(0, 255), st.binary(max_size=80))
)
@settings(max_examples=500)
def test_any_octets_are_an_apdu_or_a_decode_error(octets: bytes) -> None:
    try:
        apdu = decode_apdu(octets)
    except DecodeError as error:
        assert error.offset is None or 0 <= error.offset <= len(octets)
    else:
        encode_apdu(apdu) if not isinstance(apdu, cos.XDlmsApdu) else axdr.encode(apdu)


def test_what_is_kept_of_a_get_is_never_another_ones() -> None:
    """The objects come and go, many at the same address."""
    for number in range(3000):
        descriptor = cos.CosemAttributeDescriptor(class_id=number, instance_id=bytes(6), attribute_id=2)
        normal = cos.GetRequestNormal(invoke_id_and_priority=193, cosem_attribute_descriptor=descriptor)
        request = cos.GetRequest(get_request_normal=normal)
        octets = encode_apdu(request)
        assert encode_kept(request) == encode_kept(request) == octets
        for identity in (number, number + 1, number):
            assert encode_numbered(request, identity) == (octets, identified(octets, identity))


def test_an_encode_error_names_the_field() -> None:
    descriptor = cos.CosemAttributeDescriptor(class_id=70000, instance_id=bytes(6), attribute_id=2)
    request = cos.GetRequestNormal(invoke_id_and_priority=193, cosem_attribute_descriptor=descriptor)
    with pytest.raises(EncodeError, match=r"get_request_normal\.cosem_attribute_descriptor\.class_id: 70000"):
        encode_apdu(cos.GetRequest(get_request_normal=request))


def test_a_decode_error_names_the_field_and_the_octet() -> None:
    with pytest.raises(DecodeError, match=r"octet 4: get_response_normal\.result\.data_access_result: 77"):
        decode_apdu(bytes.fromhex("C401C1014D"))


@pytest.mark.parametrize("chosen", [{}, {"data": None}])
def test_a_choice_needs_one_alternative(chosen: dict[str, None]) -> None:
    with pytest.raises(EncodeError, match="one alternative"):
        axdr.encode(cos.GetDataResult(**chosen))
