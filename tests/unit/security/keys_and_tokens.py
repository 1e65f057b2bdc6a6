"""Signed tokens and their JWKS, made with `cryptography` alone."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

ISSUER = "https://issuer.example"
AUDIENCE = "cas"
NOW = 1_800_000_000.0

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def number(value: int, octets: int | None = None) -> str:
    return b64(value.to_bytes(octets or (value.bit_length() + 7) // 8, "big"))


def jwks() -> dict[str, Any]:
    rsa_numbers, ec_numbers = RSA.public_key().public_numbers(), EC.public_key().public_numbers()
    return {
        "keys": [
            {"kty": "RSA", "kid": "rsa", "n": number(rsa_numbers.n), "e": number(rsa_numbers.e)},
            {"kty": "EC", "crv": "P-256", "kid": "ec", "x": number(ec_numbers.x, 32), "y": number(ec_numbers.y, 32)},
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": b64(ED.public_key().public_bytes_raw())},
        ]
    }


ALGORITHM = {"rsa": "RS256", "ec": "ES256", "ed": "EdDSA"}


def sign(kid: str, signed: bytes) -> bytes:
    if kid == "rsa":
        return RSA.sign(signed, padding.PKCS1v15(), SHA256())
    if kid == "ec":
        r, s = decode_dss_signature(EC.sign(signed, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return ED.sign(signed)


def claims(**more: object) -> dict[str, object]:
    standard = {"iss": ISSUER, "aud": AUDIENCE, "sub": "mdm", "exp": NOW + 300}
    return {name: value for name, value in {**standard, **more}.items() if value is not None}


def token(kid: str = "ec", header: Mapping[str, object] | None = None, **more: object) -> str:
    head = {"alg": ALGORITHM.get(kid, "ES256"), "kid": kid, **(header or {})}
    signed = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims(**more)).encode())}"
    return f"{signed}.{b64(sign(kid, signed.encode()))}"
