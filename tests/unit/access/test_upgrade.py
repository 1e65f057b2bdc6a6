"""CosemUpgrade against a meter that takes images, and loses links, blocks and patience on demand."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cas.access.errors import Refused
from cas.access.exchange import Object
from cas.access.images import Image, UpgradeOrder, check_upgrade, digest, load_image, read_upgrade
from cas.access.model import Failure
from cas.access.ports import Session
from cas.access.upgrade import (
    ACTIVATE,
    BUSY_TIMES,
    INITIATE,
    TRANSFER,
    VERIFY,
    Phase,
    Progress,
    Status,
    Upgrade,
    upgrade,
)
from cas.access.upgrade import Transfer as Noted
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.cosem.data import Data
from cas.dlms.apdu import Request, Response
from cas.dlms.errors import AuthenticationFailed
from transports.errors import LinkLost, Unreachable

TARGET = Object(18, bytes.fromhex("00002C0000FF"))
OCTETS = bytes(range(256)) * 3 + b"end"
IMAGE = Image(b"FW-2", OCTETS)
BLOCK = 100
COUNT = 8
R = cos.ActionResult


class Meter:
    """Attributes and methods of class 18; `hook` sees every request first and may raise or answer."""

    def __init__(self) -> None:
        self.enabled = True
        self.status = Status.NOT_INITIATED
        self.identifier, self.size = b"", 0
        self.blocks: dict[int, bytes] = {}
        self.info: list[Data] | None = None
        self.calls: list[tuple[int, int | None]] = []
        self.hook: Callable[[str, int, int | None], Response | R | None] = lambda *_: None
        self.after: Callable[[int], object] = lambda _: None
        self.sessions = 0

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        self.sessions += 1
        yield self

    @property
    def count(self) -> int:
        return -(-self.size // BLOCK)

    async def request(self, request: Request) -> Response:
        if isinstance(request, cos.GetRequest) and request.get_request_normal:
            attribute = request.get_request_normal.cosem_attribute_descriptor.attribute_id
            return self._get(attribute)
        if isinstance(request, cos.SetRequest) and request.set_request_normal:
            self.enabled = bool(request.set_request_normal.value.value)
            result = cos.DataAccessResult.SUCCESS
            return cos.SetResponse(set_response_normal=cos.SetResponseNormal(invoke_id_and_priority=1, result=result))
        assert isinstance(request, cos.ActionRequest)
        assert request.action_request_normal
        assert request.action_request_normal.method_invocation_parameters
        method = request.action_request_normal.cosem_method_descriptor.method_id
        value = request.action_request_normal.method_invocation_parameters.value
        first = value[0] if isinstance(value, tuple) and isinstance(value[0], int) else None
        answer = self.hook("action", method, first)
        self.calls.append((method, first))
        if answer is None:
            answer = self._call(method, value)
            self.after(method)
        if isinstance(answer, R):
            single = cos.ActionResponseWithOptionalData(result=answer)
            normal = cos.ActionResponseNormal(invoke_id_and_priority=1, single_response=single)
            return cos.ActionResponse(action_response_normal=normal)
        return answer

    def _get(self, attribute: int) -> Response:
        answer = self.hook("get", attribute, None)
        assert not isinstance(answer, R)
        if answer is not None:
            return answer
        first = next((n for n in range(self.count) if n not in self.blocks), self.count)
        bits = "".join("01"[n in self.blocks] for n in range(self.count))
        shown = Data.structure(
            Data.of("double-long-unsigned", self.size), Data.of("octet-string", self.identifier),
            Data.of("octet-string", b"sig"),
        )  # fmt: skip
        values = {
            2: Data.of("double-long-unsigned", BLOCK), 3: Data.of("bit-string", bits),
            4: Data.of("double-long-unsigned", first), 5: Data.of("boolean", self.enabled),
            6: Data.of("enum", self.status), 7: Data.array([shown] if self.info is None else self.info),
        }  # fmt: skip
        result = cos.GetDataResult(data=values[attribute])
        return cos.GetResponse(get_response_normal=cos.GetResponseNormal(invoke_id_and_priority=1, result=result))

    def _call(self, method: int, value: object) -> R:
        if method == INITIATE:
            assert isinstance(value, tuple)
            self.identifier, self.size = value
            self.blocks, self.status = {}, Status.INITIATED
        elif method == TRANSFER:
            assert isinstance(value, tuple)
            self.blocks[value[0]] = value[1]
        elif method == VERIFY:
            self.status = Status.VERIFIED if len(self.blocks) == self.count else Status.VERIFICATION_FAILED
        else:
            self.status = Status.ACTIVATED
        return R.SUCCESS

    def times(self, method: int) -> int:
        return sum(called == method for called, _ in self.calls)

    @property
    def octets(self) -> bytes:
        return b"".join(self.blocks[number] for number in sorted(self.blocks))


class Notes:
    def __init__(self) -> None:
        self.noted: dict[str, Noted] = {}

    async def find(self, device_id: str) -> Noted | None:
        return self.noted.get(device_id)

    async def note(self, device_id: str, transfer: Noted) -> None:
        self.noted[device_id] = transfer

    async def forget(self, device_id: str) -> None:
        self.noted.pop(device_id, None)


class Bench:
    """A meter, what is noted, and time that does not pass."""

    def __init__(self) -> None:
        self.meter = Meter()
        self.notes = Notes()
        self.pauses: list[float] = []
        self.told: list[Progress] = []
        self.on_pause: Callable[[], None] = lambda: None

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.on_pause()

    async def upgrade(self, image: Image = IMAGE) -> Response | Failure:
        order = UpgradeOrder("fw", image.identifier, image.size, TARGET)
        job = Upgrade("m", TARGET, image, digest(order, image), self.notes, self.pause, self.told.append)
        return await upgrade(job, self.meter.session)

    async def succeeds(self, image: Image = IMAGE) -> None:
        answer = await self.upgrade(image)
        assert isinstance(answer, cos.ActionResponse)
        assert answer.action_response_normal
        assert answer.action_response_normal.single_response.result is R.SUCCESS
        assert self.meter.octets == image.octets
        assert self.meter.status is Status.ACTIVATED
        assert self.notes.noted == {}

    async def fails(self, image: Image = IMAGE) -> str:
        answer = await self.upgrade(image)
        assert isinstance(answer, Failure)
        return answer.reason


@pytest.fixture
def bench() -> Bench:
    return Bench()


def at(bench: Bench, method: int, number: int | None, error: Exception, *, arrives: bool = False) -> None:
    """The link is lost once, at this call: before it arrives, or after."""
    left = [error]

    def hook(kind: str, called: int, block: int | None) -> None:
        if kind == "action" and (called, block) == (method, number) and left and not arrives:
            raise left.pop()

    def after(called: int) -> None:
        if called == method and left and arrives:
            raise left.pop()

    bench.meter.hook, bench.meter.after = hook, after


async def test_an_image_is_transferred_verified_checked_and_activated(bench: Bench) -> None:
    await bench.succeeds()
    calls = [(INITIATE, None), *((TRANSFER, number) for number in range(COUNT)), (VERIFY, None), (ACTIVATE, None)]
    assert bench.meter.calls == calls
    assert (bench.meter.identifier, bench.meter.size) == (b"FW-2", len(OCTETS))
    assert bench.pauses == []
    assert Progress("transfer", COUNT, COUNT) in bench.told
    assert list(dict.fromkeys(told.step for told in bench.told)) == [
        "prepare", "initiate", "transfer", "verify", "check", "activate",
    ]  # fmt: skip


async def test_it_goes_on_at_the_first_missing_block_over_the_next_association(bench: Bench) -> None:
    at(bench, TRANSFER, 5, LinkLost("gone"))
    await bench.succeeds()
    assert bench.meter.sessions == 2
    assert bench.meter.times(INITIATE) == 1
    assert [number for method, number in bench.meter.calls if method == TRANSFER] == list(range(COUNT))


async def test_it_goes_on_in_a_later_call_as_well(bench: Bench) -> None:
    def dead(kind: str, called: int, block: int | None) -> None:
        if (called, block) == (TRANSFER, 3):
            raise Unreachable("no")

    bench.meter.hook = dead
    with pytest.raises(Unreachable):
        await bench.upgrade()
    assert len(bench.pauses) == 4
    bench.meter.hook = lambda *_: None
    bench.meter.calls.clear()
    await bench.succeeds()
    assert bench.meter.times(INITIATE) == 0
    assert [number for method, number in bench.meter.calls if method == TRANSFER] == [3, 4, 5, 6, 7]


async def test_as_long_as_blocks_get_through_it_goes_on(bench: Bench) -> None:
    calls = 0

    def flaky(kind: str, called: int, block: int | None) -> None:
        nonlocal calls
        if (kind, called) != ("action", TRANSFER):
            return
        calls += 1
        if calls % 2 == 0:
            raise LinkLost("gone")

    bench.meter.hook = flaky
    await bench.succeeds()
    assert set(bench.pauses) == {5.0}


async def test_another_image_is_never_gone_on_with(bench: Bench) -> None:
    """Of the same size, with the same number of blocks, half transferred: by somebody else, or by us."""
    bench.meter.size, bench.meter.status, bench.meter.blocks = len(OCTETS), Status.INITIATED, {0: b"?" * BLOCK}
    await bench.succeeds()
    at(bench, TRANSFER, 5, AuthenticationFailed("no"))
    other = Image(b"FW-3", OCTETS[::-1])
    with pytest.raises(AuthenticationFailed):
        await bench.upgrade(other)
    bench.meter.calls.clear()
    await bench.succeeds()
    assert bench.meter.times(TRANSFER) == COUNT


async def test_an_initiation_whose_answer_was_lost_is_done_again(bench: Bench) -> None:
    at(bench, INITIATE, None, LinkLost("gone"), arrives=True)
    await bench.succeeds()
    assert bench.meter.times(INITIATE) == 2


async def test_blocks_that_the_meter_lost_are_sent_again(bench: Bench) -> None:
    def after(method: int) -> None:
        if bench.meter.times(TRANSFER) == COUNT:
            bench.meter.blocks.pop(2, None)
            bench.meter.blocks.pop(6, None)

    bench.meter.after = after
    await bench.succeeds()
    assert [number for method, number in bench.meter.calls if method == TRANSFER][COUNT:] == [2, 6]


async def test_a_meter_without_a_bitmap_is_asked_for_the_first_missing_block(bench: Bench) -> None:
    def hook(kind: str, called: int, block: int | None) -> Response | None:
        if (kind, called) != ("get", 3):
            return None
        result = cos.GetDataResult(data_access_result=cos.DataAccessResult.OBJECT_UNDEFINED)
        return cos.GetResponse(get_response_normal=cos.GetResponseNormal(invoke_id_and_priority=1, result=result))

    bench.meter.hook = hook
    dropped = iter([True])
    bench.meter.after = lambda method: (
        bench.meter.blocks.pop(6, None) and None
        if bench.meter.times(TRANSFER) == COUNT and next(dropped, None)
        else None
    )
    await bench.succeeds()
    assert [number for method, number in bench.meter.calls if method == TRANSFER][COUNT:] == [6, 7]


async def test_a_meter_that_keeps_losing_a_block_is_given_up(bench: Bench) -> None:
    bench.meter.after = lambda _: bench.meter.blocks.pop(2, None)
    assert await bench.fails() == "image incomplete"
    assert bench.meter.times(VERIFY) == 0


async def test_a_busy_meter_is_given_time(bench: Bench) -> None:
    busy = iter([R.TEMPORARY_FAILURE] * 3)
    bench.meter.hook = lambda kind, called, block: next(busy, None) if (called, block) == (TRANSFER, 1) else None
    await bench.succeeds()
    assert bench.pauses == [2.0] * 3
    bench.meter.hook = lambda kind, called, block: (
        R.TEMPORARY_FAILURE if (kind, called) == ("action", TRANSFER) else None
    )
    answer = await bench.upgrade()
    assert isinstance(answer, cos.ActionResponse)  # the meter's own answer
    assert len(bench.pauses) == 3 + BUSY_TIMES


@pytest.mark.parametrize("method", [INITIATE, TRANSFER, VERIFY, ACTIVATE])
async def test_what_the_meter_refuses_is_the_answer(bench: Bench, method: int) -> None:
    bench.meter.hook = lambda kind, called, block: R.READ_WRITE_DENIED if (kind, called) == ("action", method) else None
    answer = await bench.upgrade()
    assert isinstance(answer, cos.ActionResponse)
    assert answer.action_response_normal
    assert answer.action_response_normal.single_response.result is R.READ_WRITE_DENIED


async def test_a_transfer_that_is_off_is_switched_on(bench: Bench) -> None:
    bench.meter.enabled = False
    await bench.succeeds()
    assert bench.meter.enabled


async def test_verification_and_activation_are_waited_for(bench: Bench) -> None:
    steps = iter([Status.VERIFYING, Status.VERIFIED, Status.VERIFIED, Status.ACTIVATING, Status.ACTIVATED])

    def hook(kind: str, called: int, block: int | None) -> R | None:
        return R.TEMPORARY_FAILURE if kind == "action" and called in (VERIFY, ACTIVATE) else None

    def on_pause() -> None:
        bench.meter.status = next(steps)

    bench.meter.hook, bench.on_pause = hook, on_pause
    await bench.succeeds()
    assert bench.pauses == [10.0] * 5


async def test_a_meter_that_never_ends_verifying_is_too_slow_and_asked_again_later(bench: Bench) -> None:
    def hook(kind: str, called: int, block: int | None) -> R | None:
        if kind == "action" and called == VERIFY:
            bench.meter.status = Status.VERIFYING
            return R.TEMPORARY_FAILURE
        return None

    bench.meter.hook = hook
    assert await bench.fails() == "device too slow"
    bench.on_pause = lambda: setattr(bench.meter, "status", Status.VERIFIED)
    await bench.succeeds()
    assert bench.meter.times(TRANSFER) == COUNT


async def test_a_failed_verification_begins_anew_next_time(bench: Bench) -> None:
    bench.meter.hook = lambda kind, called, block: R.TEMPORARY_FAILURE if (kind, called) == ("action", VERIFY) else None
    bench.on_pause = lambda: setattr(bench.meter, "status", Status.VERIFICATION_FAILED)
    assert await bench.fails() == "image verification failed"
    bench.meter.hook = lambda *_: None
    await bench.succeeds()
    assert bench.meter.times(INITIATE) == 2


@pytest.mark.parametrize(
    ("size", "identifier"), [(len(OCTETS) + 1, b"FW-2"), (len(OCTETS), b"FW-1")], ids=["size", "identifier"]
)
async def test_an_image_that_is_not_ours_is_not_activated(bench: Bench, size: int, identifier: bytes) -> None:
    shown = (Data.of("double-long-unsigned", size), Data.of("octet-string", identifier), Data.of("octet-string", b""))
    bench.meter.info = [Data.structure(*shown)]
    assert await bench.fails() == "image not the one transferred"
    assert bench.meter.times(ACTIVATE) == 0


async def test_the_signature_counts_where_the_operator_gives_one(bench: Bench) -> None:
    await bench.succeeds(Image(b"FW-2", OCTETS, b"sig"))
    assert await bench.fails(Image(b"FW-2", OCTETS, b"other")) == "image not the one transferred"


async def test_a_meter_that_tells_nothing_of_its_image_has_verified_it(bench: Bench) -> None:
    bench.meter.info = []
    await bench.succeeds()


async def test_an_activation_whose_answer_was_lost_is_looked_into_not_repeated(bench: Bench) -> None:
    at(bench, ACTIVATE, None, LinkLost("rebooting"), arrives=True)
    await bench.succeeds()
    assert bench.meter.times(ACTIVATE) == 1
    assert bench.meter.times(TRANSFER) == COUNT


async def test_an_activation_that_did_not_arrive_is_sent_again(bench: Bench) -> None:
    at(bench, ACTIVATE, None, LinkLost("gone"))
    await bench.succeeds()
    assert bench.meter.times(TRANSFER) == COUNT


@pytest.mark.parametrize(
    ("status", "reason"),
    [(Status.ACTIVATION_FAILED, "image activation failed"), (Status.NOT_INITIATED, "outcome unknown")],
)
async def test_what_became_of_an_activation_is_told(bench: Bench, status: Status, reason: str) -> None:
    at(bench, ACTIVATE, None, LinkLost("rebooting"), arrives=True)
    bench.on_pause = lambda: setattr(bench.meter, "status", status)
    assert await bench.fails() == reason
    assert bench.meter.times(ACTIVATE) == 1
    assert bench.notes.noted == {}


async def test_two_upgrades_of_one_meter_do_not_fight(bench: Bench) -> None:
    at(bench, TRANSFER, 5, LinkLost("gone"))
    bench.on_pause = lambda: bench.notes.noted.update(m=Noted(bytes(32), Phase.TRANSFER))
    assert await bench.fails() == "upgrade superseded"


async def test_what_will_not_be_better_next_time_is_not_tried_again(bench: Bench) -> None:
    at(bench, TRANSFER, 5, AuthenticationFailed("no"))
    with pytest.raises(AuthenticationFailed):
        await bench.upgrade()
    assert bench.pauses == []


def descriptor(name: str = "fw.bin", identifier: str = "FW-2", size: int = 5, class_id: int = 18) -> dev.CosemUpgrade:
    target = cos.CosemAttributeDescriptor(class_id=class_id, instance_id=TARGET.instance_id, attribute_id=2)
    return dev.CosemUpgrade(upgrade_file=name, image_identifier=identifier, image_size=size, cosem_object=target)


def wrong(given: dev.CosemUpgrade, directory: Path | None) -> list[str]:
    return [element for element, _ in check_upgrade(given, directory)]


def test_a_file_is_read_with_its_signature(tmp_path: Path) -> None:
    (tmp_path / "fw.bin").write_bytes(b"12345")
    assert wrong(descriptor(), tmp_path) == []
    assert load_image(tmp_path, read_upgrade(descriptor())) == Image(b"FW-2", b"12345")
    (tmp_path / "fw.bin.sig").write_bytes(b"S")
    assert load_image(tmp_path, read_upgrade(descriptor(identifier="hex:00FF"))) == Image(b"\x00\xff", b"12345", b"S")
    assert b"12345".hex() not in repr(load_image(tmp_path, read_upgrade(descriptor())))


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "fw.bin").write_bytes(b"12345")
    load_image(tmp_path, read_upgrade(descriptor()))
    (tmp_path / "fw.bin").write_bytes(b"123456")
    assert load_image(tmp_path, read_upgrade(descriptor(size=6))).octets == b"123456"


@pytest.mark.parametrize("name", ["", ".", "..", "../fw.bin", "/etc/passwd", "a/fw.bin", ".hidden", "fw\0.bin", "a\\b"])
def test_a_name_that_is_a_place_is_refused(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for place in (tmp_path / "fw.bin", home / ".hidden"):
        place.write_bytes(b"12345")
    assert wrong(descriptor(name), home) == ["upgrade-file"]


def test_a_link_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "fw.bin").write_bytes(b"12345")
    (home / "fw.bin").symlink_to(tmp_path / "fw.bin")
    assert wrong(descriptor(), home) == ["upgrade-file"]


def test_what_does_not_fit_is_told_before_a_meter_is_touched(tmp_path: Path) -> None:
    (tmp_path / "fw.bin").write_bytes(b"12345")
    (tmp_path / "empty").write_bytes(b"")
    assert wrong(descriptor(size=6), tmp_path) == ["image-size"]
    assert wrong(descriptor(class_id=8), tmp_path) == ["cosem-object"]
    assert wrong(descriptor(identifier="hex:0g"), tmp_path) == ["image-identifier"]
    assert wrong(descriptor(identifier=""), tmp_path) == ["image-identifier"]
    assert wrong(descriptor("empty", size=0), tmp_path) == ["upgrade-file"]
    assert wrong(descriptor("none"), tmp_path) == ["upgrade-file"]
    assert wrong(descriptor(), None) == ["upgrade-file"]
    assert wrong(descriptor(), tmp_path / "missing") == ["upgrade-file"]
    with pytest.raises(Refused, match="image-size is 6"):
        load_image(tmp_path, read_upgrade(descriptor(size=6)))
