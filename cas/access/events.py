"""What the events of resources tell, read from the database, and the notifications that resources accept.

A notification that comes is kept for each resource that accepts it (IEC TS 62056-9-1, 5.2.4): one with
AcceptDataNotification that is active, that names its device, or a group with it, or no device at all, and between its
Activates and its Expires (D).
"""

from collections.abc import AsyncIterator, Callable
from datetime import datetime

from cas.access.document import NamedResult
from cas.access.model import NamedNotification, Octets
from cas.access.notifications import notifications
from cas.access.results import read_result
from cas.devices.opening import Heard
from cas.dlms.apdu import encode_apdu
from cas.dlms.notification import Body, kind_of
from cas.push.errors import EventGone
from cas.push.events import Event
from cas.push.model import Notification, Sink
from cas.store.database import Pool, connected
from cas.store.queries import query

# Results in one page.
PAGE = 64

_REQUESTS = query("event_requests")
_SPAN = query("event_span")
_RESULTS = query("event_results")
_NOTIFICATIONS = query("event_notifications")
_STANDS = query("event_stands")
_STORE = query("notification_store")


class EventContent:
    """What events tell, in constant memory; no connection is held between pages."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def requests(self, event: Event) -> list[tuple[int, Octets]]:
        """The requests that an event has results of, with their numbers."""
        parameters = {"access_id": event.access_id, "rows": list(event.rows)}
        async with connected(self._pool) as connection:
            rows = await (await connection.execute(_REQUESTS, parameters, binary=True)).fetchall()
        return [(position, Octets(apdu)) for position, apdu in rows]

    async def results(self, event: Event) -> AsyncIterator[NamedResult]:
        """The results that an event tells, by request; those that are not kept any more are left out."""
        parameters: dict[str, object] = {"rows": list(event.rows), "page": PAGE}
        async with connected(self._pool) as connection:
            span = await (await connection.execute(_SPAN, parameters)).fetchone()
        assert span is not None  # noqa: S101 - an aggregate has one row
        parameters |= {"first_kept": span[0], "last_kept": span[1]}
        after: tuple[int, int, str] = (-1, 0, "")
        while True:
            behind = dict(zip(("after_request", "after_activation", "after_device_id"), after, strict=True))
            async with connected(self._pool) as connection:
                rows = await (await connection.execute(_RESULTS, {**parameters, **behind}, binary=True)).fetchall()
            for row in rows:
                if row[4] is not None:
                    yield read_result(row), row[10]
            if len(rows) < PAGE:
                return
            after = (rows[-1][2], rows[-1][1], rows[-1][3])

    async def notifications(self, event: Event) -> AsyncIterator[NamedNotification]:
        """The notifications that an event tells, as they came."""
        async for notification in notifications(self._pool, _NOTIFICATIONS, {"rows": list(event.rows)}):
            yield notification

    async def check(self, event: Event) -> None:
        """That the event was there until now, and what was read of it is all. Raises EventGone.

        It goes when its resource is deleted, and when another process has delivered it: one that was killed behind its
        acknowledgement no longer holds the target when PostgreSQL carries that out.
        """
        async with connected(self._pool) as connection:
            stands = await (await connection.execute(_STANDS, {"rows": list(event.rows)})).fetchone()
        if stands is None:
            raise EventGone(f"an event of {event.access_id} went while it was written")


def notification_sink(pool: Pool) -> Sink:
    """A sink for `cas.push.listener` that keeps what resources accept, and has it told as events `created`.

    What no resource accepts counts as taken (D): its device need not send it again.
    """

    async def sink(notification: Notification) -> bool:
        parameters = {
            "device_id": notification.device_id,
            "received_at": notification.received_at,
            "apdu": notification.apdu,
        }
        async with connected(pool) as connection:
            await connection.execute(_STORE, parameters)
        return True

    return sink


def in_association(sink: Sink, clock: Callable[[], datetime]) -> Heard:
    """Hands to a sink what a device sends unasked while it is talked to, as if the listener had heard it."""

    async def heard(device_id: str, body: Body) -> bool:
        return await sink(Notification(device_id, clock(), encode_apdu(body), kind_of(body)))

    return heard
