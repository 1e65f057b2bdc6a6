"""Events of resources on their way to receivers (IEC TS 62056-9-1, 5.2.3): what one is, and who does what with it."""

from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias
from uuid import UUID

BROKER = "mqtt"
"""The target of events that go to the MQTT broker; others are the origin of a ReplyAddress: `https://host:port`."""


class EventVerb(StrEnum):
    """What happened to a resource, in the words of the envelope."""

    CREATED = "created"
    """Data notifications came."""
    CHANGED = "changed"
    """Results came."""
    CLOSED = "closed"
    """It is finished, or was closed, and nothing is under way any more."""
    CANCELED = "canceled"
    DELETED = "deleted"
    """It is gone; only brokers are told."""
    SYSTEM = "system"
    """Nothing: an event of the service itself; only brokers are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One message to one target; a repeat of it has the same identity and the same content."""

    rows: tuple[int, ...]
    """What it is made of, in the outbox."""
    target: str
    access_id: UUID
    verb: EventVerb
    message_id: UUID
    created_at: datetime
    size: int = 0
    """Results or notifications in it."""
    address: str = ""
    """The ReplyAddress."""
    correlation_id: str | None = None
    """That of the message that made the resource, or its MessageID where it has none."""
    ack_required: bool = False
    """Whether the receiver must answer with a ResponseMessage."""
    dev_form: bool = False
    """Whether the client writes the element DeviceAccess in the namespace dev."""
    state: str | None = None
    """That of the resource; None: it is gone."""
    number: int = 0
    document: str = ""
    """Number and JSON of an event of the service itself."""


class Outbox(Protocol):
    """Events that wait, by target. Each stays until it is acknowledged."""

    async def next(self, target: str, waiting: Collection[UUID]) -> Event | float | None:
        """The oldest event of a target, but for resources that are waiting.

        Seconds: it is too young, ask again then. None: there is nothing. Raises StoreError.
        """
        ...

    async def acknowledge(self, event: Event) -> None:
        """The target has taken it. Raises StoreError."""
        ...


class Sender(Protocol):
    """Brings events to one kind of target."""

    async def send(self, event: Event) -> None:
        """Bring it there; return when it is acknowledged.

        Raises TargetUnreachable, TargetRefused: nothing gets there; NotAcknowledged: this event does not; EventGone.
        """
        ...


Writer: TypeAlias = Callable[[Event], AsyncIterator[str]]
"""Writes the message of an event, in pieces; a repeat is written alike.

Raises EventGone, perhaps not before its end: nothing of it may be sent until then.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """How events are delivered; times in seconds."""

    first_pause: float = 30.0
    """Before an event is sent again; doubled each time."""
    longest_pause: float = 3600.0
    timeout: float = 60.0
    """In which a receiver must have taken an event and answered."""
    connect_timeout: float = 10.0
    gather: float = 0.2
    """That the first result waits for more that go into the same message."""
    most_results: int = 500
    """In one message, unless more were stored in one go."""
    look_after: float = 15.0
    """After which a process looks for events even if nobody told it that there are some."""
