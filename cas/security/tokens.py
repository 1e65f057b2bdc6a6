"""Bearer tokens: JWT (RFC 7519) signed by RS256, ES256 or EdDSA, verified with keys of a local JWKS file (RFC 7517).

Nothing is fetched. The algorithm is that of the key, never what the token says; `none` and the symmetric ones are no
algorithms here (RFC 8725, 3.1).
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from cas.errors import ConfigurationError
from cas.security.errors import TokenRefused

MOST_OCTETS = 8192
"""Octets of a token."""
LEEWAY = 30.0
"""Seconds by which clocks may differ."""
_RSA_BITS = 2048

_PART = re.compile(rb"[A-Za-z0-9_-]*")
_ES256_OCTETS = 32

Key: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens are accepted: keys by key ID, and what `iss` and `aud` must say."""

    keys: Mapping[str, tuple[str, Key]]
    issuer: str
    audience: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says that is of use here."""

    subject: str
    token_id: str | None
    expires: float


def read_issuer(jwks: Path, issuer: str, audience: str) -> Issuer:
    """The issuer of a JWKS file. Raises ConfigurationError, which names the key at fault."""
    try:
        document = json.loads(jwks.read_bytes())
        entries = document["keys"]
        keys = dict(_read_key(entry, jwks) for entry in entries)
    except OSError as problem:
        raise ConfigurationError(f"{jwks}: {problem.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ConfigurationError(f"{jwks}: must be a JWKS, an object with a list `keys`") from None
    if not keys or len(keys) != len(entries):
        raise ConfigurationError(f"{jwks}: needs keys, each with a kid of its own")
    return Issuer(keys, issuer, audience)


def verify_token(token: str, issuer: Issuer, now: float) -> Claims:
    """The claims of a token that is signed, meant for us, and valid at `now` (seconds of Unix). Raises TokenRefused."""
    octets = token.encode("ascii", "replace")
    if len(octets) > MOST_OCTETS:
        raise TokenRefused(f"longer than {MOST_OCTETS} octets")
    parts = octets.split(b".")
    if len(parts) != 3:
        raise TokenRefused("not three parts")
    header = _object(parts[0], "header")
    # RFC 7515, 4.1.11: an extension that we do not know must be understood.
    if "crit" in header:
        raise TokenRefused("has critical extensions")
    kid = header.get("kid")
    if not isinstance(kid, str) or kid not in issuer.keys:
        raise TokenRefused("its kid is none of the JWKS")
    algorithm, key = issuer.keys[kid]
    if header.get("alg") != algorithm:
        raise TokenRefused(f"its alg is not {algorithm}, which the key is for")
    if not _VERIFY[algorithm](key, _decode(parts[2]), parts[0] + b"." + parts[1]):
        raise TokenRefused("its signature is wrong")
    return _check(_object(parts[1], "payload"), issuer, now)


def _check(claims: Mapping[str, object], issuer: Issuer, now: float) -> Claims:
    expires = _number(claims, "exp")
    if expires is None:
        raise TokenRefused("has no exp")
    if now >= expires + LEEWAY:
        raise TokenRefused("is expired")
    not_before = _number(claims, "nbf")
    if not_before is not None and now < not_before - LEEWAY:
        raise TokenRefused("is not valid yet")
    if claims.get("iss") != issuer.issuer:
        raise TokenRefused("is of another issuer")
    audience = claims.get("aud")
    if issuer.audience not in (audience if isinstance(audience, list) else [audience]):
        raise TokenRefused("is for another audience")
    subject, token_id = claims.get("sub"), claims.get("jti")
    if not isinstance(subject, str) or not subject:
        raise TokenRefused("has no sub")
    return Claims(subject, token_id if isinstance(token_id, str) else None, expires)


def _number(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise TokenRefused(f"{name} is no time")
    return float(value)


def _object(part: bytes, what: str) -> dict[str, object]:
    try:
        value = json.loads(_decode(part).decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise TokenRefused(f"its {what} is not JSON") from None
    if not isinstance(value, dict):
        raise TokenRefused(f"its {what} is no object")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # RFC 7515, 4: of two values under one name, two readers may take each another.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _no_constant(_: str) -> Never:
    raise ValueError("no number")


def _decode(part: bytes) -> bytes:
    if not _PART.fullmatch(part) or len(part) % 4 == 1:
        raise TokenRefused("a part is not base64url")
    octets = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(octets).rstrip(b"=") != part:
        raise TokenRefused("a part is not base64url")
    return octets


# ---------------------------------------------------------------- keys and signatures


def _read_key(entry: Any, where: Path) -> tuple[str, tuple[str, Key]]:
    kid = entry.get("kid") if isinstance(entry, dict) else None
    if not isinstance(kid, str) or not kid:
        raise ConfigurationError(f"{where}: a key has no kid")
    try:
        algorithm, key = _public_key(entry)
    except (ValueError, KeyError, TypeError, binascii.Error, TokenRefused) as problem:
        raise ConfigurationError(
            f"{where}: key {kid}: needs a public key for RS256 (RSA, {_RSA_BITS} bits or more), ES256 (P-256) or "
            f"EdDSA (Ed25519): {problem}"
        ) from None
    if "d" in entry or "k" in entry:
        raise ConfigurationError(f"{where}: key {kid} is a private key: keep only its public part here")
    if entry.get("use", "sig") != "sig" or entry.get("alg", algorithm) != algorithm:
        raise ConfigurationError(f"{where}: key {kid} is not meant for signatures by {algorithm}")
    return kid, (algorithm, key)


def _public_key(entry: Mapping[str, Any]) -> tuple[str, Key]:
    kind, curve = entry["kty"], entry.get("crv")
    if kind == "RSA":
        key = rsa.RSAPublicNumbers(_integer(entry["e"]), _integer(entry["n"])).public_key()
        if key.key_size < _RSA_BITS:
            raise ValueError(f"{key.key_size} bits are too few")
        return "RS256", key
    if (kind, curve) == ("EC", "P-256"):
        numbers = ec.EllipticCurvePublicNumbers(_integer(entry["x"]), _integer(entry["y"]), ec.SECP256R1())
        return "ES256", numbers.public_key()
    if (kind, curve) == ("OKP", "Ed25519"):
        return "EdDSA", Ed25519PublicKey.from_public_bytes(_decode(entry["x"].encode()))
    raise ValueError(f"kty {kind} crv {curve}")


def _integer(text: str) -> int:
    return int.from_bytes(_decode(text.encode()), "big")


def _rs256(key: Any, signature: bytes, signed: bytes) -> bool:
    return _accepts(lambda: key.verify(signature, signed, padding.PKCS1v15(), SHA256()))


def _es256(key: Any, signature: bytes, signed: bytes) -> bool:
    # RFC 7518, 3.4: r and s side by side, not DER.
    if len(signature) != 2 * _ES256_OCTETS:
        return False
    r, s = signature[:_ES256_OCTETS], signature[_ES256_OCTETS:]
    der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    return _accepts(lambda: key.verify(der, signed, ec.ECDSA(SHA256())))


def _eddsa(key: Any, signature: bytes, signed: bytes) -> bool:
    return _accepts(lambda: key.verify(signature, signed))


def _accepts(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except InvalidSignature:
        return False
    return True


_VERIFY: Mapping[str, Callable[[Any, bytes, bytes], bool]] = {"RS256": _rs256, "ES256": _es256, "EdDSA": _eddsa}
