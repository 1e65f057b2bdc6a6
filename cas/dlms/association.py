"""An association as the client leads it: opened, used, released, without input or output (Green Book 8.3, 9.4).

Joins the automaton to the codec, the protection and the service procedures. Every method that talks is a procedure
(`cas.dlms.xdlms.exchange`): it yields octets to send and is sent the octets that came.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from cas.bindings import cosempdu as cos
from cas.dlms import acse, errors, short_names
from cas.dlms.acse import Negotiated, Settings
from cas.dlms.apdu import Request, Response, Unanswered, decode_apdu, encode_apdu, encode_kept, encode_numbered
from cas.dlms.conformance import Conformance
from cas.dlms.invoke_id import as_answer, identified, number_of
from cas.dlms.notification import confirmation
from cas.dlms.protection import Channel
from cas.dlms.security.authentication import Handshake, Mechanism
from cas.dlms.security.ciphering import check_counter
from cas.dlms.security.wrapping import NOTIFICATIONS, Scope, is_ciphered
from cas.dlms.states import Event, State, follow
from cas.dlms.xdlms.action import action
from cas.dlms.xdlms.answers import checked
from cas.dlms.xdlms.exchange import Ask, Exchange, Limits, raise_for_error, unexpected
from cas.dlms.xdlms.gbt import HEAD, Blocks, answer_in_blocks, is_block, request_in_blocks, unconfirmed_blocks
from cas.dlms.xdlms.get import gather
from cas.dlms.xdlms.hls import proof_of, reply_to_hls
from cas.dlms.xdlms.lists import serve_in_parts
from cas.dlms.xdlms.needs import block_service, is_list, needs, takes_lists
from cas.dlms.xdlms.read import read, write
from cas.dlms.xdlms.set import set_

A = TypeVar("A", cos.AareApdu, cos.RlreApdu)
Notification = cos.DataNotification | cos.EventNotificationRequest | cos.InformationReportRequest

# a member is looked up by a call, in Python, each time
_SERVE = Event.SERVE
_PROCEDURES: dict[type, Callable[[Ask, Any, Limits], Exchange[object]]] = {
    cos.SetRequest: set_,
    cos.ActionRequest: action,
    cos.ReadRequest: read,
    cos.WriteRequest: write,
}
"""Services of which a long request goes in blocks."""
_UNLIMITED = 1 << 30
_STALE_ANSWERS = 8
_ANSWER_LIMIT = 1 << 24
"""Octets of the longest answer, all its blocks together."""


class Association:
    """One association with one logical device, from the client's side.

    `take_counter` gives the next invocation counter of the client under the global key, never one twice; `random` so
    many octets of fresh entropy, for dedicated and other keys of its own.
    """

    def __init__(
        self,
        settings: Settings,
        take_counter: Callable[[], int] | None = None,
        random: Callable[[int], bytes] | None = None,
    ) -> None:
        self.settings = settings
        self.state = State.IDLE
        self.negotiated: Negotiated | None = None
        self._aare: cos.AareApdu | None = None
        self._agreement = b""
        self.notifications: list[Notification] = []
        """What the device sent unasked meanwhile; the caller takes it from here."""
        self.dropped = 0
        """How many notifications were not protected as they must be: anybody may have sent them."""
        self._invoke_id = 0
        self._random = random
        self._names: short_names.Names | None = None
        # bits of what was agreed to, octets of the longest APDU that the device receives, of the longest request in one
        self._agreed, self._max_pdu, self._room, self._has_blocks = 0, _UNLIMITED, _UNLIMITED, False
        self._channel = Channel(
            own_title=settings.client_title,
            ciphering=settings.ciphering,
            control=settings.control,
            required=settings.required,
            take_counter=take_counter,
            peer_title=settings.server_title,
            dedicated=settings.dedicated,
            general=settings.general,
            parties=settings.parties,
            random=random,
        )
        if settings.last_counter is not None:
            self._channel.last_counter[Scope.GLOBAL] = settings.last_counter

    def associate(self, challenge: bytes) -> Exchange[Negotiated]:
        """Open the association; `challenge` is fresh entropy, 8 to 64 octets, for high level security.

        Raises AssociationRefused, AuthenticationFailed and other DlmsErrors; the state is then idle.
        """
        self.state = follow(self.state, Event.REQUEST)
        try:
            challenge = acse.challenge_of(self.settings, challenge)
            aarq = acse.aarq(self.settings, challenge, self._sealed(self._initiate_request()))
            answer = yield from self._converse(aarq, cos.AareApdu)
            self._aare, self._agreement = answer, b""
            acse.check_accepted(self._legible(answer))
            acse.check_as_asked(answer, aarq)
            self._take_title(answer)
            agreed = self._take_context(answer)
            self._settle(agreed)
            self._names = None
            if self.settings.mechanism.is_high:
                self.state = follow(self.state, Event.CHALLENGE)
                yield from self._authenticate(challenge, answer)
            else:
                self.state = follow(self.state, Event.ACCEPT)
        except errors.DlmsError:
            self.state = follow(self.state, Event.DISPROVED if self.state is State.AUTHENTICATING else Event.REFUSE)
            raise
        return agreed

    def assume(self) -> None:
        """Take the association as open: it is pre-established, with the conformance and sizes of the settings."""
        self.state = follow(self.state, Event.ASSUME)
        self._settle(Negotiated(self.settings.conformance, self.settings.max_pdu or None, acse.VAA_NAME))

    def _settle(self, negotiated: Negotiated) -> None:
        """Take what was agreed to, and what follows from it for each request."""
        self.negotiated, self._agreed = negotiated, negotiated.conformance.value
        self._max_pdu = negotiated.max_pdu or _UNLIMITED
        self._room = self._max_pdu - self._channel.overhead
        self._has_blocks = Conformance.GENERAL_BLOCK_TRANSFER in negotiated.conformance

    def request(self, body: Request) -> Exchange[Response]:
        """Ask one service and return its answer as a whole, whatever it says: an error of the device is an answer.

        The invoke-id on the wire is our own, so that late answers are told apart; the answer carries that of `body`,
        whose service class is taken as confirmed. Raises NotAssociated, ServiceNotSupported, RequestTooLong,
        BlockError, DecodeError, SecurityError.
        """
        if not self.settings.short_names or not isinstance(body, short_names.LogicalRequest):
            return self._request(body)
        return self._by_short_names(body)

    def _by_short_names(self, body: Request) -> Exchange[Response]:
        """Ask a device that knows no logical names; where it has its objects is asked for once."""
        self.state = follow(self.state, Event.SERVE)
        assert isinstance(body, short_names.LogicalRequest)  # noqa: S101 - the caller sees to it
        if self._names is None:
            self._names = short_names.names_in((yield from self._request(short_names.read_object_list())))
        done = short_names.mapped(body, self._names)
        answer = (yield from self._request(done.request)) if done.request else None
        return checked(short_names.answered(body, done, answer), body)

    def _request(self, body: Request) -> Exchange[Response]:
        return self._serve_list(body) if is_list(body) else self._serve(body)

    def _need(self, services: int) -> None:
        """That an association is open, and these services were agreed to. Raises NotAssociated, ServiceNotSupported."""
        self.state = follow(self.state, _SERVE)
        if missing := services & ~self._agreed:
            raise errors.ServiceNotSupported(", ".join(Conformance(missing).names()))

    def _serve_list(self, body: Request) -> Exchange[Response]:
        self._need(needs(body))
        most = self.settings.list_size if takes_lists(type(body), self._agreed) else 1
        return (yield from serve_in_parts(self._serve, body, most, self._fits))

    def _serve(self, body: Request) -> Exchange[Response]:
        """Ask as it stands, in blocks of the service where it is too long."""
        self._need(needs(body))
        self._invoke_id += 1
        if isinstance(body, cos.GetRequest):
            answer = yield from self._ask(body)
            if isinstance(answer, cos.GetResponse) and answer.get_response_with_datablock is not None:
                answer = yield from gather(self._ask, body, answer, _ANSWER_LIMIT)
        elif (procedure := _PROCEDURES.get(type(body))) is not None:
            answer = yield from procedure(self._ask, body, self._limits(type(body)))
        else:
            answer = yield from self._ask(body)
        return checked(answer, body)

    def tell(self, body: Unanswered) -> Sequence[bytes]:
        """Ask a service without being answered (service class unconfirmed): the APDUs to send.

        Nothing tells whether the device has done it. Raises NotAssociated, ServiceNotSupported, RequestTooLong.
        """
        self._need(needs(body))
        self._invoke_id += 1
        plain = identified(encode_apdu(body), self._invoke_id, confirmed=False)
        if len(plain) <= self._room:
            return (self._channel.seal(plain),)
        if not self._has_blocks:
            raise errors.RequestTooLong(len(plain), self._room)
        return unconfirmed_blocks(self._channel.seal(plain), self._max_pdu - HEAD)

    def confirm(self, notification: Notification) -> bytes | None:
        """The APDU that confirms a notification; None where it asks for none."""
        apdu = confirmation(notification)
        return None if apdu is None else self._channel.seal(apdu)

    def release(self, asked: cos.RlrqApdu | None = None) -> Exchange[cos.RlreApdu]:
        """Release the association in order, with the RLRQ that is asked for, and return the RLRE.

        Raises DlmsErrors; the state is idle afterwards in any case.
        """
        self.state = follow(self.state, Event.RELEASE)
        try:
            information = asked.user_information if asked else None
            if self.settings.control is not None:  # a ciphered context is released under its protection
                information = self._sealed(acse.initiate_request(self.settings))
            reason = asked.reason if asked else cos.ReleaseRequestReason.NORMAL
            rlrq = cos.RlrqApdu(reason=reason, user_information=information)
            answer = yield from self._release(rlrq)
        except BaseException:
            self.abort()
            raise
        self.state = follow(self.state, Event.RELEASED)
        return answer

    def abort(self) -> None:
        """The link is gone, or is about to be closed."""
        self.state = follow(self.state, Event.ABORT)

    @property
    def last_counter(self) -> int | None:
        """The device's last invocation counter under the global key; None before it has used any."""
        return self._channel.last_counter.get(Scope.GLOBAL)

    @property
    def aare(self) -> cos.AareApdu | None:
        """The device's answer to the AARQ, its user-information deciphered where it was accepted."""
        aare, agreement = self._aare, self._agreement
        if aare is None or not agreement or agreement == aare.user_information:
            return aare
        return replace(aare, user_information=agreement)

    def _initiate_request(self) -> cos.InitiateRequest:
        """What is proposed; with a dedicated key that is drawn for this association, where one is wanted."""
        request = acse.initiate_request(self.settings)
        if not self.settings.dedicated_key or request.dedicated_key or self.settings.control is None:
            return request
        if self._random is None or self.settings.ciphering is None:
            raise errors.KeyUnusable("a dedicated key takes a source of entropy, and the keys of the device")
        key = self._random(self.settings.ciphering.suite.key_length)
        self._channel.dedicated = self.settings.ciphering.with_key(key)
        return replace(request, dedicated_key=key)

    def _sealed(self, initiate: cos.InitiateRequest) -> bytes:
        """As it goes into AARQ and RLRQ: a dedicated key in it is encrypted, whatever the requests that follow are."""
        channel = self._channel
        if not initiate.dedicated_key:
            return channel.seal(encode_kept(initiate), scope=Scope.GLOBAL)
        if channel.control:  # Green Book 8.3, 9.2.3.3.3
            channel = replace(channel, control=replace(channel.control, authentication=True, encryption=True))
        return channel.seal(encode_apdu(initiate), scope=Scope.GLOBAL)

    def _legible(self, aare: cos.AareApdu) -> cos.AareApdu:
        """An AARE that refuses, and says why under the ciphering; itself where that does not open."""
        information = aare.user_information
        if aare.result is not cos.AssociationResult.ACCEPTED and information and is_ciphered(information[0]):
            try:
                return replace(aare, user_information=self._channel.open(information, initiate=True))
            except errors.DlmsError:
                pass  # what it refuses for is told all the same
        return aare

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
        self._agreement = self._channel.open(aare.user_information, initiate=True)
        return acse.negotiated(decode_apdu(self._agreement), self.settings.conformance)

    def _release(self, rlrq: cos.RlrqApdu) -> Exchange[cos.RlreApdu]:
        try:
            return self._take_release((yield from self._converse(rlrq, cos.RlreApdu)))
        except errors.ExceptionResponse:
            if not self.settings.release_refused:
                raise
            return cos.RlreApdu()

    def _take_release(self, rlre: cos.RlreApdu) -> cos.RlreApdu:
        """The RLRE, its user-information deciphered; what is not protected as it must be is refused."""
        if self.settings.control is None or rlre.user_information is None:
            return rlre
        opened = self._channel.open(rlre.user_information, initiate=True)
        return cos.RlreApdu(reason=rlre.reason, user_information=opened)

    def _authenticate(self, challenge: bytes, aare: cos.AareApdu) -> Exchange[None]:
        value = aare.responding_authentication_value
        title = self._channel.peer_title or b""
        credentials = self.settings.credentials
        if self.settings.mechanism is Mechanism.HIGH_ECDSA:
            credentials = credentials.with_peer(aare.responding_ae_qualifier, title)
            if (parties := self._channel.parties) is not None:  # the same key signs APDUs
                self._channel.parties = parties.with_peer(credentials.public_key)
        handshake = Handshake(
            mechanism=self.settings.mechanism,
            credentials=credentials,
            own_title=self.settings.client_title,
            peer_title=title,
            own_challenge=challenge,
            peer_challenge=(value.charstring if value else None) or b"",
        )
        self.state = follow(self.state, Event.PROVE)
        counter = self._channel.next_counter() if self.settings.mechanism is Mechanism.HIGH_GMAC else None
        self._invoke_id += 1
        if self.settings.short_names and not Conformance.PARAMETERIZED_ACCESS.value & self._agreed:
            raise errors.ServiceNotSupported("parameterized-access, which high level security takes with short names")
        request = reply_to_hls(handshake.reply(counter), short_names=self.settings.short_names)
        answer = yield from self._ask(request)
        raise_for_error(answer)
        used = handshake.verify(proof_of(answer))
        if used is not None:
            last = self._channel.last_counter
            # the answer's own ciphering and the GMAC inside share one counter sequence, in either order
            if self.settings.control is None:
                last[Scope.GLOBAL] = check_counter(used, last.get(Scope.GLOBAL))
        self.state = follow(self.state, Event.PROVED)

    def _converse(self, apdu: cos.AarqApdu | cos.RlrqApdu, kind: type[A]) -> Exchange[A]:
        """Send an APDU of ACSE and return its answer; notifications that come before it are kept."""
        octets = yield encode_apdu(apdu)
        while self._take_aside(octets):
            octets = yield None
        answer = decode_apdu(self._channel.open(octets) if octets and is_ciphered(octets[0]) else octets)
        raise_for_error(answer)
        if not isinstance(answer, kind):
            raise unexpected(answer, kind.__name__)
        return answer

    def _ask(self, body: object) -> Exchange[object]:
        """Send one APDU and return the answer that belongs to it; what else comes is kept or dropped.

        Raises RequestTooLong rather than send more than the device receives.
        """
        if isinstance(body, cos.GetRequest) and body.get_request_normal:
            plain, asked = encode_numbered(body, self._invoke_id)
        else:
            plain = encode_apdu(body)
            asked = identified(plain, self._invoke_id)
        in_blocks = len(plain) > self._room
        if in_blocks and not self._has_blocks:
            raise errors.RequestTooLong(len(plain), self._room)
        sealed = self._channel.seal(asked)
        octets = (yield from request_in_blocks(sealed, self._blocks)) if in_blocks else (yield sealed)
        stale = 0
        while True:
            if is_block(octets) and self._has_blocks:
                octets = yield from answer_in_blocks(octets, self._blocks)
            if not self._take_aside(octets):
                opened = self._channel.open(octets)
                if opened and opened[0] in NOTIFICATIONS:  # under general ciphering
                    self.notifications.append(cast("Notification", decode_apdu(opened)))
                elif (answer := as_answer(opened, asked, plain)) is not None:
                    return self._decode(answer)
                elif (stale := stale + 1) >= _STALE_ANSWERS:
                    raise errors.InvokeIdMismatch(number_of(opened), number_of(asked))
            octets = yield None

    def _decode(self, opened: bytes) -> object:
        try:
            return decode_apdu(opened)
        except errors.SurplusOctets as error:
            if not self.settings.surplus_octets:
                raise
            return decode_apdu(opened[: error.offset])

    def _take_aside(self, octets: bytes) -> bool:
        """Keep a notification, or drop one that is not protected as it must be; False for whatever else it is."""
        if not octets or octets[0] not in NOTIFICATIONS:
            return False
        try:
            opened = self._channel.open(octets)
        except errors.RemoteProtocolError:
            if self.settings.control is None:
                raise
            self.dropped += 1
            return True
        self.notifications.append(cast("Notification", decode_apdu(opened)))
        return True

    @property
    def _blocks(self) -> Blocks:
        return Blocks(self._max_pdu - HEAD, self.settings.block_window, _ANSWER_LIMIT, self._take_aside)

    def _limits(self, service: type) -> Limits:
        split = bool(block_service(service) & self._agreed)
        general = self._has_blocks and (self.settings.general_blocks or not split)
        return Limits(self._room, _ANSWER_LIMIT, split=split, general=general)

    def _fits(self, body: Request) -> bool:
        """Whether a request can be sent without cutting its list."""
        limits = self._limits(type(body))
        return limits.split or limits.general or len(encode_apdu(body)) <= limits.request
