"""Doing chunks on a real database: retries, cancels, windows, and what is left when a process dies in the middle."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest

from cas.access.failures import LOST
from cas.access.judgement import Attempted
from cas.access.model import Octets, Selection, State, Tally
from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms.apdu import Request, Response
from cas.dlms.errors import DecipheringError, ExceptionResponse
from cas.engine.jobs import HandedBack
from cas.store.database import Pool
from tests.access_fakes import Answer, FakeDevices, get_response
from tests.engine_bench import GET, MINUTE, NOON, SET, VALUE, WRITTEN, Bench
from transports.errors import ConnectTimeout, ResponseTimeout

SECOND = timedelta(seconds=1)
FOUR = ("M1", "M2", "M3", "M4")
SILENT = ResponseTimeout("no answer within 5 s")
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
OTHER = get_response(Data.of("double-long-unsigned", 5678))


def bench(pool: Pool, **devices: Sequence[Answer]) -> Bench:
    return Bench(pool, FakeDevices(devices))


class Gate:
    """An answer that waits until the test lets it go."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self, _request: Request) -> Response:
        self.reached.set()
        await self.open.wait()
        return self.answer


@pytest.mark.clause("5.2.3")
async def test_every_device_gives_its_results_and_the_activation_ends(pool: Pool) -> None:
    setting = bench(pool, **{f"M{n}": [VALUE, OTHER] for n in range(8)})
    access = await setting.create(*setting.devices.devices, requests=[GET, GET], repeating_interval="PT1H")
    assert await setting.work() == 3
    found = await setting.results(access)
    assert found == {(f"M{n}", 1, request): (VALUE, OTHER)[request] for n in range(8) for request in (0, 1)}
    assert await setting.outcomes(access) == [(1, "ok")]
    assert await setting.state(access) == "active"
    for table in ("activation_chunk", "activation_attempt", "activation_sent", "procrastinate_jobs"):
        assert await setting.count(table) == 0


@pytest.mark.clause("5.2.3")
async def test_only_what_is_missing_is_tried_again_behind_first_attempts(pool: Pool) -> None:
    setting = bench(pool, M1=[VALUE, SILENT, OTHER], M2=[VALUE])
    access = await setting.create("M1", "M2", requests=[GET, GET], priority=7, duration="PT1H")
    await setting.work()
    assert await setting.outcomes(access) == [(1, "executing")]
    assert len(setting.devices.asked) == 4
    await setting.pass_time(29 * SECOND)
    assert len(setting.devices.asked) == 4
    setting.now += SECOND
    ((_, priority, _),) = await setting.jobs()
    assert priority == -15
    await setting.work()
    assert len(setting.devices.asked) == 5
    assert await setting.outcomes(access) == [(1, "ok")]
    stored = {(result.device_id, result.request): result for result in await setting.stored(access)}
    assert stored["M1", 1].attempts == 2
    assert stored["M1", 0].attempts == 1
    assert stored["M1", 1].activated == NOON + 30 * SECOND


@pytest.mark.clause("5.2.3")
async def test_a_pass_that_a_dead_process_had_ended_makes_no_second_job(pool: Pool) -> None:
    setting = bench(pool, M1=[SILENT, SILENT, VALUE])
    await setting.create("M1", duration="PT1H")
    ((_, _, chunk_id),) = await setting.jobs()
    await setting.work()
    assert await setting.count("procrastinate_jobs") == 1
    # The process died before its job ended: that is done again, beside the one that the pass had left.
    await setting.bulk.do(chunk_id)
    assert await setting.count("procrastinate_jobs") == 1
    await setting.pass_time(MINUTE)
    assert len(setting.devices.asked) == 3
    assert await setting.count("procrastinate_jobs") == 0


