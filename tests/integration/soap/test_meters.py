"""Meters behind the service: good ones, and every way in which one can be bad while the others are answered."""

from collections.abc import Mapping

import pytest

from cas.config import Settings
from cas.simulator import Simulator
from cas.simulator.faults import Fault
from tests.integration.soap.conftest import TIMEOUT, Service, serving
from tests.soap_messages import GET_ENERGY, GET_LIST, Answer, by_id, create, request

ITEM = (
    "<cos:Cosem-Attribute-Descriptor-With-Selection><cos:cosem-attribute-descriptor><cos:class-id>{}</cos:class-id>"
    "<cos:instance-id>{}</cos:instance-id><cos:attribute-id>{}</cos:attribute-id></cos:cosem-attribute-descriptor>"
    "</cos:Cosem-Attribute-Descriptor-With-Selection>"
)
GET_NOTHING = GET_ENERGY.replace("0100010800FF", "0101637F01FF")
GET_TWO = GET_LIST.format(items=ITEM.format(3, "0100010800FF", 2) + ITEM.format(3, "0100010800FF", 3))
GET_PROFILE = GET_ENERGY.replace(">3<", ">7<").replace("0100010800FF", "0100630100FF")


def entry(simulator: Simulator, index: int, **more: str | int) -> dict[str, str | int]:
    found = simulator.device(index)
    return {**found, "url": f"{found['url']}&timeout={TIMEOUT}&connect-timeout={TIMEOUT}", **more}


def failure(answer: Answer, device: str) -> tuple[str, str]:
    path = f'//dev:CosemAccessResult[@DeviceID="{device}"]/dev:CosemErrorResult'
    (code,), (details,) = answer.texts(f"{path}/dev:code"), answer.texts(f"{path}/dev:details")
    return code, details


def energy(answer: Answer, device: str) -> int:
    return int(answer.text(f'//dev:CosemAccessResult[@DeviceID="{device}"]//cos:data/*'))


@pytest.mark.clause("5.2.2")
@pytest.mark.parametrize("authentication", ["none", "lls", "hls-gmac"])
async def test_meters_are_read_with_every_authentication(service: Service, authentication: str) -> None:
    async with Simulator(3, authentication=authentication) as simulator:
        await service.register(*(entry(simulator, index) for index in range(3)))
        names = [meter.device_id for meter in simulator.meters]
        answer = await service.post(create(names, [GET_ENERGY, GET_TWO]))
    assert answer.result == "OK", answer.octets
    assert answer.texts("//dev:CosemAccess[1]/dev:CosemAccessResult/@DeviceID") == names
    assert answer.texts("//dev:CosemAccess[2]/dev:CosemAccessResult/@DeviceID") == names
    units = answer.texts("//dev:CosemAccess[2]//cos:structure/cos:enum")
    assert units == ["30"] * 3
    assert not list(simulator.violations())


