"""Results on a real database: what is fresh enough is not read again, and a get in all its forms, in flat memory."""

import resource
from uuid import UUID

import pytest

from cas.access.model import Octets, Selection, Tally
from cas.access.results import iterate_results
from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.store.database import Pool, open_pool
from tests.access_fakes import Answer, FakeDevices, get_request, get_response
from tests.engine_bench import GET, MINUTE, NOON, SET, VALUE, WRITTEN, Bench
from transports.errors import ResponseTimeout

OTHER = get_response(Data.of("double-long-unsigned", 5678))
ERROR = cos.GetResponse(
    get_response_normal=cos.GetResponseNormal(
        invoke_id_and_priority=0xC1, result=cos.GetDataResult(data_access_result=cos.DataAccessResult.TEMPORARY_FAILURE)
    )
)
AARQ = Octets(bytes.fromhex("601DA109060760857405080101BE10040E01000000065F1F0400001E1DFFFF"))


def bench(pool: Pool, *answers: Answer) -> Bench:
    return Bench(pool, FakeDevices({name: list(answers or [VALUE]) for name in ("M1", "M2", "M3")}))


@pytest.mark.clause("7.2.6")
async def test_what_is_fresh_enough_is_not_read_again_and_tells_its_own_time(pool: Pool) -> None:
    setting = bench(pool, VALUE, OTHER)
    await setting.create("M1", "M2")
    await setting.work()
    setting.now += 5 * MINUTE
    renewed = Octets(GET[:2] + b"\x42" + GET[3:])
    access = await setting.create("M1", "M2", "M3", requests=[renewed], not_older_than=NOON)
    await setting.work()
    assert [name for name, _ in setting.devices.asked] == ["M1", "M2", "M3"]
    stored = {result.device_id: result for result in await setting.stored(access)}
    assert {name: result.activated for name, result in stored.items()} == {
        "M1": NOON,
        "M2": NOON,
        "M3": NOON + 5 * MINUTE,
    }
    answer = decode_apdu(Octets(stored["M1"].answer))  # type: ignore[arg-type]  # it is no failure
    assert answer == cos.GetResponse(
        get_response_normal=cos.GetResponseNormal(
            invoke_id_and_priority=0x42, result=cos.GetDataResult(data=Data.of("double-long-unsigned", 1234))
        )
    )
    assert await setting.outcomes(access) == [(1, "ok")]


async def test_what_is_older_than_the_bound_is_read(pool: Pool) -> None:
    setting = bench(pool, VALUE, OTHER)
    await setting.create("M1")
    await setting.work()
    setting.now += 5 * MINUTE
    access = await setting.create("M1", not_older_than=NOON + MINUTE)
    await setting.work()
    assert await setting.results(access) == {("M1", 1, 0): OTHER}


async def test_another_request_an_error_or_a_failure_is_not_fresh(pool: Pool) -> None:
    other = Octets(encode_apdu(get_request(attribute=3)))
    for answers, asked in (([VALUE, OTHER], other), ([ERROR, OTHER], GET), ([ResponseTimeout("none"), OTHER], GET)):
        setting = bench(pool, *answers)
        first = await setting.create("M1")
        await setting.work()
        access = await setting.create("M1", requests=[asked], not_older_than=NOON)
        await setting.work()
        assert (await setting.results(access))["M1", 1, 0] == OTHER
        await setting.store.delete([first, access])


async def test_the_results_of_a_deleted_resource_are_not_fresh(pool: Pool) -> None:
    setting = bench(pool, VALUE, OTHER)
    await setting.store.delete([await _done(setting)])
    access = await setting.create("M1", not_older_than=NOON)
    await setting.work()
    assert await setting.results(access) == {("M1", 1, 0): OTHER}


async def _done(setting: Bench) -> UUID:
    access = await setting.create("M1")
    await setting.work()
    return access


async def test_a_change_is_always_sent_and_what_follows_it_is_read(pool: Pool) -> None:
    setting = bench(pool, VALUE, WRITTEN, VALUE, WRITTEN, OTHER)
    await setting.create("M1", requests=[GET, SET, GET])
    await setting.work()
    access = await setting.create("M1", requests=[GET, SET, GET], not_older_than=NOON)
    await setting.work()
    assert await setting.results(access) == {("M1", 1, 0): VALUE, ("M1", 1, 1): WRITTEN, ("M1", 1, 2): OTHER}
    assert len(setting.devices.asked) == 5


async def test_what_was_read_in_a_client_s_own_association_is_for_nobody_else(pool: Pool) -> None:
    setting = bench(pool, VALUE, OTHER)
    made = await setting.create("M1", requests=[AARQ, GET], activates=NOON + MINUTE)
    await setting.run("UPDATE device_access SET next_at = NULL WHERE id = %s", made)
    await setting.run(
        "INSERT INTO activation (access_id, number, activated_at, outcome) VALUES (%s, 1, %s, 'ok')", made, NOON
    )
    await setting.run(
        "INSERT INTO result (access_id, activation, request, device_id, activated, apdu, kept_until)"
        " SELECT access_id, 1, 1, 'M1', activated_at, %s, kept_until FROM activation",
        encode_apdu(OTHER),
    )
    access = await setting.create("M1", not_older_than=NOON)
    await setting.work()
    assert await setting.results(access) == {("M1", 1, 0): VALUE}


