"""Setting the clock of a foreign meter, and giving it an image."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from cas.access.exchange import Object, get
from cas.access.images import Image, UpgradeOrder, digest
from cas.access.time_sync import TimeSync, synchronise
from cas.access.upgrade import Progress, Transfer, Upgrade, upgrade
from cas.bindings import cosempdu as cos
from cas.cosem.date_time import CosemDateTime
from cas.dlms.acse import Settings
from cas.dlms.apdu import Response
from cas.dlms.client import Client
from tests.processes import gurux_meter, running
from transports.registry import open_transport

CLOCK = Object(8, bytes.fromhex("0000010000FF"))
IMAGE_TRANSFER = Object(18, bytes.fromhex("00002C0000FF"))
IMAGE = Image(b"FW-2.0", bytes(range(256)) * 3 + b"the end")


@pytest.fixture(scope="module")
def meter() -> Iterator[str]:
    """URL of the foreign meter, without security."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running(gurux_meter("--port", str(port))):
        yield f"tcp://127.0.0.1:{port}?client=16&server=1"


@asynccontextmanager
async def associated(url: str) -> AsyncIterator[Client]:
    async with Client(open_transport(url), Settings()) as client:
        yield client


def now() -> datetime:
    return datetime.now(UTC)


def items(answer: Response) -> tuple[list[object], list[str]]:
    assert isinstance(answer, cos.AccessResponse)
    body = answer.access_response_body
    sets = [each.access_response_set for each in body.access_response_specification.access_response_specification]
    return [data.value for data in body.access_response_list_of_data.data], [s.result.value for s in sets if s]


async def test_a_clock_is_set_once_and_then_right(meter: str) -> None:
    def ahead() -> datetime:
        return now() + timedelta(hours=1)

    order = TimeSync(CLOCK, 60, 7200)
    async with associated(meter) as client:
        values, sets = items(await synchronise(client, order, now))
        assert sets == []
        assert abs(int(str(values[1]))) <= 2
        values, sets = items(await synchronise(client, order, ahead))
        assert sets == ["success"]
        assert abs(int(str(values[1])) + 3600) <= 2
        values, sets = items(await synchronise(client, order, ahead))
        assert sets == []
        shown = values[0]
        assert isinstance(shown, bytes)
        assert abs(CosemDateTime.decode(shown).to_datetime() - ahead()) < timedelta(seconds=3)
        assert items(await synchronise(client, TimeSync(CLOCK, 0, 7200), now))[1] == ["success"]


class Notes:
    def __init__(self) -> None:
        self.noted: dict[str, Transfer] = {}

    async def find(self, device_id: str) -> Transfer | None:
        return self.noted.get(device_id)

    async def note(self, device_id: str, transfer: Transfer) -> None:
        self.noted[device_id] = transfer

    async def forget(self, device_id: str) -> None:
        self.noted.pop(device_id, None)


async def test_an_image_goes_over_block_by_block_and_on_after_a_break(meter: str) -> None:
    told: list[Progress] = []
    notes = Notes()
    broken = False

    def progress(step: Progress) -> None:
        nonlocal broken
        told.append(step)
        if step.step == "transfer" and step.blocks == 2 and not broken:
            broken = True
            raise TimeoutError

    async def pause(_seconds: float) -> None:
        pass

    order = UpgradeOrder("fw", IMAGE.identifier, IMAGE.size, IMAGE_TRANSFER)
    job = Upgrade("m", IMAGE_TRANSFER, IMAGE, digest(order, IMAGE), notes, pause, progress)
    answer = await upgrade(job, lambda: associated(meter))
    assert isinstance(answer, cos.ActionResponse)
    assert answer.action_response_normal
    assert answer.action_response_normal.single_response.result is cos.ActionResult.SUCCESS
    blocks = [step.blocks for step in told if step.step == "transfer"]
    assert blocks == [0, 1, 2, 2, 3, 4]  # blocks of 200 octets: four
    assert sum(step.step == "initiate" for step in told) == 1
    async with associated(meter) as client:
        status = await get(client, IMAGE_TRANSFER, 6)
        assert isinstance(status, cos.GetResponse)
        assert status.get_response_normal
        assert status.get_response_normal.result.data
        assert status.get_response_normal.result.data.value == 6
