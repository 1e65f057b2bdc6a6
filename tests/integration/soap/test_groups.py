"""Groups over SOAP, and accesses by them: figure 9, with meters over real sockets."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from cas.simulator import Simulator
from cas.store.database import Pool
from tests.engine_bench import NOON
from tests.moved_time import Moved, moved
from tests.soap_messages import Answer, by_id, create, request

pytestmark = pytest.mark.clause("5.3")
HOUR = timedelta(hours=1)


@pytest.fixture
async def service(pool: Pool) -> AsyncIterator[Moved]:
    async with moved(pool) as opened:
        yield opened


def groups(verb: str, inside: str, *, noun: str = "DeviceGroup", by: str = "") -> bytes:
    named = f"<mes:Request><mes:ID>{by}</mes:ID></mes:Request>" if by else ""
    payload = f"<mes:Payload><mes:{noun}>{inside}</mes:{noun}></mes:Payload>" if inside else ""
    return request(verb, named + payload, noun=noun)


def listed(group_id: str, *devices: str, prefix: str = "") -> str:
    kind = f' Prefix="{prefix}" Type="PREFIX"' if prefix else ""
    members = "".join(f'<mes:DeviceReference DeviceID="{device}"/>' for device in devices)
    return f'<mes:DeviceGroup GroupID="{group_id}"{kind}>{members}</mes:DeviceGroup>'


def group_ids(answer: Answer) -> list[str]:
    return answer.texts("//mes:Payload/*/mes:DeviceGroup/@GroupID")


def by_groups(*group_names: str, terms: str = "") -> bytes:
    references = "".join(f'<dev:GroupReference GroupID="{name}"/>' for name in group_names)
    whole = create(["X"], terms=terms).decode()
    return whole.replace('<dev:DeviceReference DeviceID="X"/>', references).encode()


@pytest.mark.clause("7.2.3", "7.2.4")
@pytest.mark.parametrize("noun", ["DeviceGroup", "DeviceGroups"])
async def test_groups_are_made_shown_changed_and_deleted_under_either_name(service: Moved, noun: str) -> None:
    async with Simulator(3) as simulator:
        names = await service.register_all(simulator)
    made = await service.post(groups("create", listed("G1", *names[:2]) + listed("G2", prefix="5349"), noun=noun))
    assert made.texts("//mes:Reply/mes:ID") == ["G1", "G2"]
    everything = await service.post(groups("get", "", noun=noun))
    assert everything.text("//mes:Header/mes:Noun") == noun
    assert everything.all(f"//mes:Payload/mes:{noun}")
    assert group_ids(everything) == ["DG_ALL_METERS", "G1", "G2"]
    assert not everything.all("//mes:DeviceReference")
    assert members(await service.post(groups("get", "", noun=noun, by="G1"))) == names[:2]
    prefixed = await service.post(groups("get", listed("G2"), noun=noun))
    assert (prefixed.texts("//@Prefix"), prefixed.texts("//@Type")) == (["5349"], ["PREFIX"])
    assert members(prefixed) == names
    assert members(await service.post(groups("get", "", noun=noun, by="DG_ALL_METERS"))) == names
    changed = await service.post(groups("change", listed("G1", names[2]), noun=noun))
    assert changed.result == "OK"
    assert members(await service.post(groups("get", "", noun=noun, by="G1"))) == names[2:]
    assert (await service.post(groups("delete", "", noun=noun, by="G1"))).result == "OK"
    assert group_ids(await service.post(groups("get", "", noun=noun))) == ["DG_ALL_METERS", "G2"]


@pytest.mark.parametrize(
    ("octets", "code", "xpath"),
    [
        (groups("create", listed("DG_ALL_METERS")), "2.29", "mes:DeviceGroup"),
        (groups("delete", "", by="DG_ALL_METERS"), "2.29", "mes:ID"),
        (groups("change", listed("nobody")), "2.15", "mes:DeviceGroup"),
        (groups("get", "", by="nobody"), "2.15", "mes:ID"),
        (groups("create", listed("G", "nobody")), "2.4", "mes:DeviceReference"),
        (groups("create", listed("G", "X", prefix="53")), "2.29", "mes:DeviceGroup"),
        (by_groups("nobody"), "2.15", "dev:DevicesReferenceList"),
    ],
)
async def test_what_is_wrong_is_told_with_its_element(service: Moved, octets: bytes, code: str, xpath: str) -> None:
    answer = await service.post(octets)
    assert answer.is_fault
    assert (answer.codes[0], answer.texts("//mes:Error[1]/mes:xpath")) == (code, [xpath]), answer.octets


@pytest.mark.clause("5.2.3")
async def test_the_devices_of_a_group_are_those_of_each_activation(service: Moved) -> None:
    terms = (
        f"<dev:Activates>{(NOON + HOUR).isoformat()}</dev:Activates><dev:RepeatingInterval>PT1H</dev:RepeatingInterval>"
    )
    async with Simulator(3) as simulator:
        names = await service.register_all(simulator)
        await service.post(groups("create", listed("G", names[0])))
        made = await service.post(by_groups("G", terms=terms))
        await service.pass_time(HOUR)
        await service.post(groups("change", listed("G", *names[1:])))
        await service.pass_time(HOUR)
        await service.post(groups("delete", "", by="G"))
        await service.pass_time(HOUR)
        found = await service.post(by_id("get", made.id))
    assert found.texts("//dev:CosemAccessResult/@DeviceID") == names
    assert found.texts("//dev:GroupReference/@GroupID") == ["G"]
    assert await service.done(made.id) == [(1, "ok"), (2, "ok"), (3, "empty")]


def members(answer: Answer) -> list[str]:
    return answer.texts("//mes:DeviceGroup/mes:DeviceReference/@DeviceID")
