"""Bearer tokens: what is accepted, and every known way to forge one."""

import hashlib
import hmac
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import ConfigurationError
from cas.security.errors import TokenRefused
from cas.security.tokens import Issuer, Key, _decode, _es256, read_issuer, verify_token
from tests.unit.security.keys_and_tokens import (
    AUDIENCE,
    EC,
    ISSUER,
    NOW,
    RSA,
    b64,
    claims,
    jwks,
    number,
    sign,
    token,
)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    file = tmp_path_factory.mktemp("jwks") / "jwks.json"
    file.write_text(json.dumps(jwks()))
    return read_issuer(file, ISSUER, AUDIENCE)


@pytest.mark.parametrize("kid", ["rsa", "ec", "ed"])
def test_a_signed_token_says_who_asks(issuer: Issuer, kid: str) -> None:
    found = verify_token(token(kid, jti="7"), issuer, NOW)
    assert (found.subject, found.token_id, found.expires) == ("mdm", "7", NOW + 300)


def test_one_audience_of_several_is_enough(issuer: Issuer) -> None:
    assert verify_token(token(aud=["other", AUDIENCE]), issuer, NOW).subject == "mdm"


# RFC 7515, appendix A.3: a token that somebody else made
RFC_ES256_TOKEN = (
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
    "fQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)
RFC_ES256_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "kid": "rfc",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}


def test_the_signature_of_the_rfc_verifies(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [RFC_ES256_KEY]}))
    issuer = read_issuer(file, "joe", AUDIENCE)
    signed, _, signature = RFC_ES256_TOKEN.rpartition(".")
    assert _es256(issuer.keys["rfc"][1], _decode(signature.encode()), signed.encode())
    assert not _es256(issuer.keys["rfc"][1], _decode(signature.encode()), signed.encode() + b"x")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"exp": NOW - 31}, "expired"),
        ({"exp": None}, "no exp"),
        ({"exp": "9999999999"}, "exp is no time"),
        ({"exp": True}, "exp is no time"),
        ({"exp": 10**30}, "exp is no time"),
        ({"nbf": NOW + 31}, "not valid yet"),
        ({"nbf": "soon"}, "nbf is no time"),
        ({"iss": "https://other.example"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "other"}, "another audience"),
        ({"aud": None}, "another audience"),
        ({"aud": {"cas": 1}}, "another audience"),
        ({"sub": None}, "no sub"),
        ({"sub": ["mdm"]}, "no sub"),
        ({"sub": ""}, "no sub"),
    ],
)
def test_claims_are_checked(issuer: Issuer, more: dict[str, Any], says: str) -> None:
    with pytest.raises(TokenRefused, match=says):
        verify_token(token(**more), issuer, NOW)


def _forged(header: dict[str, object], signature: bytes = b"") -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims()).encode())}.{b64(signature)}"


def _hs256_with_the_public_key() -> str:
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned = _forged({"alg": "HS256", "kid": "rsa"}).rpartition(".")[0]
    return f"{unsigned}.{b64(hmac.digest(pem, unsigned.encode(), hashlib.sha256))}"


def _der_signature() -> str:
    unsigned = token("ec").rpartition(".")[0]
    return f"{unsigned}.{b64(EC.sign(unsigned.encode(), ec.ECDSA(SHA256())))}"


def _twice() -> str:
    payload = json.dumps(claims())[:-1] + ', "sub": "admin"}'
    signed = f"{b64(json.dumps({'alg': 'ES256', 'kid': 'ec'}).encode())}.{b64(payload.encode())}"
    return f"{signed}.{b64(sign('ec', signed.encode()))}"


def _padded() -> str:
    head, payload, signature = token("ec").split(".")
    return f"{head}.{payload}.{signature}=="


FORGERIES = {
    "no algorithm": _forged({"alg": "none", "kid": "ec"}),
    "no algorithm, otherwise written": _forged({"alg": "NoNe", "kid": "ec"}),
    "the public key as a shared secret": _hs256_with_the_public_key(),
    "another algorithm than the key's": token("ec", {"alg": "EdDSA"}),
    "a key of its own": token("ec", {"kid": "mine", "jwk": jwks()["keys"][1]}),
    "a key from elsewhere": token("ec", {"kid": None, "jku": "https://evil.example/jwks.json"}),
    "a path for a key": token("ec", {"kid": "../../../../dev/null"}),
    "an extension that must be understood": token("ec", {"crit": ["b64"], "b64": False}),
    "an empty signature": token("ec").rpartition(".")[0] + ".",
    "a signature of zeros": token("ec").rpartition(".")[0] + "." + b64(bytes(64)),
    "a signature in DER": _der_signature(),
    "a name twice": _twice(),
    "padding": _padded(),
    "two parts": "e30.e30",
    "five parts": "e30.e30.e30.e30.e30",
    "nothing": "",
    "not ASCII": "é.é.é",
    "too long": token("ec", jti="x" * 9000),
    "deep": f"{b64(b'[' * 4000)}.e30.e30",
    "not a number": b64(b'{"alg": NaN}') + ".e30.e30",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_token_is_refused(issuer: Issuer, name: str) -> None:
    with pytest.raises(TokenRefused):
        verify_token(FORGERIES[name], issuer, NOW)


@given(st.data())
def test_a_token_with_one_character_changed_is_refused(data: st.DataObject) -> None:
    issuer = Issuer(_KEYS, ISSUER, AUDIENCE)
    good = token("ed")
    place = data.draw(st.integers(0, len(good) - 1))
    letter = data.draw(st.sampled_from("ABCabc019-_.=\x00é"))
    if good[place] == letter:
        return
    with pytest.raises(TokenRefused):
        verify_token(good[:place] + letter + good[place + 1 :], issuer, NOW)


def _keys() -> dict[str, tuple[str, Key]]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(jwks(), file)
        file.flush()
        return dict(read_issuer(Path(file.name), ISSUER, AUDIENCE).keys)


_KEYS = _keys()

WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
SMALL = WEAK.public_key().public_numbers()


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("no JSON", "must be a JWKS"),
        ({"keys": []}, "needs keys"),
        ([], "must be a JWKS"),
        ({"keys": [{"kty": "oct", "kid": "a", "k": "AAAA"}]}, "key a: needs a public key"),
        ({"keys": [{"kty": "RSA", "kid": "a", "n": number(SMALL.n), "e": "AQAB"}]}, "1024 bits are too few"),
        ({"keys": [{**RFC_ES256_KEY, "d": "AAAA"}]}, "private key"),
        ({"keys": [{**RFC_ES256_KEY, "use": "enc"}]}, "not meant for signatures"),
        ({"keys": [{**RFC_ES256_KEY, "alg": "ES512"}]}, "not meant for signatures"),
        ({"keys": [{**RFC_ES256_KEY, "kid": None}]}, "no kid"),
        ({"keys": [{**RFC_ES256_KEY, "x": "AAAA"}]}, "key rfc: needs a public key"),
        ({"keys": [RFC_ES256_KEY, RFC_ES256_KEY]}, "each with a kid of its own"),
        ({"keys": [{"kty": "EC", "crv": "P-521", "kid": "a", "x": "AA", "y": "AA"}]}, "P-521"),
    ],
)
def test_a_jwks_that_is_no_good_is_told(tmp_path: Path, keys: object, says: str) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(keys if isinstance(keys, str) else json.dumps(keys))
    with pytest.raises(ConfigurationError, match=says):
        read_issuer(file, ISSUER, AUDIENCE)


def test_a_missing_jwks_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_issuer(tmp_path / "none.json", ISSUER, AUDIENCE)
