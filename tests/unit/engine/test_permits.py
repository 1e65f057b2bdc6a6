"""Permits: never more than the limit, the urgent first, and something left for who waits for an answer."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from cas.engine.permits import ON_DEMAND, Permits


class Crowd:
    def __init__(self, permits: Permits) -> None:
        self.permits = permits
        self.order: list[int] = []
        self.held = 0
        self.bulk = 0
        self.most = 0
        self.most_bulk = 0

    async def work(self, rank: int, turns: int = 1) -> None:
        async with self.permits.permit(rank):
            self.order.append(rank)
            self.held += 1
            self.bulk += rank != ON_DEMAND
            self.most = max(self.most, self.held)
            self.most_bulk = max(self.most_bulk, self.bulk)
            for _ in range(turns):
                await asyncio.sleep(0)
            self.held -= 1
            self.bulk -= rank != ON_DEMAND


async def test_the_urgent_goes_first_and_equals_in_turn() -> None:
    crowd = Crowd(Permits(1, 0))
    async with crowd.permits.permit(0):
        waiting = [asyncio.create_task(crowd.work(rank)) for rank in (255, 3, 255, ON_DEMAND, 0)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert crowd.order == [ON_DEMAND, 0, 3, 255, 255]


async def test_bulk_work_leaves_a_part_to_on_demand_accesses() -> None:
    crowd = Crowd(Permits(10))
    await asyncio.gather(*(crowd.work(5, 3) for _ in range(50)), *(crowd.work(ON_DEMAND, 3) for _ in range(50)))
    assert (crowd.most, crowd.most_bulk) == (10, 9)


@given(
    limit=st.integers(1, 5),
    ranks=st.lists(st.sampled_from([ON_DEMAND, 0, 255]), max_size=20),
    given_up=st.sets(st.integers(0, 19)),
)
def test_who_gives_up_waiting_costs_no_permit(limit: int, ranks: list[int], given_up: set[int]) -> None:
    async def run() -> None:
        crowd = Crowd(Permits(limit))
        tasks = [asyncio.create_task(crowd.work(rank, number % 3)) for number, rank in enumerate(ranks)]
        for number in given_up & set(range(len(tasks))):
            await asyncio.sleep(0)
            tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert crowd.most <= limit
        # all permits are back
        rest = Crowd(crowd.permits)
        await asyncio.gather(*(rest.work(ON_DEMAND, 2) for _ in range(2 * limit)))
        assert rest.most == limit

    asyncio.run(run())