@pytest.mark.clause("5.2.3")
async def test_attempts_go_on_until_the_window_ends_and_the_last_error_is_told(pool: Pool) -> None:
    setting = bench(pool, M1=[VALUE])
    setting.devices.unreachable["M2"] = ConnectTimeout("no connection within 10 s")
    access = await setting.create("M1", "M2", requests=[GET, GET], duration="PT10M")
    await setting.work()
    for _ in range(20):
        await setting.pass_time(30 * SECOND)
    stored = {(result.device_id, result.request): result for result in await setting.stored(access)}
    # at 0, 30, 90, 210 and 450 s; the next would be at 930 s
    assert stored["M2", 0].attempts == 5
    assert (await setting.results(access))["M2", 1, 0] == "no connection in time"
    assert (await setting.results(access))["M2", 1, 1] == "not attempted"
    assert "(5 attempts)" in str(stored["M2", 0].answer)
    assert await setting.outcomes(access) == [(1, "not-completed")]


async def test_what_nobody_can_expect_to_succeed_is_not_tried_again(pool: Pool) -> None:
    setting = bench(pool, M1=[DecipheringError("the tag is wrong")])
    access = await setting.create("M1", duration="P1D")
    await setting.work()
    assert await setting.results(access) == {("M1", 1, 0): "deciphering failed"}
    assert await setting.outcomes(access) == [(1, "failed")]


async def test_a_request_that_cannot_be_read_ends_the_activation(pool: Pool) -> None:
    setting = bench(pool, M1=[VALUE])
    access = await setting.create("M1", requests=[Octets(b"\xff\x00")], duration="P1D")
    await setting.work()
    assert await setting.outcomes(access) == [(1, "failed")]
    assert not setting.devices.asked


async def test_a_change_without_an_answer_is_never_sent_again(pool: Pool) -> None:
    setting = bench(pool, M1=[VALUE, SILENT, VALUE])
    access = await setting.create("M1", requests=[GET, SET, GET], duration="P1D")
    await setting.work()
    assert await setting.results(access) == {
        ("M1", 1, 0): VALUE,
        ("M1", 1, 1): "no answer in time",
        ("M1", 1, 2): "not attempted",
    }
    failure = (await setting.stored(access))[1].answer
    assert "may have carried it out" in str(failure)


async def test_a_change_that_the_device_certainly_did_not_do_is_sent_again(pool: Pool) -> None:
    busy = ExceptionResponse("service-unknown", "operation-not-possible")
    setting = bench(pool, M1=[busy, WRITTEN])
    access = await setting.create("M1", requests=[SET], duration="P1D")
    await setting.work()
    assert await setting.outcomes(access) == [(1, "executing")]
    await setting.pass_time(31 * SECOND)
    assert await setting.results(access) == {("M1", 1, 0): WRITTEN}


async def test_a_chunk_of_a_dead_process_goes_on_where_it_stood(pool: Pool) -> None:
    gate = Gate(VALUE)
    setting = bench(pool, M1=[VALUE], M2=[VALUE, gate, OTHER])
    access = await setting.create("M1", "M2", requests=[GET, GET])
    ((_, _, chunk_id),) = await setting.jobs()
    dying = asyncio.create_task(setting.bulk.do(chunk_id))
    await gate.reached.wait()
    dying.cancel()
    await asyncio.wait([dying])
    # M1 may have had its time or not; what it has is stored
    following = Bench(pool, setting.devices)
    before = len(setting.devices.asked)
    await following.work()
    assert set(await setting.results(access)) == {(name, 1, n) for name in ("M1", "M2") for n in (0, 1)}
    assert (await setting.results(access))["M2", 1, 1] == OTHER
    assert len(setting.devices.asked) == before + 1
    assert await setting.outcomes(access) == [(1, "ok")]


async def test_a_change_under_way_when_a_process_died_is_told_as_unknown(pool: Pool) -> None:
    gate = Gate(WRITTEN)
    setting = bench(pool, M1=[VALUE, gate], M2=[VALUE, WRITTEN, VALUE])
    access = await setting.create("M1", "M2", requests=[GET, SET, GET], duration="P1D")
    ((_, _, chunk_id),) = await setting.jobs()
    dying = asyncio.create_task(setting.bulk.do(chunk_id))
    await gate.reached.wait()
    dying.cancel()
    await asyncio.wait([dying])
    await Bench(pool, setting.devices).work()
    found = await setting.results(access)
    assert {key: value for key, value in found.items() if key[0] == "M1"} == {
        ("M1", 1, 0): VALUE,
        ("M1", 1, 1): "outcome unknown",
        ("M1", 1, 2): "not attempted",
    }
    sets = [name for name, request in setting.devices.asked if isinstance(request, cos.SetRequest)]
    assert sorted(sets) == ["M1", "M2"]


