"""What a crowd can do to the listener: be counted."""

import asyncio
from dataclasses import replace

from cas.push.model import Notification
from tests.unit.push.bench import CONFIRM, HOST, PLAIN, PUSH, PUSH_CONFIRMED, Book, bench

OTHER = "192.0.2.90"
BOOK = Book(places={(HOST, 1): PLAIN, (OTHER, 1): replace(PLAIN, host=OTHER)})


async def test_one_host_cannot_take_the_place_of_others() -> None:
    async with bench(BOOK, max_waiting_host=3, max_waiting=5) as it:
        it.put(*[PUSH] * 10)
        it.put(PUSH_CONFIRMED, host=OTHER)
        await it.settle()
        assert it.answers == [CONFIRM]
        assert it.refused() == {"crowded": 7}
        it.put(*[PUSH] * 3)
        it.put(*[PUSH] * 4, host=OTHER)
        await it.settle()
        assert it.refused() == {"crowded": 9}
        assert not it.push._waiting
        assert (it.push._waiting_all, it.push._waiting_octets) == (0, 0)


async def test_what_waits_is_bounded_in_octets() -> None:
    async with bench(BOOK, max_waiting_octets=2 * len(PUSH)) as it:
        assert await it.hear(*[PUSH] * 3) == []
        assert len(it.all_taken()) == 2
        assert it.refused() == {"crowded": 1}


async def test_a_sink_that_takes_its_time_holds_up_one_host_whose_order_is_kept() -> None:
    stored, other_taken = asyncio.Event(), asyncio.Event()
    taken: list[tuple[str, bytes]] = []

    async def sink(notification: Notification) -> bool:
        if notification.device_id == "slow":
            await stored.wait()
        else:
            other_taken.set()
        taken.append((notification.device_id, notification.apdu))
        return True

    senders = {
        (HOST, 1): replace(PLAIN, device_id="slow"),
        (OTHER, 1): replace(PLAIN, device_id="other", host=OTHER),
    }
    async with bench(Book(places=senders), sink=sink) as it:
        it.put(PUSH_CONFIRMED, PUSH)
        it.put(PUSH, host=OTHER)
        await other_taken.wait()
        assert it.answers == []
        stored.set()
        await it.settle()
        assert it.answers == [CONFIRM]
    assert taken == [("other", PUSH), ("slow", PUSH_CONFIRMED), ("slow", PUSH)]


async def test_counters_are_known_from_the_start_and_only_grow() -> None:
    async with bench(BOOK) as it:
        before = it.push.counts.snapshot()
        assert set(before) == {"heard", "accepted", "refused", "answered"}
        await it.hear(PUSH, b"\x00")
        after = it.push.counts.snapshot()
        assert {key: set(labels) for key, labels in after.items()} == {
            key: set(labels) for key, labels in before.items()
        }
        assert after["heard"] == {"tcp": 2, "udp": 0}
        assert (after["accepted"]["data-notification"], after["refused"]["no-notification"]) == (1, 1)
        assert before["heard"]["tcp"] == 0
