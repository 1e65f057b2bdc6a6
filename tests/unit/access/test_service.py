"""The use cases on memory: what is done, in which order, and what is told when devices fail."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from cas.access.codes import Code
from cas.access.errors import Refused, Stopping
from cas.access.execution import AT_HAND
from cas.access.failures import LOST, UNSENT
from cas.access.model import DeviceAccess, Failure, Origin, Result, Selection, State, Tally
from cas.access.ports import Dialogue
from cas.access.service import REPEAT_WINDOW, AccessService
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.cosem.data import Data
from cas.dlms.apdu import Request, Response, decode_apdu, encode_apdu
from cas.dlms.errors import DecipheringError, ServiceNotSupported
from cas.engine.model import Ended
from cas.store.errors import DatabaseUnavailable
from tests.access_fakes import Answer, FakeDevices, MemoryStore, get_request, get_response
from transports.errors import Refused as ConnectionRefusedByMeter
from transports.errors import ResponseTimeout

VALUE = get_response(Data.of("double-long-unsigned", 1234))
OTHER = get_response(Data.of("double-long-unsigned", 5678))


class SlowToRelease(FakeDevices):
    """Devices that answer, and are released only when `release` is set."""

    released = False

    def __init__(self, devices: Mapping[str, Sequence[Answer]]) -> None:
        super().__init__(devices)
        self.release = asyncio.Event()

    @asynccontextmanager
    async def converse(self, device_id: str, is_stopped: Callable[[], bool]) -> AsyncIterator[Dialogue]:
        async with super().converse(device_id, is_stopped) as dialogue:
            yield dialogue
            await self.release.wait()
        self.released = True


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


class Setting:
    def __init__(self, devices: FakeDevices, *, sync_wait: float = 30, limit: int = 10) -> None:
        self.devices = devices
        self.store = MemoryStore()
        self.clock = Clock()
        self.service = AccessService(self.store, devices, sync_wait=sync_wait, limit=limit, clock=self.clock)

    async def results(self, access: DeviceAccess) -> dict[tuple[str, int], object]:
        selection = Selection(ids=(access.id,))
        return {
            (result.device_id, result.request): result.answer
            if isinstance(result.answer, Failure)
            else decode_apdu(result.answer)
            async for result in self.store.results(access.id, selection)
        }

    async def codes(self, access: DeviceAccess) -> dict[tuple[str, int], Code | None]:
        found = await self.results(access)
        return {key: answer.code if isinstance(answer, Failure) else None for key, answer in found.items()}


@asynccontextmanager
async def serving(devices: FakeDevices, *, sync_wait: float = 30, limit: int = 10) -> AsyncIterator[Setting]:
    setting = Setting(devices, sync_wait=sync_wait, limit=limit)
    yield setting
    await setting.service.stop(5)


def order(*names: str, requests: int = 1) -> dev.DeviceAccess:
    accesses = tuple(
        dev.CosemAccess(
            cosem_access_descriptor=dev.CosemAccessDescriptor(
                cosem_xdlms_descriptor=dev.CosemXdlmsDescriptor(get_request=get_request(attribute))
            )
        )
        for attribute in range(1, requests + 1)
    )
    return dev.DeviceAccess(
        devices_reference_list=dev.DevicesReferenceList(
            device_reference=tuple(dev.DeviceReference(device_id=name) for name in names)
        ),
        cosem_access_list=dev.CosemAccessList(cosem_access=accesses),
    )


@pytest.mark.clause("5.2.2")
async def test_every_device_is_asked_everything_in_order_in_one_association() -> None:
    async with serving(FakeDevices({"M1": [VALUE, OTHER], "M2": [VALUE]})) as setting:
        access = await setting.service.create(order("M1", "M2", requests=2), Origin())
        assert await setting.results(access) == {
            ("M1", 0): VALUE,
            ("M1", 1): OTHER,
            ("M2", 0): VALUE,
            ("M2", 1): VALUE,
        }
        asked = [request for name, request in setting.devices.asked if name == "M1"]
        assert asked == [get_request(1), get_request(2)]
        assert (await setting.service.get([str(access.id)]))[0].state is State.FINISHED


async def test_what_came_of_a_small_access_is_at_hand_as_the_store_has_it() -> None:
    devices = FakeDevices({"M1": [VALUE, OTHER], "M2": [VALUE]}, {"M3": ConnectionRefusedByMeter("refused")})
    async with serving(devices) as setting:
        made = await setting.service.perform(order("M1", "M2", "M3", requests=2), Origin())
        assert made.results is not None
        stored = [result async for result in setting.store.results(made.access.id, Selection(ids=(made.access.id,)))]
        assert sorted(made.results, key=lambda each: (each.request, each.activation, each.device_id)) == stored
        assert Tally.of(made.results) == await setting.store.tally(Selection(ids=(made.access.id,)))


async def test_of_an_activation_that_another_process_ended_counts_what_the_store_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(FakeDevices({"M1": [VALUE]})) as setting:
        finish = setting.store.finish

        async def finish_late(ended: Ended, results: Sequence[Result]) -> bool:
            monkeypatch.undo()
            await setting.store.abandon(ended.access_id, ended.number, LOST, setting.clock())
            return await finish(ended, results)

        monkeypatch.setattr(setting.store, "finish", finish_late)
        made = await setting.service.perform(order("M1"), Origin())
        assert made.results is None
        assert await setting.results(made.access) == {("M1", 0): LOST}


async def test_who_was_taken_for_dead_sends_no_further_change() -> None:
    async def taken_for_dead(_request: Request) -> Response:
        (access_id,) = setting.store.resources
        await setting.store.abandon(access_id, 1, LOST, setting.clock())
        return VALUE

    change = cos.SetRequest(
        set_request_normal=cos.SetRequestNormal(
            invoke_id_and_priority=0xC1,
            cosem_attribute_descriptor=cos.CosemAttributeDescriptor(class_id=1, instance_id=bytes(6), attribute_id=2),
            value=Data.of("unsigned", 1),
        )
    )
    listed = order("M1").cosem_access_list
    assert listed
    write = dev.CosemAccess(
        cosem_access_descriptor=dev.CosemAccessDescriptor(
            cosem_xdlms_descriptor=dev.CosemXdlmsDescriptor(set_request=change)
        )
    )
    asked = replace(
        order("M1"), cosem_access_list=dev.CosemAccessList(cosem_access=(write, *listed.cosem_access, write))
    )
    async with serving(FakeDevices({"M1": [VALUE, taken_for_dead, VALUE]})) as setting:
        made = await setting.service.perform(asked, Origin())
        assert [request for _, request in setting.devices.asked] == [change, get_request(1)]
        assert made.results is None
        assert await setting.codes(made.access) == {("M1", 0): None, ("M1", 1): LOST.code, ("M1", 2): LOST.code}


async def test_what_is_large_or_not_over_or_not_stored_is_left_to_the_store() -> None:
    large = get_response(Data.of("octet-string", bytes(AT_HAND)))
    async with serving(FakeDevices({"M1": [large], "M2": [VALUE]})) as setting:
        assert (await setting.service.perform(order("M1"), Origin())).results is None
        assert (await setting.service.perform(order("M2"), Origin(), wait=False)).results is None
    async with serving(FakeDevices({"M1": [ResponseTimeout("none")]}), sync_wait=0.0) as setting:
        assert (await setting.service.perform(order("M1"), Origin())).results is None


@pytest.mark.clause("7.2.6")
async def test_a_device_that_fails_leaves_the_others_alone() -> None:
    devices = FakeDevices(
        {"M1": [VALUE], "M3": [DecipheringError("the tag is wrong")], "M4": [RuntimeError("a bug")], "M5": [VALUE]},
        unreachable={"M2": ConnectionRefusedByMeter("connection to 10.0.0.2:4059 refused")},
    )
    async with serving(devices) as setting:
        access = await setting.service.create(order("M1", "M2", "M3", "M4", "M5"), Origin())
        assert await setting.codes(access) == {
            ("M1", 0): None,
            ("M2", 0): Code.FAILED,
            ("M3", 0): Code.AUTHENTICATION,
            ("M4", 0): Code.FAILED,
            ("M5", 0): None,
        }
        refused = (await setting.results(access))["M2", 0]
        assert isinstance(refused, Failure)
        assert refused.reason == "connection refused"
        assert "10.0.0.2:4059" in refused.details
        internal = (await setting.results(access))["M4", 0]
        assert isinstance(internal, Failure)
        assert internal.reason == "internal error"
        assert "a bug" not in internal.details
        assert not (await setting.store.tally(Selection(ids=(access.id,)))).complete


async def test_after_a_broken_association_the_rest_is_not_attempted() -> None:
    async with serving(FakeDevices({"M1": [VALUE, ResponseTimeout("no answer within 5 s"), VALUE]})) as setting:
        access = await setting.service.create(order("M1", requests=4), Origin())
        assert list((await setting.codes(access)).values()) == [
            None,
            Code.TIMED_OUT,
            Code.NOT_ATTEMPTED,
            Code.NOT_ATTEMPTED,
        ]
        assert len(setting.devices.asked) == 2


async def test_after_an_error_that_leaves_the_association_the_rest_is_done() -> None:
    async with serving(FakeDevices({"M1": [ServiceNotSupported("access"), VALUE]})) as setting:
        access = await setting.service.create(order("M1", requests=2), Origin())
        assert list((await setting.codes(access)).values()) == [Code.NOT_ATTEMPTED, None]


async def test_an_error_answered_by_the_meter_is_a_result() -> None:
    answer = cos.GetResponse(
        get_response_normal=cos.GetResponseNormal(
            invoke_id_and_priority=0xC1,
            result=cos.GetDataResult(data_access_result=cos.DataAccessResult.OBJECT_UNDEFINED),
        )
    )
    async with serving(FakeDevices({"M1": [answer]})) as setting:
        access = await setting.service.create(order("M1"), Origin())
        assert await setting.results(access) == {("M1", 0): answer}
        assert (await setting.store.tally(Selection(ids=(access.id,)))).complete


async def test_what_is_slow_goes_on_behind_the_answer() -> None:
    release = asyncio.Event()

    async def slow(_request: Request) -> Response:
        await release.wait()
        return VALUE

    async with serving(FakeDevices({"M1": [VALUE], "M2": [slow]}), sync_wait=0.05) as setting:
        access = await setting.service.create(order("M1", "M2"), Origin())
        tally = await setting.store.tally(Selection(ids=(access.id,)))
        assert (tally.answered, tally.failed, tally.outstanding) == (1, 0, 1)
        release.set()
        await setting.service.stop(5)
        assert await setting.results(access) == {("M1", 0): VALUE, ("M2", 0): VALUE}


async def test_no_more_devices_at_once_than_the_limit() -> None:
    names = [f"M{number}" for number in range(50)]
    async with serving(FakeDevices({name: [VALUE] for name in names}), limit=7) as setting:
        access = await setting.service.create(order(*names, requests=3), Origin())
        assert len(await setting.results(access)) == 150
        assert setting.devices.most_open == 7


async def test_a_small_access_does_not_wait_for_a_large_one() -> None:
    release, busy = asyncio.Event(), asyncio.Event()
    begun = 0

    async def paced(_request: Request) -> Response:
        nonlocal begun
        begun += 1
        if begun > 5:
            busy.set()
            await release.wait()
        return VALUE

    many = [f"M{number}" for number in range(100)]
    devices = FakeDevices({**{name: [paced] for name in many}, "S": [VALUE]})
    async with serving(devices, limit=4) as setting:
        large = asyncio.create_task(setting.service.create(order(*many), Origin()))
        await busy.wait()
        small = asyncio.create_task(setting.service.create(order("S"), Origin()))
        release.set()
        access = await small
        assert len(await setting.results(access)) == 1
        assert begun < 100
        await large


async def test_unknown_devices_are_named_and_nothing_is_done() -> None:
    async with serving(FakeDevices({"M1": [VALUE]})) as setting:
        with pytest.raises(Refused) as refused:
            await setting.service.create(order("M1", "M2", "M3"), Origin())
        assert [(problem.code, problem.element) for problem in refused.value.problems] == [
            (Code.DEVICE, "DevicesReferenceList/DeviceReference[2]"),
            (Code.DEVICE, "DevicesReferenceList/DeviceReference[3]"),
        ]
        assert not setting.store.resources
        assert not setting.devices.asked


async def test_a_device_named_twice_is_asked_once() -> None:
    devices = FakeDevices({"4D4D4D0000BC614E": [VALUE]})
    devices.aliases["kitchen"] = "4D4D4D0000BC614E"
    async with serving(devices) as setting:
        access = await setting.service.create(order("kitchen", "4D4D4D0000BC614E", "kitchen"), Origin())
        assert [target.name for target in access.targets] == ["kitchen"]
        assert len(devices.asked) == 1


async def test_cancel_stops_at_the_next_apdu() -> None:
    release, reached = asyncio.Event(), asyncio.Event()

    async def slow(_request: Request) -> Response:
        reached.set()
        await release.wait()
        return VALUE

    async with serving(FakeDevices({"M1": [slow], "M2": [slow]}), sync_wait=0.05, limit=1) as setting:
        access = await setting.service.create(order("M1", "M2", requests=2), Origin())
        await reached.wait()
        assert await setting.service.cancel([str(access.id)]) == [access.id]
        release.set()
        await setting.service.stop(5)
        assert await setting.codes(access) == {
            ("M1", 0): None,
            ("M1", 1): Code.CANCELED,
            ("M2", 0): Code.CANCELED,
            ("M2", 1): Code.CANCELED,
        }
        assert (await setting.service.get([str(access.id)]))[0].state is State.CANCELED


async def test_close_lets_finish_what_runs() -> None:
    release = asyncio.Event()

    async def slow(_request: Request) -> Response:
        await release.wait()
        return VALUE

    async with serving(FakeDevices({"M1": [slow]}), sync_wait=0.05) as setting:
        access = await setting.service.create(order("M1", requests=2), Origin())
        await setting.service.close([str(access.id)])
        release.set()
        await setting.service.stop(5)
        assert await setting.codes(access) == {("M1", 0): None, ("M1", 1): None}
        assert (await setting.service.get([str(access.id)]))[0].state is State.CLOSED


async def test_delete_takes_the_results_along_also_those_to_come() -> None:
    release = asyncio.Event()

    async def slow(_request: Request) -> Response:
        await release.wait()
        return VALUE

    async with serving(FakeDevices({"M1": [VALUE], "M2": [slow]}), sync_wait=0.05) as setting:
        access = await setting.service.create(order("M1", "M2"), Origin())
        await setting.service.delete([str(access.id)])
        with pytest.raises(Refused) as refused:
            await setting.service.get([str(access.id)])
        assert [problem.code for problem in refused.value.problems] == [Code.REQUEST_ID]
        release.set()
        await setting.service.stop(5)
        assert not setting.store.stored


@pytest.mark.parametrize("ids", [[], ["no uuid"], [str(uuid4())], [str(uuid4()), ""]])
@pytest.mark.parametrize("verb", ["get", "cancel", "close", "delete"])
async def test_resources_that_are_not_there_are_told(verb: str, ids: list[str]) -> None:
    async with serving(FakeDevices({})) as setting:
        with pytest.raises(Refused) as refused:
            await getattr(setting.service, verb)(ids)
        assert {problem.code for problem in refused.value.problems} <= {Code.REQUEST, Code.REQUEST_ID}


async def test_one_unknown_id_keeps_the_others_from_being_deleted() -> None:
    async with serving(FakeDevices({"M1": [VALUE]})) as setting:
        access = await setting.service.create(order("M1"), Origin())
        with pytest.raises(Refused):
            await setting.service.delete([str(access.id), str(uuid4())])
        assert access.id in setting.store.resources


ORIGIN = Origin(source="MDM", message_id="0b1dd4b2-6f0d-4a5c-8e0c-6a1f6cfb0d3e", correlation_id="c1")


async def test_a_repeated_create_gets_the_first_answer_for_a_day() -> None:
    async with serving(FakeDevices({"M1": [VALUE]})) as setting:
        first = await setting.service.create(order("M1"), ORIGIN)
        setting.clock.time += timedelta(hours=23)
        again = await setting.service.create(order("M1"), ORIGIN)
        assert again.id == first.id
        assert len(setting.devices.asked) == 1
        setting.clock.time += timedelta(hours=2)
        assert (await setting.service.create(order("M1"), ORIGIN)).id != first.id


async def test_a_create_repeated_while_it_runs_waits_for_the_same_devices() -> None:
    release, reached = asyncio.Event(), asyncio.Event()

    async def slow(_request: Request) -> Response:
        reached.set()
        await release.wait()
        return VALUE

    async with serving(FakeDevices({"M1": [slow]})) as setting:
        first = asyncio.create_task(setting.service.create(order("M1"), ORIGIN))
        await reached.wait()
        second = asyncio.create_task(setting.service.create(order("M1"), ORIGIN))
        await asyncio.sleep(0)
        release.set()
        assert (await first).id == (await second).id
        assert len(setting.devices.asked) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda origin: replace(origin, source="other MDM"),
        lambda origin: replace(origin, message_id=str(uuid4())),
        lambda origin: replace(origin, correlation_id="c2"),
        lambda origin: replace(origin, timestamp=datetime(2025, 3, 1, tzinfo=UTC)),
        lambda origin: replace(origin, message_id=None),
    ],
)
async def test_another_message_is_no_repeat(change: Callable[[Origin], Origin]) -> None:
    async with serving(FakeDevices({"M1": [VALUE]})) as setting:
        first = await setting.service.create(order("M1"), ORIGIN)
        assert (await setting.service.create(order("M1"), change(ORIGIN))).id != first.id


async def test_the_same_message_id_with_other_content_is_no_repeat() -> None:
    async with serving(FakeDevices({"M1": [VALUE], "M2": [VALUE]})) as setting:
        made = [
            await setting.service.create(content, ORIGIN)
            for content in (order("M1"), order("M2"), order("M1", requests=2))
        ]
        assert len({access.id for access in made}) == 3


async def test_a_constant_message_id_gets_new_values() -> None:
    constant = Origin(source="concentrator", message_id="MessageID")
    async with serving(FakeDevices({"M1": [VALUE, OTHER]})) as setting:
        first = await setting.service.create(order("M1"), constant)
        assert (await setting.service.create(order("M1"), constant)).id == first.id
        setting.clock.time += REPEAT_WINDOW + timedelta(seconds=1)
        later = await setting.service.create(order("M1"), constant)
        assert await setting.results(later) == {("M1", 0): OTHER}


async def test_a_repeat_after_the_resource_was_deleted_does_not_do_it_again() -> None:
    async with serving(FakeDevices({"M1": [VALUE]})) as setting:
        access = await setting.service.create(order("M1"), ORIGIN)
        await setting.service.delete([str(access.id)])
        with pytest.raises(Refused):
            await setting.service.create(order("M1"), ORIGIN)
        assert len(setting.devices.asked) == 1


async def test_what_a_dead_process_left_is_told_at_the_next_start() -> None:
    forever = asyncio.Event()

    async def hang(_request: Request) -> Response:
        await forever.wait()
        return VALUE

    async with serving(FakeDevices({"M1": [VALUE], "M2": [hang]}), sync_wait=0.05) as setting:
        access = await setting.service.create(order("M1", "M2"), Origin())
        await setting.service.stop(0)
        following = AccessService(setting.store, setting.devices, sync_wait=1)
        assert await following.start() == 1
        assert await setting.codes(access) == {("M1", 0): None, ("M2", 0): Code.UNAVAILABLE}
        assert await following.start() == 0


async def test_a_stopping_service_takes_nothing_new() -> None:
    async with serving(FakeDevices({"M1": [VALUE]})) as setting:
        await setting.service.stop(0)
        with pytest.raises(Stopping):
            await setting.service.create(order("M1"), Origin())


async def test_results_wait_for_a_database_that_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.access.writer.RETRY_AFTER", (0.0, 0.0, 0.0))
    async with serving(FakeDevices({"M1": [VALUE], "M2": [VALUE]})) as setting:
        attempts = 0
        add_results = setting.store.add_results

        async def flaky(results: object) -> None:
            nonlocal attempts
            attempts += 1
            setting.store.down = attempts < 3
            await add_results(results)  # type: ignore[arg-type]  # passed on as it is

        monkeypatch.setattr(setting.store, "add_results", flaky)
        access = await setting.service.create(order("M1", "M2"), Origin())
        assert len(await setting.results(access)) == 2


async def test_the_last_results_wait_for_a_database_that_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.access.execution.END_AGAIN_AFTER", (0.0,))
    async with serving(FakeDevices({"M1": [VALUE]})) as setting:
        attempts = 0
        finish = setting.store.finish

        async def flaky(*ending: Any) -> bool:
            nonlocal attempts
            attempts += 1
            setting.store.down = attempts < 3
            return await finish(*ending)

        monkeypatch.setattr(setting.store, "finish", flaky)
        made = await setting.service.perform(order("M1"), Origin())
        assert await setting.results(made.access) == {("M1", 0): VALUE}
        assert made.results


async def test_results_that_the_database_refuses_are_lost_and_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.access.execution.END_AGAIN_AFTER", (0.0,))
    async with serving(FakeDevices({"M1": [VALUE]})) as setting:

        async def refuse(*_ending: Any) -> bool:
            monkeypatch.undo()
            raise ValueError("no such octets")

        monkeypatch.setattr(setting.store, "finish", refuse)
        made = await setting.service.perform(order("M1"), Origin())
        assert made.results is None
        assert await setting.results(made.access) == {("M1", 0): LOST}


async def test_a_value_that_is_not_stored_is_not_told_when_the_service_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(FakeDevices({"M1": [VALUE]})) as setting:
        ending = asyncio.Event()

        async def never(*_ending: Any) -> bool:
            ending.set()
            await asyncio.Event().wait()
            return True

        monkeypatch.setattr(setting.store, "finish", never)
        asked = asyncio.create_task(setting.service.perform(order("M1"), Origin()))
        await ending.wait()
        await setting.service.stop(0)
        assert (await asked).results is None


async def test_a_repeat_disturbs_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = FakeDevices({"M1": [VALUE]})
    async with serving(devices) as setting:
        message = Origin(source="MDM", message_id=str(uuid4()))
        first = await setting.service.create(order("M1"), message)
        create, go = setting.store.create, asyncio.Event()

        async def create_late(*given: Any, **more: Any) -> UUID:
            await go.wait()
            return await create(*given, **more)

        monkeypatch.setattr(setting.store, "create", create_late)
        again = asyncio.create_task(setting.service.create(order("M1"), message))
        while not devices.open:  # noqa: ASYNC110 - a few turns of the loop
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        go.set()
        assert (await again).id == first.id
        assert devices.associated == ["M1"]
        assert not devices.open


async def test_the_client_does_not_wait_until_its_device_is_released() -> None:
    devices = SlowToRelease({"M1": [VALUE]})
    async with serving(devices) as setting:
        made = await setting.service.perform(order("M1"), Origin())
        assert await setting.results(made.access) == {("M1", 0): VALUE}
        assert not devices.released
        devices.release.set()
        await setting.service.stop(5)
        assert devices.released


async def test_what_could_not_be_stored_is_told_when_the_database_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.access.writer.RETRY_AFTER", ())
    monkeypatch.setattr("cas.access.execution.END_AGAIN_AFTER", (0.01,))
    async with serving(FakeDevices({"M1": [VALUE]})) as setting:
        setting.store.down = True
        with capture_logs() as logs:
            access = await setting.service.create(order("M1", requests=2), Origin(), wait=False)
            await asyncio.sleep(0.05)
        assert [line["log_level"] for line in logs if line["event"] == "activation broken off"] == ["warning"]
        assert (await setting.store.tally(Selection(ids=(access.id,)))).outstanding == 2
        setting.store.down = False
        while setting.store.executing[access.id]:  # noqa: ASYNC110 - memory tells nobody
            await asyncio.sleep(0.01)
        assert await setting.codes(access) == {("M1", 0): Code.UNAVAILABLE, ("M1", 1): Code.UNAVAILABLE}


async def test_what_was_stored_though_the_connection_broke_comes_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.access.execution.END_AGAIN_AFTER", (0.01,))
    async with serving(FakeDevices({"M1": [VALUE]})) as setting:
        create = setting.store.create
        message = Origin(source="MDM", message_id=str(uuid4()))

        async def create_unseen(*given: Any, **more: Any) -> UUID:
            await create(*given, **more)
            setting.store.down = True
            raise DatabaseUnavailable("the connection broke behind the commit")

        with monkeypatch.context() as patch:
            patch.setattr(setting.store, "create", create_unseen)
            with pytest.raises(DatabaseUnavailable):
                await setting.service.create(order("M1"), message)
        setting.store.down = False
        await setting.service.stop(5)
        (access,) = setting.store.resources.values()
        assert access.state is State.FINISHED
        assert await setting.results(access) == {("M1", 0): UNSENT}
        assert not setting.devices.asked


def test_the_fakes_speak_apdus() -> None:
    assert decode_apdu(encode_apdu(VALUE)) == VALUE
