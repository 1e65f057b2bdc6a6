"""Who asks: from the credentials of a request to a client: Basic (RFC 7617), Bearer (RFC 6750) or certificate."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import os
from dataclasses import dataclass
from enum import StrEnum

from cas.security.errors import TokenRefused, TooManyRequests, Unauthenticated
from cas.security.model import Client, Directory
from cas.security.passwords import NOBODY, verify_password
from cas.security.rates import Rate, Take
from cas.security.tls import names_of
from cas.security.tokens import Issuer, verify_token

# Hashing takes memory as well as time: so many at once.
_AT_ONCE = 2
GUESSES = Rate(0.1, 10)
"""Passwords that one address may try: ten at once, then one in ten seconds."""


class Method(StrEnum):
    """How clients prove who they are."""

    CERTIFICATE = "certificate"
    BASIC = "basic"
    BEARER = "bearer"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What a request shows of who sent it. Its repr hides the secrets."""

    peer: str
    """Address that the request came from."""
    authorization: tuple[str, ...] = ()
    """Values of the header field Authorization."""
    certificate: bytes | None = None
    """The client's certificate (DER), which TLS has verified."""

    @property
    def empty(self) -> bool:
        """Whether nothing is shown."""
        return not self.authorization and self.certificate is None

    def __repr__(self) -> str:
        return f"Credentials({self.peer})"


class NotKnown(Unauthenticated):
    """As Unauthenticated; `why` is for the log."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


class Passwords:
    """Checks passwords. One that was right is remembered as a keyed digest, so that it costs its hashing only once.

    What is not remembered may be a guess: an address has `GUESSES` of them, which it takes by `take`.
    """

    def __init__(self, take: Take) -> None:
        self._take = take
        self._key = os.urandom(32)
        self._right: dict[str, tuple[str, bytes]] = {}
        self._permits = asyncio.Semaphore(_AT_ONCE)

    async def check(self, client: Client | None, password: str, peer: str) -> bool:
        """Whether it is the client's password; for no client it takes as long. Raises TooManyRequests, StoreError."""
        stored = client.password if client is not None else None
        digest = hmac.digest(self._key, password.encode("utf-8", "surrogateescape"), hashlib.sha256)
        if client is not None and stored is not None:
            known = self._right.get(client.name)
            if known is not None and known[0] == stored and hmac.compare_digest(known[1], digest):
                return True
        if wait := await self._take(f"guesses of {_network(peer)}", GUESSES):
            raise TooManyRequests(wait)
        async with self._permits:
            is_right = await asyncio.to_thread(verify_password, password, stored or NOBODY)
        if client is None or stored is None or not is_right:
            return False
        self._right[client.name] = (stored, digest)
        return True


def _network(peer: str) -> str:
    """What counts as one address: of IPv6 the network of 64 bits, which one host may have to itself."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


async def authenticate(
    credentials: Credentials,
    methods: frozenset[Method],
    directory: Directory,
    passwords: Passwords,
    issuer: Issuer | None,
    now: float,
) -> tuple[Client, Method]:
    """The client that shows these credentials, and how. `now`: seconds of Unix.

    Raises NotKnown, TooManyRequests, StoreError.
    """
    if len(credentials.authorization) > 1:
        raise NotKnown("several Authorization")
    if credentials.authorization:
        scheme, _, value = credentials.authorization[0].partition(" ")
        if scheme.lower() == "basic" and Method.BASIC in methods:
            found, method = await _basic(value.strip(), credentials.peer, directory, passwords), Method.BASIC
        elif scheme.lower() == "bearer" and Method.BEARER in methods and issuer is not None:
            found, method = _bearer(value.strip(), directory, issuer, now), Method.BEARER
        else:
            raise NotKnown("a scheme that is not accepted")
    elif credentials.certificate is not None and Method.CERTIFICATE in methods:
        found, method = _certificate(credentials.certificate, directory), Method.CERTIFICATE
    else:
        raise NotKnown("nothing shown")
    if not found.enabled:
        raise NotKnown(f"client {found.name} is disabled")
    return found, method


async def _basic(value: str, peer: str, directory: Directory, passwords: Passwords) -> Client:
    try:
        name, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise NotKnown("Basic is not base64 of UTF-8") from None
    if not colon:
        raise NotKnown("Basic without a colon")
    client = directory.clients.get(name)
    if not await passwords.check(client, password, peer) or client is None:
        # The name may be a password that was put in the wrong field.
        raise NotKnown(f"wrong password of client {client.name}" if client else "unknown name")
    return client


def _bearer(token: str, directory: Directory, issuer: Issuer, now: float) -> Client:
    try:
        claims = verify_token(token, issuer, now)
    except TokenRefused as problem:
        raise NotKnown(f"token: {problem}") from None
    client = directory.by_subject.get(claims.subject)
    if client is None:
        raise NotKnown(f"no client has the subject {claims.subject!r}")
    return client


def _certificate(certificate: bytes, directory: Directory) -> Client:
    try:
        names = names_of(certificate)
    except ValueError:
        raise NotKnown("a certificate that cannot be read") from None
    found = {client.name: client for name in names if (client := directory.by_certificate.get(name)) is not None}
    if len(found) != 1:
        raise NotKnown(f"the certificate of {', '.join(names)} is that of {len(found)} clients")
    return next(iter(found.values()))
