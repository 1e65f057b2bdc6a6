"""Drives a framing over a medium: the one place where the sans-IO framings meet asyncio.

`Session` is one connection from its opening to its loss: asyncio protocol, inbox and timer in one object, so
that an APDU costs one hop through the event loop. `Link` is the transport that opens session after session.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, cast

from transports.base import Channel, Event, Framing, LinkDown, LinkUp, Medium, TimedFraming
from transports.errors import (
    ClosedByPeer,
    ConnectError,
    ConnectionBroken,
    ConnectTimeout,
    FramingError,
    NotConnected,
    ResponseTimeout,
    TransportError,
)
from transports.media.tcp import connect_error

CONNECT_TIMEOUT = 20.0
RESPONSE_TIMEOUT = 30.0
CLOSE_TIMEOUT = 2.0
"""Seconds that an orderly goodbye may take before the link is cut."""
INBOX = 1000
"""APDUs that may wait to be received before the link is given up."""
_NEVER = float("inf")


class Session(asyncio.Protocol):
    """One connection, used once, of either side. `response_timeout` in seconds; None waits for ever (a server)."""

    def __init__(self, framing: Framing, endpoint: str, *, response_timeout: float | None = None) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._now = loop.time
        self.framing = framing
        # most have nothing to say of their own accord, and are asked for nothing: an APDU costs half as much
        self._timed = cast("TimedFraming", framing) if hasattr(framing, "next_timeout") else None
        self.endpoint = endpoint
        self._response_timeout = response_timeout
        self._channel: Channel | None = None
        self._open = self._unanswered = False
        self._error: TransportError | None = None
        self._inbox: deque[bytes] = deque()
        self._waiter: asyncio.Future[bytes] | None = None
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings = _NEVER
        self._opening: asyncio.Task[Any] | None = None
        self._up: asyncio.Future[None] = loop.create_future()
        self._lost: asyncio.Future[None] = loop.create_future()
        self._room: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether APDUs can be sent."""
        return self._open

    def attach(self, channel: Channel) -> None:
        """Begin on an open channel."""
        if self._channel is None and not self._lost.done():
            self._channel = channel
            self._handle(self.framing.connect(self._now()))

    async def open(self, medium: Medium, within: float, unreached: type[ConnectError]) -> None:
        """Open the medium and wait until the framing's link stands. Raises ConnectError; `abort` after any error.

        Does what `asyncio.timeout` would, with the timer that the wait for an answer needs anyway.
        """
        task = self._opening = cast("asyncio.Task[Any]", asyncio.current_task())
        cancelled = task.cancelling()
        self._deadline = self._now() + within
        self._arm()
        kind, stage = unreached, "no connection"
        try:
            self.attach(await medium.open(self))
            kind, stage = ConnectTimeout, "the link layer was not established"
            await self.established()
        except BaseException as error:
            late = self._opening is not task and task.uncancel() <= cancelled
            if late and isinstance(error, asyncio.CancelledError):
                raise kind(f"{self.endpoint}: {stage} within {within:g} s") from None
            raise
        finally:
            self._opening = self._deadline = None
            if self._error is not None:
                self._disarm()

    async def established(self) -> None:
        """Wait until the framing's link stands. Raises ConnectError."""
        await self._up

    async def send(self, apdu: bytes) -> None:
        """Send one APDU. Raises LinkLost, NotConnected, ApduTooLong."""
        if self._room is not None:
            await asyncio.shield(self._room)
        if self._channel is None or not self._open:
            raise self._gone()
        octets = self.framing.send(apdu, self._now())
        if octets:
            self._channel.write(octets)
        if self._timed is not None:
            self._flush(self._timed)

    async def receive(self) -> bytes:
        """Return the next APDU. Raises ResponseTimeout, LinkLost, FramingError."""
        if self._inbox:
            return self._inbox.popleft()
        if not self._open:
            raise self._gone()
        if self._waiter is not None:
            raise RuntimeError("two tasks receive on one link")
        waiter: asyncio.Future[bytes] = self._loop.create_future()
        self._waiter = waiter
        if self._timed is not None:
            self._timed.expect(self._now())
            self._flush(self._timed)
        if self._response_timeout is not None:
            deadline = self._deadline = self._now() + self._response_timeout
            if deadline < self._rings:
                self._arm()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._inbox.appendleft(waiter.result())  # it came in the instant of the cancellation
            else:
                self._unanswered = True
            raise
        finally:
            self._waiter = None
            self._deadline = None

    async def close(self) -> None:
        """Say goodbye if that is quick, then cut. Idempotent, never hangs, never raises."""
        try:
            if self._channel is not None:
                if self._open:
                    self._handle(self.framing.disconnect(self._now()))
                else:
                    self._channel.close()
                await asyncio.sleep(0)  # enough where neither framing nor medium has anything left to say
                if not self._lost.done():
                    await asyncio.wait((self._lost,), timeout=CLOSE_TIMEOUT)
        finally:
            self.abort()

    def abort(self) -> None:
        """Cut the connection at once."""
        if self._error is None:
            self._down(NotConnected(f"{self.endpoint}: the link was closed"))
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.abort()

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin on the transport that asyncio made."""
        self.attach(cast("asyncio.WriteTransport", transport))

    def data_received(self, data: bytes) -> None:
        """Take octets from the medium."""
        if self._error is not None:
            return
        self._handle(self.framing.receive(data, self._now()))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits that the medium is gone."""
        if self._error is None:
            self._down(self._reason(exc))
        self._channel = None
        if not self._lost.done():
            self._lost.set_result(None)

    def pause_writing(self) -> None:
        """Make senders wait."""
        if self._room is None:
            self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let senders go on."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    # --- inside

    def _handle(self, events: list[Event]) -> None:
        down: LinkDown | None = None
        for event in events:
            if type(event) is bytes:
                self._unanswered = False
                waiter = self._waiter
                if waiter is not None and not waiter.done():
                    waiter.set_result(event)
                elif len(self._inbox) < INBOX:
                    self._inbox.append(event)
                else:
                    down = LinkDown(FramingError(f"{self.endpoint}: {INBOX} APDUs came that nobody asked for"))
                    break
            elif isinstance(event, LinkUp):
                self._open = True
                if not self._up.done():
                    self._up.set_result(None)
            elif isinstance(event, LinkDown):
                down = event
        if self._timed is not None:
            self._flush(self._timed)
        if down is not None:  # last: what the framing still had to say has been written
            self._down(down.error or NotConnected(f"{self.endpoint}: the link was closed"))
            if self._channel is None:
                return
            # A medium may keep the connection for the next link, unless something of this one may still come.
            if self._unanswered or isinstance(down.error, FramingError):
                self._channel.abort()
            else:
                self._channel.close()

    def _flush(self, framing: TimedFraming) -> None:
        octets = framing.data_to_send()
        if octets and self._channel is not None:
            self._channel.write(octets)
        if (due := framing.next_timeout()) is not None and due < self._rings:
            self._arm()

    def _arm(self) -> None:
        """Set the timer to the earliest thing due. Ringing too early costs less than setting it anew for each APDU."""
        due = self._timed.next_timeout() if self._timed is not None else None
        times = [t for t in (self._deadline, due) if t is not None]
        self._disarm()
        if times and (self._error is None or self._opening is not None):
            self._rings = min(times)
            self._timer = self._loop.call_at(self._rings, self._ring)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._rings = _NEVER

    def _ring(self) -> None:
        self._disarm()
        now = self._now()
        if self._deadline is not None and self._deadline <= now:
            self._deadline = None
            if self._opening is not None:
                self._opening.cancel()
                self._opening = None
                return
            if self._waiter is not None and not self._waiter.done():
                self._unanswered = True
                self._waiter.set_exception(
                    ResponseTimeout(f"{self.endpoint}: no answer within {self._response_timeout:g} s")
                )
        if self._timed is not None:
            self._handle(self._timed.handle_timeout(now))
        if self._timer is None:
            self._arm()

    def _down(self, error: TransportError) -> None:
        """End the link, once: the first reason is the one that is told."""
        if self._error is not None:
            return
        self._error = error
        self._open = False
        if not self._up.done():
            self._up.set_exception(_while_connecting(error))
            self._up.exception()  # looked at: nobody need wait for it
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        if self._opening is None:  # else the medium may still be opening, and must not do so for ever
            self._disarm()
        self.resume_writing()

    def _reason(self, exc: Exception | None) -> TransportError:
        """Why the medium is gone."""
        if exc is None:
            return ClosedByPeer(f"{self.endpoint}: closed by the peer", self.framing.pending)
        if isinstance(exc, TransportError):
            return exc
        if isinstance(exc, ssl.SSLError):
            # In TLS 1.3 the peer refuses our certificate only after the handshake is over for us.
            return connect_error(self.endpoint, exc)
        return ConnectionBroken(f"{self.endpoint}: connection broken: {exc}")

    def _gone(self) -> TransportError:
        return self._error or NotConnected(f"{self.endpoint}: not connected")


