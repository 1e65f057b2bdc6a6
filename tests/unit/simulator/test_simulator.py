"""Simulated meters on the wire: addresses, keys, one association at a time, and faults on purpose."""

import asyncio
import tomllib
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from cas.devices.entry import Entry, parse_entry
from cas.simulator import Fault, FaultKind, Simulator, SimulatorError
from cas.simulator.faults import parse_faults
from cas.simulator.serving import Departures
from transports.wrapper import encode

AARQ = bytes.fromhex("601DA109060760857405080101BE10040E01000000065F1F040000FE1FFFFF")
GET_ENERGY = bytes.fromhex("C001C100030100010800FF0200")
GET_NAME = bytes.fromhex("C001C1000100002A0000FF0200")
RELEASE = bytes.fromhex("6200")
NOW = 1_772_366_850.0


class Peer:
    """A client by hand on one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: int) -> None:
        self.reader, self.writer, self.server = reader, writer, server

    async def ask(self, apdu: bytes, *, client: int = 16) -> bytes:
        self.writer.write(encode(client, self.server, apdu))
        head = await self.reader.readexactly(8)
        assert head[:6] == bytes((0, 1, 0, self.server, 0, client))
        return await self.reader.readexactly(int.from_bytes(head[6:], "big"))


@asynccontextmanager
async def talk(simulator: Simulator, index: int = 0) -> AsyncIterator[Peer]:
    url = simulator.url(index)
    port, server = url.split(":")[2].split("?")[0], url.rsplit("=", 1)[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    try:
        yield Peer(reader, writer, int(server))
    finally:
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def minimal(meters: int = 1, **options: object) -> AsyncIterator[Simulator]:
    async with Simulator(meters, model="minimal", clock=lambda: NOW, **options) as simulator:  # type: ignore[arg-type]
        yield simulator


@pytest.mark.parametrize("one_port", [False, True])
async def test_every_meter_answers_for_itself(one_port: bool) -> None:
    async with minimal(3, one_port=one_port) as simulator:
        found = []
        for index in range(3):
            async with talk(simulator, index) as peer:
                assert (await peer.ask(AARQ))[0] == 0x61
                found.append(await peer.ask(GET_NAME))
                value = simulator.meter(index).data("1.0.1.8.0.255")
                assert await peer.ask(GET_ENERGY) == bytes.fromhex("C401C100") + value.octets
    assert [answer[-1:] for answer in found] == [b"1", b"2", b"3"]
    assert len({url.split("?")[0] for url in map(simulator.url, range(3))}) == (1 if one_port else 3)


async def test_two_runs_are_alike_and_two_seeds_are_not() -> None:
    def made(seed: int) -> tuple[object, ...]:
        meter = Simulator(2, model="minimal", seed=seed, clock=lambda: NOW).meter(1)
        return meter.value("1.0.1.8.0.255"), meter.keys.encryption, meter.secret.octets

    assert made(0) == made(0)
    assert all(one != other for one, other in zip(made(0), made(1), strict=True))


async def test_meters_of_one_connection_do_not_mix() -> None:
    async with minimal(2, one_port=True) as simulator, talk(simulator) as peer:
        await peer.ask(AARQ)
        peer.server = 2
        assert await peer.ask(GET_ENERGY) == bytes.fromhex("D80101")


async def test_second_association_is_refused_while_one_is_open() -> None:
    async with minimal() as simulator:
        async with talk(simulator) as first, talk(simulator) as second:
            assert bytes.fromhex("A203020100") in await first.ask(AARQ)
            assert bytes.fromhex("A203020102") in await second.ask(AARQ)
            assert (await first.ask(RELEASE))[0] == 0x63
            assert bytes.fromhex("A203020100") in await second.ask(AARQ)
        async with talk(simulator) as third:  # a lost connection ends the association
            while bytes.fromhex("A203020102") in (answer := await third.ask(AARQ)):
                pass
            assert bytes.fromhex("A203020100") in answer


async def test_meters_that_are_not_exclusive_take_several() -> None:
    async with minimal(exclusive=False) as simulator, talk(simulator) as first, talk(simulator) as second:
        assert bytes.fromhex("A203020100") in await first.ask(AARQ)
        assert bytes.fromhex("A203020100") in await second.ask(AARQ)


async def test_a_client_that_the_meter_does_not_know() -> None:
    async with minimal() as simulator, talk(simulator) as peer:
        assert await peer.ask(AARQ, client=99) == bytes.fromhex("D80101")


async def test_requests_come_in_any_slices() -> None:
    async with minimal() as simulator, talk(simulator) as peer:
        for octet in encode(16, 1, AARQ):
            peer.writer.write(bytes((octet,)))
            await peer.writer.drain()
        assert (await peer.reader.readexactly(9))[8] == 0x61


async def test_octets_that_are_no_frame_end_the_connection() -> None:
    async with minimal() as simulator, talk(simulator) as peer:
        peer.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await peer.reader.read() == b""
        assert simulator.counts.ignored == 1


# ---------------------------------------------------------------- faults


async def silent(peer: Peer) -> bool:
    """Whether nothing comes, not even the end of the connection."""
    try:
        async with asyncio.timeout(0.05):
            await peer.reader.read(1)
            return False
    except TimeoutError:
        return True


async def faulty(kind: FaultKind, seconds: float = 0.0) -> AsyncIterator[tuple[Peer, Simulator]]:
    async with minimal(faults={0: Fault(kind, seconds)}) as simulator, talk(simulator) as peer:
        yield peer, simulator


async def test_dead_meter_never_answers() -> None:
    async for peer, _ in faulty(FaultKind.DEAD):
        peer.writer.write(encode(16, 1, AARQ))
        assert await silent(peer)


async def test_meter_that_is_off_closes() -> None:
    async for peer, _ in faulty(FaultKind.OFF):
        peer.writer.write(encode(16, 1, AARQ))
        assert await peer.reader.read() == b""


async def test_hanging_meter_associates_and_then_stops() -> None:
    async for peer, simulator in faulty(FaultKind.HANG):
        assert (await peer.ask(AARQ))[0] == 0x61
        peer.writer.write(encode(16, 1, GET_ENERGY))
        assert await silent(peer)
        simulator.meter(0).fault = None  # repaired while it runs
        assert (await peer.ask(GET_ENERGY))[0] == 0xC4


async def test_slow_meter_answers_in_the_end() -> None:
    async for peer, _ in faulty(FaultKind.SLOW, 0.05):
        began = asyncio.get_running_loop().time()
        assert (await peer.ask(AARQ))[0] == 0x61
        assert asyncio.get_running_loop().time() - began >= 0.049


async def test_no_answer_leaves_before_its_time_nor_out_of_turn() -> None:
    async with minimal(2, one_port=True, latency=0.05) as simulator, talk(simulator) as peer:
        began = asyncio.get_running_loop().time()
        for server in (2, 1):
            peer.writer.write(encode(16, server, AARQ))
        heads = [await peer.reader.readexactly(8 + 43) for _ in range(2)]
        assert asyncio.get_running_loop().time() - began >= 0.049
        assert [head[3] for head in heads] == [2, 1]


async def test_what_has_no_delay_waits_for_no_timer() -> None:
    left: list[str] = []
    departures = Departures()
    for name in ("first", "last"):
        departures.after(0.0, partial(left.append, name))
    await asyncio.sleep(0)
    assert left == ["first", "last"]


async def test_what_fails_to_leave_keeps_nothing_else() -> None:
    left: list[str] = []
    loop = asyncio.get_running_loop()
    failures: list[object] = []
    loop.set_exception_handler(lambda _loop, context: failures.append(context["exception"]))
    departures = Departures()
    departures.after(0.01, lambda: left.append("first"))
    departures.after(0.01, lambda: [][1])
    departures.after(0.01, lambda: left.append("last"))
    await asyncio.sleep(0.03)
    assert left == ["first", "last"]
    assert [type(failure) for failure in failures] == [IndexError]


@pytest.mark.parametrize(("kind", "begins"), [(FaultKind.GARBLE, "9E5B9B5A5C"), (FaultKind.WRONG_TAG, "C201C10006")])
async def test_meter_that_answers_nonsense(kind: FaultKind, begins: str) -> None:
    async for peer, _ in faulty(kind):
        assert (await peer.ask(AARQ))[0] == 0x61
        assert (await peer.ask(GET_ENERGY))[:5] == bytes.fromhex(begins)


@pytest.mark.parametrize("kind", [FaultKind.CUT, FaultKind.CLOSE])
async def test_meter_that_stops_in_the_middle(kind: FaultKind) -> None:
    async for peer, _ in faulty(kind):
        await peer.ask(AARQ)
        peer.writer.write(encode(16, 1, GET_ENERGY))
        assert (await peer.reader.readexactly(8 + 4))[7:] == bytes.fromhex("09C401C100")
        if kind is FaultKind.CLOSE:
            assert await peer.reader.read() == b""
        else:
            assert await silent(peer)


async def test_late_meter_answers_the_request_before() -> None:
    async for peer, _ in faulty(FaultKind.LATE):
        await peer.ask(AARQ)
        peer.writer.write(encode(16, 1, GET_NAME))
        assert (await peer.ask(GET_ENERGY))[4] == 0x09  # the name, an octet-string


def test_faults_as_text() -> None:
    assert parse_faults("dead", 3) == dict.fromkeys(range(3), Fault(FaultKind.DEAD))
    assert parse_faults("slow=2.5:1,3-4", 5) == dict.fromkeys((1, 3, 4), Fault(FaultKind.SLOW, 2.5))


@pytest.mark.parametrize(
    "text", ["", "ded", "slow", "slow=x", "slow=-1", "dead=3", "dead:", "dead:x", "dead:9", "dead:2-1"]
)
def test_faults_that_make_no_sense(text: str) -> None:
    with pytest.raises(SimulatorError):
        parse_faults(text, 5)


# ---------------------------------------------------------------- registering


@pytest.mark.parametrize("authentication", [None, "lls", "none", "hls-gmac"])
async def test_export_is_what_the_registry_takes(tmp_path: Path, authentication: str | None) -> None:
    file = tmp_path / "devices.toml"
    async with Simulator(3, model="residential", first=41, authentication=authentication) as simulator:
        simulator.export(file)
        urls = [simulator.url(index) for index in range(3)]
    found = [parse_entry(fields) for fields in tomllib.loads(file.read_text())["device"]]
    entries = [entry for entry in found if isinstance(entry, Entry)]
    assert [entry.device_id for entry in entries] == [f"53494D00000000{number:02X}" for number in (41, 42, 43)]
    assert [entry.url for entry in entries] == urls
    for entry in entries:
        assert entry.device.needed_keys <= set(entry.keys)


async def test_models_by_turns_each_with_its_association() -> None:
    async with Simulator(4, model=["residential", "three-phase"]) as simulator:
        devices = [simulator.device(index) for index in range(4)]
    assert [device["authentication"] for device in devices] == ["lls", "hls-gmac"] * 2
    assert [device["protection"] for device in devices] == ["none", "both"] * 2


@pytest.mark.parametrize(
    "options",
    [
        {"model": "minimal", "authentication": "lls"},
        {"model": "unheard-of"},
        {"meters": 70_000, "one_port": True},
        {"meters": 3, "port": 65_534},
        {"first": 0},
    ],
)
def test_simulators_that_cannot_be(options: dict[str, object]) -> None:
    with pytest.raises(SimulatorError):
        Simulator(**options)  # type: ignore[arg-type]


async def test_a_port_that_is_taken() -> None:
    async with minimal() as simulator:
        port = int(simulator.url(0).split(":")[2].split("?")[0])
        with pytest.raises(SimulatorError, match="cannot listen"):
            await Simulator(port=port).start()


def test_ten_thousand_meters_are_light() -> None:
    tracemalloc.start()
    try:
        simulator = Simulator(10_000, model="three-phase")
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(simulator.meters) == 10_000
    assert taken / 10_000 < 1500  # octets a meter
