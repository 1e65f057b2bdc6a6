"""An association as the server leads it: octets of a request in, octets of the answer out (Green Book 8.3, 9.4).

Joins the automaton to the codec, the protection and the services; what is behind them is an `Application`. Sans-IO:
challenges are an argument, invocation counters are kept by whoever keeps the device.
"""

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from cas.bindings import cosempdu as cos
from cas.dlms.acse import CONTEXT
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.conformance import Conformance
from cas.dlms.errors import (
    AssociationRefused,
    AuthenticationFailed,
    ConfirmedServiceError,
    DecodeError,
    DlmsError,
    KeyUnusable,
    NotAssociated,
    PolicyViolation,
    ReplayedCounter,
    RequestTooLong,
    SecurityError,
    UnexpectedApdu,
)
from cas.dlms.protection import Channel, Received
from cas.dlms.security.authentication import Handshake, Mechanism
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.parties import KeyChoice
from cas.dlms.security.policy import Protection
from cas.dlms.security.wrapping import Scope
from cas.dlms.server_acse import (
    MIN_PDU,
    Proposal,
    ServerSettings,
    aare_accepted,
    aare_refused,
    initiate_error,
    initiate_response,
    negotiate,
    proposal,
)
from cas.dlms.server_services import UNLIMITED, Application, Services
from cas.dlms.server_short_names import ShortServices
from cas.dlms.states import Event, State, follow
from cas.dlms.xdlms.hls import answered, proof_in

__all__ = ["Application", "ServerAssociation", "ServerSettings"]

_AARQ, _RLRQ = 0x60, 0x62
_RELEASED = encode_apdu(cos.RlreApdu(reason=cos.ReleaseResponseReason.NORMAL))
_SHORT = 256
"""Octets of the longest request that is remembered as decoded: what one client asks, it asks of many devices."""


