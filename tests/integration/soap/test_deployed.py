"""The messages of the deployed client, in its own order and with its own prefixes: schedules, groups, listings."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from cas.simulator import Simulator
from cas.store.database import Pool
from tests.moved_time import Moved, moved
from tests.soap_messages import COS, DEV, GET_ENERGY, MES, SOAP12, Answer, create

MINUTE = timedelta(minutes=1)
HEADER = (
    "<Header><Verb>{verb}</Verb><Noun>{noun}</Noun><Timestamp>2025-03-01T12:00:00Z</Timestamp><Source>console</Source>"
    "<MessageID>MessageID</MessageID><CorrelationID>{correlation}</CorrelationID><AsyncReplyFlag>false</AsyncReplyFlag>"
    "</Header>"
)
TERMS = (
    "<ns3:Priority>{priority}</ns3:Priority><ns3:Expires>2025-03-01T13:00:00Z</ns3:Expires>"
    "<ns3:NotOlderThan>2025-04-01T00:00:00Z</ns3:NotOlderThan>"
    "<ns3:AcceptDataNotification>false</ns3:AcceptDataNotification><ns3:Activates>2025-03-01T12:15:00Z</ns3:Activates>"
    "<ns3:RepeatingInterval>PT15M</ns3:RepeatingInterval><ns3:Duration>PT10M</ns3:Duration>"
)
ACCESSES = (
    "<ns3:CosemAccessList><ns3:CosemAccess><ns3:CosemAccessDescriptor><ns3:CosemXDLMSDescriptor>"
    + GET_ENERGY.replace("cos:", "ns2:")
    + "</ns3:CosemXDLMSDescriptor></ns3:CosemAccessDescriptor></ns3:CosemAccess></ns3:CosemAccessList>"
)


@pytest.fixture
async def service(pool: Pool) -> AsyncIterator[Moved]:
    async with moved(pool) as opened:
        yield opened


def message(verb: str, rest: str, *, noun: str = "DeviceAccess", correlation: str = "corr-7") -> bytes:
    header = HEADER.format(verb=verb, noun=noun, correlation=correlation)
    return (
        f'<S:Envelope xmlns:S="{SOAP12}" xmlns="{MES}" xmlns:ns2="{COS}" xmlns:ns3="{DEV}"><S:Header/><S:Body>'
        f"<RequestMessage>{header}{rest}</RequestMessage></S:Body></S:Envelope>"
    ).encode()


def devices(*names: str) -> str:
    references = "".join(f'<ns3:DeviceReference DeviceID="{name}"/>' for name in names)
    return f"<ns3:DevicesReferenceList>{references}</ns3:DevicesReferenceList>"


@pytest.mark.clause("5.2.3", "7.2.3")
async def test_a_job_from_create_to_delete(service: Moved) -> None:
    async with Simulator(2) as simulator:
        names = await service.register_all(simulator)
        inside = ACCESSES + devices(*names) + TERMS.format(priority=10)
        made = await service.post(message("create", f"<Payload><DeviceAccess>{inside}</DeviceAccess></Payload>"))
        assert made.result == "OK", made.octets
        for _ in range(2):
            await service.pass_time(15 * MINUTE)
        changed = await service.post(
            message(
                "change",
                f'<Payload><DeviceAccess ID="{made.id}">{devices(names[0])}{TERMS.format(priority=1)}</DeviceAccess>'
                f"</Payload><Request><ID>{made.id}</ID></Request>",
            )
        )
        assert changed.result == "OK", changed.octets
        for _ in range(4):
            await service.pass_time(15 * MINUTE)
    found = await service.post(
        message("get", f"<Request><ID>{made.id}</ID><StartTime>2025-03-01T12:20:00Z</StartTime></Request>")
    )
    seen = list(zip(result(found, "@DeviceID"), result(found, "@Activated"), strict=True))
    assert seen == [
        (names[0], "2025-03-01T12:30:00Z"),
        (names[1], "2025-03-01T12:30:00Z"),
        (names[0], "2025-03-01T12:45:00Z"),
    ]
    assert found.text("//dev:Priority") == "1"
    listed = await service.post(
        message("get", "<Request><WithData>true</WithData></Request>", noun="ResourceDirectory")
    )
    assert listed.texts("//mes:Resource/mes:ResourceStatus") == ["FINISHED"]
    assert listed.texts("//mes:Resource/mes:LastActivation") == ["2025-03-01T12:45:00Z"]
    assert (await service.post(message("delete", f"<Request><ID>{made.id}</ID></Request>"))).result == "OK"
    empty = await service.post(message("get", "<Request><WithData>true</WithData></Request>", noun="ResourceDirectory"))
    assert not empty.all("//mes:Resource")


@pytest.mark.clause("5.3")
async def test_a_group_by_the_name_that_it_gives_the_noun(service: Moved) -> None:
    async with Simulator(1) as simulator:
        names = await service.register_all(simulator)
    group = (
        f'<DeviceGroup><DeviceGroup GroupID="DG_1"><DeviceReference DeviceID="{names[0]}"/></DeviceGroup></DeviceGroup>'
    )
    made = await service.post(message("create", f"<Payload>{group}</Payload>", noun="DeviceGroup"))
    assert made.result == "OK", made.octets
    one = await service.post(message("get", "<Request><ID>DG_1</ID></Request>", noun="DeviceGroup"))
    assert one.texts("//mes:DeviceGroup/mes:DeviceGroup/mes:DeviceReference/@DeviceID") == names


@pytest.mark.clause("7.2.6")
async def test_not_older_than_in_the_past_is_answered_by_what_is_stored(service: Moved) -> None:
    def not_older_than(minute: int) -> str:
        return f"<dev:NotOlderThan>2025-03-01T12:{minute:02}:00Z</dev:NotOlderThan>"

    async with Simulator(1) as simulator:
        names = await service.register_all(simulator)
        await service.post(create(names))
        before = simulator.counts.connections
        service.now += 30 * MINUTE
        stored = await service.post(create(names, terms=not_older_than(0)))
        assert simulator.counts.connections == before
        asked = await service.post(create(names, terms=not_older_than(10)))
        assert simulator.counts.connections == before + 1
    assert (stored.result, asked.result) == ("OK", "OK")
    assert result(stored, "@Activated") == ["2025-03-01T12:00:00Z"]
    assert result(asked, "@Activated") == ["2025-03-01T12:30:00Z"]


def result(answer: Answer, attribute: str) -> list[str]:
    return answer.texts(f"//dev:CosemAccessResult/{attribute}")
