"""Key agreement as the Green Book's worked examples have it: secrets, signatures, derived keys, a ciphered ACCESS."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cas.bindings.cosempdu import GeneralCiphering
from cas.dlms.apdu import decode_apdu
from cas.dlms.errors import DecodeError, SecurityError, SignatureInvalid
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.general import Header, agreed_one_pass, header_of
from cas.dlms.security.key_forms import private_key
from cas.dlms.security.key_transport import KeyUse, agree, public_key_from, public_key_octets
from cas.dlms.security.rekeying import agreed_key, ephemeral_in, key_data
from cas.dlms.security.signature import sign, verify
from cas.dlms.security.suites import SUITES

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[3] / "vectors" / "security.json").read_text())
AGREEMENT: dict[str, Any] = VECTORS["key_agreement"]
SUITE = SUITES[1]
pytestmark = pytest.mark.clause("Green Book 8.3, 9.2.3.4.6")


def octets(vector: dict[str, str], name: str) -> bytes:
    return bytes.fromhex(vector[name])


def private(vector: dict[str, str], name: str) -> ec.EllipticCurvePrivateKey:
    return private_key(octets(vector, name), SUITE, name)


def public(vector: dict[str, str], name: str) -> ec.EllipticCurvePublicKey:
    return public_key_from(octets(vector, name), SUITE)


@pytest.mark.parametrize("side", ["client", "server"])
def test_signing_keys(side: str) -> None:
    keys = AGREEMENT["signing"]
    assert public_key_octets(private(keys, f"{side}_private").public_key()) == octets(keys, f"{side}_public")


@pytest.mark.parametrize(("side", "signer"), [("request", "client"), ("response", "server")])
def test_one_pass(side: str, signer: str) -> None:
    vector = AGREEMENT["one_pass"][side]
    recipient, ephemeral = private(vector, "recipient_private"), public(vector, "ephemeral_public")
    assert public_key_octets(recipient.public_key()) == octets(vector, "recipient_public")
    assert recipient.exchange(ec.ECDH(), ephemeral) == octets(vector, "z")
    verify(
        public(AGREEMENT["signing"], f"{signer}_public"),
        octets(vector, "ephemeral_public"),
        octets(vector, "signature"),
    )
    parties = octets(vector, "originator"), octets(vector, "recipient")
    assert agree(recipient, ephemeral, *parties) == octets(vector, "key")


def test_one_pass_of_the_originator() -> None:
    vector = AGREEMENT["one_pass"]["request"]
    header = Header(bytes(range(1, 9)), octets(vector, "originator"), octets(vector, "recipient"))
    info, key = agreed_one_pass(
        header,
        private(vector, "ephemeral_private"),
        private(AGREEMENT["signing"], "client_private"),
        public(vector, "recipient_public"),
    )
    assert key == octets(vector, "key")
    assert info.agreed_key is not None
    assert info.agreed_key.key_parameters == b"\x01"
    assert info.agreed_key.key_ciphered_data[:64] == octets(vector, "ephemeral_public")


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
def test_access_under_general_ciphering() -> None:
    vector = AGREEMENT["one_pass"]["request"]
    apdu = decode_apdu(octets(vector, "apdu"))
    assert isinstance(apdu, GeneralCiphering)
    assert header_of(apdu) == Header(bytes(range(1, 9)), octets(vector, "originator"), octets(vector, "recipient"))
    assert apdu.key_info is not None
    assert apdu.key_info.agreed_key is not None
    data = apdu.key_info.agreed_key.key_ciphered_data
    assert data == octets(vector, "ephemeral_public") + octets(vector, "signature")
    assert SecurityControl.parse(apdu.ciphered_content[0]) == SecurityControl(1)
    # the example's tag is left out: no reading of the additional data gives it
    encrypted = bytes((0x21,)) + apdu.ciphered_content[1:-12]
    keys = Ciphering(SUITE, octets(vector, "key"), bytes.fromhex(VECTORS["keys"]["authentication"]))
    assert keys.unprotect(encrypted, octets(vector, "originator")).plain == octets(vector, "plain")


def test_ephemeral_unified_model() -> None:
    vector, titles = AGREEMENT["ephemeral_unified"], AGREEMENT["titles"]
    server, client = private(vector, "server_private"), public(vector, "client_public")
    assert public_key_octets(server.public_key()) == octets(vector, "server_public")
    assert server.exchange(ec.ECDH(), client) == octets(vector, "z")
    parties = octets(titles, "client"), octets(titles, "server")
    derived = [
        hashlib.sha256(bytes((0, 0, 0, 1)) + octets(vector, "z") + bytes.fromhex(name) + b"".join(parties)).digest()[
            :16
        ]
        for name in ("60857405080300", "60857406080300")
    ]
    assert derived[1] == octets(vector, "first_edition")  # its AlgorithmID was misprinted
    signed = octets(vector, "client_public") + octets(vector, "client_signature")
    assert ephemeral_in(signed, 0, SUITE, public(AGREEMENT["signing"], "client_public")) == client
    assert agreed_key(0, server, client, *parties) == derived[0]
    with pytest.raises(SignatureInvalid):  # the key_id is signed as well
        ephemeral_in(signed, 1, SUITE, public(AGREEMENT["signing"], "client_public"))


@pytest.mark.parametrize("octets_of_it", [0, 64, 127, 129])
def test_key_data_of_another_length(octets_of_it: int) -> None:
    with pytest.raises(DecodeError, match="128"):
        ephemeral_in(bytes(octets_of_it), 0, SUITE, public(AGREEMENT["signing"], "client_public"))


def test_a_signed_point_off_the_curve() -> None:
    signing = private(AGREEMENT["signing"], "client_private")
    point = bytes(63) + b"\x01"
    with pytest.raises(SecurityError, match="no point"):
        ephemeral_in(point + sign(signing, b"\0" + point), 0, SUITE, signing.public_key())


def test_the_master_key_is_agreed_for_wrapping() -> None:
    ours, theirs = (private(AGREEMENT["signing"], f"{side}_private") for side in ("client", "server"))
    keys = {agreed_key(key_id, ours, theirs.public_key(), b"C" * 8, b"S" * 8) for key_id in range(4)}
    assert keys == {
        agree(theirs, ours.public_key(), b"C" * 8, b"S" * 8, use) for use in (KeyUse.CIPHERING, KeyUse.WRAPPING)
    }
    data = key_data(3, ours, theirs)
    assert ephemeral_in(data, 3, SUITE, theirs.public_key()) == ours.public_key()