class ServerAssociation:
    """One association that a logical device offers to one client.

    `challenge` gives fresh entropy for high level security, 8 to 64 octets (32 at least for ECDSA). `take_counter`
    gives the device's next invocation counter. `counters` holds the last invocation counters accepted, by client
    system title; it lives as long as the keys do.
    """

    def __init__(
        self,
        settings: ServerSettings,
        application: Application,
        *,
        challenge: Callable[[], bytes],
        take_counter: Callable[[], int],
        counters: MutableMapping[bytes, dict[Scope, int]],
    ) -> None:
        self.settings = settings
        self.state = State.IDLE
        self._application = application
        self._challenge = challenge
        self._take_counter = take_counter
        self._counters = counters
        self._channel = Channel(settings.own_title)
        self._handshake: Handshake | None = None
        self._services: Services | ShortServices | None = None
        self._initiate = b""
        self._unanswered = False
        self.limit = UNLIMITED
        """Octets of the longest APDU that the client receives."""

    @property
    def has_blocks(self) -> bool:
        """Whether general block transfer was agreed; the caller does it (`cas.dlms.server_blocks`)."""
        return self._services is not None and self._services.has_blocks

    def assume(self) -> None:
        """Open the association as it is pre-established. Raises AssociationRefused if the device has no room for it."""
        if not self._application.admit():
            raise AssociationRefused("rejected-transient", "no-reason-given")
        self.state = follow(self.state, Event.ASSUME)
        self._services = self._made(self.settings.conformance)

    def receive(self, apdu: bytes, *, in_blocks: bool = False) -> bytes | None:
        """Serve one APDU and return the answer, None where there is none. Never raises for what a client sends.

        `in_blocks`: it came in blocks of general block transfer, which the caller has put together.
        """
        try:
            if not apdu:
                raise DecodeError("no octets", 0)
            if self.settings.max_pdu and len(apdu) > self.settings.max_pdu and not in_blocks:
                raise RequestTooLong(len(apdu), self.settings.max_pdu)
            if apdu[0] == _AARQ:
                return self._associate(apdu)
            if apdu[0] == _RLRQ:
                return self._release(apdu)
            return self._serve(apdu)
        except DlmsError as error:
            refused = self.refuse(error)
            return None if self._unanswered else refused

    def refuse(self, error: DlmsError) -> bytes:
        """The exception-response for an APDU that is refused."""
        self._application.refused(error)
        return encode_apdu(_exception(error))

    def abort(self) -> None:
        """The link is gone."""
        self._end(Event.ABORT)

    # ---------------------------------------------------------------- opening and closing

    def _associate(self, apdu: bytes) -> bytes | None:
        self._unanswered = False
        self._end(Event.ABORT)  # a new AARQ replaces what was open (Green Book 8.3, 9.4.4.1)
        self.state = follow(self.state, Event.REQUEST)
        context = CONTEXT + "1"
        try:
            aarq = _decoded(apdu)
            if not isinstance(aarq, cos.AarqApdu):
                raise UnexpectedApdu(type(aarq).__name__, "AARQ")
            context = aarq.application_context_name
            return self._accept(proposal(aarq, self.settings))
        except AssociationRefused as refusal:
            return self._refuse(context, refusal, refusal)
        except AuthenticationFailed as error:
            return self._refuse(context, AssociationRefused("rejected-permanent", "authentication-failure"), error)
        except ConfirmedServiceError as error:
            reason = AssociationRefused("rejected-permanent", "no-reason-given")
            return self._refuse(context, reason, error, encode_apdu(initiate_error(error)))
        except KeyUnusable as error:  # a dedicated key that does not fit, or keys that this side lacks
            return self._refuse(context, AssociationRefused("rejected-permanent", "no-reason-given"), error)
        except DlmsError:
            self.state = follow(self.state, Event.REFUSE)
            raise

    def _refuse(
        self, context: str, refusal: AssociationRefused, cause: DlmsError, user_information: bytes | None = None
    ) -> bytes:
        self.state = follow(self.state, Event.REFUSE)
        self._application.refused(cause)
        return encode_apdu(aare_refused(context, refusal, user_information))

    def _accept(self, proposed: Proposal) -> bytes | None:
        last = self._counters.setdefault(proposed.client_title, {}) if proposed.client_title else {}
        last.pop(Scope.DEDICATED, None)
        ciphered = proposed.ciphered
        keys = self.settings.keys
        ciphering = Ciphering(keys.suite, keys.encryption, keys.authentication) if keys else None
        self._channel = channel = Channel(
            self.settings.own_title,
            ciphering=ciphering if ciphered else None,
            required=self.settings.required,
            take_counter=self._take_counter,
            peer_title=proposed.client_title or None,
            last_counter=last,
            parties=self.settings.parties if ciphered else None,
            random=self.settings.random,
            answers=True,
        )
        opened = self._open(proposed.user_information, initiate=True)
        initiate = _decoded(opened, in_clear=not ciphered)
        agreed, size = negotiate(initiate, self.settings, channel.overhead)
        if isinstance(initiate, cos.InitiateRequest) and initiate.dedicated_key and keys and ciphered:
            if not (channel.received.control and channel.received.control.encryption):  # Green Book 8.3, 9.2.3.3.3
                raise PolicyViolation("a dedicated key came that is not encrypted: anybody may have read it")
            channel.dedicated = Ciphering(keys.suite, initiate.dedicated_key, keys.authentication)
        challenge = self._start_handshake(proposed, ciphering)
        if not self._application.admit():
            raise AssociationRefused("rejected-transient", "no-reason-given")
        self.limit = size or UNLIMITED
        self._services = self._made(agreed)
        self._initiate = initiate_response(agreed, self.settings.max_pdu, short_names=self.settings.short_names)
        sealed = channel.seal(self._initiate, scope=Scope.GLOBAL)
        self.state = follow(self.state, Event.ACCEPT if challenge is None else Event.CHALLENGE)
        # an unconfirmed association: nothing in it is answered (Green Book 8.3, 9.4.4.1)
        answered = not isinstance(initiate, cos.InitiateRequest) or initiate.response_allowed
        self._unanswered = challenge is None and not answered
        return None if self._unanswered else aare_accepted(proposed, self.settings, challenge, sealed)

    def _made(self, conformance: Conformance) -> Services | ShortServices:
        if self.settings.short_names:
            return ShortServices(self._application, conformance)
        return Services(self._application, conformance, general_blocks=self.settings.general_blocks)

    def _start_handshake(self, proposed: Proposal, ciphering: Ciphering | None) -> bytes | None:
        self._handshake = None
        if not self.settings.mechanism.is_high:
            return None
        challenge = self._challenge()
        credentials = replace(self.settings.credentials, ciphering=ciphering)
        if self.settings.mechanism is Mechanism.HIGH_ECDSA:
            credentials = credentials.with_peer(proposed.certificate, proposed.client_title)
        self._handshake = Handshake(
            mechanism=self.settings.mechanism,
            credentials=credentials,
            own_title=self.settings.own_title,
            peer_title=proposed.client_title,
            own_challenge=challenge,
            peer_challenge=proposed.challenge,
        )
        return challenge

    def _release(self, apdu: bytes) -> bytes:
        rlrq = _decoded(apdu)
        if not isinstance(rlrq, cos.RlrqApdu):
            raise UnexpectedApdu(type(rlrq).__name__, "RLRQ")
        state = follow(self.state, Event.RELEASE)
        answer = _RELEASED
        if rlrq.user_information is not None:
            self._open(rlrq.user_information, initiate=True)
            information = self._channel.seal(self._initiate, scope=Scope.GLOBAL)
            answer = encode_apdu(cos.RlreApdu(reason=cos.ReleaseResponseReason.NORMAL, user_information=information))
        self.state = state
        self._end(Event.RELEASED)
        return answer

    def _end(self, event: Event) -> None:
        was_open = self.state is not State.IDLE
        self.state = follow(self.state, event)
        self._services = self._handshake = None
        if was_open:
            self._application.closed()

    # ---------------------------------------------------------------- services

    def _serve(self, apdu: bytes) -> bytes | None:
        if self.state not in (State.ASSOCIATED, State.AUTHENTICATING):
            raise NotAssociated(Event.SERVE.value, self.state.value)
        before = self._channel.last_counter.get(Scope.GLOBAL)
        request = _decoded(self._open(apdu), in_clear=self._channel.ciphering is None)
        received = self._channel.received
        if self.state is State.AUTHENTICATING:
            answer: object | None = self._prove(request, before, ciphered=self._uses_global_key(received))
        else:
            assert self._services is not None  # noqa: S101 - made when the association was accepted
            # the answer is protected as its request, which may be more than the AARQ was
            self._services.limit = max(MIN_PDU, self.limit - self._channel.overhead)
            answer = self._services.serve(request)
        if answer is None or self._unanswered:
            return None
        return self._seal(encode_apdu(answer), received.scope)

    def _open(self, octets: bytes, *, initiate: bool = False) -> bytes:
        """Unprotect a request; its answer is going to be protected likewise, and as the policy for answers says."""
        channel = self._channel
        plain = channel.open(octets, initiate=initiate)
        received, policy = channel.received, self.settings.response
        channel.control = control = received.control
        if control is not None:
            exactly = self.settings.answers or Protection(
                authentication=control.authentication or policy.authentication,
                encryption=control.encryption or policy.encryption,
            )
            channel.control = replace(control, authentication=exactly.authentication, encryption=exactly.encryption)
        elif channel.ciphering is not None and (policy.authentication or policy.encryption):
            suite = channel.ciphering.suite.number
            channel.control = SecurityControl(suite, policy.authentication, policy.encryption)
        channel.general = received.general
        if channel.parties is not None:
            channel.parties = replace(channel.parties, key=received.key, sign=received.signed or policy.signature)
        return plain

    def _seal(self, answer: bytes, scope: Scope | None) -> bytes:
        """Protect an answer under the key that the request used."""
        if self._channel.parties is not None and (self._channel.parties.key or self._channel.parties.sign):
            return self._channel.seal(answer)
        return self._channel.seal(answer, scope=scope)

    def _prove(self, request: object, before: int | None, *, ciphered: bool) -> cos.ActionResponse | cos.ReadResponse:
        """Passes 3 and 4 of high level security; nothing else is allowed before them (Green Book 8.3, 9.2.7.4)."""
        handshake, proof = self._handshake, proof_in(request)
        if handshake is None or proof is None:
            raise NotAssociated(Event.SERVE.value, self.state.value)
        self.state = follow(self.state, Event.PROVE)
        try:
            self._verify(handshake, proof, before, ciphered=ciphered)
        except AuthenticationFailed as error:
            self._application.refused(error)
            self._end(Event.DISPROVED)
            return answered(request, None)
        except DlmsError:
            self._end(Event.DISPROVED)
            raise
        counter = self._channel.next_counter() if handshake.mechanism is Mechanism.HIGH_GMAC else None
        ours = handshake.reply(counter)
        self.state = follow(self.state, Event.PROVED)
        return answered(request, ours)

    @staticmethod
    def _uses_global_key(received: Received) -> bool:
        return received.scope is Scope.GLOBAL or received.key is KeyChoice.IDENTIFIED

    def _verify(self, handshake: Handshake, proof: bytes, before: int | None, *, ciphered: bool) -> None:
        used = handshake.verify(proof)
        if used is None:
            return
        # The GMAC and the ciphering around it are under one key: one must not use the counter of the other
        last = self._channel.last_counter
        outer = last.get(Scope.GLOBAL)
        if (before is not None and used <= before) or (ciphered and used == outer):
            raise ReplayedCounter(used, max(used, before or 0))
        last[Scope.GLOBAL] = max(used, outer or 0)


def _decoded(apdu: bytes, *, in_clear: bool = True) -> object:
    """The object of an APDU; what came ciphered is not remembered. Raises DecodeError."""
    return _remembered(apdu) if in_clear and len(apdu) <= _SHORT else decode_apdu(apdu)


_remembered = lru_cache(maxsize=256)(decode_apdu)


def _exception(error: DlmsError) -> cos.ExceptionResponse:
    """What a client is told of an APDU that is refused (Green Book 8.3, 9.4.4.9)."""
    not_allowed = isinstance(error, NotAssociated | SecurityError)
    state = cos.ExceptionResponseStateError
    reason: dict[str, Any] = {error.service_error.replace("-", "_"): True}
    if isinstance(error, NotAssociated):
        reason = {"operation_not_possible": True}
    elif isinstance(error, ReplayedCounter):
        reason = {"invocation_counter_error": (error.last + 1) & 0xFFFF_FFFF}
    return cos.ExceptionResponse(
        state_error=state.SERVICE_NOT_ALLOWED if not_allowed else state.SERVICE_UNKNOWN,
        service_error=cos.ExceptionResponseServiceError(**reason),
    )
