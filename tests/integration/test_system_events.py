"""What the service tells of itself: stored whatever happens, and brought to whoever looks."""

import asyncio
import json
import subprocess

import aiohttp
import pytest

from cas.push.service import Receivers
from cas.simulator import Simulator
from cas.store.database import Pool
from cas.store.journal import StoredEvent, keeping_journal, newest_events
from cas.system_events import Kind, tell
from tests.events_bench import delivery
from tests.integration.soap.conftest import Service, service, settings
from tests.integration.test_events_mqtt import address, heard_of, listening
from tests.processes import ROOT, cas
from tests.soap_messages import GET_ENERGY, create
from tests.unit.transports.mqtt_bench import broker


async def stored(pool: Pool, count: int, *numbers: int) -> list[StoredEvent]:
    """Wait for so many events; the oldest first."""
    async with asyncio.timeout(20):
        while len(found := await newest_events(pool, 100, numbers=numbers or None)) < count:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
    return found[::-1]


async def test_events_are_stored_in_order_and_repeats_are_counted(pool: Pool) -> None:
    async with keeping_journal(pool):
        for name in ("A", "B", "A", "A"):
            tell(Kind.KEYS_REFUSED, name, password="no one's", nul="\0 \ud800")
        await asyncio.create_task(asyncio.to_thread(tell, Kind.TIDYING_FAILED))
    found = await stored(pool, 3)
    assert [(each.number, each.subject) for each in found] == [(304, "A"), (304, "B"), (602, "")]
    assert found[0].details == {"password": "***", "nul": "\ufffd ?"}
    tell(Kind.KEYS_REFUSED, "C")  # no journal is open: it is a line of the log only
    assert len(await newest_events(pool, 10)) == 3


async def test_what_is_told_while_the_database_is_away_is_stored_later(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cas.store.journal.AGAIN_AFTER", 0.05)
    async with pool.connection() as connection:
        await connection.execute(b"ALTER TABLE system_event RENAME TO away")
    async with keeping_journal(pool):
        tell(Kind.RECEIVER_AWAY, "https://mdm.example.com")
        await asyncio.sleep(0.5)  # it is tried meanwhile, and fails
        async with pool.connection() as connection:
            await connection.execute(b"ALTER TABLE away RENAME TO system_event")
        (event,) = await stored(pool, 1)
    assert (event.number, event.subject) == (401, "https://mdm.example.com")


async def test_a_broker_gets_them_also_those_of_the_time_when_nobody_delivered(pool: Pool) -> None:
    async with broker() as port, listening(port, "site/7/system/+") as messages:
        receivers = Receivers(broker=address(port, "/site/7"))
        async with delivery(pool, receivers=receivers):
            pass  # from now on the broker is known
        async with keeping_journal(pool):
            tell(Kind.COUNTER_NEAR_TOP, "M1", value=4_100_000_000)
        async with delivery(pool, receivers=receivers), keeping_journal(pool):
            tell(Kind.TIDYING_FAILED)
            (topic, payload), (following, _) = await heard_of(messages, 2)
    assert following == "site/7/system/602"
    told = json.loads(payload)
    assert topic == "site/7/system/301"
    assert (told["severity"], told["subject"], told["details"]) == ("warning", "M1", {"value": 4_100_000_000})
    assert told["title"] == "invocation counter near its end"


async def test_a_device_whose_keys_do_not_fit_is_told_once(service: Service, pool: Pool) -> None:
    async with Simulator(2, authentication="hls-gmac") as simulator:
        wrong = {**simulator.device(0), "encryption_key": "00" * 16}
        await service.register(wrong, simulator.device(1))
        names = [meter.device_id for meter in simulator.meters]
        for _ in range(2):
            await service.post(create(names, [GET_ENERGY]))
    found = await stored(pool, 2)
    assert [(each.number, each.subject) for each in found] == [(101, "front and worker"), (304, names[0])]
    url = service.url.removesuffix("/cas") + "/events/system?severity=error"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        page = await response.text()
    assert "a device and the service do not share keys" in page
    assert "a process has started" not in page


async def test_the_command_line_shows_them(pool: Pool, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAS_DSN", dsn)
    async with keeping_journal(pool):
        tell(Kind.RESULTS_DROPPED, "result_until_20260105")
        tell(Kind.TIDYING_FAILED)

    def ask(*options: str) -> str:
        return subprocess.run(cas("events", *options), cwd=ROOT, capture_output=True, text=True, check=True).stdout

    lines = [json.loads(line) for line in (await asyncio.to_thread(ask, "show", "--json")).splitlines()]
    assert [line["number"] for line in lines] == [601, 602]
    table = await asyncio.to_thread(ask, "show", "--severity", "error")
    assert "602" in table
    assert "601" not in table
    catalogue = await asyncio.to_thread(ask, "catalogue", "--json")
    assert len(catalogue.splitlines()) == len(Kind)


def test_a_number_means_one_thing() -> None:
    assert len({kind.value.number for kind in Kind}) == len(Kind)
    assert len({kind.value.title for kind in Kind}) == len(Kind)


__all__ = ["service", "settings"]  # the fixtures
