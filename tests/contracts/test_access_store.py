"""What every store of DeviceAccess resources promises: the memory of the tests, and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection, DataError

from cas.access.codes import Code
from cas.access.failures import LOST
from cas.access.model import DeviceAccess, Failure, Octets, Origin, Result, Selection, State, Tally, Target, Terms
from cas.access.ports import Store
from cas.access.postgres import open_store
from cas.store.database import Pool, open_pool
from cas.store.errors import StoreError
from tests.access_fakes import KEYRING, MemoryStore, ended

NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FAILURE = Failure(Code.TIMED_OUT, "no answer in time", "nothing within 5 s")
DIGEST = bytes(32)


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    dsn: str = request.getfixturevalue("dsn")
    async with open_pool(dsn, max_size=4) as pool, open_store(pool, KEYRING) as opened:
        yield opened


def make(*names: str, origin: Origin | None = None, requests: int = 1, at: datetime = NOW) -> DeviceAccess:
    return DeviceAccess(
        id=uuid4(),
        created_at=at,
        origin=origin or Origin(),
        terms=Terms(),
        targets=tuple(Target(name.lower(), name) for name in names),
        requests=tuple(Octets(bytes((0xC0, number))) for number in range(requests)),
    )


def result(
    access: DeviceAccess, device: str, request: int = 0, answer: Octets | Failure = FAILURE, at: datetime = NOW
) -> Result:
    return Result(access_id=access.id, activation=1, request=request, device_id=device, activated=at, answer=answer)


async def stored(store: Store, access: DeviceAccess, **filters: object) -> list[Result]:
    selection = Selection(ids=(access.id,), **filters)  # type: ignore[arg-type]  # the tests give what the fields take
    return [found async for found in store.results(access.id, selection)]


async def test_a_resource_is_found_as_it_was_stored(store: Store) -> None:
    access = DeviceAccess(
        id=uuid4(),
        created_at=NOW,
        origin=Origin(
            source="MDM",
            message_id="m",
            correlation_id="c",
            timestamp=NOW - MINUTE,
            reply_address="https://mdm.example/events",
            async_reply=False,
            dev_form=True,
        ),
        terms=Terms(
            priority=3,
            activates=NOW,
            repeating_interval="P1M",
            duration="PT15M",
            expires=NOW + MINUTE,
            not_older_than=NOW - MINUTE,
            accept_data_notification=True,
        ),
        targets=(Target("zz", "Z"), Target("a", "A")),
        requests=(Octets(b"\xc0\x01"), Octets(b"")),
    )
    assert await store.create(access, DIGEST, None) == access.id
    assert await store.find([access.id, uuid4()]) == {access.id: access}


async def test_results_come_back_by_request_and_device(store: Store) -> None:
    access = make("A", "B", requests=2)
    await store.create(access, DIGEST, None)
    given = [
        result(access, "B", 1, Octets(b"\xc4\x00")),
        result(access, "B", 0, FAILURE),
        result(access, "A", 0, Octets(b"")),
    ]
    await store.add_results(given)
    assert await stored(store, access) == [given[2], given[1], given[0]]
    assert await store.tally(Selection(ids=(access.id,))) == Tally(answered=2, failed=1, outstanding=1)


async def test_a_result_is_stored_once_the_first_counts(store: Store) -> None:
    access = make("A")
    await store.create(access, DIGEST, None)
    await store.add_results([result(access, "A", answer=Octets(b"\x01"))])
    await store.add_results([result(access, "A", answer=Octets(b"\x02"))])
    assert [found.answer for found in await stored(store, access)] == [b"\x01"]


async def test_many_results_come_in_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.access.results.PAGE", 7)
    names = [f"{number:03}" for number in range(50)]
    access = make(*names, requests=2)
    await store.create(access, DIGEST, None)
    await store.add_results([result(access, name, number) for name in names for number in (0, 1)])
    found = await stored(store, access)
    assert [(each.request, each.device_id) for each in found] == [(number, name) for number in (0, 1) for name in names]
    await store.add_results([])
    for_last_valid = await stored(store, access, last_valid=True)
    assert for_last_valid == []


async def test_results_are_selected_by_time_and_device(store: Store) -> None:
    access = make("A", "B", "C")
    await store.create(access, DIGEST, None)
    for number, name in enumerate("ABC"):
        await store.add_results([result(access, name, answer=Octets(b"\xc4"), at=NOW + number * MINUTE)])

    async def names(**filters: object) -> str:
        return "".join(found.device_id for found in await stored(store, access, **filters))

    assert await names(start=NOW + MINUTE) == "BC"
    assert await names(end=NOW + MINUTE) == "A"
    assert await names(start=NOW + MINUTE, end=NOW + 2 * MINUTE) == "B"
    assert await names(device_ids=("A", "C")) == "AC"
    assert await names(device_ids=()) == ""
    assert await store.tally(Selection(ids=(access.id,), device_ids=("A", "B"))) == Tally(2, 0, 0)


async def test_failures_are_no_valid_data(store: Store) -> None:
    access = make("A", "B")
    await store.create(access, DIGEST, None)
    good = result(access, "A", answer=Octets(b"\xc4"))
    await store.add_results([good, result(access, "B")])
    assert await stored(store, access, last_valid=True) == [good]


async def test_an_activation_that_ends_ends_its_resource(store: Store) -> None:
    access = make("A")
    await store.create(access, DIGEST, None)
    assert await store.is_executing(access.id, 1)
    assert await store.finish(ended(access.id, NOW))
    assert not await store.is_executing(access.id, 1)
    assert not await store.finish(ended(access.id, NOW))
    assert (await store.find([access.id]))[access.id].state is State.FINISHED
    assert (await store.tally(Selection(ids=(access.id,)))).outstanding == 0
    await store.set_state([access.id], State.CANCELED)
    assert (await store.find([access.id]))[access.id].state is State.FINISHED


async def test_the_last_results_are_stored_with_the_end(store: Store) -> None:
    access = make("A", "B")
    await store.create(access, DIGEST, None)
    await store.add_results([result(access, "A", answer=Octets(b"\xc4"))])
    assert await store.finish(ended(access.id, NOW, results=2, failed=1), [result(access, "B")])
    assert [(each.device_id, each.answer) for each in await stored(store, access)] == [("A", b"\xc4"), ("B", FAILURE)]
    assert await store.tally(Selection(ids=(access.id,))) == Tally(1, 1, 0)


@pytest.mark.parametrize(
    ("results", "failed", "outcome"),
    [(0, 0, "empty"), (2, 0, "ok"), (2, 1, "not-completed"), (2, 2, "failed")],
)
async def test_many_end_at_the_same_time_each_with_its_own_outcome(
    pool: Pool, results: int, failed: int, outcome: str
) -> None:
    async with open_store(pool, KEYRING) as store:
        made, others = make("A"), [make("A") for _ in range(5)]
        await asyncio.gather(*(store.create(each, DIGEST, None) for each in (made, *others)))
        over = [ended(made.id, NOW, results=results, failed=failed)]
        over += [ended(each.id, NOW, stopped=True) for each in others]
        assert all(await asyncio.gather(*map(store.finish, over)))
        async with pool.connection() as connection:
            counted = b"SELECT access_id, outcome, result_count, failure_count FROM activation"
            rows = await (await connection.execute(counted)).fetchall()
        assert {row[0]: row[1:] for row in rows} == {
            made.id: (outcome, results, failed),
            **{each.id: ("stopped", 0, 0) for each in others},
        }


async def test_an_end_without_its_results_is_none(pool: Pool) -> None:
    async with open_store(pool, KEYRING) as store:
        access = make("A")
        await store.create(access, DIGEST, None)
        bad = replace(result(access, "A"), request=2**40)
        with pytest.raises(DataError):
            await store.finish(ended(access.id, NOW, results=1), [bad])
        assert await store.is_executing(access.id, 1)


async def test_of_messages_at_the_same_time_each_counts_by_itself(pool: Pool) -> None:
    async with open_store(pool, KEYRING) as store:
        origins = [Origin(source="MDM", message_id=f"m{number % 3}") for number in range(9)]
        made = [make("A", origin=origin) for origin in origins]
        answered = await asyncio.gather(*(store.create(each, DIGEST, MINUTE) for each in made))
        assert set(await store.find([each.id for each in made])) == set(answered)
        assert [answered[number] for number in range(3)] * 3 == answered
        assert len(set(answered)) == 3


@pytest.mark.parametrize("state", [State.CANCELED, State.CLOSED])
async def test_a_resource_that_was_ended_stays_so(store: Store, state: State) -> None:
    access = make("A")
    await store.create(access, DIGEST, None)
    await store.set_state([access.id], state)
    await store.finish(ended(access.id, NOW, stopped=True))
    assert (await store.find([access.id]))[access.id].state is state


async def test_what_is_deleted_is_gone_and_late_results_are_dropped(store: Store) -> None:
    access, other = make("A", "B"), make("A")
    await store.create(access, DIGEST, None)
    await store.create(other, DIGEST, None)
    await store.add_results([result(access, "A")])
    await store.delete([access.id])
    await store.add_results([result(access, "B"), result(other, "A")])
    assert not await store.finish(ended(access.id, NOW, stopped=True))
    assert await store.find([access.id]) == {}
    assert await stored(store, access) == []
    assert len(await stored(store, other)) == 1


class TestRepeats:
    ORIGIN = Origin(source="MDM", message_id="m1")

    async def create(
        self, store: Store, at: datetime = NOW, digest: bytes = DIGEST, origin: Origin = ORIGIN
    ) -> tuple[UUID, bool]:
        access = make("A", origin=origin, at=at)
        made = await store.create(access, digest, MINUTE)
        return made, made == access.id

    async def test_inside_the_window_the_first_one_counts(self, store: Store) -> None:
        first, _ = await self.create(store)
        await store.finish(ended(first, NOW))
        assert await self.create(store, NOW + MINUTE) == (first, False)
        second, new = await self.create(store, NOW + 2 * MINUTE)
        assert new
        assert await self.create(store, NOW + 2.5 * MINUTE) == (second, False)

    async def test_while_it_runs_it_counts_for_longer(self, store: Store) -> None:
        first, _ = await self.create(store)
        assert await self.create(store, NOW + 5 * MINUTE) == (first, False)

    async def test_another_message_is_new(self, store: Store) -> None:
        await self.create(store)
        assert (await self.create(store, digest=b"\x01" * 32))[1]
        assert (await self.create(store, origin=Origin(source="other", message_id="m1")))[1]
        assert (await self.create(store, origin=Origin(source="MDM", message_id="m2")))[1]
        assert (await self.create(store, origin=Origin(message_id="m1")))[1]

    async def test_it_counts_after_the_resource_was_deleted(self, store: Store) -> None:
        first, _ = await self.create(store)
        await store.delete([first])
        assert await self.create(store) == (first, False)


async def test_messages_that_are_remembered_do_not_wait_for_others(pool: Pool) -> None:
    first, other = Origin(source="MDM", message_id="m1"), Origin(source="MDM", message_id="m2")
    async with open_store(pool, KEYRING) as store:
        for origin in (first, other):
            made = make("A", origin=origin)
            await store.create(made, DIGEST, MINUTE)
            await store.finish(ended(made.id, NOW))
        async with pool.connection() as connection, connection.transaction():
            # as a large create does, as long as it plans
            await connection.execute(b"UPDATE received_message SET access_id = access_id WHERE message_id = 'm1'")
            async with asyncio.timeout(5):
                later = make("A", origin=other, at=NOW + timedelta(days=2))
                assert await store.create(later, DIGEST, MINUTE) == later.id


async def test_equal_messages_at_the_same_time_make_one_resource(pool: Pool) -> None:
    origin = Origin(source="MDM", message_id="m1")
    async with open_store(pool, KEYRING) as store:
        for at in (NOW, NOW + timedelta(days=2)):  # the second time it is remembered, and too old to count
            made = [make("A", origin=origin, at=at) for _ in range(6)]
            answered = set(await asyncio.gather(*(store.create(each, DIGEST, MINUTE) for each in made)))
            assert len(answered) == 1
            assert set(await store.find([each.id for each in made])) == answered
            await store.finish(ended(answered.pop(), at))


async def test_a_message_that_cannot_be_stored_fails_alone(pool: Pool) -> None:
    async with open_store(pool, KEYRING) as store:
        too_long = token_hex(20_000)  # for the row of an index
        made = [make("A", origin=Origin(source="MDM", message_id=text)) for text in ("m1", too_long, "m2")]
        answers = await asyncio.gather(*(store.create(each, DIGEST, MINUTE) for each in made), return_exceptions=True)
        assert [isinstance(answer, StoreError) for answer in answers] == [False, True, False]


async def test_an_end_is_stored_though_nobody_waits_for_it_any_more(pool: Pool) -> None:
    access = make("A")
    async with open_store(pool, KEYRING) as store:
        await store.create(access, DIGEST, None)
        ending = asyncio.create_task(store.finish(ended(access.id, NOW, results=1), [result(access, "A")]))
        await asyncio.sleep(0)
        ending.cancel()
    async with open_store(pool, KEYRING) as later:
        assert not await later.is_executing(access.id, 1)
        assert len(await stored(later, access)) == 1


async def test_whoever_ends_and_whoever_cancels_many_never_wait_for_one_another(pool: Pool) -> None:
    async with open_store(pool, KEYRING) as store:
        for reverse in (False, True) * 3:
            made = [make("A") for _ in range(40)]
            await asyncio.gather(*(store.create(each, DIGEST, None) for each in made))
            ids = sorted((each.id for each in made), key=str, reverse=reverse)
            ends = (store.finish(ended(each.id, NOW, results=1), [result(each, "A")]) for each in made)
            await asyncio.gather(store.set_state(ids, State.CANCELED), *ends)
            assert len(await store.find(ids)) == len(ids)


async def test_a_resource_that_is_closed_while_it_ends_has_its_last_event_told_at_once(pool: Pool, dsn: str) -> None:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(pool, KEYRING))
        listener, other = [
            await stack.enter_async_context(await AsyncConnection.connect(dsn, autocommit=True)) for _ in range(2)
        ]
        await other.execute("INSERT INTO event_broker VALUES ('mqtt')")
        access = make("A")
        await store.create(access, DIGEST, None)
        await listener.execute("LISTEN cas_event")
        async with other.transaction():
            await other.execute("UPDATE device_access SET state = 'closed' WHERE id = %s", [access.id])
            ending = asyncio.create_task(store.finish(ended(access.id, NOW)))
            waiting = (
                b"SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            while await (await other.execute(waiting)).fetchone() == (0,):  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.01)
        assert await ending
        assert len([told async for told in listener.notifies(timeout=1)]) == 2, "one for the close, one for the end"


async def test_what_dead_processes_left_gets_a_failure(pool: Pool) -> None:
    done, half = make("A"), make("A", "B", requests=2)
    async with open_store(pool, KEYRING) as dead:
        await dead.create(done, DIGEST, None)
        await dead.add_results([result(done, "A", answer=Octets(b"\xc4"))])
        await dead.finish(ended(done.id, NOW))
        await dead.create(half, DIGEST, None)
        await dead.add_results([result(half, "A", answer=Octets(b"\xc4"))])
        async with open_store(pool, KEYRING) as beside:
            assert await beside.recover(LOST, NOW) == 0, "its process lives"
    async with open_store(pool, KEYRING) as following:
        assert await following.recover(LOST, NOW) == 1
        answers = {(found.device_id, found.request): found.answer for found in await stored(following, half)}
        assert answers == {("A", 0): b"\xc4", ("A", 1): LOST, ("B", 0): LOST, ("B", 1): LOST}
        assert (await following.find([half.id]))[half.id].state is State.FINISHED
        assert len(await stored(following, done)) == 1
        assert await following.recover(LOST, NOW) == 0
