"""Passes 3 and 4 of the HLS mechanisms: vectors, both sides against each other, and peers that cheat."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from cas.dlms.errors import AuthenticationFailed, KeyUnusable
from cas.dlms.security.authentication import Credentials, Handshake, Mechanism
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.keys import Secret
from cas.dlms.security.suites import SUITES

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[3] / "vectors" / "security.json").read_text())
EK, AK = (bytes.fromhex(VECTORS["keys"][name]) for name in ("encryption", "authentication"))
CLIENT, SERVER = b"CLI00001", b"SRV00001"
CTOS, STOC = b"c" * 32, b"s" * 32
HIGH = [mechanism for mechanism in Mechanism if mechanism.is_high]

KEYS = {
    curve.name: (ec.derive_private_key(11, curve), ec.derive_private_key(13, curve))
    for curve in (ec.SECP256R1(), ec.SECP384R1())
}


def credentials(curve: str = "secp256r1", *, client: bool = True) -> Credentials:
    own, peer = KEYS[curve] if client else reversed(KEYS[curve])
    return Credentials(Secret(b"0123456789abcdef"), Ciphering(SUITES[0], EK, AK), own, peer.public_key())


def sides(
    mechanism: Mechanism, ctos: bytes = CTOS, stoc: bytes = STOC, curve: str = "secp256r1"
) -> tuple[Handshake, Handshake]:
    return (
        Handshake(mechanism, credentials(curve), CLIENT, SERVER, ctos, stoc),
        Handshake(mechanism, credentials(curve, client=False), SERVER, CLIENT, stoc, ctos),
    )


@pytest.mark.clause("Green Book 8.3, 9.2.7.4")
@pytest.mark.parametrize("vector", VECTORS["gmac"], ids=lambda vector: vector["name"])
def test_gmac_vectors(vector: dict[str, Any]) -> None:
    sender, receiver, challenge, other, reply = (
        bytes.fromhex(vector[name]) for name in ("sender", "receiver", "challenge", "other_challenge", "reply")
    )
    known = Credentials(ciphering=Ciphering(SUITES[0], EK, AK))
    assert Handshake(Mechanism.HIGH_GMAC, known, sender, receiver, other, challenge).reply(vector["counter"]) == reply
    verifier = Handshake(Mechanism.HIGH_GMAC, known, receiver, sender, challenge, other)
    assert verifier.verify(reply) == vector["counter"]


@pytest.mark.clause("Green Book 8.3, 9.2.7.4")
def test_digests_are_those_of_the_definition() -> None:
    secret = b"0123456789abcdef"
    expected = {
        Mechanism.HIGH_MD5: hashlib.md5(STOC + secret).digest(),  # noqa: S324 - the mechanism is defined so
        Mechanism.HIGH_SHA1: hashlib.sha1(STOC + secret).digest(),  # noqa: S324 - the mechanism is defined so
        Mechanism.HIGH_SHA256: hashlib.sha256(secret + CLIENT + SERVER + STOC + CTOS).digest(),
    }
    for mechanism, digest in expected.items():
        assert sides(mechanism)[0].reply() == digest


@pytest.mark.parametrize("mechanism", HIGH)
@given(ctos=st.binary(min_size=32, max_size=64), stoc=st.binary(min_size=32, max_size=64))
def test_both_sides_agree(mechanism: Mechanism, ctos: bytes, stoc: bytes) -> None:
    if ctos == stoc:
        return
    client, server = sides(mechanism, ctos, stoc)
    gmac = mechanism is Mechanism.HIGH_GMAC
    assert server.verify(client.reply(5)) == (5 if gmac else None)
    assert client.verify(server.reply(9)) == (9 if gmac else None)


@pytest.mark.parametrize("curve", KEYS)
def test_ecdsa_on_both_curves(curve: str) -> None:
    client, server = sides(Mechanism.HIGH_ECDSA, curve=curve)
    reply = client.reply()
    assert len(reply) == {"secp256r1": 64, "secp384r1": 96}[curve]
    assert server.verify(reply) is None


@pytest.mark.parametrize("mechanism", HIGH)
def test_every_altered_bit_of_the_proof_is_refused(mechanism: Mechanism) -> None:
    client, server = sides(mechanism)
    good = server.reply(9)
    for bit in range(len(good) * 8):
        altered = bytearray(good)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(AuthenticationFailed):
            client.verify(bytes(altered))
    for cut in (b"", good[:-1], good + b"\0"):
        with pytest.raises(AuthenticationFailed):
            client.verify(cut)


@pytest.mark.parametrize("mechanism", HIGH)
def test_reflected_challenge_is_refused(mechanism: Mechanism) -> None:
    with pytest.raises(AuthenticationFailed, match="our own challenge"):
        sides(mechanism, CTOS, CTOS)


@pytest.mark.parametrize("mechanism", HIGH)
def test_our_own_reply_proves_nothing(mechanism: Mechanism) -> None:
    client, _ = sides(mechanism)
    with pytest.raises(AuthenticationFailed):
        client.verify(client.reply(5))


@pytest.mark.parametrize(
    ("mechanism", "length"), [(Mechanism.HIGH_GMAC, 7), (Mechanism.HIGH_ECDSA, 31), (Mechanism.HIGH_MD5, 65)]
)
def test_length_of_the_peers_challenge(mechanism: Mechanism, length: int) -> None:
    with pytest.raises(AuthenticationFailed, match=f"{length} octets"):
        sides(mechanism, CTOS, bytes(length))


@pytest.mark.parametrize("mechanism", HIGH)
def test_missing_credentials_are_named(mechanism: Mechanism) -> None:
    handshake = Handshake(mechanism, Credentials(), CLIENT, SERVER, CTOS, STOC)
    with pytest.raises(KeyUnusable, match="needs"):
        handshake.reply(1)
    with pytest.raises(KeyUnusable, match="needs"):
        handshake.verify(bytes(17))
    with pytest.raises(KeyUnusable):
        Handshake(Mechanism.LOW, Credentials(), CLIENT, SERVER, CTOS, STOC)


def test_credentials_are_not_shown() -> None:
    text = repr(sides(Mechanism.HIGH_ECDSA)[0])
    assert "0123456789abcdef" not in text
    assert "PrivateKey" not in text