async def test_a_process_taken_for_dead_sends_no_change_and_doubles_nothing(pool: Pool) -> None:
    gate = Gate(VALUE)
    setting = bench(pool, M1=[gate, WRITTEN])
    access = await setting.create("M1", requests=[GET, SET], duration="P1D")
    ((_, _, chunk_id),) = await setting.jobs()
    stalled = asyncio.create_task(setting.bulk.do(chunk_id))
    await gate.reached.wait()
    following = Bench(pool, FakeDevices({"M1": [OTHER, WRITTEN]}))
    await following.work()
    assert await setting.outcomes(access) == [(1, "ok")]
    gate.open.set()
    await stalled
    assert await setting.results(access) == {("M1", 1, 0): OTHER, ("M1", 1, 1): WRITTEN}
    assert [type(request) for _, request in setting.devices.asked] == [cos.GetRequest]


@pytest.mark.clause("7.2.3")
async def test_cancel_stops_at_the_next_apdu_also_what_waits(pool: Pool) -> None:
    gate = Gate(VALUE)
    setting = bench(pool, **{name: [gate] for name in FOUR})
    access = await setting.create("M1", "M2", "M3", "M4", requests=[GET, GET], repeating_interval="P1D")
    (_, _, chunk_id), _ = await setting.jobs()
    running = asyncio.create_task(setting.bulk.do(chunk_id))
    await gate.reached.wait()
    await setting.store.set_state([access], State.CANCELED)
    await setting.look()
    gate.open.set()
    await running
    found = await setting.results(access)
    assert {key: found[key] for key in found if key[0] != "M4"} == {
        **{(name, 1, 0): VALUE for name in ("M1", "M2", "M3")},
        **{(name, 1, 1): "canceled by the client" for name in ("M1", "M2", "M3")},
    }
    assert found["M4", 1, 0] == "canceled by the client"
    assert await setting.outcomes(access) == [(1, "stopped")]
    assert await setting.state(access) == "canceled"
    await setting.pass_time(timedelta(days=2))
    assert await setting.outcomes(access) == [(1, "stopped")]


@pytest.mark.clause("7.2.3")
async def test_close_lets_finish_what_runs_and_a_cancel_after_it_does_not(pool: Pool) -> None:
    setting = bench(pool, M1=[VALUE], M2=[VALUE])
    closed = await setting.create("M1", "M2", repeating_interval="P1D")
    canceled = await setting.create("M1", "M2", repeating_interval="P1D")
    await setting.store.set_state([closed, canceled], State.CLOSED)
    await setting.store.set_state([canceled], State.CANCELED)
    await setting.look()
    await setting.work()
    await setting.pass_time(timedelta(days=2))
    assert await setting.outcomes(closed) == [(1, "ok")]
    assert await setting.outcomes(canceled) == [(1, "stopped")]
    assert await setting.state(closed) == "closed"


@pytest.mark.clause("7.2.3")
async def test_delete_in_the_middle_leaves_nothing(pool: Pool) -> None:
    gate = Gate(VALUE)
    setting = bench(pool, M1=[gate], M2=[VALUE], M3=[VALUE], M4=[VALUE])
    access = await setting.create("M1", "M2", "M3", "M4", requests=[GET, GET])
    running = asyncio.create_task(setting.work())
    await gate.reached.wait()
    await setting.store.delete([access])
    await setting.look()
    gate.open.set()
    await running
    for table in ("result", "activation", "activation_chunk", "procrastinate_jobs"):
        assert await setting.count(table) == 0
    assert not [name for name, _ in setting.devices.asked if name == "M4"]


