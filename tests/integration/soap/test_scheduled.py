"""Scheduled accesses over SOAP, and the events of them: figures 4 and 5, with meters over real sockets."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from cas.simulator import Simulator
from cas.simulator.faults import Fault
from cas.soap.message import LONGEST
from cas.store.database import Pool
from tests.engine_bench import NOON
from tests.events_bench import Heard, Receiver, acknowledge, delivery, receiving
from tests.moved_time import Moved, moved
from tests.soap_messages import GET_ENERGY, Answer, by_id, create, device_access, request

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
GET_VOLTAGE = GET_ENERGY.replace("0100010800FF", "0100200700FF")


@pytest.fixture
async def service(pool: Pool) -> AsyncIterator[Moved]:
    async with moved(pool, allowed=("127.0.0.1:1",)) as opened:
        yield opened


def scheduled(start: datetime | None = None, interval: str = "PT15M", **more: str) -> str:
    """Terms in schema order."""
    return (
        f"<dev:Priority>{more.get('priority', '10')}</dev:Priority>"
        + (f"<dev:Activates>{start.isoformat()}</dev:Activates>" if start else "")
        + (f"<dev:RepeatingInterval>{interval}</dev:RepeatingInterval>" if interval else "")
        + "".join(f"<dev:{name}>{text}</dev:{name}>" for name, text in more.items() if name != "priority")
    )


def activated(answer: Answer) -> list[str]:
    return answer.texts("//dev:CosemAccessResult/@Activated")


@pytest.mark.clause("5.2.3", "7.2.3")
async def test_figure_4_a_repeating_access_is_answered_by_get(service: Moved) -> None:
    async with Simulator(3, clock=lambda: service.now.timestamp()) as simulator:
        names = await service.register_all(simulator)
        made = await service.post(create(names, terms=scheduled(NOON + HOUR, Expires="2025-03-01T13:40:00Z")))
        assert (made.result, made.all("//mes:Payload")) == ("OK", [])
        assert (await service.post(by_id("get", made.id))).all("//dev:CosemAccessResult") == []
        for _ in range(12):
            await service.pass_time(15 * MINUTE)
        found = await service.post(by_id("get", made.id))
        assert found.result == "OK"
        times = [f"2025-03-01T13:{minute}:00Z" for minute in ("00", "15", "30")]
        assert activated(found) == [time for time in times for _ in names]
        assert found.texts("//dev:CosemAccessResult/@DeviceID") == names * 3
        part = await service.post(
            by_id(
                "get",
                made.id,
                more="<mes:StartTime>2025-03-01T13:10:00Z</mes:StartTime><mes:EndTime>2025-03-01T13:30:00Z</mes:EndTime>",
            )
        )
        assert activated(part) == [times[1]] * 3
    newest = await service.post(by_id("get", made.id, more="<mes:LastValidData>true</mes:LastValidData>"))
    assert activated(newest) == [times[2]] * 3
    assert await service.state(_uuid(made)) == "finished"
    directory = await service.post(_directory())
    assert directory.text("//mes:ResourceStatus") == "FINISHED"
    assert directory.text("//mes:ResourceType") == "GET"


@pytest.mark.clause("5.2.3", "7.2.3")
async def test_figure_5_results_are_told_as_events(pool: Pool) -> None:
    async with receiving(otherwise=acknowledge(correlation="job-7")) as receiver:
        origin = receiver.url.removesuffix("/events")
        async with moved(pool, allowed=(origin,)) as service, delivery(pool, receiver.url), Simulator(2) as simulator:
            names = await service.register_all(simulator)
            header = (
                "<mes:ReplyAddress>" + receiver.url + "</mes:ReplyAddress><mes:AckRequired>true</mes:AckRequired>"
                "<mes:MessageID>m-1</mes:MessageID><mes:CorrelationID>job-7</mes:CorrelationID>"
            )
            terms = scheduled(NOON + MINUTE, "PT1M", Expires="2025-03-01T12:03:00Z")
            made = await service.post(create(names, terms=terms, header=header))
            heard = await _results(service, receiver, 4)
    assert [event.verb for event in heard] == ["changed"] * (len(heard) - 1) + ["closed"]
    assert {event.resource for event in heard} == {made.id}
    assert {event.text("//mes:CorrelationID") for event in heard} == {"job-7"}
    told = [(when, name) for event in heard for when, name in zip(activated(event), _names(event), strict=True)]
    assert sorted(told) == [(f"2025-03-01T12:0{minute}:00Z", name) for minute in (1, 2) for name in names]


@pytest.mark.clause("5.2.2", "7.2.3")
async def test_an_asynchronous_reply_goes_to_the_reply_address(pool: Pool) -> None:
    async with receiving() as receiver:
        origin = receiver.url.removesuffix("/events")
        async with moved(pool, allowed=(origin,)) as service, delivery(pool, receiver.url), Simulator(1) as simulator:
            names = await service.register_all(simulator)
            header = (
                "<mes:AsyncReplyFlag>true</mes:AsyncReplyFlag>"
                f"<mes:ReplyAddress>{receiver.url}</mes:ReplyAddress><mes:MessageID>m-9</mes:MessageID>"
            )
            made = await service.post(create(names, header=header))
            assert (made.result, made.all("//mes:Payload")) == ("OK", [])
            changed, closed = (await receiver.until(2))[:2]
    assert (changed.verb, closed.verb) == ("changed", "closed")
    assert changed.text("//mes:CorrelationID") == "m-9"
    assert _names(changed) == names


async def test_a_reply_address_that_is_not_allowed_is_refused(service: Moved) -> None:
    async with Simulator(1) as simulator:
        names = await service.register_all(simulator)
        header = "<mes:AsyncReplyFlag>true</mes:AsyncReplyFlag><mes:ReplyAddress>http://10.0.0.7/x</mes:ReplyAddress>"
        refused = await service.post(create(names, header=header))
        assert (refused.is_fault, refused.codes) == (True, ["7.7"])
        assert simulator.counts.connections == 0


@pytest.mark.clause("5.2.3")
async def test_duration_is_the_window_of_retries(service: Moved) -> None:
    async with Simulator(2, faults={1: Fault.parse("close")}) as simulator:
        names = await service.register_all(simulator)
        made = await service.post(create(names, terms=scheduled(NOON + MINUTE, "PT1H", Duration="PT10M")))
        await service.pass_time(MINUTE)
        first = await service.post(by_id("get", made.id))
        assert (first.result, first.codes) == ("PARTIAL", ["0.1"])
        simulator.meter(1).fault = None
        await service.pass_time(MINUTE)
        second = await service.post(by_id("get", made.id))
    assert second.result == "OK"
    assert activated(second) == ["2025-03-01T12:01:00Z", "2025-03-01T12:02:00Z"]


@pytest.mark.clause("7.2.3", "7.2.4")
async def test_a_change_holds_from_the_next_activation_on(service: Moved) -> None:
    async with Simulator(2) as simulator:
        names = await service.register_all(simulator)
        made = await service.post(create(names[:1], terms=scheduled(NOON + MINUTE, "PT1H")))
        await service.pass_time(MINUTE)
        payload = device_access(names[1:], [GET_VOLTAGE, GET_ENERGY], terms=scheduled(interval="PT30M", priority="3"))
        payload = payload.replace("<mes:DeviceAccess>", f'<mes:DeviceAccess ID="{made.id}">')
        assert (await service.post(by_id("change", made.id, payload=payload))).result == "OK"
        await service.pass_time(29 * MINUTE)
        assert len(await service.done(made.id)) == 1
        await service.pass_time(MINUTE)
        found = await service.post(by_id("get", made.id))
    assert found.text("//dev:Priority") == "3"
    assert found.texts("//dev:DeviceReference/@DeviceID") == names[1:]
    asked = found.texts("//dev:CosemAccess/dev:CosemAccessDescriptor//cos:instance-id")
    assert asked == ["0100010800FF", "0100200700FF", "0100010800FF"]
    by_access = [access.xpath("*/@DeviceID") for access in found.all("//dev:CosemAccess")]
    assert by_access == [names[:1], names[1:], names[1:]]
    assert await service.done(made.id) == [(1, "ok"), (2, "ok")]
    alone = await service.post(by_id("get", made.id, more="<mes:StartTime>2025-03-01T12:20:00Z</mes:StartTime>"))
    assert len(alone.all("//dev:CosemAccess")) == 2


@pytest.mark.clause("7.2.3")
@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("<dev:Expires>2001-01-01T00:00:00Z</dev:Expires>", "2.29"),
        ("<dev:RepeatingInterval>P0D</dev:RepeatingInterval>", "1.7"),
        ('<dev:DevicesReferenceList><dev:DeviceReference DeviceID="no"/></dev:DevicesReferenceList>', "2.4"),
        ('<dev:DevicesReferenceList><dev:GroupReference GroupID="no"/></dev:DevicesReferenceList>', "2.15"),
        ("<dev:CosemAccessList></dev:CosemAccessList>", "5.8"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_and_changes_nothing(service: Moved, payload: str, code: str) -> None:
    async with Simulator(1) as simulator:
        names = await service.register_all(simulator)
        made = await service.post(create(names, terms=scheduled(NOON + MINUTE, "PT1H")))
        before = (await service.post(by_id("get", made.id))).octets.partition(b"<mes:Payload>")[2]
        wrapped = f"<mes:Payload><mes:DeviceAccess>{payload}</mes:DeviceAccess></mes:Payload>"
        refused = await service.post(by_id("change", made.id, payload=wrapped))
        assert (refused.is_fault, refused.codes) == (True, [code]), refused.octets
    after = (await service.post(by_id("get", made.id))).octets.partition(b"<mes:Payload>")[2]
    assert before == after


@pytest.mark.clause("7.2.3")
@pytest.mark.parametrize(("verb", "state"), [("cancel", "canceled"), ("close", "closed")])
async def test_a_resource_that_is_ended_activates_no_more_and_keeps_its_results(
    service: Moved, verb: str, state: str
) -> None:
    async with Simulator(1) as simulator:
        names = await service.register_all(simulator)
        made = await service.post(create(names, terms=scheduled(NOON + MINUTE, "PT1M")))
        await service.pass_time(MINUTE)
        assert (await service.post(by_id(verb, made.id))).result == "OK"
        await service.pass_time(HOUR)
        found = await service.post(by_id("get", made.id))
        assert len(activated(found)) == 1
        assert await service.state(_uuid(made)) == state
        refused = await service.post(by_id("change", made.id, payload=device_access(names)))
        assert refused.codes == ["2.29"]
        assert (await service.post(by_id("delete", made.id))).result == "OK"
        assert (await service.post(by_id("get", made.id))).codes == ["2.15"]


@pytest.mark.parametrize("octets", [16, LONGEST], ids=["short", "longest"])
async def test_a_repeated_create_makes_one_resource(service: Moved, octets: int) -> None:
    async with Simulator(1) as simulator:
        names = await service.register_all(simulator)
        source, message = (
            Random(seed).randbytes(octets // 2).hex() for seed in ("source", "message")
        )  # incompressible
        header = f"<mes:Source>{source}</mes:Source><mes:MessageID>{message}</mes:MessageID>"
        once, again = [
            await service.post(create(names, terms=scheduled(NOON + MINUTE), header=header)) for _ in range(2)
        ]
    assert once.id == again.id


async def _results(service: Moved, receiver: Receiver, wanted: int) -> list[Heard]:
    """Let a few minutes pass; the events until the resource is closed."""
    for _ in range(4):
        await service.pass_time(MINUTE)
    count = 2
    while (await receiver.until(count))[-1].verb != "closed" and count < 2 * wanted:
        count += 1
    assert sum(len(activated(event)) for event in receiver.heard) == wanted
    return receiver.heard


def _names(answer: Answer) -> list[str]:
    return answer.texts("//dev:CosemAccessResult/@DeviceID")


def _uuid(answer: Answer) -> UUID:
    return UUID(answer.id)


def _directory() -> bytes:
    return request("get", "<mes:Request><mes:WithData>true</mes:WithData></mes:Request>", noun="ResourceDirectory")
