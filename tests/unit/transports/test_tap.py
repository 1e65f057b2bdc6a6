"""Recordings of links."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.contracts.transport_contract import Bench, TransportContract
from tests.unit.transports.benches import wrapper_server
from tests.unit.transports.test_link import wrapper_client
from transports.errors import LinkLost
from transports.link import Link
from transports.media import memory
from transports.tap import Direction, Record, Tap, TappedTransport, read

NOON = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


def blank(direction: Direction, apdu: bytes) -> bytes:
    return apdu.replace(b"secret", b"\x00" * 6)


def tapped(tap: Tap) -> tuple[TappedTransport, Link]:
    near, far = memory.pair()
    link = Link(near, wrapper_client, response_timeout=0.2)
    return tap.attach(link, "M1"), Link(far, wrapper_server, response_timeout=None)


class TestTapped(TransportContract):
    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        lines: list[str] = []
        tap = Tap(lines.append, blank)
        tap.switch_on("M1")
        near, far = tapped(tap)

        async def accepted() -> Link:
            await far.connect()
            return far

        yield Bench(near, accepted)


@pytest.mark.parametrize("text", [False, True])
async def test_a_recording_is_read_back_without_its_secrets(text: bool) -> None:
    lines: list[str] = []
    tap = Tap(lines.append, blank, text=text, clock=lambda: NOON)
    near, far = tapped(tap)
    tap.switch_on("M1")
    await far.connect()
    await near.connect()
    await near.send(b"my secret")
    await far.send(b"fine")
    await near.receive()
    await far.close()
    with pytest.raises(LinkLost):
        await near.receive()
    await near.close()
    records = list(read(lines))
    assert [(record.event, record.apdu) for record in records] == [
        ("connected", b""),
        ("sent", b"my \x00\x00\x00\x00\x00\x00"),
        ("received", b"fine"),
        ("failed", b""),
        ("closed", b""),
    ]
    assert {(record.device, record.endpoint) for record in records} == {("M1", "memory-near")}
    assert {record.time for record in records} == {NOON.replace(microsecond=123000)}
    assert records[3].note == "ClosedByPeer: memory-near: closed by the peer"
    assert b"secret".hex() not in "".join(lines)


async def test_it_is_switched_at_run_time_and_per_device() -> None:
    lines: list[str] = []
    tap = Tap(lines.append, blank)
    near, far = tapped(tap)
    tap.switch_on("M2")
    await far.connect()
    await near.connect()
    await near.send(b"unheard")
    tap.switch_on("M1")
    await near.send(b"heard")
    tap.switch_off("M1")
    await near.send(b"unheard")
    assert [record.apdu for record in read(lines)] == [b"heard"]
    assert tap.devices == {"M2"}
    await near.close()
    await far.close()


async def test_a_redactor_that_fails_neither_harms_the_link_nor_lets_anything_through() -> None:
    def fail(direction: Direction, apdu: bytes) -> bytes:
        raise IndexError(apdu.hex())

    lines: list[str] = []
    tap = Tap(lines.append, fail)
    near, far = tapped(tap)
    await far.connect()
    await near.connect()
    tap.switch_on("M1")
    await near.send(b"my secret")
    assert await far.receive() == b"my secret"
    (record,) = read(lines)
    assert (record.event, record.apdu) == ("sent", b"")
    assert record.note == "9 octets left out, for the redactor failed: IndexError"
    assert b"secret".hex() not in lines[0]
    await near.close()
    await far.close()


def test_the_lines() -> None:
    local = NOON.astimezone(timezone(timedelta(hours=2)))
    record = Record(local, "meter 1", "192.0.2.7:4059", "sent", b"\xc0\x01")
    assert record.as_text() == "2026-01-31T12:00:00.123Z meter_1 192.0.2.7:4059 > c001"
    assert record.as_json() == (
        '{"time": "2026-01-31T12:00:00.123Z", "device": "meter 1", "endpoint": "192.0.2.7:4059", '
        '"event": "sent", "apdu": "c001"}'
    )


@pytest.mark.parametrize("line", ["{}", "{", "hello", '{"time": "x"}', "2026-01-31T12:00:00Z a b ? c001"])
def test_a_line_that_is_no_record_is_named(line: str) -> None:
    good = Record(NOON, "M1", "there", "connected").as_json()
    with pytest.raises(ValueError, match="line 3 is no record"):
        list(read([good, "", line]))
