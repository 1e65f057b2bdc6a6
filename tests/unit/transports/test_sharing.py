"""Turns, permits, and links kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from transports.errors import Refused, TransportError
from transports.sharing import Lease, Limits, Reason, Sharing, Turnstile


class Fake:
    """A transport that counts; its URL is its endpoint up to the question mark."""

    open_now: set["Fake"] = set()

    def __init__(self, url: str) -> None:
        self.url = url
        self.connects = 0
        self.is_open = False

    @property
    def endpoint(self) -> str:
        return self.url.partition("?")[0]

    async def connect(self) -> None:
        if "refuse" in self.url:
            raise Refused(self.url)
        self.connects += 1
        self.is_open = True
        Fake.open_now.add(self)
        await asyncio.sleep(0)

    async def send(self, apdu: bytes) -> None: ...

    async def receive(self) -> bytes:
        return b""

    async def close(self) -> None:
        self.is_open = False
        Fake.open_now.discard(self)


@pytest.fixture(autouse=True)
def nothing_open() -> None:
    Fake.open_now.clear()


class Waits:
    def __init__(self) -> None:
        self.all: list[tuple[Reason, str, float]] = []

    def __call__(self, reason: Reason, name: str, seconds: float) -> None:
        self.all.append((reason, name, seconds))


def sharing(keep_alive: float = 0.0, waits: Waits | None = None, **limits: Any) -> Sharing:
    return Sharing(
        Fake,
        Limits(**{"per_second": 1e6, **limits}),
        keep_alive=keep_alive,
        on_wait=waits or Waits(),
    )


@asynccontextmanager
async def leased(shared: Sharing, url: str, *, device: str, segment: str = "") -> AsyncIterator[Lease]:
    lease = await shared.borrow(url, device=device, segment=segment)
    try:
        yield lease
    finally:
        await shared.give_back(lease)


async def hold(
    shared: Sharing, url: str, device: str, release: asyncio.Event, log: list[str], segment: str = ""
) -> None:
    async with leased(shared, url, device=device, segment=segment):
        log.append(device)
        await release.wait()


async def started(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_one_at_a_time_per_endpoint_and_devices_take_turns() -> None:
    shared, log = sharing(), list[str]()
    first = asyncio.Event()
    holder = asyncio.create_task(hold(shared, "a", "zero", first, log))
    await started()
    free = asyncio.Event()
    free.set()
    jobs = ["one", "one", "one", "two", "two", "three"]
    tasks = [asyncio.create_task(hold(shared, f"a?server={job}", job, free, log)) for job in jobs]
    await started()
    assert shared.waiting() == {"endpoint": 6, "segment": 0, "connections": 0}
    assert len(Fake.open_now) == 1
    first.set()
    await asyncio.gather(holder, *tasks)
    assert log == ["zero", "one", "two", "three", "one", "two", "one"]
    assert not Fake.open_now
    assert shared.connections == 0


async def test_other_endpoints_do_not_wait() -> None:
    shared, log, release = sharing(), list[str](), asyncio.Event()
    tasks = [asyncio.create_task(hold(shared, url, url, release, log)) for url in "abcdef"]
    await started()
    assert len(Fake.open_now) == 6
    release.set()
    await asyncio.gather(*tasks)


@pytest.mark.parametrize(
    ("limits", "reason"), [({"connections": 2}, "connections"), ({"segments": {"bs": 2}}, "segment")]
)
async def test_connections_in_all_and_per_segment(limits: dict[str, Any], reason: Reason) -> None:
    waits = Waits()
    shared, log, release = sharing(waits=waits, **limits), list[str](), asyncio.Event()
    tasks = [asyncio.create_task(hold(shared, url, url, release, log, "bs")) for url in "abcd"]
    elsewhere = asyncio.create_task(hold(shared, "e", "e", release, log, "other"))
    await started()
    assert len(Fake.open_now) == (2 if reason == "connections" else 3)
    assert shared.waiting()[reason] == (3 if reason == "connections" else 2)
    await asyncio.sleep(0.02)
    release.set()
    await asyncio.gather(*tasks, elsewhere)
    assert sorted(log) == ["a", "b", "c", "d", "e"]
    waited = [seconds for why, _, seconds in waits.all if why == reason]
    assert max(waited) >= 0.02
    assert shared.connections == 0


async def test_new_connections_a_second() -> None:
    shared, log, free = sharing(per_second=20.0), list[str](), asyncio.Event()
    free.set()
    start = asyncio.get_running_loop().time()
    await asyncio.gather(*(hold(shared, str(n), str(n), free, log) for n in range(26)))
    assert 0.25 <= asyncio.get_running_loop().time() - start < 2


async def test_cancelled_jobs_leave_no_permit_behind() -> None:
    shared = sharing(connections=1, segments={"bs": 1})
    release, log = asyncio.Event(), list[str]()
    holder = asyncio.create_task(hold(shared, "a", "a", release, log, "bs"))
    await started()
    waiting = [
        asyncio.create_task(hold(shared, url, url, release, log, where))
        for url, where in ("ab", "bb", ("c", "bs"), "dd")
    ]
    for task in waiting:
        await started()
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    release.set()
    await holder
    async with asyncio.timeout(1):
        await hold(shared, "e", "e", release, log, "bs")
    assert shared.connections == 0
    assert shared.waiting() == {"endpoint": 0, "segment": 0, "connections": 0}


async def test_a_turn_in_the_instant_of_a_cancellation_is_given_on() -> None:
    turnstile = Turnstile(1)
    await turnstile.enter("a")
    waiting = asyncio.create_task(turnstile.enter("b"))
    await asyncio.sleep(0)
    turnstile.leave()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(1):
        await turnstile.enter("c")


async def test_a_job_cancelled_as_the_last_one_goes_is_cancelled() -> None:
    shared = sharing()
    lease = await shared.borrow("a", device="one")
    waiting = asyncio.create_task(shared.borrow("a", device="two"))
    await started()
    waiting.cancel()
    await shared.give_back(lease)  # suspends nowhere, so the endpoint is forgotten before the waiting job wakes
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(1), leased(shared, "a", device="three"):
        pass


async def test_a_refused_connection_gives_its_permit_back() -> None:
    shared = sharing(connections=1)
    for _ in range(3):
        with pytest.raises(Refused):
            async with leased(shared, "refuse", device="a"):
                pass
    assert shared.connections == 0


async def test_a_link_is_kept_for_the_next_job_of_the_device() -> None:
    shared = sharing(keep_alive=0.05)
    async with leased(shared, "a", device="one") as lease:
        lease.attached = "association"
        first = lease.transport
    assert shared.kept == 1
    async with leased(shared, "a", device="one") as lease:
        assert (lease.reused, lease.attached) == (True, "association")
        assert lease.transport is first
    await asyncio.sleep(0.1)
    assert shared.kept == 0
    assert not Fake.open_now
    async with leased(shared, "a", device="one") as lease:
        assert not lease.reused
    await shared.close()


async def test_goodbye_is_said_before_a_kept_link_is_closed() -> None:
    shared, said = sharing(keep_alive=60), list[str]()

    async def goodbye() -> None:
        assert Fake.open_now
        said.append("goodbye")

    async with leased(shared, "a", device="one") as lease:
        lease.goodbye = goodbye
    assert said == []
    await shared.close()
    assert said == ["goodbye"]
    assert not Fake.open_now


async def test_a_goodbye_that_fails_does_not_keep_the_link() -> None:
    shared = sharing()

    async def goodbye() -> None:
        raise TransportError("gone")

    async with leased(shared, "a", device="one") as lease:
        lease.goodbye = goodbye
    assert not Fake.open_now


@pytest.mark.parametrize("how", ["another device", "another endpoint", "segment"])
async def test_a_kept_link_makes_room_for_whoever_needs_it(how: str) -> None:
    limits: dict[str, dict[str, Any]] = {
        "another device": {},
        "another endpoint": {"connections": 1},
        "segment": {"segments": {"bs": 1}},
    }
    shared = sharing(keep_alive=60, **limits[how])
    async with leased(shared, "a", device="one", segment="bs"):
        pass
    assert shared.kept == 1
    async with (
        asyncio.timeout(1),
        leased(shared, "a?2" if how == "another device" else "b", device="two", segment="bs"),
    ):
        assert len(Fake.open_now) == 1
    await shared.close()
    assert shared.connections == 0


async def test_a_link_is_not_kept_when_it_has_gone_or_on_request() -> None:
    shared = sharing(keep_alive=60)

    async def use(what: str) -> None:
        async with leased(shared, "a", device="one") as lease:
            if what == "gone":
                lease.transport.is_open = False  # type: ignore[attr-defined] # a Fake
            lease.keep = what != "request"

    for what in ("gone", "request"):
        await use(what)
        assert shared.kept == 0
    await use("nothing")
    kept = next(iter(Fake.open_now))
    kept.is_open = False  # the meter hung up meanwhile
    async with leased(shared, "a", device="one") as lease:
        assert not lease.reused
    await shared.close()