async def test_the_bound_holds_for_the_first_activation(pool: Pool) -> None:
    setting = bench(pool, VALUE, OTHER)
    await setting.create("M1")
    await setting.work()
    access = await setting.create("M1", not_older_than=NOON, repeating_interval="PT15M")
    await setting.work()
    await setting.pass_time(15 * MINUTE)
    assert await setting.results(access) == {("M1", 1, 0): VALUE, ("M1", 2, 0): OTHER}


@pytest.mark.clause("7.2.3")
async def test_last_valid_data_is_the_newest_good_result_and_its_code_counts_no_other(pool: Pool) -> None:
    silent = ResponseTimeout("no answer")
    setting = Bench(pool, FakeDevices({"M1": [VALUE, OTHER], "M2": [OTHER, silent], "M3": [silent]}))
    access = await setting.create("M1", "M2", "M3", repeating_interval="PT1H", duration="PT1M")
    await setting.work()
    await setting.pass_time(2 * MINUTE)
    await setting.pass_time(58 * MINUTE)
    await setting.pass_time(2 * MINUTE)
    newest = Selection(ids=(access,), last_valid=True)
    found = [(each.device_id, each.activation) async for each in setting.store.results(access, newest)]
    assert found == [("M2", 1), ("M1", 2)]
    assert (await setting.store.tally(newest)).complete
    everything = await setting.store.tally(Selection(ids=(access,)))
    assert everything == Tally(3, 3, 0)
    before = Selection(ids=(access,), last_valid=True, end=NOON + MINUTE)
    assert [each.activation async for each in setting.store.results(access, before)] == [1, 1]


@pytest.mark.clause("5.3")
async def test_a_get_is_narrowed_to_groups_as_of_now(pool: Pool) -> None:
    setting = bench(pool)
    access = await setting.create("M1", "M2", "M3")
    await setting.work()
    for name in ("M1", "M2", "M3"):
        await setting.run(
            "INSERT INTO device (device_id, alias, url, authentication, suite, protection, max_pdu)"
            " SELECT name, name, '', 'none', 0, 'none', 0 FROM (SELECT %s::text AS name) AS named",
            name,
        )
    await setting.run("INSERT INTO device_group (group_id, prefix) VALUES ('listed', NULL), ('prefix', 'M3')")
    await setting.run("INSERT INTO device_group_member VALUES ('listed', 'M2')")

    async def found(*groups: str, devices: tuple[str, ...] = ()) -> list[str]:
        selection = Selection(ids=(access,), groups=groups, device_ids=devices)
        names = [each.device_id async for each in setting.store.results(access, selection)]
        assert await setting.store.tally(selection) == Tally(len(names), 0, 0)
        return names

    assert await found("listed") == ["M2"]
    assert await found("prefix", devices=("M1",)) == ["M1", "M3"]
    assert await found("DG_ALL_METERS") == ["M1", "M2", "M3"]
    assert await found() == []


async def test_a_page_ends_at_its_octets_too(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.access.results.PAGE", 5)
    monkeypatch.setattr("cas.access.results.PAGE_OCTETS", 3000)
    large = get_response(Data.of("octet-string", bytes(1000)))
    setting = Bench(pool, FakeDevices({f"M{number:02}": [large if number % 3 else VALUE] for number in range(20)}))
    setting.devices.unreachable = {f"M{number:02}": ResponseTimeout("none") for number in (6, 7, 8, 9, 19)}
    access = await setting.create(*setting.devices.devices, duration="PT1M")
    await setting.work()
    await setting.pass_time(2 * MINUTE)
    assert [each.device_id for each in await setting.stored(access)] == sorted(setting.devices.devices)


async def test_an_answer_that_outlasts_everything_holds_no_connection(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cas.access.results.PAGE", 2)
    async with open_pool(dsn, max_size=1) as pool:
        setting = bench(pool)
        access = await setting.create("M1", "M2", "M3")
        await setting.work()
        answers = [setting.store.results(access, Selection(ids=(access,))) for _ in range(5)]
        first = [await anext(answer) for answer in answers]
        assert [each.device_id for each in first] == ["M1"] * 5
        assert [[each.device_id async for each in answer] for answer in answers] == [["M2", "M3"]] * 5


ROWS = 200_000


@pytest.mark.clause("7.2.3")
async def test_a_get_of_many_rows_has_flat_memory(pool: Pool) -> None:
    access = await many(pool, ROWS)
    peaks = []
    count = 0
    async for _ in iterate_results(pool, access, Selection(ids=(access,))):
        count += 1
        if count % (ROWS // 8) == 0:
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert count == ROWS
    # KiB; the first part warms everything up
    assert peaks[-1] - peaks[0] < 8 * 1024


async def many(pool: Pool, rows: int) -> UUID:
    """A resource of one activation with as many results."""
    setting = bench(pool)
    access = await setting.create("M1", activates=NOON + MINUTE)
    await setting.run("UPDATE device_access SET next_at = NULL WHERE id = %s", access)
    await setting.run(
        "INSERT INTO activation (access_id, number, activated_at, outcome) VALUES (%s, 1, %s, 'ok')", access, NOON
    )
    await setting.run(
        "INSERT INTO result (access_id, activation, request, device_id, activated, apdu, kept_until)"
        " SELECT access_id, 1, 0, 'M' || to_char(device, 'FM0000000'), activated_at, %s, kept_until"
        " FROM activation CROSS JOIN generate_series(1, %s) AS device WHERE access_id = %s",
        encode_apdu(VALUE),
        rows,
        access,
    )
    return access
