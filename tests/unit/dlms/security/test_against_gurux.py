"""What gurux-dlms computed in its own process, from random keys, is what we compute."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cas.dlms.errors import SignatureInvalid
from cas.dlms.security.authentication import Credentials, Handshake, Mechanism
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.keys import Secret
from cas.dlms.security.signature import verify
from cas.dlms.security.suites import SUITES
from cas.dlms.security.wrapping import unwrap, wrap

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[3] / "vectors" / "gurux_security.json").read_text()
)


def octets(vector: dict[str, Any], *names: str) -> list[bytes]:
    return [bytes.fromhex(vector[name]) for name in names]


@pytest.mark.parametrize("vector", VECTORS["apdus"])
def test_ciphered_apdus_of_all_suites(vector: dict[str, Any]) -> None:
    plain, wrapped, title = octets(vector, "plain", "wrapped", "title")
    suite = SUITES[vector["suite"]]
    keys = Ciphering(suite, *octets(vector, "encryption_key", "authentication_key"))
    control = SecurityControl(suite.number, vector["authentication"], vector["encryption"])
    assert wrap(plain[0], keys.protect(plain, title, vector["counter"], control)) == wrapped
    assert keys.unprotect(unwrap(wrapped).content, title) == (plain, vector["counter"], control)


@pytest.mark.parametrize("vector", VECTORS["authentication"])
def test_authentication(vector: dict[str, Any]) -> None:
    secret, ek, ak, sender, receiver, own, challenge, reply = octets(
        vector,
        "secret",
        "encryption_key",
        "authentication_key",
        "sender",
        "receiver",
        "own_challenge",
        "challenge",
        "reply",
    )
    known = Credentials(Secret(secret), Ciphering(SUITES[0], ek, ak))
    mechanism = Mechanism(vector["mechanism"])
    assert Handshake(mechanism, known, sender, receiver, own, challenge).reply(vector.get("counter")) == reply
    assert Handshake(mechanism, known, receiver, sender, challenge, own).verify(reply) == vector.get("counter")


@pytest.mark.parametrize("vector", VECTORS["ecdsa"])
def test_signatures(vector: dict[str, Any]) -> None:
    public_key, content, signature = octets(vector, "public_key", "content", "signature")
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    verify(key, content, signature)
    with pytest.raises(SignatureInvalid):
        verify(key, content + b"\0", signature)
    with pytest.raises(SignatureInvalid):
        verify(key, content, signature[:-1])
