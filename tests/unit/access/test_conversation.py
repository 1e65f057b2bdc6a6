"""Which association each step of a device runs in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cas.access.conversation import Conversation, Workshop, converse
from cas.access.errors import StepFailed
from cas.access.failures import describe
from cas.access.ports import Answer, Step
from cas.access.steps import leader_of
from cas.access.upgrade import Transfer
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.cosem.data import Data
from cas.dlms.apdu import Request, Response, decode_apdu
from cas.dlms.errors import AssociationRefused, DlmsError, NotAssociated
from cas.dlms.selection import Ways
from tests.access_fakes import get_request, get_response
from transports.errors import LinkLost, Unreachable

# Green Book 8.3, 11.2
AARQ = decode_apdu(bytes.fromhex("601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0"))
AARE = decode_apdu(
    bytes.fromhex("6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000501F01F40007")
)
REFUSED = decode_apdu(bytes.fromhex("6117A109060760857405080101A203020101A305A10302010D"))
RLRQ = cos.RlrqApdu(reason=cos.ReleaseRequestReason.NORMAL)
RLRE = cos.RlreApdu(reason=cos.ReleaseResponseReason.NORMAL)
GET = get_request()
ENERGY = get_response(Data.of("double-long-unsigned", 7))


class FakeLine:
    """Writes down what is done; answers gets, and times of a clock."""

    def __init__(self, *aares: cos.AareApdu | Exception) -> None:
        self.aares = list(aares)
        self.log: list[str] = []
        self.is_open = False
        self.ways = Ways()
        self.answers: list[Response | Exception] = []

    async def open(self, aarq: cos.AarqApdu | None = None) -> cos.AareApdu:
        await self.close()
        self.log.append("open" if aarq is None else "aarq")
        aare = self.aares.pop(0) if self.aares else AARE
        if isinstance(aare, Exception):
            raise aare
        assert isinstance(aare, cos.AareApdu)
        self.is_open = aare.result is cos.AssociationResult.ACCEPTED
        return aare

    async def request(self, request: Request) -> Response:
        assert self.is_open
        self.log.append("ask")
        answer = self.answers.pop(0) if self.answers else ENERGY
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def release(self, rlrq: cos.RlrqApdu) -> cos.RlreApdu:
        if not self.is_open:
            raise NotAssociated("RLRQ", "not open")
        self.log.append("rlrq")
        self.is_open = False
        return RLRE

    async def close(self) -> None:
        if self.is_open:
            self.log.append("close")
        self.is_open = False

    @asynccontextmanager
    async def hold(self, device_id: str) -> AsyncIterator["FakeLine"]:
        yield self
        await self.close()


class NoTransfers:
    async def find(self, device_id: str) -> Transfer | None:
        return None

    async def note(self, device_id: str, transfer: Transfer) -> None:
        pass

    async def forget(self, device_id: str) -> None:
        pass


async def no_pause(_seconds: float) -> None:
    pass


def workshop(directory: Path | None = None) -> Workshop:
    return Workshop(lambda: datetime(2026, 7, 1, 12, tzinfo=UTC), no_pause, NoTransfers(), directory)


async def do(line: FakeLine, *steps: object) -> list[Answer | str]:
    """The answers to steps, or the class of the error."""
    answers: list[Answer | str] = []
    async with converse(line, "m", workshop()) as conversation:
        for step in steps:
            try:
                answers.append(await conversation.request(step))  # type: ignore[arg-type]  # a step
            except (DlmsError, LinkLost) as error:
                answers.append(type(error).__name__)
    return answers


@pytest.mark.clause("7.2.6")
async def test_without_acse_the_registry_s_association_is_opened_once_and_released() -> None:
    line = FakeLine()
    assert await do(line, GET, GET) == [ENERGY, ENERGY]
    assert line.log == ["open", "ask", "ask", "close"]


@pytest.mark.clause("7.2.6")
async def test_the_client_opens_and_releases_an_association_of_its_own() -> None:
    line = FakeLine()
    assert await do(line, AARQ, GET, RLRQ) == [AARE, ENERGY, RLRE]
    assert line.log == ["aarq", "ask", "rlrq"]


@pytest.mark.clause("7.2.6")
async def test_the_client_s_association_takes_the_place_of_the_one_that_is_open_and_the_other_way_round() -> None:
    line = FakeLine()
    await do(line, GET, AARQ, AARQ, GET, RLRQ, GET)
    assert line.log == ["open", "ask", "close", "aarq", "close", "aarq", "ask", "rlrq", "open", "ask", "close"]


@pytest.mark.clause("7.2.6")
async def test_an_aare_that_refuses_is_a_result_and_nothing_is_done_after_it_until_the_next_aarq() -> None:
    assert isinstance(REFUSED, cos.AareApdu)
    line = FakeLine(REFUSED)
    assert await do(line, AARQ, GET, RLRQ, AARQ, GET) == [REFUSED, "NotAssociated", "NotAssociated", AARE, ENERGY]
    assert line.log == ["aarq", "aarq", "ask", "close"]


async def test_an_aarq_that_broke_does_not_fall_back_to_the_registry_s_association() -> None:
    line = FakeLine(LinkLost("gone"))
    assert await do(line, AARQ, GET) == ["LinkLost", "NotAssociated"]
    assert line.log == ["aarq"]


async def test_a_release_of_nothing_is_told() -> None:
    assert await do(FakeLine(), RLRQ) == ["NotAssociated"]


async def test_what_keeps_the_association_from_opening_shows_before_the_step_is_sent() -> None:
    line = FakeLine(AssociationRefused("rejected-permanent", "no-reason-given"))
    async with converse(line, "m", workshop()) as conversation:
        with pytest.raises(AssociationRefused):
            await conversation.prepare(GET, None)
        await conversation.prepare(GET, None)
        await conversation.prepare(GET, None)
        assert isinstance(AARQ, cos.AarqApdu)
        await conversation.prepare(AARQ, None)
    assert line.log == ["open", "open", "close"]


async def test_a_step_that_is_tried_again_alone_runs_in_the_association_that_it_belongs_to() -> None:
    assert isinstance(AARQ, cos.AarqApdu)
    steps: list[Step] = [AARQ, GET, GET, RLRQ, GET]
    assert [leader_of(steps, number) for number in range(5)] == [None, AARQ, AARQ, AARQ, None]
    line = FakeLine()
    async with converse(line, "m", workshop()) as conversation:
        for number in (1, 2, 4):
            await conversation.prepare(steps[number], leader_of(steps, number))
            await conversation.request(steps[number])
    assert line.log == ["aarq", "ask", "ask", "close", "open", "ask", "close"]
    line = FakeLine()
    async with converse(line, "m", workshop()) as conversation:
        for number, step in enumerate(steps):
            await conversation.prepare(step, leader_of(steps, number))
            await conversation.request(step)
    assert line.log == ["aarq", "ask", "ask", "rlrq", "open", "ask", "close"]


CLOCK = cos.CosemAttributeDescriptor(class_id=8, instance_id=bytes.fromhex("0000010000FF"), attribute_id=2)
IMAGE = cos.CosemAttributeDescriptor(class_id=18, instance_id=bytes.fromhex("00002C0000FF"), attribute_id=2)


async def test_a_clock_is_synchronised_inside_the_association() -> None:
    line = FakeLine()
    shown = Data.of("octet-string", bytes.fromhex("07EA0701030E000000FF8880"))
    line.answers.append(get_response(shown))
    sync = dev.CosemTimeSync(cosem_object=CLOCK, min_time_diff=3, max_time_diff=60)
    (answer,) = await do(line, sync)
    assert isinstance(answer, cos.AccessResponse)
    assert line.log == ["open", "ask", "close"]


def upgrade(size: int = 5) -> dev.CosemUpgrade:
    return dev.CosemUpgrade(upgrade_file="fw.bin", image_identifier="FW", image_size=size, cosem_object=IMAGE)


async def test_an_upgrade_whose_file_has_changed_touches_no_meter(tmp_path: Path) -> None:
    (tmp_path / "fw.bin").write_bytes(b"12345")
    line = FakeLine()
    conversation = Conversation(line, "m", workshop(tmp_path))
    with pytest.raises(StepFailed) as failed:
        await conversation.request(upgrade(size=6))
    assert line.log == []
    failure = describe(failed.value)
    assert failure is not None
    assert (failure.code.value, failure.reason) == ("1.7", "upgrade file unusable")


async def test_an_upgrade_takes_a_new_association_like_the_first_when_it_breaks(tmp_path: Path) -> None:
    (tmp_path / "fw.bin").write_bytes(b"12345")
    denied = cos.GetDataResult(data_access_result=cos.DataAccessResult.READ_WRITE_DENIED)
    denied_response = cos.GetResponse(
        get_response_normal=cos.GetResponseNormal(invoke_id_and_priority=0xC1, result=denied)
    )
    line = FakeLine()
    line.answers += [LinkLost("gone"), denied_response]
    async with converse(line, "m", workshop(tmp_path)) as conversation:
        assert isinstance(AARQ, cos.AarqApdu)
        await conversation.request(AARQ)
        assert await conversation.request(upgrade()) is denied_response
    assert line.log == ["aarq", "ask", "close", "aarq", "ask", "close"]
    line = FakeLine()
    line.answers += [Unreachable("gone")] * 5
    async with converse(line, "m", workshop(tmp_path)) as conversation:
        with pytest.raises(Unreachable):
            await conversation.request(upgrade())
    assert line.log == ["open", "ask", "close"] * 5
