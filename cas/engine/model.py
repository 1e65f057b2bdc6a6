"""The terms of this room: what is due, what is made of it, and the part of it that one job does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The terms of a resource that bear on its next activation; durations are xs:duration."""

    access_id: UUID
    created_at: datetime
    activates: datetime | None
    repeating_interval: str | None
    duration: str | None
    expires: datetime | None
    next_k: int
    """Which activation on the resource's calendar is to be planned next, from 0."""
    priority: int
    """0 is most urgent, 255 least."""
    accept_data_notification: bool
    last_number: int
    """Number of the last activation that is recorded, from 1; 0: none is."""

    @property
    def on_demand(self) -> bool:
        """Whether a client asked for it to be done once and now (IEC TS 62056-9-1, 5.2.2)."""
        return self.repeating_interval is None and (self.activates is None or self.activates <= self.created_at)


@dataclass(frozen=True, slots=True)
class Slot:
    """An activation to make: its time on the calendar, and the end of its window."""

    scheduled_at: datetime
    deadline: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """What is to be planned of a resource now."""

    slot: Slot | None
    """The activation to make."""
    missed: Sequence[datetime]
    """Times of activations that are only recorded as missed."""
    next_k: int
    next_at: datetime | None
    """When to plan again; None: there is no further activation."""


class Schedule(Protocol):
    """The calendar."""

    def __call__(self, due: Due, now: datetime) -> Agenda:
        """What is to be planned of a resource at this time."""
        ...

    def resume(self, due: Due, now: datetime) -> Agenda:
        """What comes next after its terms have changed; nothing that would have been before."""
        ...


@dataclass(frozen=True, slots=True)
class Planned:
    """What planning a resource came to."""

    access_id: UUID
    number: int | None
    """Of the new activation; None: there was nothing to make."""
    chunks: int
    devices: int
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The end of an activation."""

    access_id: UUID
    number: int
    at: datetime
    stopped: bool = False
    """Whether it was canceled, or its window was over too early."""
    results: int
    """How many it has, the failed ones included."""
    failed: int


@dataclass(frozen=True, slots=True, order=True)
class ChunkId:
    """A part of the devices of an activation: what one job does."""

    access_id: UUID
    number: int
    chunk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A chunk that this process has taken."""

    id: ChunkId
    run: int
    """The how-manieth time it is taken."""
    passes: int
    """How often all its devices without a result were tried before."""
    deadline: datetime
    priority: int
    canceled: bool
    on_demand: bool
    fresh: bool
    """Whether stored answers may do, because NotOlderThan was past when the resource was made."""
