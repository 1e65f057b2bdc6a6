"""Every kind of descriptor over SOAP, on demand, with the forms of the wire and meters over real sockets (7.2.6)."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cas.devices.keys import Keyring, Secret
from cas.devices.rotation import rotate, tally, unreadable_keys
from cas.simulator import Simulator
from cas.simulator.faults import Fault
from cas.store.database import Pool
from tests.access_fakes import KEYRING
from tests.engine_bench import NOON
from tests.integration.test_security_keys_stay_hidden import dump, found_in
from tests.moved_time import Moved, moved
from tests.soap_messages import GET_ENERGY, SOAP11, Answer, access, by_id, create, envelope

pytestmark = pytest.mark.clause("7.2.6")
IMAGE = bytes(range(251)) * 3
CLOCK = (
    "<cos:class-id>8</cos:class-id><cos:instance-id>0000010000FF</cos:instance-id>"
    "<cos:attribute-id>2</cos:attribute-id>"
)
IMAGE_TRANSFER = CLOCK.replace(">8<", ">18<").replace("0000010000FF", "00002C0000FF")
SYNC = (
    f"<dev:CosemTimeSync><dev:cosem-object>{CLOCK}</dev:cosem-object><dev:min-time-diff>5</dev:min-time-diff>"
    "<dev:max-time-diff>7200</dev:max-time-diff></dev:CosemTimeSync>"
)
UPGRADE = (
    "<dev:CosemUpgrade><dev:upgrade-file>fw.bin</dev:upgrade-file><dev:image-identifier>FW-2</dev:image-identifier>"
    f"<dev:image-size>{len(IMAGE)}</dev:image-size><dev:cosem-object>{IMAGE_TRANSFER}</dev:cosem-object></dev:CosemUpgrade>"
)
# Green Book 8.3, 11.2: LN referencing, low level security, here with the password of the meter
AARQ = (
    "<dev:CosemACSEDescriptor><cos:aarq>"
    "<cos:application-context-name>2.16.756.5.8.1.1</cos:application-context-name>"
    "<cos:sender-acse-requirements>1</cos:sender-acse-requirements>"
    "<cos:mechanism-name>2.16.756.5.8.2.1</cos:mechanism-name>"
    "<cos:calling-authentication-value><cos:charstring>{password}</cos:charstring></cos:calling-authentication-value>"
    "<cos:user-information>01000000065F1F0400007E1F04B0</cos:user-information>"
    "</cos:aarq></dev:CosemACSEDescriptor>"
)
RLRQ = "<dev:CosemACSEDescriptor><cos:rlrq><cos:reason>normal</cos:reason></cos:rlrq></dev:CosemACSEDescriptor>"
# The restricting object's fields out of order, no selected_values, as the deployed client writes them.
RANGE = (
    "<cos:get-request><cos:get-request-normal><cos:invoke-id-and-priority>193</cos:invoke-id-and-priority>"
    "<cos:cosem-attribute-descriptor><cos:class-id>7</cos:class-id><cos:instance-id>0100630100FF</cos:instance-id>"
    "<cos:attribute-id>2</cos:attribute-id></cos:cosem-attribute-descriptor>"
    "<cos:access-selection><cos:access-selector>1</cos:access-selector><cos:access-parameters><cos:structure>"
    "<cos:structure><cos:octet-string>0000010000FF</cos:octet-string><cos:integer>2</cos:integer>"
    "<cos:long-unsigned>8</cos:long-unsigned><cos:long-unsigned>0</cos:long-unsigned></cos:structure>"
    "{start}{end}</cos:structure></cos:access-parameters></cos:access-selection>"
    "</cos:get-request-normal></cos:get-request>"
)


def octets(text: str) -> str:
    return f"<cos:octet-string>{text}</cos:octet-string>"


def moment(at: datetime) -> str:
    return f"<cos:date-time>{at.isoformat()}</cos:date-time>"


@pytest.fixture
async def service(pool: Pool, tmp_path: Path) -> AsyncIterator[Moved]:
    (tmp_path / "fw.bin").write_bytes(IMAGE)
    async with moved(pool, upgrade_dir=tmp_path) as opened:
        yield opened


def steps(device: str, *descriptors: str, terms: str = "") -> bytes:
    """A create whose descriptors are of any kind."""
    marks = [f"<x{place}/>" for place in range(len(descriptors))]
    whole = create([device], marks, terms=terms).decode()
    for mark, descriptor in zip(marks, descriptors, strict=True):
        plain = descriptor.startswith("<cos:")
        whole = whole.replace(access(mark), access(descriptor) if plain else _procedure(descriptor))
    return whole.encode()


def _procedure(descriptor: str) -> str:
    return f"<dev:CosemAccess><dev:CosemAccessDescriptor>{descriptor}</dev:CosemAccessDescriptor></dev:CosemAccess>"


async def test_a_clock_is_set_and_the_difference_told(service: Moved) -> None:
    async with Simulator(1, clock=lambda: service.now.timestamp()) as simulator:
        (name,) = await service.register_all(simulator)
        simulator.meter(0).clock_offset = 3600
        made = await service.post(steps(name, SYNC, GET_ENERGY))
    assert made.result == "OK", made.octets
    assert made.texts("//dev:CosemAccess[1]//cos:access-response//cos:long64") == ["3600"]
    assert simulator.meter(0).clock_offset == 0
    assert made.text("//dev:CosemTimeSync/dev:max-time-diff") == "7200"
    assert len(made.all("//dev:CosemAccess[2]//cos:get-response")) == 1


@pytest.mark.clause("5.2.3")
async def test_a_scheduled_time_sync_is_done_each_time(service: Moved) -> None:
    terms = "<dev:RepeatingInterval>PT1H</dev:RepeatingInterval>"
    async with Simulator(1, clock=lambda: service.now.timestamp()) as simulator:
        (name,) = await service.register_all(simulator)
        made = await service.post(steps(name, SYNC, terms=terms))
        for offset in (60, 120):
            simulator.meter(0).clock_offset = offset
            await service.work()
            await service.pass_time(timedelta(minutes=59))
            service.now += timedelta(minutes=1)
            await service.look()
        found = await service.post(by_id("get", made.id))
    assert found.texts("//cos:access-response//cos:long64") == ["60", "120"]


async def test_an_image_is_transferred_and_activated(service: Moved) -> None:
    async with Simulator(1) as simulator:
        (name,) = await service.register_all(simulator)
        made = await service.post(steps(name, UPGRADE))
        image = simulator.meter(0).image
    assert made.result == "OK", made.octets
    assert made.text("//cos:action-response-normal//cos:result") == "success"
    assert image is not None
    assert (image.identifier, image.octets) == (b"FW-2", IMAGE)
    wrong = await service.post(steps(name, UPGRADE.replace("fw.bin", "../secret")))
    assert wrong.is_fault
    assert wrong.texts("//mes:Error/mes:xpath") == ["dev:upgrade-file"]


async def test_a_client_leads_the_association_and_its_password_is_not_shown(service: Moved) -> None:
    async with Simulator(1, authentication="lls") as simulator:
        (name,) = await service.register_all(simulator)
        password = simulator.meter(0).secret.octets
        aarq = AARQ.format(password=password.hex().upper())
        made = await service.post(steps(name, aarq, GET_ENERGY, RLRQ, GET_ENERGY))
        assert simulator.counts.connections == 2
    assert made.result == "OK", made.octets
    assert made.text("//dev:CosemAccess[1]/dev:CosemAccessResult/dev:CosemACSEResult/cos:aare/cos:result") == "accepted"
    assert made.all("//dev:CosemAccess[3]/dev:CosemAccessResult/dev:CosemACSEResult/cos:rlre")
    assert len(made.all("//cos:get-response")) == 2
    again = await service.post(by_id("get", made.id))
    for answer in (made, again):
        assert password.hex().upper().encode() not in answer.octets
        assert answer.all("//dev:CosemAccess[1]/dev:CosemAccessDescriptor//cos:aarq")


@pytest.mark.clause("5.2.3")
async def test_a_password_is_sealed_at_rest_and_serves_each_activation(service: Moved, pool: Pool, dsn: str) -> None:
    terms = "<dev:RepeatingInterval>PT1H</dev:RepeatingInterval>"
    old, new = Secret(b"m" * 32), Secret(b"n" * 32)
    async with Simulator(1, authentication="lls", clock=lambda: service.now.timestamp()) as simulator:
        (name,) = await service.register_all(simulator)
        password = simulator.meter(0).secret.octets
        made = await service.post(steps(name, AARQ.format(password=password.hex().upper()), GET_ENERGY, terms=terms))
        assert found_in(dump(dsn), {"password": password}) == []
        await service.work()
        # under another master key, and back: the service has only the old one
        assert (await rotate(pool, Keyring([new, old]))).done == 2
        assert [each.master_key_id for each in await tally(pool)] == [Keyring([new]).current_id]
        unreadable = [problem async for problem in unreadable_keys(pool, KEYRING, lambda _: None)]
        assert [problem.partition(":")[0] for problem in unreadable] == [f"device {name}", f"resource {made.id}"]
        assert (await rotate(pool, Keyring([old, new]))).unreadable == ()
        await service.pass_time(timedelta(minutes=59))
        service.now += timedelta(minutes=1)
        await service.look()
        await service.work()
        found = await service.post(by_id("get", made.id))
    assert found.texts("//dev:CosemACSEResult/cos:aare/cos:result") == ["accepted"] * 2, found.octets


async def test_a_sealed_request_belongs_to_its_resource(service: Moved, pool: Pool) -> None:
    terms = "<dev:Activates>2099-01-01T00:00:00Z</dev:Activates>"
    async with Simulator(1, authentication="lls") as simulator:
        (name,) = await service.register_all(simulator)
        for password in ("01" * 8, "02" * 8):
            made = await service.post(steps(name, AARQ.format(password=password), terms=terms))
            assert made.result == "OK", made.octets
    async with pool.connection() as connection:
        await connection.execute("""
            UPDATE access_request AS one SET sealed = other.sealed FROM access_request AS other
            WHERE one.sealed IS NOT NULL AND other.sealed IS NOT NULL AND one.access_id <> other.access_id
        """)
    unreadable = [problem async for problem in unreadable_keys(pool, KEYRING, lambda _: None)]
    assert len(unreadable) == 2
    assert all("was moved there from elsewhere" in problem for problem in unreadable)


async def test_an_association_that_is_refused_is_a_result_and_ends_what_was_to_be_in_it(service: Moved) -> None:
    async with Simulator(1, authentication="lls") as simulator:
        (name,) = await service.register_all(simulator)
        made = await service.post(steps(name, AARQ.format(password="00" * 8), GET_ENERGY, RLRQ, GET_ENERGY))
    assert made.result == "PARTIAL"
    assert "rejected" in made.text("//dev:CosemAccess[1]//cos:aare/cos:result")
    assert made.texts("//dev:CosemAccess[2]//dev:code") == ["5.2"]
    assert len(made.all("//dev:CosemAccess[4]//cos:get-response")) == 1, made.octets


def rows(answer: Answer) -> int:
    return len(answer.all("//cos:get-response//cos:array/cos:structure"))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (octets("FFFDFFFF01FFFFFFFFFFFFFF"), octets("FFFEFFFFFFFFFFFFFFFFFFFF")),
        (octets("FFFDFFFFFF18FFFFFFFFFFFF"), octets("FFFEFFFFFFFFFFFFFFFFFFFF")),
        (moment(NOON - timedelta(days=1)), moment(NOON)),
        (moment(NOON - timedelta(days=1)), octets("FFFEFFFFFFFFFFFFFFFFFFFF")),
    ],
)
async def test_a_range_as_the_deployed_client_writes_it(service: Moved, start: str, end: str) -> None:
    async with Simulator(1, clock=lambda: service.now.timestamp()) as simulator:
        (name,) = await service.register_all(simulator)
        made = await service.post(create([name], [RANGE.format(start=start, end=end)]))
    assert made.result == "OK", made.octets
    assert rows(made) in (96, 97)


@pytest.mark.clause("5.2.3")
async def test_a_relative_range_moves_with_the_activations(service: Moved) -> None:
    wanted = RANGE.format(start=octets("FFFDFFFFFF01FFFFFFFFFFFF"), end=octets("FFFEFFFFFFFFFFFFFFFFFFFF"))
    async with Simulator(1, clock=lambda: service.now.timestamp()) as simulator:
        (name,) = await service.register_all(simulator)
        made = await service.post(create([name], [wanted], terms="<dev:RepeatingInterval>P1D</dev:RepeatingInterval>"))
        for _ in range(3):
            await service.work()
            await service.pass_time(timedelta(days=1))
        found = await service.post(by_id("get", made.id))
    each = found.all("//dev:CosemAccessResult//cos:array")
    assert len(each) == 4
    firsts = [array[0][0].text for array in each]
    assert len(set(firsts)) == 4  # each time another hour
    assert {len(array) for array in each} <= {4, 5}
    assert "FFFD" in re.sub(r"\s", "", found.texts("//dev:CosemAccessDescriptor//cos:octet-string")[-2])


async def test_devices_that_cannot_select_answer_all_the_same(service: Moved) -> None:
    wanted = RANGE.format(start=moment(NOON - timedelta(hours=2)), end=moment(NOON))
    async with Simulator(1, clock=lambda: service.now.timestamp()) as simulator:
        entry = simulator.device(0)
        await service.register({**entry, "quirk": {"selective_access": False}})  # type: ignore[dict-item]  # a table
        made = await service.post(create([str(entry["device_id"])], [wanted]))
    assert made.result == "OK", made.octets
    assert rows(made) in (8, 9)


async def test_statistics_of_every_device(service: Moved) -> None:
    async with Simulator(2, faults={1: Fault.parse("close")}) as simulator:
        names = await service.register_all(simulator)
        await service.post(create(names))
    for soap in ({}, {"soap": SOAP11}):
        answer = await service.post(envelope("<mes:CosemDeviceStatisticRequest/>", **soap))
        statistics = "//mes:GetCosemDeviceStatisticResponse/mes:cosem-device-statistics"
        assert answer.texts(f"{statistics}/mes:meter-id") == names
        assert answer.texts(f"{statistics}/mes:successful-communications") == ["1", "0"]
        assert answer.texts(f"{statistics}/mes:unsuccessful-communications") == ["0", "1"]
        assert answer.texts(f"{statistics}/mes:meter-state") == ["METER-ACTIVE", "METER-NOT-AVAILABLE"]
