"""Permits: never more than the limit, the urgent first, and something left for who waits for an answer."""

import asyncio
import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cas.engine.permits import ON_DEMAND, Permits

_numbers = itertools.count()


class Crowd:
    def __init__(self, permits: Permits) -> None:
        self.permits = permits
        self.order: list[int] = []
        self.held = 0
        self.bulk = 0
        self.most = 0
        self.most_bulk = 0
        self.devices: Counter[str] = Counter()
        self.most_of_a_device = 0

    async def work(self, rank: int, turns: int = 1, device_id: str | None = None) -> None:
        device_id = device_id or f"M{next(_numbers)}"
        async with self.permits.permit(rank, device_id):
            self.order.append(rank)
            self.devices[device_id] += 1
            self.most_of_a_device = max(self.most_of_a_device, self.devices[device_id])
            self.held += 1
            self.bulk += rank != ON_DEMAND
            self.most = max(self.most, self.held)
            self.most_bulk = max(self.most_bulk, self.bulk)
            try:
                for _ in range(turns):
                    await asyncio.sleep(0)
            finally:
                self.held -= 1
                self.bulk -= rank != ON_DEMAND
                self.devices[device_id] -= 1


async def test_the_urgent_goes_first_and_equals_in_turn() -> None:
    crowd = Crowd(Permits(1, 0))
    async with crowd.permits.permit(0, "M"):
        waiting = [asyncio.create_task(crowd.work(rank)) for rank in (255, 3, 255, ON_DEMAND, 0)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert crowd.order == [ON_DEMAND, 0, 3, 255, 255]


async def test_bulk_work_leaves_a_part_to_on_demand_accesses() -> None:
    crowd = Crowd(Permits(10))
    await asyncio.gather(*(crowd.work(5, 3) for _ in range(50)), *(crowd.work(ON_DEMAND, 3) for _ in range(50)))
    assert (crowd.most, crowd.most_bulk) == (10, 9)


async def test_who_waits_for_a_device_holds_no_permit() -> None:
    crowd = Crowd(Permits(3, 0))
    async with crowd.permits.permit(ON_DEMAND, "silent"):
        behind = [asyncio.create_task(crowd.work(rank, device_id="silent")) for rank in (255, 3, 3, ON_DEMAND, 255)]
        await asyncio.sleep(0)
        behind[0].cancel()
        assert crowd.permits.held == 1
        async with asyncio.timeout(5):
            await asyncio.gather(*(crowd.work(255, 3) for _ in range(10)))
        assert crowd.most == 2
        assert crowd.permits.waiting == 4
    await asyncio.gather(*behind[1:])
    assert crowd.order[10:] == [ON_DEMAND, 3, 3, 255]
    assert crowd.most_of_a_device == 1


@given(
    limit=st.integers(1, 5),
    ranks=st.lists(st.sampled_from([ON_DEMAND, 0, 255]), max_size=20),
    given_up=st.sets(st.integers(0, 19)),
    devices=st.integers(1, 20),
)
def test_who_gives_up_waiting_costs_no_permit(limit: int, ranks: list[int], given_up: set[int], devices: int) -> None:
    async def run() -> None:
        crowd = Crowd(Permits(limit))
        tasks = [
            asyncio.create_task(crowd.work(rank, number % 3, f"M{number % devices}"))
            for number, rank in enumerate(ranks)
        ]
        for number in given_up & set(range(len(tasks))):
            await asyncio.sleep(0)
            tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert crowd.most <= limit
        assert crowd.most_of_a_device <= 1
        assert len(crowd.order) >= len(ranks) - len(given_up)
        assert (crowd.permits.held, crowd.permits.waiting) == (0, 0)
        # all permits are back
        rest = Crowd(crowd.permits)
        await asyncio.gather(*(rest.work(ON_DEMAND, 2) for _ in range(2 * limit)))
        assert rest.most == limit

    asyncio.run(run())