@pytest.mark.clause("5.2.3")
@pytest.mark.parametrize("end", ["done", "again", "hand back", "abandon"])
@pytest.mark.parametrize(
    "statements",
    [
        ("SELECT FROM device_access FOR UPDATE", "DELETE FROM device_access"),
        ("UPDATE device_access SET priority = 1", "SELECT FROM device_access FOR UPDATE"),
    ],
    ids=["delete", "change"],
)
async def test_who_deletes_or_changes_and_who_ends_do_not_wait_for_one_another(
    pool: Pool, statements: tuple[str, str], end: str
) -> None:
    setting = bench(pool)
    access = await setting.create("M1")
    ((_, _, chunk_id),) = await setting.jobs()
    chunk = await setting.chunks.take(chunk_id)
    assert chunk is not None
    failed = {"M1": Attempted(1, LOST)}
    ends: dict[str, Callable[[], Awaitable[object]]] = {
        "done": lambda: setting.chunks.done(chunk, stopped=False, at=NOON),
        "again": lambda: setting.chunks.again(chunk, failed, NOON, now=NOON),
        "hand back": lambda: setting.chunks.hand_back(chunk, failed),
        "abandon": lambda: setting.store.abandon(access, 1, LOST, NOON),
    }
    async with asyncio.timeout(20), pool.connection() as other:
        async with other.transaction():
            await other.execute(statements[0].encode())
            ending = asyncio.ensure_future(ends[end]())
            while await setting.rows(WAITING) == [(0,)]:  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.01)
            await other.execute(statements[1].encode())
        await ending


async def test_no_change_is_sent_for_a_resource_that_is_being_deleted(pool: Pool) -> None:
    setting = bench(pool)
    access = await setting.create("M1", requests=[SET])
    ((_, _, chunk_id),) = await setting.jobs()
    async with asyncio.timeout(20), pool.connection() as other:
        async with other.transaction():
            await other.execute(b"DELETE FROM device_access WHERE id = %s", [access])
            asking = asyncio.create_task(setting.chunks.claim(chunk_id, "M1", 0))
            while await setting.rows(WAITING) == [(0,)]:  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.01)
        assert not await asking


async def test_no_device_is_accessed_after_the_window(pool: Pool) -> None:
    setting = bench(pool, M1=[SILENT], M2=[VALUE], M3=[VALUE], M4=[VALUE])
    access = await setting.create("M1", "M2", "M3", "M4", repeating_interval="P1D", duration="PT1M")
    (_, _, first), _ = await setting.jobs()
    await setting.bulk.do(first)
    setting.now += MINUTE
    await setting.look()
    await setting.work()
    assert await setting.results(access) == {
        ("M1", 1, 0): "no answer in time",
        ("M2", 1, 0): VALUE,
        ("M3", 1, 0): VALUE,
        ("M4", 1, 0): "window over",
    }
    assert await setting.outcomes(access) == [(1, "stopped")]


async def test_a_stopping_worker_hands_its_chunk_back_at_the_next_apdu(pool: Pool) -> None:
    gate = Gate(VALUE)
    setting = bench(pool, M1=[gate, OTHER], M2=[VALUE])
    access = await setting.create("M1", "M2", requests=[GET, GET])
    ((_, _, chunk_id),) = await setting.jobs()
    running = asyncio.create_task(setting.bulk.do(chunk_id))
    await gate.reached.wait()
    setting.bulk.hand_back()
    gate.open.set()
    with pytest.raises(HandedBack):
        await running
    assert ("M1", 1, 0) in await setting.results(access)
    assert ("M1", 1, 1) not in await setting.results(access)
    with pytest.raises(HandedBack):
        await setting.bulk.do(chunk_id)
    await Bench(pool, setting.devices).work()
    assert await setting.outcomes(access) == [(1, "ok")]
    assert len([name for name, _ in setting.devices.asked if name == "M1"]) == 2


async def test_what_is_outstanding_is_counted(pool: Pool) -> None:
    setting = bench(pool, **{name: [VALUE] for name in FOUR})
    access = await setting.create("M1", "M2", "M3", "M4", requests=[GET, GET], repeating_interval="P1D")
    selection = Selection(ids=(access,))
    assert await setting.store.tally(selection) == Tally(0, 0, 8)
    (_, _, first), _ = await setting.jobs()
    await setting.bulk.do(first)
    assert await setting.store.tally(selection) == Tally(6, 0, 2)
    assert await setting.store.tally(Selection(ids=(access,), device_ids=("M4",))) == Tally(0, 0, 2)
