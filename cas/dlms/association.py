"""An association as the client leads it: opened, used, released, without input or output (Green Book 8.3, 9.4).

Joins the automaton to the codec, the protection and the service procedures. Every method that talks is a procedure
(`cas.dlms.xdlms.exchange`): it yields octets to send and is sent the octets that came.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar, cast

from cas.bindings import cosempdu as cos
from cas.cosem.data import OCTET_STRING, Data
from cas.dlms import acse, errors
from cas.dlms.acse import Negotiated, Settings
from cas.dlms.apdu import Request, Response, decode_apdu, encode_apdu
from cas.dlms.conformance import Conformance
from cas.dlms.invoke_id import confirmed, is_long, number_of, numbered, same_identity
from cas.dlms.protection import OVERHEAD, Channel
from cas.dlms.security.authentication import Handshake, Mechanism
from cas.dlms.security.ciphering import check_counter
from cas.dlms.security.wrapping import Scope
from cas.dlms.states import Event, State, follow
from cas.dlms.xdlms.action import action
from cas.dlms.xdlms.exchange import Exchange, Limits, alternative, raise_for_error, unexpected
from cas.dlms.xdlms.get import get
from cas.dlms.xdlms.set import set_

A = TypeVar("A", cos.AareApdu, cos.RlreApdu)
Notification = cos.DataNotification | cos.EventNotificationRequest | cos.InformationReportRequest

_CURRENT_ASSOCIATION = bytes((0, 0, 40, 0, 0, 255))
_ASSOCIATION_LN, _REPLY_TO_HLS = 15, 1
_NOTIFICATIONS = frozenset((b"\x0f", b"\xc2", b"\x18"))
_UNLIMITED = 1 << 30
_STALE_ANSWERS = 8

# the conformance bit that a service needs (Green Book 8.3, 9.4.6.1)
_NEEDS: dict[type, Conformance] = {
    cos.GetRequest: Conformance.GET,
    cos.SetRequest: Conformance.SET,
    cos.ActionRequest: Conformance.ACTION,
    cos.AccessRequest: Conformance.ACCESS,
    cos.ReadRequest: Conformance.READ,
    cos.WriteRequest: Conformance.WRITE,
}
# and the one with which a long request goes in blocks
_SPLITS: dict[type, Conformance] = {
    cos.SetRequest: Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE,
    cos.ActionRequest: Conformance.BLOCK_TRANSFER_WITH_ACTION,
}
_ANSWERS: dict[type, type] = {
    cos.GetRequest: cos.GetResponse,
    cos.SetRequest: cos.SetResponse,
    cos.ActionRequest: cos.ActionResponse,
    cos.AccessRequest: cos.AccessResponse,
    cos.ReadRequest: cos.ReadResponse,
    cos.WriteRequest: cos.WriteResponse,
}
_WHOLE_ANSWERS = frozenset(
    f"{service}_response_{form}" for service in ("get", "set", "action") for form in ("normal", "with_list")
)


class Association:
    """One association with one logical device, from the client's side.

    `take_counter` gives the next invocation counter of the client under the global key, never one twice.
    """

    def __init__(self, settings: Settings, take_counter: Callable[[], int] | None = None) -> None:
        self.settings = settings
        self.state = State.IDLE
        self.negotiated: Negotiated | None = None
        self.aare: cos.AareApdu | None = None
        self.notifications: list[Notification] = []
        """What the device sent unasked meanwhile; the caller takes it from here."""
        self._invoke_id = 0
        self._limits_of: dict[type, Limits] = {}
        self._channel = Channel(
            own_title=settings.client_title,
            ciphering=settings.ciphering,
            control=settings.control,
            required=settings.required,
            take_counter=take_counter,
            peer_title=settings.server_title,
            dedicated=settings.dedicated,
            general=settings.general,
        )

    def associate(self, challenge: bytes) -> Exchange[Negotiated]:
        """Open the association; `challenge` is fresh entropy, 8 to 64 octets, for high level security.

        Raises AssociationRefused, AuthenticationFailed and other DlmsErrors; the state is then idle.
        """
        self.state = follow(self.state, Event.REQUEST)
        try:
            challenge = acse.challenge_of(self.settings, challenge)
            initiate = encode_apdu(acse.initiate_request(self.settings))
            aarq = acse.aarq(self.settings, challenge, self._channel.seal(initiate, scope=Scope.GLOBAL))
            self.aare = answer = yield from self._converse(aarq, cos.AareApdu)
            acse.check_accepted(answer)
            self._take_title(answer)
            self.negotiated = self._take_context(answer)
            self._limits_of.clear()
            if self.settings.mechanism.is_high:
                self.state = follow(self.state, Event.CHALLENGE)
                yield from self._authenticate(challenge, answer)
            else:
                self.state = follow(self.state, Event.ACCEPT)
        except errors.DlmsError:
            self.state = follow(self.state, Event.DISPROVED if self.state is State.AUTHENTICATING else Event.REFUSE)
            raise
        return self.negotiated

    def request(self, body: Request) -> Exchange[Response]:
        """Ask one service and return its answer as a whole, whatever it says: an error of the device is an answer.

        The invoke-id on the wire is our own, so that late answers are told apart; the answer carries that of `body`,
        whose service class is taken as confirmed. Raises NotAssociated, ServiceNotSupported, RequestTooLong,
        BlockError, DecodeError, SecurityError.
        """
        self.state = follow(self.state, Event.SERVE)
        self._check_conformance(body)
        self._invoke_id += 1
        limits = self._limits(type(body))
        match body:
            case cos.GetRequest():
                answer = yield from get(self._ask, body, limits)
            case cos.SetRequest():
                answer = yield from set_(self._ask, body, limits)
            case cos.ActionRequest():
                answer = yield from action(self._ask, body, limits)
            case _:
                answer = yield from self._ask(body)
        return _checked(answer, body)

    def release(self, asked: cos.RlrqApdu | None = None) -> Exchange[cos.RlreApdu]:
        """Release the association in order, with the RLRQ that is asked for, and return the RLRE.

        Raises DlmsErrors; the state is idle afterwards in any case.
        """
        self.state = follow(self.state, Event.RELEASE)
        try:
            information = asked.user_information if asked else None
            if self.settings.control is not None:  # a ciphered context is released under its protection
                information = self._channel.seal(encode_apdu(acse.initiate_request(self.settings)), scope=Scope.GLOBAL)
            reason = asked.reason if asked else cos.ReleaseRequestReason.NORMAL
            rlrq = cos.RlrqApdu(reason=reason, user_information=information)
            answer = yield from self._converse(rlrq, cos.RlreApdu)
        except BaseException:
            self.abort()
            raise
        self.state = follow(self.state, Event.RELEASED)
        return answer

    def abort(self) -> None:
        """The link is gone, or is about to be closed."""
        self.state = follow(self.state, Event.ABORT)

    def _take_title(self, aare: cos.AareApdu) -> None:
        title = aare.responding_ap_title
        if title is None or not self.settings.names_titles:
            return
        if self._channel.peer_title is not None and title != self._channel.peer_title:
            raise errors.WrongSystemTitle(title, self._channel.peer_title)
        self._channel.peer_title = title

    def _take_context(self, aare: cos.AareApdu) -> Negotiated:
        if aare.user_information is None:
            raise errors.DecodeError("missing", path="user-information")
        initiate = self._channel.open(aare.user_information)
        self.aare = replace(aare, user_information=initiate)  # as it is to be read
        return acse.negotiated(decode_apdu(initiate), self.settings.conformance)

    def _authenticate(self, challenge: bytes, aare: cos.AareApdu) -> Exchange[None]:
        value = aare.responding_authentication_value
        handshake = Handshake(
            mechanism=self.settings.mechanism,
            credentials=self.settings.credentials,
            own_title=self.settings.client_title,
            peer_title=self._channel.peer_title or b"",
            own_challenge=challenge,
            peer_challenge=(value.charstring if value else None) or b"",
        )
        self.state = follow(self.state, Event.PROVE)
        counter = self._channel.next_counter() if self.settings.mechanism is Mechanism.HIGH_GMAC else None
        self._invoke_id += 1
        answer = yield from self._ask(_reply_to_hls(handshake.reply(counter)))
        raise_for_error(answer)
        used = handshake.verify(_proof(answer))
        if used is not None:
            last = self._channel.last_counter
            # the answer's own ciphering and the GMAC inside share one counter sequence, in either order
            if self.settings.control is None:
                last[Scope.GLOBAL] = check_counter(used, last.get(Scope.GLOBAL))
        self.state = follow(self.state, Event.PROVED)

    def _converse(self, apdu: cos.AarqApdu | cos.RlrqApdu, kind: type[A]) -> Exchange[A]:
        """Send an APDU of ACSE and return its answer; notifications that come before it are kept."""
        octets = yield encode_apdu(apdu)
        while True:
            answer = decode_apdu(octets)
            raise_for_error(answer)
            if isinstance(answer, kind):
                return answer
            other = decode_apdu(self._channel.open(octets))
            if not isinstance(other, Notification):
                raise unexpected(other, kind.__name__)
            self.notifications.append(other)
            octets = yield None

    def _ask(self, body: object) -> Exchange[object]:
        """Send one APDU and return the answer that belongs to it; what else comes is kept or dropped.

        Raises RequestTooLong rather than send more than the device receives.
        """
        plain = encode_apdu(body)
        if len(plain) > (limit := self._limits(type(body)).request):
            raise errors.RequestTooLong(len(plain), limit)
        theirs = number_of(plain)
        long = is_long(plain)
        sent = None if theirs is None else confirmed(theirs, self._invoke_id, long=long)
        octets = yield self._channel.seal(plain if sent is None else numbered(plain, sent))
        stale = 0
        while True:
            opened = self._channel.open(octets)
            received = number_of(opened)
            if opened[:1] in _NOTIFICATIONS:
                self.notifications.append(cast("Notification", decode_apdu(opened)))
            elif received is None or sent is None or theirs is None:
                return decode_apdu(opened)
            elif same_identity(received, sent, long=long):
                return decode_apdu(numbered(opened, theirs))
            elif (stale := stale + 1) >= _STALE_ANSWERS:
                raise errors.InvokeIdMismatch(received, sent)
            octets = yield None

    def _check_conformance(self, body: Request) -> None:
        agreed = self.negotiated.conformance if self.negotiated else Conformance(0)
        needed = _NEEDS[type(body)]
        if "with_list" in alternative(body)[0]:
            needed |= Conformance.MULTIPLE_REFERENCES
        if missing := needed & ~agreed:
            raise errors.ServiceNotSupported(", ".join(missing.names()))

    def _limits(self, service: type) -> Limits:
        if service not in self._limits_of:
            agreed = self.negotiated or Negotiated(Conformance(0), None, 0)
            limit = agreed.max_pdu or _UNLIMITED
            split = _SPLITS.get(service, Conformance(0)) & agreed.conformance
            request = limit - (OVERHEAD if self.settings.control else 0)
            self._limits_of[service] = Limits(request=request, split=bool(split))
        return self._limits_of[service]


def _checked(answer: object, body: Request) -> Response:
    """The answer, if it is a whole one to such a request, or an error. Raises UnexpectedApdu."""
    expected = _ANSWERS[type(body)]
    if type(answer) is not expected:
        if isinstance(answer, cos.ExceptionResponse | cos.ConfirmedServiceError):
            return answer
        raise unexpected(answer, expected.__name__)
    if isinstance(answer, cos.GetResponse | cos.SetResponse | cos.ActionResponse):
        form = alternative(answer)[0]
        if form not in _WHOLE_ANSWERS:
            raise errors.UnexpectedApdu(form.replace("_", "-"), "a whole answer")
    return cast("Response", answer)


def _reply_to_hls(proof: bytes) -> cos.ActionRequest:
    """Pass 3: reply_to_HLS_authentication (Blue Book 12, Association LN, method 1)."""
    normal = cos.ActionRequestNormal(
        invoke_id_and_priority=0,
        cosem_method_descriptor=cos.CosemMethodDescriptor(
            class_id=_ASSOCIATION_LN, instance_id=_CURRENT_ASSOCIATION, method_id=_REPLY_TO_HLS
        ),
        method_invocation_parameters=Data.of("octet-string", proof),
    )
    return cos.ActionRequest(action_request_normal=normal)


def _proof(answer: object) -> bytes:
    """Pass 4: what the device answers to our challenge. Raises AuthenticationFailed when it refuses."""
    if not isinstance(answer, cos.ActionResponse) or answer.action_response_normal is None:
        raise unexpected(answer, "action-response-normal")
    response = answer.action_response_normal.single_response
    data = response.return_parameters.data if response.return_parameters else None
    if response.result is not cos.ActionResult.SUCCESS or data is None or data.tag != OCTET_STRING:
        raise errors.AuthenticationFailed(
            f"the device refused our proof ({response.result.value}): check the secret or the keys of this device"
        )
    proof = data.value
    return proof if isinstance(proof, bytes) else b""
