"""A courier brings the events of one target there, one at a time, those of a resource in order, until there are none.

What is not acknowledged is sent again after a pause that doubles each time. A target that nothing reaches rests as a
whole; an event that the receiver does not take holds up only those of its own resource.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from cas.push.errors import EventGone, NotAcknowledged, TargetRefused, TargetUnreachable
from cas.push.events import DeliverySettings, Event, Outbox, Sender
from cas.store.errors import StoreError
from cas.system_events import Kind, tell

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Rest:
    """How often in a row something failed, and until when it rests, on the courier's clock."""

    failures: int = 0
    until: float = 0.0


class Courier:
    """The courier of one target.

    `clock` tells seconds; `rest` waits for seconds, or less when there may be something new; `jitter` gives 0 to 1.
    """

    def __init__(
        self,
        target: str,
        outbox: Outbox,
        sender: Sender,
        settings: DeliverySettings,
        *,
        clock: Callable[[], float],
        rest: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float],
    ) -> None:
        self.target = target
        self._outbox = outbox
        self._sender = sender
        self._settings = settings
        self._clock = clock
        self._rest = rest
        self._jitter = jitter
        self._target_rest = _Rest()
        self._resource_rests: dict[UUID, _Rest] = {}

    async def run(self) -> None:
        """Deliver all there is. Raises StoreError."""
        while (pause := await self._step()) is not None:
            if pause > 0:
                await self._rest(pause)

    async def _step(self) -> float | None:
        """Deliver one event, or tell how long there is nothing to do; None: nothing is left."""
        now = self._clock()
        if self._target_rest.until > now:
            return self._target_rest.until - now
        waiting = {each: rest.until - now for each, rest in self._resource_rests.items() if rest.until > now}
        found = await self._outbox.next(self.target, waiting)
        if isinstance(found, Event):
            await self._deliver(found)
            return 0.0
        pauses = [*waiting.values(), *([] if found is None else [found])]
        return min(pauses, default=None)

    async def _deliver(self, event: Event) -> None:
        try:
            await self._sender.send(event)
        except (TargetUnreachable, TargetRefused) as problem:
            self._postpone(self._target_rest, event, problem)
            return
        except NotAcknowledged as problem:
            self._target_rest = _Rest()
            self._postpone(self._resource_rests.setdefault(event.access_id, _Rest()), event, problem)
            return
        except EventGone:
            log.info(
                "event dropped: its resource is gone, or it is told",
                resource=str(event.access_id),
                verb=event.verb.value,
            )
        except StoreError:
            raise  # it is no fault of the event
        except Exception as problem:  # one event must not stop the others
            log.exception("event not delivered by a fault of this program", resource=str(event.access_id))
            tell(Kind.FAULT, "delivery of events", target=self.target)
            self._postpone(self._resource_rests.setdefault(event.access_id, _Rest()), event, problem)
            return
        else:
            if self._target_rest.failures or event.access_id in self._resource_rests:
                tell(Kind.RECEIVER_BACK, self.target)
            self._target_rest = _Rest()
        self._resource_rests.pop(event.access_id, None)
        await self._outbox.acknowledge(event)

    def _postpone(self, rest: _Rest, event: Event, problem: Exception) -> None:
        rest.failures += 1
        if rest.failures == 1:
            tell(Kind.RECEIVER_AWAY, self.target, resource=str(event.access_id), problem=str(problem))
        # The exponent is bounded: a float holds no more.
        pause = min(self._settings.first_pause * 2.0 ** min(rest.failures - 1, 64), self._settings.longest_pause)
        pause *= 1 - self._jitter() / 4
        rest.until = self._clock() + pause
        log.warning(
            "event not delivered",
            target=self.target,
            resource=str(event.access_id),
            verb=event.verb.value,
            message_id=str(event.message_id),
            attempts=rest.failures,
            next_attempt_in=round(pause, 1),
            problem=str(problem),
        )
