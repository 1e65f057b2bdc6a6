"""The courier of a target: order, repeats and pauses under any pattern of failures, on a clock of the test's own."""

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cas.push.courier import Courier
from cas.push.errors import EventGone, NotAcknowledged, TargetRefused, TargetUnreachable
from cas.push.events import DeliverySettings, Event, EventVerb

TARGET = "https://mdm.example.org"
SETTINGS = DeliverySettings(first_pause=30, longest_pause=300)
RESOURCES = [UUID(int=number) for number in range(1, 4)]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield


def event(number: int, access_id: UUID) -> Event:
    return Event(
        rows=(number,),
        target=TARGET,
        access_id=access_id,
        verb=EventVerb.CHANGED,
        message_id=uuid4(),
        created_at=datetime(2025, 3, 1, tzinfo=UTC),
        state="active",
    )


@dataclass
class World:
    """An outbox, a receiver and a clock."""

    events: list[Event]
    outcomes: list[Exception | None] = field(default_factory=list)
    now: float = 0.0
    jitter: float = 0.0
    young: float = 0.0
    sent: list[tuple[float, Event, bool]] = field(default_factory=list)

    async def next(self, target: str, waiting: Collection[UUID]) -> Event | float | None:
        assert target == TARGET
        if self.young > self.now:
            return self.young - self.now
        return next((each for each in self.events if each.access_id not in waiting), None)

    async def acknowledge(self, event: Event) -> None:
        self.events.remove(event)

    async def send(self, event: Event) -> None:
        outcome = self.outcomes.pop(0) if self.outcomes else None
        self.sent.append((self.now, event, outcome is None))
        if outcome is not None:
            raise outcome

    async def rest(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def courier(self) -> Courier:
        return Courier(TARGET, self, self, SETTINGS, clock=lambda: self.now, rest=self.rest, jitter=lambda: self.jitter)


failures = st.lists(
    st.sampled_from(
        [None, TargetUnreachable("down"), NotAcknowledged("500"), TargetRefused("not allowed"), RuntimeError("a fault")]
    ),
    max_size=40,
)


@given(st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=15), failures, st.floats(0, 1))
def test_whatever_fails_all_arrive_in_the_order_of_their_resource(
    resources: list[UUID], outcomes: list[Exception | None], jitter: float
) -> None:
    events = [event(number, access_id) for number, access_id in enumerate(resources)]
    world = World(list(events), outcomes, jitter=jitter)
    asyncio.run(world.courier().run())
    assert not world.events
    for access_id in RESOURCES:
        taken = [each for _, each, arrived in world.sent if arrived and each.access_id == access_id]
        assert taken == [each for each in events if each.access_id == access_id]
        # Nothing is tried while an older event of its resource is not there.
        tried = [each.rows[0] for _, each, _ in world.sent if each.access_id == access_id]
        assert tried == sorted(tried)


async def test_a_target_that_is_down_rests_as_a_whole_and_longer_each_time() -> None:
    world = World([event(1, RESOURCES[0]), event(2, RESOURCES[1])], [TargetUnreachable("down")] * 6)
    await world.courier().run()
    times = [at for at, _, _ in world.sent]
    assert [b - a for a, b in pairwise(times[:7])] == [30, 60, 120, 240, 300, 300]
    assert [each.rows[0] for _, each, _ in world.sent] == [1] * 7 + [2]


async def test_an_event_that_is_refused_holds_up_only_its_own_resource() -> None:
    first, other = RESOURCES[:2]
    world = World([event(1, first), event(2, first), event(3, other), event(4, other)], [NotAcknowledged("400")])
    await world.courier().run()
    assert [(at, each.rows[0]) for at, each, _ in world.sent] == [(0, 1), (0, 3), (0, 4), (30, 1), (30, 2)]


async def test_a_success_makes_the_next_pause_short_again() -> None:
    world = World(
        [event(1, RESOURCES[0]), event(2, RESOURCES[0])],
        [NotAcknowledged("1"), NotAcknowledged("2"), None, NotAcknowledged("3")],
    )
    await world.courier().run()
    assert [at for at, _, _ in world.sent] == [0, 30, 90, 90, 120]


async def test_jitter_shortens_a_pause_by_a_quarter_at_the_most() -> None:
    world = World([event(1, RESOURCES[0])], [TargetUnreachable("down")], jitter=1.0)
    await world.courier().run()
    assert [at for at, _, _ in world.sent] == [0, 22.5]


async def test_a_repeat_is_the_same_message() -> None:
    world = World([event(1, RESOURCES[0])], [TargetUnreachable("down"), NotAcknowledged("500")])
    await world.courier().run()
    assert len({each.message_id for _, each, _ in world.sent}) == 1


async def test_an_event_of_a_resource_that_is_gone_is_dropped() -> None:
    world = World([event(1, RESOURCES[0])], [EventGone("deleted")])
    await world.courier().run()
    assert not world.events


async def test_a_young_event_waits_for_more() -> None:
    world = World([event(1, RESOURCES[0])], young=0.2)
    await world.courier().run()
    assert [at for at, _, _ in world.sent] == [0.2]