async def test_a_window_is_as_long_as_it_is_said_though_the_hosts_clock_is_wrong(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cas.engine.clock._CLOCK", b"SELECT clock_timestamp() + interval '1 hour'")
    async with serving(settings) as service, Simulator(1) as simulator:
        await service.register(simulator.device(0))
        answer = await service.post(create([simulator.meters[0].device_id], terms="<dev:Duration>PT1M</dev:Duration>"))
    assert answer.result == "OK"


async def test_a_load_profile_comes_whole_through_block_transfer(service: Service) -> None:
    async with Simulator(1) as simulator:
        # patient: a simulated meter makes its whole profile before the first block
        await service.register(entry(simulator, 0, url=f"{simulator.url(0)}&timeout=30"))
        name = simulator.meter(0).device_id
        answer = await service.post(create([name], [GET_PROFILE]))
    assert answer.result == "OK", answer.octets
    assert len(answer.all("//dev:CosemXDLMSResult//cos:data/cos:array/cos:structure")) > 1000
    again = await service.post(by_id("get", answer.id))
    first, second = (found.octets.partition(b"<mes:Payload>")[2] for found in (answer, again))
    assert first == second


async def test_an_alias_is_a_name_and_comes_back(service: Service) -> None:
    async with Simulator(1) as simulator:
        await service.register(entry(simulator, 0, alias="kitchen"))
        answer = await service.post(create(["kitchen"]))
    assert answer.texts("//dev:CosemAccessResult/@DeviceID") == ["kitchen"]


async def test_an_attribute_that_does_not_exist_is_answered_by_the_meter(service: Service) -> None:
    async with Simulator(2) as simulator:
        await service.register(entry(simulator, 0), entry(simulator, 1))
        names = [meter.device_id for meter in simulator.meters]
        answer = await service.post(create(names, [GET_NOTHING, GET_ENERGY]))
    assert answer.result == "OK"
    errors = answer.texts("//dev:CosemAccess[1]//cos:data-access-result")
    assert len(errors) == 2
    assert set(errors) <= {"object-undefined", "object-unavailable", "read-write-denied"}
    assert len(answer.all("//dev:CosemAccess[2]//cos:data")) == 2


FAULTS: Mapping[str, set[str]] = {
    "dead": {"4.1"},
    "off": {"5.3"},
    "hang": {"4.1"},
    "garble": {"5.3"},
    "cut": {"4.1"},
    "close": {"5.3"},
    "wrong-tag": {"5.3"},
    "late": {"4.1", "5.3"},
}


@pytest.mark.clause("7.2.6")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("authentication", ["lls", "hls-gmac"])
async def test_a_faulty_meter_is_told_and_the_others_are_answered(
    service: Service, fault: str, authentication: str
) -> None:
    async with Simulator(3, authentication=authentication, faults={1: Fault.parse(fault)}) as simulator:
        await service.register(*(entry(simulator, index) for index in range(3)))
        names = [meter.device_id for meter in simulator.meters]
        answer = await service.post(create(names))
        assert (answer.result, answer.codes) == ("PARTIAL", ["0.2"])
        code, details = failure(answer, names[1])
        assert code in FAULTS[fault], details
        assert ": " in details
        assert energy(answer, names[0]) > 0
        assert energy(answer, names[2]) > 0
        simulator.meter(1).fault = None
        assert (await service.post(create(names))).result == "OK"


async def test_a_meter_that_is_switched_off_is_told(service: Service) -> None:
    async with Simulator(2) as simulator:
        gone = entry(simulator, 1)
        await service.register(
            entry(simulator, 0), {**gone, "url": f"tcp://127.0.0.1:1?client=17&server=1&timeout={TIMEOUT}"}
        )
        names = [meter.device_id for meter in simulator.meters]
        answer = await service.post(create(names))
    assert answer.result == "PARTIAL"
    code, details = failure(answer, names[1])
    assert code == "5.3"
    assert "127.0.0.1:1" in details
    assert energy(answer, names[0]) > 0


WRONG_KEYS = [
    ("lls", {"secret": "wrong"}),
    ("hls-gmac", {"authentication_key": "00" * 16}),
    ("hls-gmac", {"encryption_key": "00" * 16}),
]


@pytest.mark.parametrize(("authentication", "wrong"), WRONG_KEYS)
async def test_a_wrong_key_is_told_and_never_shown(
    service: Service, authentication: str, wrong: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    async with Simulator(2, authentication=authentication) as simulator:
        await service.register(entry(simulator, 0), entry(simulator, 1, **wrong))
        names = [meter.device_id for meter in simulator.meters]
        answer = await service.post(create(names, [GET_ENERGY, GET_TWO]))
    assert answer.result == "PARTIAL"
    path = f'//dev:CosemAccessResult[@DeviceID="{names[1]}"]/dev:CosemErrorResult/dev:code'
    first, second = answer.texts(path)
    assert first in ("7.4", "5.3")
    assert second == "5.2"
    assert len(answer.all(f'//dev:CosemAccessResult[@DeviceID="{names[0]}"]/dev:CosemXDLMSResult')) == 2
    printed = capsys.readouterr()
    keys = [str(simulator.device(0)[name]) for name in ("encryption_key", "secret") if name in simulator.device(0)]
    assert not any(key in text for key in keys for text in (printed.out, printed.err, answer.octets.decode()))


async def test_keys_that_are_not_registered_are_told(service: Service) -> None:
    async with Simulator(1, authentication="hls-gmac") as simulator:
        bare = {key: value for key, value in entry(simulator, 0).items() if not key.endswith("_key")}
        await service.register(bare)
        answer = await service.post(create([simulator.meter(0).device_id]))
    code, details = failure(answer, simulator.meter(0).device_id)
    assert code == "5.2"
    assert "encryption" in details


@pytest.mark.clause("7.2.3")
async def test_set_and_action_reach_the_meter(service: Service) -> None:
    descriptor = "<cos:class-id>70</cos:class-id><cos:instance-id>000060030AFF</cos:instance-id>"
    disconnect = (
        "<cos:action-request><cos:action-request-normal><cos:invoke-id-and-priority>193</cos:invoke-id-and-priority>"
        f"<cos:cosem-method-descriptor>{descriptor}<cos:method-id>1</cos:method-id></cos:cosem-method-descriptor>"
        "<cos:method-invocation-parameters><cos:integer>0</cos:integer></cos:method-invocation-parameters>"
        "</cos:action-request-normal></cos:action-request>"
    )
    mode = (
        "<cos:set-request><cos:set-request-normal><cos:invoke-id-and-priority>193</cos:invoke-id-and-priority>"
        f"<cos:cosem-attribute-descriptor>{descriptor}<cos:attribute-id>4</cos:attribute-id>"
        "</cos:cosem-attribute-descriptor><cos:value><cos:enum>4</cos:enum></cos:value></cos:set-request-normal></cos:set-request>"
    )
    state = GET_ENERGY.replace(">3<", ">70<").replace("0100010800FF", "000060030AFF")
    async with Simulator(1) as simulator:
        await service.register(entry(simulator, 0))
        answer = await service.post(create([simulator.meter(0).device_id], [state, mode, disconnect, state]))
    assert answer.result == "OK", answer.octets
    assert answer.text("//cos:set-response-normal/cos:result") == "success"
    assert answer.text("//cos:action-response-normal//cos:result") == "success"
    assert answer.texts("//cos:data/cos:boolean") == ["true", "false"]


async def test_a_request_that_is_refused_reaches_no_meter(service: Service) -> None:
    async with Simulator(1) as simulator:
        await service.register(entry(simulator, 0))
        name = simulator.meter(0).device_id
        for refused in (create([name, "unknown"]), request("create"), create([name])[:-9]):
            assert (await service.post(refused)).is_fault
        assert simulator.counts.connections == 0
