"""Seals what one side sends and opens what it receives, for the life of an association (Green Book 8.3, 9.2.7).

Role-neutral: the client's outgoing APDUs are requests, the server's are responses. What must be protected is our own
decision, made when the association was configured; the peer can do more, never less.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from cas.dlms.errors import DecipheringError, KeyUnusable, PolicyViolation, WrongSystemTitle
from cas.dlms.security.ciphering import Ciphering, check_counter
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.policy import Protection
from cas.dlms.security.wrapping import (
    Scope,
    has_service_specific,
    is_ciphered,
    require_plain_tag,
    unwrap,
    wrap,
    wrap_general,
)

_EXCEPTION_RESPONSE, _CONFIRMED_SERVICE_ERROR = 216, 14
OVERHEAD = 1 + 3 + 9 + 17
"""Octets that sealing adds at the most: tag, length, system title of the general form, SC, counter and tag."""


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
    last_counter: dict[Scope, int] = field(default_factory=dict)

    def seal(self, plain: bytes, *, scope: Scope | None = None) -> bytes:
        """Protect an outgoing APDU, with the dedicated key if there is one. Raises KeyUnusable, CounterExhausted."""
        if self.control is None:
            return plain
        if scope is None:
            scope = Scope.DEDICATED if self.dedicated else Scope.GLOBAL
        ciphering = self._key(scope)
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

    def open(self, octets: bytes) -> bytes:
        """Unprotect an incoming APDU, and refuse what is forged, replayed or protected less than required.

        An exception-response or confirmedServiceError may come in the clear: a peer that cannot decipher cannot
        cipher its complaint either. It ends or changes nothing that an attacker on the wire could not.
        Raises SecurityError, DecodeError, KeyUnusable.
        """
        if not octets or not is_ciphered(octets[0]):
            if not octets or octets[0] not in (_EXCEPTION_RESPONSE, _CONFIRMED_SERVICE_ERROR):
                self.required.require(None)
            return octets
        ciphered = unwrap(octets)
        if ciphered.title and self.peer_title and ciphered.title != self.peer_title:
            raise WrongSystemTitle(ciphered.title, self.peer_title)
        ciphering = self._key(ciphered.scope)
        if ciphering is None:
            word = "global" if ciphered.scope is Scope.GLOBAL else "dedicated"
            raise DecipheringError(f"an APDU came ciphered with the {word} key, and this association has none")
        title = self.peer_title or ciphered.title
        if not title:
            raise KeyUnusable("the system title of the device is unknown: register the device with its system title")
        plain, counter, control = ciphering.unprotect(ciphered.content, title)
        if control.broadcast:
            raise PolicyViolation("an APDU under the broadcast key has no place in an association")
        self.required.require(control)
        self.last_counter[ciphered.scope] = check_counter(counter, self.last_counter.get(ciphered.scope))
        return require_plain_tag(ciphered, plain)

    def _key(self, scope: Scope) -> Ciphering | None:
        return self.ciphering if scope is Scope.GLOBAL else self.dedicated
