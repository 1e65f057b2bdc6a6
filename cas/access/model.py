"""The terms of this room: a DeviceAccess, its activations and its results, as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from cas.access.codes import Code

Octets = NewType("Octets", bytes)
"""The octets of one APDU, tag included."""


class State(StrEnum):
    """How far a DeviceAccess is: whether activations may still begin."""

    ACTIVE = "active"
    FINISHED = "finished"
    CLOSED = "closed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The message that made a resource."""

    source: str | None = None
    message_id: str | None = None
    correlation_id: str | None = None
    timestamp: datetime | None = None
    reply_address: str | None = None
    async_reply: bool = False
    """Whether the results are to go to the reply address, and a create is answered at once."""
    ack_required: bool = False
    """Whether the receiver acknowledges events with a ResponseMessage."""
    dev_form: bool = False
    """Whether the client writes the element DeviceAccess in the namespace dev, which answers then do as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """When to activate a resource, and for how long its results are of use; instants have a zone."""

    priority: int = 255
    """0 is most urgent, 255 least."""
    activates: datetime | None = None
    """First activation; None or past: now."""
    repeating_interval: str | None = None
    """xs:duration."""
    duration: str | None = None
    """xs:duration; the window after an activation in which devices may be accessed."""
    expires: datetime | None = None
    """No activation at or after it."""
    not_older_than: datetime | None = None
    accept_data_notification: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A device of a resource."""

    name: str
    """The DeviceID as the client wrote it, which answers repeat."""
    device_id: str
    """The DeviceID of the registry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAccess:
    """A resource: what to do on which devices, when."""

    id: UUID
    created_at: datetime
    origin: Origin
    terms: Terms
    targets: tuple[Target, ...]
    requests: tuple[Octets, ...]
    retired: tuple[Octets, ...] = ()
    """Earlier requests, which were changed; their results stay, and their numbers come before those of `requests`."""
    groups: tuple[str, ...] = ()
    """GroupIDs; their devices are found at each activation."""
    state: State = State.ACTIVE

    @property
    def is_on_demand(self) -> bool:
        """Whether it is done once and at once (IEC TS 62056-9-1, 5.2.2)."""
        activates = self.terms.activates
        return self.terms.repeating_interval is None and (activates is None or activates <= self.created_at)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a device gave no answer (CosemErrorResult)."""

    code: Code
    reason: str
    details: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one request on one device came to, in one activation."""

    access_id: UUID
    activation: int
    """Number of the activation in its resource, from 1."""
    request: int
    """Index of the request in its resource, from 0."""
    device_id: str
    activated: datetime
    """When the device was accessed."""
    answer: Octets | Failure
    attempts: int = 1
    """How often the device was tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedNotification:
    """A data notification that a resource accepted."""

    name: str
    """The DeviceID as the client wrote it, or that of the registry."""
    device_id: str
    received_at: datetime
    apdu: Octets
    """Plain, also where it came ciphered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which results of resources a client asks for."""

    ids: tuple[UUID, ...]
    start: datetime | None = None
    """Results whose access began at this time or later."""
    end: datetime | None = None
    """Results whose access began before this time."""
    last_valid: bool = False
    """Only the newest answer (no failure) of each device and request."""
    device_ids: tuple[str, ...] | None = None
    """None: all devices."""
    groups: tuple[str, ...] = ()
    """GroupIDs; their devices as of now are selected besides `device_ids`, which is not None then."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many results a selection has; outstanding are those still to come of activations under way."""

    answered: int
    failed: int
    outstanding: int

    @property
    def complete(self) -> bool:
        """Whether every device answered every request."""
        return not self.failed and not self.outstanding

    @classmethod
    def of(cls, results: Sequence[Result]) -> "Tally":
        """The tally of all results of activations that have ended."""
        failed = sum(isinstance(result.answer, Failure) for result in results)
        return cls(len(results) - failed, failed, 0)