class Link:
    """A `transports.base.Transport` made of a framing and a medium.

    `framing` makes a fresh framing for each connection. `unreached` is raised when the medium does not open in time.
    Time-outs are in seconds; `response_timeout=None` waits for ever. One task at a time may wait in `receive`.
    """

    def __init__(
        self,
        medium: Medium,
        framing: Callable[[], Framing],
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        response_timeout: float | None = RESPONSE_TIMEOUT,
        unreached: type[ConnectError] = ConnectTimeout,
    ) -> None:
        self._medium = medium
        self._framing = framing
        self._connect_timeout = connect_timeout
        self._response_timeout = response_timeout
        self._unreached = unreached
        self._session: Session | None = None

    def __repr__(self) -> str:
        return f"<Link {self.endpoint}{'' if self.is_open else ' (not open)'}>"

    @property
    def endpoint(self) -> str:
        """What links over this medium share."""
        return self._medium.endpoint

    @property
    def is_open(self) -> bool:
        """Whether APDUs can be sent."""
        return self._session is not None and self._session.is_open

    @property
    def ignored(self) -> int:
        """How many frames of this connection were passed over."""
        return self._session.framing.ignored if self._session is not None else 0

    async def connect(self) -> None:
        """Open the medium and establish the link, within `connect_timeout`. Raises ConnectError and its kin."""
        if self._session is not None:
            raise RuntimeError(f"{self.endpoint}: connect was called twice without close")
        session = Session(self._framing(), self.endpoint, response_timeout=self._response_timeout)
        try:
            await session.open(self._medium, self._connect_timeout, self._unreached)
        except BaseException:
            session.abort()
            raise
        self._session = session

    def send(self, apdu: bytes) -> Coroutine[Any, Any, None]:
        """Send one APDU. Raises LinkLost, NotConnected, ApduTooLong."""
        if (session := self._session) is None:
            raise self._not_connected()
        return session.send(apdu)

    def receive(self) -> Coroutine[Any, Any, bytes]:
        """Return the next APDU. Raises ResponseTimeout, LinkLost, FramingError."""
        if (session := self._session) is None:
            raise self._not_connected()
        return session.receive()

    async def close(self) -> None:
        """Say goodbye if that is quick, then close. Idempotent, never hangs, never raises."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _not_connected(self) -> NotConnected:
        return NotConnected(f"{self.endpoint}: not connected")


def _while_connecting(error: TransportError) -> TransportError:
    """Return the error to raise from `connect`: a connection that breaks before the link stands is a ConnectError."""
    if isinstance(error, ConnectError):
        return error
    refusal = ConnectError(f"{error} while the link was being established")
    refusal.__cause__ = error
    return refusal
