"""One HDLC data link, of either role: frames and time in, frames and events out (IEC 62056-46, 6.4.4).

The stations take turns. Whoever has the turn sends up to a window of I frames and hands the turn over with the last:
the client by the poll bit, the server by the final bit. At the hand-over N(R) tells what arrived, so what is
unacknowledged when the turn comes back was lost and is sent again: recovery needs neither REJ nor a timer. Only when
the hand-over itself is lost does the client's timer run out; it then takes the turn back and repeats.

A server with nothing to say yet holds the turn for `hold` seconds before it hands it over by RR; the client then asks
again at growing intervals for as long as somebody waits for an APDU.
"""

from collections import deque
from dataclasses import dataclass

from transports.base import Event, LinkDown, LinkUp
from transports.errors import (
    ConnectTimeout,
    Disconnected,
    FrameRejected,
    FramingError,
    LinkRefused,
    NoAcknowledgement,
    NotConnected,
    TransportError,
)
from transports.hdlc.address import Address
from transports.hdlc.frame import Frame, Kind
from transports.hdlc.negotiation import DEFAULT, Parameters, decode
from transports.hdlc.states import Act, On, Role, State, step
from transports.hdlc.unnumbered import COMMAND_LLC, RESPONSE_LLC, UiAssembler


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, and how often.

    `response`: how long the client waits for an answer before it repeats, at most `retries` times. `hold`: how long the
    server waits for its application before it hands the turn back. `inactivity`: after how long a silence the server
    leaves, None for never. `poll`: the first and the longest interval at which the client asks for an answer not ready.
    `pause`: how long a frame may stand still before its end is taken for lost.
    """

    response: float = 5.0
    retries: int = 2
    hold: float = 2.0
    inactivity: float | None = 120.0
    poll: tuple[float, float] = (0.1, 2.0)
    pause: float = 2.0


TIMING = Timing()
_ON = {
    Kind.SNRM: On.SNRM,
    Kind.UA: On.UA,
    Kind.DISC: On.DISC,
    Kind.DM: On.DM,
    Kind.FRMR: On.FRMR,
    Kind.I: On.I,
    Kind.RR: On.RR,
    Kind.RNR: On.RNR,
    Kind.UI: On.UI,
}


class Connection:
    """A data link between `local` and `remote`; frames for others must be kept away from it.

    After each call take the frames to send from `outgoing()`. An APDU of more than `max_apdu` octets ends the link.
    """

    _queue: deque[tuple[bytes, bool]]  # segments to be sent, and whether more of the APDU follow
    _unacknowledged: deque[tuple[bytes, bool]]  # segments sent and not acknowledged
    _sent: int  # V(S), behind the last of the unacknowledged
    _received: int  # V(R)
    _partial: list[bytes]
    _partial_size: int
    _turn: bool
    _owed: bool  # a server's application owes an answer
    _expecting: bool  # a client's application waits for an APDU
    _gap: bool  # something was lost that must be asked for at once
    _peer_busy: bool
    _poll_due: bool
    _progress: bool  # since the turn was last handed over
    _stalled: int  # turns in a row that brought nothing
    _tries: int
    _hold_until: float | None
    _poll_at: float | None
    _poll_interval: float

    def __init__(
        self,
        role: Role,
        local: Address,
        remote: Address,
        *,
        offer: Parameters = DEFAULT,
        timing: Timing = TIMING,
        max_apdu: int = 1 << 20,
    ) -> None:
        self.role = role
        self.local = local
        self.remote = remote
        self.state = State.DISCONNECTED
        self.agreed = Parameters()
        self.ignored = 0
        self.busy = False
        """Set to make the peer stop sending I frames (RNR)."""
        self._offer = offer
        self._timing = timing
        self._max_apdu = max_apdu
        self._out: list[Frame] = []
        self._events: list[Event] = []
        self._frame = Frame(local, remote, None)
        self._fault: TransportError | None = None
        self._unnumbered = UiAssembler()
        self._reset()
        self._answer_by: float | None = None
        self._idle_at: float | None = None
        self._frmr = b""

    # --- the layer above

    def connect(self, now: float) -> list[Event]:
        """Begin to establish the link (a client); a server waits for the client's SNRM."""
        self._tries = 0
        self._do(On.CONNECT, now)
        return self._take_events()

    def disconnect(self, now: float) -> list[Event]:
        """Begin to leave in order."""
        self._tries = 0
        self._do(On.DISCONNECT, now)
        return self._take_events()

    def send(self, apdu: bytes, now: float) -> None:
        """Queue one APDU. Raises NotConnected."""
        if self.state is not State.CONNECTED:
            raise NotConnected(f"HDLC {self.local} to {self.remote}: no data link")
        octets = (COMMAND_LLC if self.role is Role.CLIENT else RESPONSE_LLC) + apdu
        size = self.agreed.transmit_length
        parts = [octets[at : at + size] for at in range(0, len(octets), size)]
        self._queue.extend((part, number < len(parts)) for number, part in enumerate(parts, 1))
        self._owed = False
        self._take_turn(now)

    def send_unconfirmed(self, apdu: bytes) -> None:
        """Send one APDU in an UI frame, link or no link: a server's push. Raises ValueError when it is too long."""
        llc = COMMAND_LLC if self.role is Role.CLIENT else RESPONSE_LLC
        self._emit(Kind.UI, poll=False, information=llc + apdu)

    def expect(self, now: float) -> None:
        """Tell that somebody waits for an APDU: a client asks for it when the server has let its turn pass."""
        if not self._expecting:
            self._expecting = True
            self._poll_due = self._turn
            self._take_turn(now)

    # --- the line below

    def outgoing(self) -> list[Frame]:
        """Take the frames to be sent."""
        frames, self._out = self._out, []
        return frames

    def receive(self, frame: Frame, now: float) -> list[Event]:
        """Take a frame that the remote station sent to us."""
        if self._idle_at is not None and self._timing.inactivity is not None:
            self._idle_at = now + self._timing.inactivity
        self._frame = frame
        on = On.INVALID if frame.kind is None else _ON[frame.kind]
        if step(self.role, self.state, on)[0] is Act.IGNORE:
            self.ignored += 1
        self._do(on, now)
        return self._take_events()

    def hear(self, now: float) -> None:
        """Tell that a frame is still coming in: the client goes on waiting."""
        if self._answer_by is not None:
            self._answer_by = max(self._answer_by, now + self._timing.response)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is wanted."""
        times = [t for t in (self._answer_by, self._hold_until, self._poll_at, self._idle_at) if t is not None]
        return min(times) if times else None

    def handle_timeout(self, now: float) -> list[Event]:
        """Do what is due."""
        if self._answer_by is not None and self._answer_by <= now:
            self._answer_by = None
            self._tries += 1
            self._do(On.EXHAUSTED if self._tries > self._timing.retries else On.TIMEOUT, now)
        if self._idle_at is not None and self._idle_at <= now:
            self._do(On.IDLE, now)
        if self._hold_until is not None and self._hold_until <= now:
            self._hold_until = None
            self._owed = False
            self._take_turn(now)
        if self._poll_at is not None and self._poll_at <= now:
            self._poll_at = None
            self._poll_due = True
            self._take_turn(now)
        return self._take_events()

    # --- the automaton's actions

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _do(self, on: On, now: float) -> None:
        before = self.state
        act, self.state = step(self.role, before, on)
        match act:
            case Act.NUMBERED:
                self._numbered(self._frame, now)
            case Act.ESTABLISH:
                self._establish(now)
            case Act.DELIVER_UI:
                self._deliver(self._unnumbered.take(self._frame), whole=not self._frame.segmented)
            case Act.RECOVER:
                self._turn = self._gap = True
                self._take_turn(now)
            case Act.LEAVE | Act.REFUSED | Act.LOST:
                self._end(act, on, before)
            case Act.IGNORE:
                pass
            case _:
                self._say(act, before, now)

    def _say(self, act: Act, before: State, now: float) -> None:
        """Send an unnumbered frame."""
        if act is Act.SEND_SNRM:
            self._emit(Kind.SNRM, information=b"" if self._offer == DEFAULT else self._offer.encode())
            self._answer_by = now + self._timing.response
        elif act is Act.SEND_DISC:
            if before is not State.DISCONNECTING:
                self._reset()
            self._emit(Kind.DISC)
            self._answer_by = now + self._timing.response
        elif self._frame.poll and act is Act.SEND_DM:
            self._emit(Kind.DM)
        elif act is Act.SEND_FRMR:
            if before is not State.REJECTED:
                self._frmr = self._rejection(self._frame)
                self._reset()
            if self._frame.poll:
                self._emit(Kind.FRMR, information=self._frmr)

    def _reset(self) -> None:
        """Forget everything about the link that was."""
        self._queue = deque()
        self._unacknowledged = deque()
        self._sent = self._received = 0
        self._partial, self._partial_size = [], 0
        self._turn = self._owed = self._expecting = self._gap = self._peer_busy = self._poll_due = False
        self._progress = True
        self._stalled = self._tries = 0
        self._hold_until = self._poll_at = None
        self._poll_interval = self._timing.poll[0]

    def _establish(self, now: float) -> None:
        self._reset()
        self._answer_by = None
        try:
            self.agreed = self._offer.agree(decode(self._frame.information))
        except ValueError:
            self.agreed = self._offer.agree(DEFAULT)
        if self.role is Role.CLIENT:
            self._turn = True
        else:
            self._emit(Kind.UA, information=self.agreed.encode() if self._frame.information else b"")
            if self._timing.inactivity is not None:
                self._idle_at = now + self._timing.inactivity
        self._events.append(LinkUp())

    def _end(self, act: Act, on: On, before: State) -> None:
        error: TransportError | None = None
        if on is On.DISC:
            self._emit(Kind.UA)
            error = Disconnected(f"HDLC {self.remote}: disconnected by the client")
        elif act is Act.REFUSED:
            error = LinkRefused(f"HDLC {self.remote}: the meter answered SNRM by {on.name}")
        elif act is Act.LOST:
            error = self._reason(on, before)
        self._reset()
        self._answer_by = self._idle_at = None
        self._events.append(LinkDown(error))

    def _reason(self, on: On, before: State) -> TransportError:
        who = f"HDLC {self.remote}"
        if self._fault is not None:
            return self._fault
        if on is On.DM:
            return Disconnected(f"{who}: the meter is disconnected (DM)")
        if on is On.FRMR:
            return FrameRejected(f"{who}: frame rejected, FRMR {self._frame.information.hex()}")
        if on is On.IDLE:
            return Disconnected(f"{who}: nothing received for {self._timing.inactivity:g} s")
        if before is State.CONNECTING:
            return ConnectTimeout(f"{who}: no answer to SNRM, sent {self._tries} times")
        return NoAcknowledgement(f"{who}: no acknowledgement after {self._timing.retries} repetitions")

    def _rejection(self, frame: Frame) -> bytes:
        """Return the information of FRMR: the control field, our counters, why (ISO/IEC 13239, 5.5.3.4.2)."""
        too_long = len(frame.information) > self.agreed.receive_length
        why = 0x01 if frame.kind is None else 0x04 if too_long else 0x08
        return bytes((frame.control or frame.control_field(), self._received << 5 | self._sent << 1, why))

    # --- numbered frames

    def _numbered(self, frame: Frame, now: float) -> None:
        in_sequence = frame.kind is not Kind.I or frame.send_number == self._received
        acknowledged = (frame.receive_number - (self._sent - len(self._unacknowledged))) % 8
        possible = acknowledged <= len(self._unacknowledged)
        if self.role is Role.SERVER and in_sequence:
            too_long = len(frame.information) > self.agreed.receive_length
            if too_long or (frame.kind is Kind.I and not possible):
                self._do(On.INVALID, now)
                return
        if possible and acknowledged:
            for _ in range(acknowledged):
                self._unacknowledged.popleft()
            self._progress = True
        self._peer_busy = frame.kind is Kind.RNR
        if frame.kind is Kind.I:
            if in_sequence and not self.busy:
                self._accept(frame, now)
                if self.state is not State.CONNECTED:
                    return
            else:
                self.ignored += 1
                self._gap = True
        if self._answer_by is not None:
            self._answer_by = now + self._timing.response
        if frame.poll and not self._is_stale(frame, in_sequence, acknowledged):
            self._given_turn(frame, now)

    def _accept(self, frame: Frame, now: float) -> None:
        self._received = (self._received + 1) % 8
        self._progress = True
        self._partial.append(frame.information)
        self._partial_size += len(frame.information)
        if self._partial_size > self._max_apdu:
            self._fault = FramingError(f"HDLC {self.remote}: an APDU of more than {self._max_apdu} octets")
            self._do(On.EXHAUSTED if self.role is Role.CLIENT else On.IDLE, now)
            return
        if frame.segmented:
            return
        octets = b"".join(self._partial)
        self._partial, self._partial_size = [], 0
        llc = RESPONSE_LLC if self.role is Role.CLIENT else COMMAND_LLC
        self._deliver(octets[3:] if octets[:3] == llc else b"")
        if self.role is Role.SERVER:
            self._owed = True

    def _deliver(self, apdu: bytes, *, whole: bool = True) -> None:
        if apdu:
            self._expecting = False
            self._poll_at = None
            self._events.append(apdu)
        elif whole:
            self.ignored += 1

    def _is_stale(self, frame: Frame, in_sequence: bool, acknowledged: int) -> bool:
        """Whether a final bit belongs to an answer that was given before: the real one is still to come.

        When a repetition crosses a late answer, the server answers twice. Taking the second answer for the turn would
        make us repeat in our turn, and so for ever.
        """
        if self.role is Role.SERVER or self._answer_by is None:
            return False
        if not in_sequence:
            return (self._received - frame.send_number) % 8 <= 8 - self.agreed.receive_window
        waiting_for_acknowledgement = bool(self._unacknowledged) and frame.kind is Kind.RR
        return waiting_for_acknowledgement and not acknowledged and self.agreed.transmit_window == 1

    def _given_turn(self, frame: Frame, now: float) -> None:
        self._turn = True
        self._answer_by = None
        if self.role is Role.SERVER:
            # A poll is answered at once, a request when the application has its answer.
            waits = self._owed and frame.kind is Kind.I and not self._queue and not self._unacknowledged
            self._hold_until = now + self._timing.hold if waits else None
            self._owed = waits
            self._take_turn(now)
            return
        self._tries = 0
        if self._progress:
            self._stalled = 0
            self._poll_interval = self._timing.poll[0]
        elif self._unacknowledged or self._partial or self._gap:
            self._stalled += 1
            if self._stalled > self._timing.retries and not self._peer_busy:
                self._do(On.EXHAUSTED, now)
                return
        self._progress = False
        self._take_turn(now)

    def _take_turn(self, now: float) -> None:
        """Send what there is to send, if it is our turn."""
        if not self._turn or self.state is not State.CONNECTED:
            return
        if not self._peer_busy:
            while self._queue and len(self._unacknowledged) < self.agreed.transmit_window:
                self._unacknowledged.append(self._queue.popleft())
                self._sent = (self._sent + 1) % 8
            if self._unacknowledged:
                self._send_window()
                self._hand_over(now)
                return
        if self.role is Role.SERVER:
            if not self._owed:
                self._supervise(now)
            return
        at_once = bool(self._partial) or self._gap
        if self._poll_due or (at_once and not self._stalled):
            self._supervise(now)
        elif (at_once or self._expecting or self._peer_busy) and self._poll_at is None:
            self._poll_at = now + self._poll_interval
            self._poll_interval = min(2 * self._poll_interval, self._timing.poll[1])

    def _send_window(self) -> None:
        first = self._sent - len(self._unacknowledged)
        last = len(self._unacknowledged) - 1
        for number, (information, segmented) in enumerate(self._unacknowledged):
            self._out.append(
                Frame(
                    self.remote,
                    self.local,
                    Kind.I,
                    poll=number == last,
                    send_number=(first + number) % 8,
                    receive_number=self._received,
                    segmented=segmented,
                    information=information,
                )
            )

    def _supervise(self, now: float) -> None:
        self._emit(Kind.RNR if self.busy else Kind.RR, number=self._received)
        self._hand_over(now)

    def _hand_over(self, now: float) -> None:
        self._turn = self._gap = self._poll_due = False
        self._hold_until = self._poll_at = None
        if self.role is Role.CLIENT:
            self._answer_by = now + self._timing.response

    def _emit(self, kind: Kind, *, poll: bool = True, number: int = 0, information: bytes = b"") -> None:
        self._out.append(
            Frame(self.remote, self.local, kind, poll=poll, receive_number=number, information=information)
        )
