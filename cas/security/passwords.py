"""Passwords of clients: kept as scrypt hashes, compared in constant time.

A hash reads `scrypt$n$r$p$salt$hash`, the last two in base64. RFC 7914; the cost is what OWASP asks for today.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from dataclasses import dataclass

_SALT_OCTETS = 16
_HASH_OCTETS = 32
_N, _R, _P = 2**15, 8, 3
# Bounds on what a stored hash may ask of this machine: 128 MiB.
_MOST_N, _MOST_R, _MOST_P = 2**17, 8, 8
_FORM = re.compile(r"scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)")
MOST_OCTETS = 1024
"""Octets of a password; a longer one is wrong."""


@dataclass(frozen=True, slots=True)
class _Hash:
    n: int
    r: int
    p: int
    salt: bytes
    digest: bytes


def hash_password(password: str, *, n: int = _N) -> str:
    """The hash to keep of a password. Raises ValueError for one that is empty or too long."""
    octets = password.encode()
    if not 0 < len(octets) <= MOST_OCTETS or 0 in octets:
        raise ValueError(f"a password has 1 to {MOST_OCTETS} octets, and no NUL")
    salt = os.urandom(_SALT_OCTETS)
    digest = _scrypt(octets, _Hash(n, _R, _P, salt, bytes(_HASH_OCTETS)))
    return f"scrypt${n}${_R}${_P}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def is_hash(text: str) -> bool:
    """Whether a text is a hash that `verify_password` takes."""
    try:
        _parse(text)
    except ValueError:
        return False
    return True


def verify_password(password: str, stored: str) -> bool:
    """Whether a password has this hash. Slow on purpose: call it beside the event loop."""
    octets = password.encode("utf-8", "surrogateescape")
    # NUL: HMAC fills short keys up with it, so that a password and one with NULs behind it would be the same.
    if len(octets) > MOST_OCTETS or 0 in octets:
        return False
    wanted = _parse(stored)
    return hmac.compare_digest(_scrypt(octets, wanted), wanted.digest)


NOBODY = f"scrypt${_N}${_R}${_P}${base64.b64encode(bytes(16)).decode()}${base64.b64encode(bytes(32)).decode()}"
"""A hash that no known password has: an unknown name costs as much time as a known one."""


def _scrypt(octets: bytes, form: _Hash) -> bytes:
    most = 132 * form.n * form.r + 2**20
    return hashlib.scrypt(octets, salt=form.salt, n=form.n, r=form.r, p=form.p, dklen=len(form.digest), maxmem=most)


def _parse(stored: str) -> _Hash:
    match = _FORM.fullmatch(stored)
    if match is None:
        raise ValueError("not a scrypt hash")
    n, r, p = int(match[1]), int(match[2]), int(match[3])
    try:
        salt, digest = base64.b64decode(match[4], validate=True), base64.b64decode(match[5], validate=True)
    except binascii.Error:
        raise ValueError("not a scrypt hash") from None
    is_power = n >= 2 and n & (n - 1) == 0
    if not (is_power and n <= _MOST_N and 1 <= r <= _MOST_R and 1 <= p <= _MOST_P):
        raise ValueError("the cost of the scrypt hash is out of bounds")
    if not (8 <= len(salt) <= 64 and 16 <= len(digest) <= 64):
        raise ValueError("salt or digest of the scrypt hash is out of bounds")
    return _Hash(n, r, p, salt, digest)
