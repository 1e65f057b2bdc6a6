"""Clocks set and images transferred with simulated meters, ciphered, over real sockets, by a registry in a database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cas.access.conversation import Workshop, converse
from cas.access.images import digest, load_image, read_upgrade
from cas.access.transfers import PostgresTransfers
from cas.access.upgrade import Phase, Progress, Transfer
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.devices.counters import Counters
from cas.devices.keys import Keyring, Secret
from cas.devices.lines import Lines
from cas.devices.opening import Means
from cas.devices.registration import Row, register_devices
from cas.simulator import Fault, FaultKind, Simulator
from cas.store.database import Pool
from tests.access_fakes import get_request

NOW = 1_782_907_200  # 2026-07-01T12:00:00Z
KEYRING = Keyring([Secret(b"m" * 32)])
CLOCK = cos.CosemAttributeDescriptor(class_id=8, instance_id=bytes.fromhex("0000010000FF"), attribute_id=2)
TARGET = cos.CosemAttributeDescriptor(class_id=18, instance_id=bytes.fromhex("00002C0000FF"), attribute_id=2)
IMAGE = bytes(range(251)) * 9
UPGRADE = dev.CosemUpgrade(upgrade_file="fw.bin", image_identifier="FW-2", image_size=len(IMAGE), cosem_object=TARGET)
SYNC = dev.CosemTimeSync(cosem_object=CLOCK, min_time_diff=5, max_time_diff=7200)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(2, authentication="hls-gmac", clock=lambda: NOW) as running:
        yield running


@pytest.fixture
async def lines(pool: Pool, simulator: Simulator) -> Lines:
    await register_devices(pool, KEYRING, [Row(simulator.device(index)) for index in range(2)])
    return Lines(pool, KEYRING, Means(Counters(pool), b"CAS\x00\x00\x00\x00\x01"))


def workshop(pool: Pool, directory: Path) -> Workshop:
    async def no_pause(_seconds: float) -> None:
        pass

    (directory / "fw.bin").write_bytes(IMAGE)
    return Workshop(lambda: datetime.fromtimestamp(NOW, UTC), no_pause, PostgresTransfers(pool), directory)


@pytest.mark.clause("7.2.6")
async def test_a_clock_that_is_off_is_set_and_then_left(
    pool: Pool, simulator: Simulator, lines: Lines, tmp_path: Path
) -> None:
    meter = simulator.meter(0)
    meter.clock_offset = 3600
    async with converse(lines, meter.device_id, workshop(pool, tmp_path)) as conversation:
        differences = []
        for _ in range(2):
            answer = await conversation.request(SYNC)
            assert isinstance(answer, cos.AccessResponse)
            differences.append(answer.access_response_body.access_response_list_of_data.data[1].value)
        assert isinstance(await conversation.request(get_request()), cos.GetResponse)  # in the same association
    assert differences == [3600, 0]
    assert meter.clock_offset == 0
    assert not list(simulator.violations())


@pytest.mark.clause("7.2.6")
async def test_an_image_goes_on_where_the_link_broke(
    pool: Pool, simulator: Simulator, lines: Lines, tmp_path: Path
) -> None:
    meter = simulator.meter(1)
    blocks: list[int] = []

    def progress(device_id: str, step: Progress) -> None:
        assert device_id == meter.device_id
        if step.step == "transfer":
            blocks.append(step.blocks)
            meter.fault = Fault(FaultKind.OFF) if blocks == [0, 1] else None

    plain = workshop(pool, tmp_path)

    async def repaired(_seconds: float) -> None:
        assert await plain.transfers.find(meter.device_id) is not None
        meter.fault = None

    bench = Workshop(plain.now, repaired, plain.transfers, plain.upgrade_dir, progress)
    async with converse(lines, meter.device_id, bench) as conversation:
        answer = await conversation.request(UPGRADE)
    assert isinstance(answer, cos.ActionResponse)
    assert meter.image is not None
    assert (meter.image.identifier, meter.image.octets, meter.image.status) == (b"FW-2", IMAGE, 6)
    assert blocks[:4] == [0, 1, 1, 2]  # block 1 was not taken, and is sent again
    assert await plain.transfers.find(meter.device_id) is None
    assert not list(simulator.violations())


async def test_an_activation_whose_answer_was_lost_is_found_done(
    pool: Pool, simulator: Simulator, lines: Lines, tmp_path: Path
) -> None:
    meter = simulator.meter(0)
    bench = workshop(pool, tmp_path)
    async with converse(lines, meter.device_id, bench) as conversation:
        await conversation.request(UPGRADE)
        order = read_upgrade(UPGRADE)
        noted = Transfer(digest(order, load_image(tmp_path, order)), Phase.ACTIVATION)
        await bench.transfers.note(meter.device_id, noted)
        assert meter.image is not None
        taken = meter.image
        answer = await conversation.request(UPGRADE)
        assert meter.image is taken  # not transferred again
    assert isinstance(answer, cos.ActionResponse)
