"""Seals what one side sends and opens what it receives, for the life of an association (Green Book 8.3, 9.2.7).

Role-neutral: the client's outgoing APDUs are requests, the server's are responses. What must be protected is our own
decision, made when the association was configured; the peer can do more, never less. What is signed and ciphered is
signed first; either order is understood.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from cas.bindings.cosempdu import GeneralCiphering, GeneralSigning, KeyId
from cas.dlms.apdu import decode_apdu
from cas.dlms.errors import DecipheringError, KeyUnusable, PolicyViolation, WrongSystemTitle
from cas.dlms.security.ciphering import Ciphering, Unprotected, check_counter
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.general import Header, header_of
from cas.dlms.security.parties import KeyChoice, Parties, choice_of
from cas.dlms.security.policy import Protection
from cas.dlms.security.wrapping import (
    CIPHERED,
    NOTIFICATIONS,
    Scope,
    has_service_specific,
    is_ciphered,
    parts,
    require_plain_tag,
    wrap,
    wrap_general,
)

GENERAL_CIPHERING, GENERAL_SIGNING = 221, 223
_MAY_BE_PLAIN = frozenset((216, 14))
"""exception-response and confirmedServiceError."""
_PROTECTED = CIPHERED | {GENERAL_CIPHERING, GENERAL_SIGNING}
_BROADCAST = "an APDU under the broadcast key has no place in an association"
_TRANSACTION = 8
"""Octets of our transaction-ids."""
_OVERHEAD = 1 + 3 + 9 + 17
"""Tag, length, system title of the general form, SC, counter and tag."""


class Received(NamedTuple):
    """How an APDU came: its security control, None for in the clear, and what was around it."""

    control: SecurityControl | None = None
    scope: Scope | None = None
    general: bool = False
    key: KeyChoice | None = None
    """How its key was named, under general-ciphering."""
    signed: bool = False


_Came: TypeAlias = tuple[SecurityControl | None, Scope | None, bool, KeyChoice | None, bool]
"""A `Received` that is not made yet: the client never asks."""
_IN_THE_CLEAR: _Came = Received()
# a member is looked up by a call, in Python, each time
_GLOBAL, _DEDICATED = Scope


@dataclass(slots=True)
class Channel:
    """The protection of one association. `take_counter` hands out our next invocation counter, never one twice."""

    own_title: bytes
    ciphering: Ciphering | None = None
    dedicated: Ciphering | None = None
    control: SecurityControl | None = None
    """How outgoing APDUs are protected; None for not at all."""
    required: Protection = field(default_factory=Protection)
    """The least protection of incoming APDUs."""
    take_counter: Callable[[], int] | None = None
    peer_title: bytes | None = None
    general: bool = False
    """Use general-glo-ciphering also for services that have a glo- form."""
    parties: Parties | None = None
    """Keys of both sides for general-ciphering and general-signing, and which of the two are used."""
    random: Callable[[int], bytes] | None = None
    """Fresh entropy, for keys and transaction-ids of general-ciphering and general-signing."""
    answers: bool = False
    """Whether this side answers: under the transaction-id of the request, where it has one."""
    last_counter: dict[Scope, int] = field(default_factory=dict)
    transaction: bytes = b""
    """The transaction-id of the exchange under way."""
    _came: _Came = _IN_THE_CLEAR

    @property
    def received(self) -> Received:
        """How the last APDU came."""
        return Received(*self._came)

    @property
    def overhead(self) -> int:
        """Octets that sealing adds at the most."""
        return (_OVERHEAD if self.control else 0) + (self.parties.overhead if self.parties else 0)

    # no parameter of the next two, and of `require`, is for keywords alone: such calls Python never makes fast
    def seal(self, plain: bytes, scope: Scope | None = None) -> bytes:
        """Protect an outgoing APDU, with the dedicated key if there is one. Raises KeyUnusable, CounterExhausted.

        With a `scope` it is the initiateRequest or -Response of ACSE, which is ciphered in its own form, not signed.
        """
        parties = self.parties if scope is None or self.ciphering is None else None
        if parties is not None and (parties.sign or parties.key):
            header = self._header()
            if parties.sign:
                plain = parties.signed(plain, header)
            if parties.key and self.control is not None:
                return parties.ciphered(plain, header, self._entropy, self.next_counter(), self.control)
        if self.control is None:
            return plain
        if scope is None:
            scope = _DEDICATED if self.dedicated else _GLOBAL
        ciphering = self.ciphering if scope is _GLOBAL else self.dedicated
        if ciphering is None:
            raise KeyUnusable("APDUs are to be ciphered, and there is no encryption and authentication key")
        protected = ciphering.protect(plain, self.own_title, self.next_counter(), self.control)
        if has_service_specific(plain[0]) and not self.general:
            return wrap(plain[0], protected, scope)
        return wrap_general(self.own_title, protected, scope)

    def next_counter(self) -> int:
        """Our next invocation counter."""
        if self.take_counter is None:
            raise KeyUnusable("no invocation counter is configured for this association")
        return self.take_counter()

    def open(self, octets: bytes, initiate: bool = False) -> bytes:
        """Unprotect an incoming APDU, and refuse what is forged, replayed or protected less than required.

        An exception-response or confirmedServiceError may come in the clear: a peer that cannot decipher cannot
        cipher its complaint either. It ends or changes nothing that an attacker on the wire could not. `initiate`: it
        stands in an APDU of ACSE, and is not signed. Raises SecurityError, DecodeError, KeyUnusable.
        """
        self._came = _IN_THE_CLEAR
        tag = octets[0] if octets else None
        if tag not in _PROTECTED:
            if tag not in _MAY_BE_PLAIN:
                self.required.require(None, initiate)
            return octets
        if tag in CIPHERED:
            plain, counter, control, scope, general = self._unwrap(octets)
            if plain[0] != GENERAL_SIGNING:  # the usual: ciphered, and that is all
                self.required.require(control, initiate)
                self.last_counter[scope] = check_counter(counter, self.last_counter.get(scope))
                self._came = control, scope, general, None, False
                return plain
        return self._open_layers(octets, initiate=initiate)

    def _open_layers(self, octets: bytes, *, initiate: bool) -> bytes:
        """Open what is signed or under general-ciphering, in either order."""
        plain, signed, control, counter, key, scope, general = octets, False, None, 0, None, None, False
        headers: list[Header] = []
        if plain[0] == GENERAL_SIGNING:
            plain, signed = self._verify(plain, headers), True
        if plain and plain[0] == GENERAL_CIPHERING:
            (plain, counter, control), key = self._decipher(plain, headers)
        elif plain and is_ciphered(plain[0]):
            plain, counter, control, scope, general = self._unwrap(plain)
        if plain and plain[0] == GENERAL_SIGNING and not signed:
            plain, signed = self._verify(plain, headers), True
        self.required.require(control, signed or initiate)
        if scope or key is KeyChoice.IDENTIFIED:
            counted = scope or _GLOBAL
            self.last_counter[counted] = check_counter(counter, self.last_counter.get(counted))
        elif headers:
            self._check_fresh(headers, plain)
        if headers and self.answers:
            self.transaction = headers[0].transaction_id
        self._came = control, scope, general, key, signed
        return plain

    def _unwrap(self, octets: bytes) -> tuple[bytes, int, SecurityControl, Scope, bool]:
        """What a glo-, ded- or general form holds, its counter and SC, which key it is under, and if it is general."""
        scope, plain_tag, named, content = parts(octets)
        if named and self.peer_title and named != self.peer_title:
            raise WrongSystemTitle(named, self.peer_title)
        ciphering = self.ciphering if scope is _GLOBAL else self.dedicated
        if ciphering is None:
            word = "global" if scope is _GLOBAL else "dedicated"
            raise DecipheringError(f"an APDU came ciphered with the {word} key, and this association has none")
        title = self.peer_title or named
        if not title:
            raise KeyUnusable("the system title of the device is unknown: register the device with its system title")
        plain, counter, control = ciphering.opened(content, title)
        if control.broadcast:
            raise PolicyViolation(_BROADCAST)
        require_plain_tag(plain_tag, plain)
        return plain, counter, control, scope, plain_tag is None

    def _decipher(self, octets: bytes, headers: list[Header]) -> tuple[Unprotected, KeyChoice]:
        apdu = decode_apdu(octets)
        assert isinstance(apdu, GeneralCiphering)  # noqa: S101 - by its tag
        headers.append(self._addressed(header_of(apdu)))
        if self.parties is None:
            raise DecipheringError("an APDU came under general-ciphering, and this association has no keys for it")
        key = choice_of(apdu.key_info)
        named = apdu.key_info.identified_key if apdu.key_info else None
        if named and named.key_id is KeyId.GLOBAL_BROADCAST_ENCRYPTION_KEY:
            raise PolicyViolation(_BROADCAST)
        opened = self.parties.deciphered(apdu)
        if opened.control.broadcast:
            raise PolicyViolation(_BROADCAST)
        return opened, key

    def _verify(self, octets: bytes, headers: list[Header]) -> bytes:
        apdu = decode_apdu(octets)
        assert isinstance(apdu, GeneralSigning)  # noqa: S101 - by its tag
        headers.append(self._addressed(header_of(apdu)))
        if self.parties is None:
            raise KeyUnusable("a signed APDU came, and no public key of the peer is configured")
        return self.parties.verified(apdu)

    def _addressed(self, header: Header) -> Header:
        """The header, if it is of the peer, and for us. Raises WrongSystemTitle."""
        if self.peer_title and header.originator != self.peer_title:
            raise WrongSystemTitle(header.originator, self.peer_title)
        if header.recipient != self.own_title:
            raise WrongSystemTitle(header.recipient, self.own_title)
        return header

    def _check_fresh(self, headers: list[Header], plain: bytes) -> None:
        """Where no counter tells a replay, the transaction-id must: an answer has that of its request."""
        if self.answers:
            return
        is_notification = bool(plain) and plain[0] in NOTIFICATIONS
        if is_notification or any(header.transaction_id != self.transaction for header in headers):
            raise PolicyViolation("an APDU came under another transaction-id than that of the request: a replay?")

    def _header(self) -> Header:
        if not self.answers or not self.transaction:
            self.transaction = self._entropy(_TRANSACTION)
        if not self.peer_title:
            raise KeyUnusable("the system title of the device is unknown: register the device with its system title")
        return Header(self.transaction, self.own_title, self.peer_title)

    def _entropy(self, size: int) -> bytes:
        if self.random is None:
            raise KeyUnusable("no source of entropy is configured for this association")
        return self.random(size)
