"""Translation of recorded APDUs: what stands inside, under which protection, and where they break."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms import ber
from cas.dlms.apdu import encode_apdu
from cas.dlms.outline import outline
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.suites import SUITES
from cas.dlms.security.wrapping import Scope, wrap, wrap_general
from cas.dlms.translate import Keys, Translator, encode

VECTORS = Path(__file__).parents[2] / "vectors"
APDUS: list[dict[str, str]] = json.loads((VECTORS / "apdus.json").read_text())["apdus"]
SECURITY: dict[str, Any] = json.loads((VECTORS / "security.json").read_text())
EK, AK = (bytes.fromhex(SECURITY["keys"][name]) for name in ("encryption", "authentication"))
CLIENT = bytes.fromhex("4D4D4D0000BC614E")
SERVER = b"MMM\0\0\0\0\1"
KEYS = Keys(encryption=EK, authentication=AK, client_title=CLIENT, server_title=SERVER)
GET = bytes.fromhex("C0010000080000010000FF0200")
BOTH = SecurityControl()


@pytest.mark.parametrize("vector", APDUS, ids=lambda vector: vector["name"])
def test_every_kind_of_apdu_there_and_back(vector: dict[str, str]) -> None:
    octets = bytes.fromhex(vector["hex"])
    found = Translator().translate(octets)
    assert found.broken is None
    assert found.body is not None
    assert found.name
    assert encode(found.body) == octets


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
@pytest.mark.parametrize("vector", SECURITY["apdus"], ids=lambda vector: vector["name"])
def test_ciphered_apdus_are_deciphered(vector: dict[str, Any]) -> None:
    title = bytes.fromhex(vector["title"])
    keys = Keys(encryption=EK, authentication=AK, client_title=title, server_title=title)
    found = Translator(keys).translate(bytes.fromhex(vector["wrapped"]))
    (inner,) = found.inside
    assert inner.octets.hex().upper() == vector["plain"]
    assert f"invocation counter {vector['counter']}" in inner.protection
    assert ("encrypted" in inner.protection) == vector["encryption"]
    assert found.whole


def test_without_keys_the_ciphered_octets_stay() -> None:
    found = Translator().translate(bytes.fromhex(SECURITY["apdus"][0]["wrapped"]))
    assert (found.name, found.inside, found.whole) == ("glo-get-request", (), True)


def test_an_association_tells_titles_and_dedicated_key() -> None:
    dedicated = bytes(range(16))
    initiate = cos.InitiateRequest(
        dedicated_key=dedicated,
        proposed_dlms_version_number=6,
        proposed_conformance="0" * 24,
        client_max_receive_pdu_size=0xFFFF,
    )
    ciphering = Ciphering(SUITES[0], EK, AK)
    sealed = wrap(1, ciphering.protect(encode_apdu(initiate), CLIENT, 1, BOTH))
    aarq = cos.AarqApdu(application_context_name="2.16.756.5.8.1.3", calling_ap_title=CLIENT, user_information=sealed)
    translator = Translator(Keys(encryption=EK, authentication=AK))
    found = translator.translate(ber.encode(cos.ACseApdu(aarq=aarq)))
    assert found.whole
    glo = found.inside[0]
    assert (found.name, glo.name, glo.protection) == ("aarq", "glo-initiateRequest", "user-information")
    assert glo.inside[0].name == "initiateRequest"
    later = wrap(0xC0, Ciphering(SUITES[0], dedicated, AK).protect(GET, CLIENT, 1, BOTH), Scope.DEDICATED)
    assert translator.translate(later).inside[0].octets == GET


def test_the_title_of_either_side_is_tried() -> None:
    answer = bytes.fromhex("C401C10006000000FF")
    ciphering = Ciphering(SUITES[0], EK, AK)
    sealed = wrap(0xC4, ciphering.protect(answer, SERVER, 7, BOTH))
    assert Translator(KEYS).translate(sealed).inside[0].octets == answer
    swapped = Keys(encryption=EK, authentication=AK, client_title=SERVER, server_title=CLIENT)
    assert Translator(swapped).translate(sealed).inside[0].octets == answer
    general = wrap_general(SERVER, ciphering.protect(answer, SERVER, 8, BOTH))
    untitled = Keys(encryption=EK, authentication=AK)
    assert Translator(untitled).translate(general).inside[0].octets == answer
    (inner,) = Translator(untitled).translate(sealed).inside
    assert inner.broken
    assert "system title" in inner.broken.reason


@pytest.mark.parametrize("wrong", ["encryption", "authentication"])
def test_a_wrong_key_is_told(wrong: str) -> None:
    keys = {"encryption": EK, "authentication": AK, wrong: bytes(16)}
    found = Translator(Keys(client_title=CLIENT, **keys)).translate(bytes.fromhex(SECURITY["apdus"][2]["wrapped"]))
    assert not found.whole
    assert found.inside[0].broken
    assert "tag is wrong" in found.inside[0].broken.reason


def test_keys_are_not_shown() -> None:
    assert EK.hex() not in repr(KEYS).lower()
    assert repr(KEYS) == "Keys(hidden)"


@pytest.mark.parametrize("vector", APDUS[::7], ids=lambda vector: vector["name"])
def test_wherever_an_apdu_is_cut_the_octet_is_told(vector: dict[str, str]) -> None:
    octets = bytes.fromhex(vector["hex"])
    for end in range(len(octets)):
        broken = Translator().translate(octets[:end]).broken
        if broken is not None:  # an ACCESS without its last list, say, may still be an APDU
            assert broken.offset is not None
            assert 0 <= broken.offset <= end
            assert all(piece.end <= end for piece in broken.understood)


def test_what_was_understood_before_the_fault() -> None:
    # a get-request whose selective access announces four elements and holds one
    octets = bytes.fromhex("C001C100030100010800FF0201010204") + bytes.fromhex("1100")
    broken = Translator().translate(octets).broken
    assert broken
    assert broken.offset == 14
    assert broken.path == "get-request.get-request-normal.access-selection.access-parameters"
    assert [(piece.start, piece.text) for piece in broken.understood][2:] == [
        (2, "193"), (3, "3"), (5, "0100010800FF"), (11, "2"), (13, "1"), (14, "structure of 4"), (16, "unsigned 00"),
    ]  # fmt: skip


def test_the_outline_of_a_whole_apdu_covers_it() -> None:
    value = Data.structure(Data.of("unsigned", 1), Data.array([Data.of("enum", 2)]))
    apdu = bytes.fromhex("C401C100") + value.octets
    pieces = outline(apdu)
    assert [piece.end for piece in pieces][:-1] == [piece.start for piece in pieces][1:]
    assert (pieces[0].start, pieces[-1].end) == (0, len(apdu))
    assert pieces[-1].path == "get-response.get-response-normal.result.data[1][0]"


@given(st.binary(max_size=60))
def test_any_octets_can_be_given(octets: bytes) -> None:
    found = Translator(KEYS).translate(octets)
    assert (found.body is None) == (found.broken is not None)
