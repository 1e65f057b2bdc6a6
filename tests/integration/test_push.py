"""Meters push over real sockets, a foreign implementation among them; the registry knows the devices."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cas.devices.counters import Counters
from cas.devices.keys import Keyring, Secret
from cas.devices.registration import Row, register_devices
from cas.devices.registry import remove_devices
from cas.dlms.notification import Kind
from cas.push.directory import RegistryDirectory, host_of, plain_address
from cas.push.listener import PushListener, into
from cas.push.model import Notification
from cas.store.database import Pool
from tests.processes import PEERS_PYTHON
from tests.unit.push.bench import (
    CONFIRM,
    EVENT,
    PUSH,
    PUSH_CONFIRMED,
    TITLE,
    block,
    general_glo,
    protected,
)
from transports.hdlc.address import Address
from transports.hdlc.frame import Frame, FrameDecoder
from transports.hdlc.frame import Kind as FrameKind
from transports.wrapper import encode

SCRIPT = Path(__file__).with_name("gurux_push.py")
KEYRING = Keyring([Secret(b"m" * 32)])
OUR_TITLE = b"CAS\0\0\0\0\1"
CIPHERED = {
    "device_id": TITLE.hex().upper(),
    "url": "tcp://198.51.100.1:4059",
    "protection": "both",
    "encryption_key": "000102030405060708090A0B0C0D0E0F",
    "authentication_key": "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF",
}
HOUSE_7 = {"device_id": "house-7", "url": "tcp://127.0.0.1:4059?server=7"}
HOUSE_1 = {"device_id": "house-1", "url": "udp://127.0.0.1:4059"}


@dataclass
class Running:
    push: PushListener
    directory: RegistryDirectory
    taken: asyncio.Queue[Notification]
    tcp: int
    udp: int


@pytest.fixture
async def running(pool: Pool) -> AsyncIterator[Running]:
    await register_devices(pool, KEYRING, [Row(entry) for entry in (CIPHERED, HOUSE_7, HOUSE_1)])
    directory = RegistryDirectory(pool, KEYRING, Counters(pool), OUR_TITLE)
    taken: asyncio.Queue[Notification] = asyncio.Queue(1000)
    clock = datetime(2026, 1, 31, tzinfo=UTC)
    async with PushListener(directory, into(taken), clock=lambda: clock) as push:
        tcp = await push.listen_tcp("127.0.0.1", 0)
        udp = await push.listen_udp("127.0.0.1", 0)
        yield Running(push, directory, taken, tcp, udp)


@pytest.mark.clause("5.2.4")
async def test_a_ciphered_push_over_tcp_is_confirmed_ciphered_with_a_counter_of_ours(running: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.tcp)
    for counter in (1, 2):
        writer.write(encode(1, 103, general_glo(PUSH_CONFIRMED, counter)))
        header = await reader.readexactly(8)
        assert header[:6] == bytes.fromhex("000100670001")
        answer = await reader.readexactly(int.from_bytes(header[6:], "big"))
        assert answer[:10] == b"\xdb\x08" + OUR_TITLE
        assert answer[11:] == protected(CONFIRM, counter, title=OUR_TITLE)
        taken = await running.taken.get()
        assert (taken.device_id, taken.apdu, taken.kind) == (CIPHERED["device_id"], PUSH_CONFIRMED, Kind.DATA)
        assert taken.received_at == datetime(2026, 1, 31, tzinfo=UTC)
    writer.close()
    await writer.wait_closed()


async def test_plain_pushes_are_told_apart_by_address_and_wport(running: Running) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as meter:
        meter.setblocking(False)
        meter.connect(("127.0.0.1", running.udp))
        meter.send(encode(7, 103, PUSH_CONFIRMED))
        meter.send(encode(1, 103, EVENT))
        assert [(await running.taken.get()).device_id for _ in range(2)] == ["house-7", "house-1"]
        loop = asyncio.get_running_loop()
        assert await loop.sock_recv(meter, 100) == encode(103, 7, CONFIRM)
        meter.send(encode(2, 103, EVENT))
        meter.send(encode(7, 103, general_glo(PUSH, 1)))
        assert (await running.taken.get()).device_id == CIPHERED["device_id"]
    assert running.push.counts.snapshot()["refused"]["unknown-sender"] == 1


async def test_hdlc_ui_frames_over_tcp(running: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.tcp)
    meter, us = Address(7, 17), Address(103)
    push = bytes.fromhex("e6e700") + PUSH_CONFIRMED
    for part, more in ((push[:9], True), (push[9:], False)):
        writer.write(Frame(us, meter, FrameKind.UI, poll=False, segmented=more, information=part).encode())
    assert (await running.taken.get()).apdu == PUSH_CONFIRMED
    (frame,) = FrameDecoder().feed(await reader.read(100))
    assert (frame.destination, frame.kind, frame.information[3:]) == (meter, FrameKind.UI, CONFIRM)
    writer.close()
    await writer.wait_closed()


async def test_a_push_in_blocks_over_tcp(running: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.tcp)
    apdu = general_glo(PUSH, 1)
    writer.write(encode(1, 103, block(1, 1, 0, apdu[:30])))
    assert await reader.readexactly(15) == encode(103, 1, block(0x10, 1, 1))
    writer.write(encode(1, 103, block(0x81, 2, 1, apdu[30:])))
    assert await reader.readexactly(15) == encode(103, 1, block(0x90, 2, 2))
    assert (await running.taken.get()).apdu == PUSH
    writer.close()
    await writer.wait_closed()


async def test_a_device_that_was_removed_is_unknown_once_that_is_noticed(running: Running, pool: Pool) -> None:
    assert await running.directory.by_title(TITLE) is not None
    await remove_devices(pool, [TITLE.hex()])
    assert await running.directory.by_title(TITLE) is not None
    running.directory.forget()
    assert await running.directory.by_title(TITLE) is None
    assert await running.directory.by_title(b"short") is None


async def test_an_address_of_several_devices_with_one_wport_means_none_of_them(running: Running, pool: Pool) -> None:
    assert await running.directory.by_address("127.0.0.1", 7) is not None
    await register_devices(pool, KEYRING, [Row({"device_id": "twin", "url": "tcp://127.0.0.1:4060?server=0x7"})])
    await register_devices(pool, KEYRING, [Row({"device_id": "six", "url": "hdlc+tcp://[2001:db8::1]:4059"})])
    running.directory.forget()
    assert await running.directory.by_address("127.0.0.1", 7) is None
    found = await running.directory.by_address("2001:db8::1", 1)
    assert found is not None
    assert (found.device_id, found.host) == ("six", "2001:db8::1")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("tcp://10.0.0.1:4059", "10.0.0.1"),
        ("tcp://[::ffff:10.0.0.1]:4059", "10.0.0.1"),
        ("tcp://Meter.example", "meter.example"),
        ("tcp://0.0.0.0", None),
        ("hdlc+serial:///dev/ttyUSB0", None),
    ],
)
def test_where_a_device_is(url: str, host: str | None) -> None:
    assert host_of(url) == host


def test_an_address_is_written_in_one_way() -> None:
    assert plain_address("2001:DB8:0:0::1") == "2001:db8::1"


@pytest.mark.skipif(not PEERS_PYTHON.exists(), reason="no environment of the foreign meter")
@pytest.mark.parametrize(
    ("wire", "form", "octets"),
    # in HDLC it sends the blocks after the first as I frames, without a link
    [("hdlc", "plain", 20), ("hdlc", "ciphered", 20), ("hdlc", "event", 0)]
    + [
        (wire, *form)
        for wire in ("tcp", "udp")
        for form in (("plain", 20), ("ciphered", 20), ("blocks", 200), ("event", 0))
    ],
)
async def test_a_foreign_meter_pushes(running: Running, wire: str, form: str, octets: int) -> None:
    port = running.udp if wire == "udp" else running.tcp
    process = await asyncio.create_subprocess_exec(
        PEERS_PYTHON, SCRIPT, wire, str(port), form, "7", str(octets), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    taken = await running.taken.get()
    if form == "event":
        assert taken.apdu == bytes.fromhex("C20000030100010800FF020500000005")
        return
    assert taken.device_id == (CIPHERED["device_id"] if form == "ciphered" else "house-1")
    assert taken.apdu[-octets:] == bytes(range(octets))
    # gurux asks for a confirmation
    answer = bytes.fromhex(output.decode().split()[0])
    confirmation = b"\x10" + taken.apdu[1:5] + b"\x00"
    if wire != "hdlc":
        assert answer[:6] == bytes.fromhex("000100670001")
    if form == "plain":
        assert confirmation in answer
    elif form == "ciphered":
        assert protected(confirmation, 1, title=OUR_TITLE) in answer
    else:
        assert b"\xe0" in answer


async def test_garbage_from_any_peer_disturbs_no_other(running: Running) -> None:
    dice = random.Random(7)
    _, good = await asyncio.open_connection("127.0.0.1", running.tcp)
    for counter in range(1, 41):
        garbage = [dice.randbytes(dice.randrange(1, 300)) for _ in range(5)]
        for at in (1, 2):  # two of them look better: a notification's tag, a frame's flag
            garbage[at] = bytes((dice.choice([15, 24, 194, 219, 221, 224]),)) + garbage[at]
        garbage[3] = b"~\xa0" + garbage[3]
        octets = [encode(3, 103, each) for each in garbage[:3]] + garbage[3:]
        dice.shuffle(octets)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bad:
            bad.connect(("127.0.0.1", running.udp))
            for each in octets:
                bad.send(each)
        _, worse = await asyncio.open_connection("127.0.0.1", running.tcp)
        worse.writelines(octets)
        good.write(encode(1, 103, general_glo(PUSH, counter)))
        assert (await running.taken.get()).apdu == PUSH
        worse.close()
        await asyncio.gather(worse.wait_closed(), return_exceptions=True)
    assert running.push.counts.snapshot()["refused"]["fault"] == 0
    good.close()
    await good.wait_closed()
