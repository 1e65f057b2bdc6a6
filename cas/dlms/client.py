"""The DLMS client: drives an association over a transport. The only module of `cas.dlms` that awaits.

async with Client(transport, settings, counters) as client:
    answer = await client.request(get_request)
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from cas.bindings import cosempdu as cos
from cas.dlms.acse import Negotiated, Settings
from cas.dlms.apdu import Request, Response, Unanswered
from cas.dlms.association import Association, Notification
from cas.dlms.errors import DlmsError, UnexpectedApdu
from cas.dlms.security.authentication import Mechanism
from cas.dlms.states import State
from cas.dlms.xdlms.exchange import Exchange, Outgoing, Overdue
from transports.base import Transport
from transports.errors import ResponseTimeout, TransportError

R = TypeVar("R")

CHALLENGE_LENGTH = 32
COUNTERS_A_STEP = 2
"""Most invocation counters that one APDU takes: the GMAC of pass 3 and the ciphering around it."""
MOST_UNASKED = 100
"""Notifications that may come in place of an answer: each gives the device its time anew."""
RELEASE_TIME = 5.0
"""Seconds that an orderly release may take; after that the link is closed all the same."""


class Counters(Protocol):
    """Invocation counters of the client under one key, never one twice, also not after a crash."""

    def take(self) -> int:
        """The next counter of those reserved."""
        ...

    async def ensure(self, count: int = 1) -> None:
        """See to it that `count` of them are reserved."""
        ...


class Client:
    """A client of one logical device, over one link.

    Errors: transports' TransportError when the link fails, DlmsError when the device or the protocol does; an answer
    that tells of an error is an answer. After an error with `association_usable` false the client must be closed.
    """

    def __init__(
        self,
        transport: Transport,
        settings: Settings,
        counters: Counters | None = None,
        on_notification: Callable[[Notification], Awaitable[bool]] | None = None,
    ) -> None:
        """`on_notification` takes what the device sends unasked, and says whether it did; only then it is confirmed."""
        self._transport = transport
        self._counters = counters
        uses_counters = settings.control is not None or settings.mechanism is Mechanism.HIGH_GMAC
        self._used_counters = counters if uses_counters else None
        self._association = Association(settings, counters.take if counters else None, os.urandom)
        self._on_notification = on_notification
        self._unconfirmed: list[Notification] = []

    @property
    def negotiated(self) -> Negotiated | None:
        """What the device agreed to; None before `open`."""
        return self._association.negotiated

    @property
    def aare(self) -> cos.AareApdu | None:
        """The device's answer to the AARQ, its user-information deciphered where it was accepted."""
        return self._association.aare

    @property
    def is_open(self) -> bool:
        """Whether the association is open, as far as is known here."""
        return self._association.state is State.ASSOCIATED

    @property
    def settings(self) -> Settings:
        """How it associates."""
        return self._association.settings

    @property
    def counters(self) -> Counters | None:
        """Where its invocation counters come from."""
        return self._counters

    @property
    def last_counter(self) -> int | None:
        """The device's last invocation counter under the global key; None before it has used any."""
        return self._association.last_counter

    @property
    def dropped(self) -> int:
        """Notifications that were not protected as they must be."""
        return self._association.dropped

    async def open(self) -> None:
        """Connect and associate; leaves nothing open if that fails."""
        try:
            await self._transport.connect()
            if self._association.settings.pre_established:
                self._association.assume()
                return
            await self._run(self._association.associate(os.urandom(CHALLENGE_LENGTH)))
        except BaseException:
            await self._transport.close()
            raise

    def request(self, body: Request) -> Coroutine[Any, Any, Response]:
        """Ask one service; see `Association.request`."""
        return self._run(self._association.request(body))

    async def tell(self, body: Unanswered) -> None:
        """Ask one service without being answered; see `Association.tell`."""
        if self._used_counters:
            await self._used_counters.ensure()
        for apdu in self._association.tell(body):
            await self._transport.send(apdu)

    async def release(self, asked: cos.RlrqApdu | None = None) -> cos.RlreApdu:
        """Release the association and return the RLRE; see `Association.release`."""
        return await self._run(self._association.release(asked))

    async def close(self) -> None:
        """Release the association if it is open, and close the link. Never raises, never hangs."""
        try:
            settings = self._association.settings
            if self._association.state is State.ASSOCIATED and settings.release and not settings.pre_established:
                async with asyncio.timeout(RELEASE_TIME):
                    await self._run(self._association.release())
        except Exception:  # noqa: BLE001, S110 - whatever fails: the link is closed, which ends the association as well
            pass
        finally:
            self._association.abort()
            await self._transport.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self, exchange: Exchange[R]) -> R:
        association, transport, counters = self._association, self._transport, self._used_counters
        try:
            if counters:
                await counters.ensure(COUNTERS_A_STEP)
            outgoing, unasked = next(exchange), 0
            while True:
                if isinstance(outgoing, bytes):
                    await transport.send(outgoing)
                else:
                    for apdu in outgoing or ():
                        await transport.send(apdu)
                try:
                    incoming = await transport.receive()
                except ResponseTimeout as timeout:
                    outgoing = _ask_again(exchange, timeout)
                    continue
                if counters:
                    await counters.ensure(COUNTERS_A_STEP)
                outgoing = exchange.send(incoming)
                unasked = 0 if outgoing else _more_unasked(unasked, len(association.notifications))
                if association.notifications:
                    await self._hand_over()
                    await self._confirm()
        except StopIteration as stop:
            result: R = stop.value
            if association.notifications:
                await self._hand_over()
                with suppress(TransportError):  # the answer is there; a device that is not confirmed sends it again
                    await self._confirm()
            return result
        except DlmsError as error:
            if not error.association_usable:
                association.abort()
            raise
        except BaseException:  # the link failed, or the caller gave up waiting: an answer may still be on its way
            association.abort()
            raise
        finally:
            exchange.close()
            if association.notifications:
                await self._hand_over()

    async def _hand_over(self) -> None:
        notifications, self._association.notifications = self._association.notifications, []
        if self._on_notification:
            self._unconfirmed += [each for each in notifications if await self._on_notification(each)]

    async def _confirm(self) -> None:
        while self._unconfirmed:
            if self._used_counters:
                await self._used_counters.ensure()
            if (apdu := self._association.confirm(self._unconfirmed.pop(0))) is not None:
                await self._transport.send(apdu)


def _more_unasked(before: int, more: int) -> int:
    if before + more > MOST_UNASKED:
        raise UnexpectedApdu(f"{before + more} notifications", "an answer")
    return before + more


def _ask_again(exchange: Exchange[R], timeout: ResponseTimeout) -> Outgoing:
    """What a procedure sends again because nothing came; most have nothing of the kind, and the time-out stands."""
    try:
        return exchange.throw(Overdue())
    except Overdue:
        raise timeout from None
