"""Events from the database to real receivers over HTTP: what they say, in which order, and what may go wrong."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from cas.access.events import EventContent, notification_sink
from cas.access.model import State, Terms
from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms.apdu import encode_apdu
from cas.dlms.notification import Kind
from cas.push.errors import EventGone
from cas.push.events import Event
from cas.push.model import Notification
from cas.push.outbox import PostgresOutbox
from cas.push.service import Receivers
from cas.push.signature import HEADER, signature_fits
from cas.push.targets import Targets
from cas.soap.event import EventWriter
from cas.store.database import Pool
from tests.events_bench import NOW, QUICK, REQUEST, Resources, Respond, acknowledge, delivery, receiving, resources

pytestmark = pytest.mark.clause("5.2.3")
REPEATED = Terms(repeating_interval="PT15M")


@pytest.fixture
async def made(pool: Pool) -> AsyncIterator[Resources]:
    async with resources(pool) as opened:
        yield opened


async def test_results_are_told_then_that_the_resource_is_finished(pool: Pool, made: Resources) -> None:
    async with receiving() as receiver, delivery(pool, receiver.url):
        access = await made.make(receiver.url, "A", "B", requests=[REQUEST, REQUEST])
        await made.add(access, "A", 11)
        (first,) = await receiver.until(1)
        await made.add(access, "B", None, request=1)
        await made.finish(access)
        _, second, last = await receiver.until(3)
        await made.delivered()
    assert [event.verb for event in (first, second, last)] == ["changed", "changed", "closed"]
    assert {event.resource for event in (first, second, last)} == {str(access.id)}
    assert {event.text("//mes:CorrelationID") for event in (first, second, last)} == {"corr-7"}
    assert len({event.message_id for event in (first, second, last)}) == 3
    assert first.headers["Content-Type"] == "application/soap+xml; charset=utf-8"
    assert int(first.headers["Content-Length"]) == len(first.octets)
    assert first.values == ["11"]
    assert first.text("//mes:Source") == "CAS"
    assert first.texts("//dev:CosemAccessResult/@DeviceID") == ["meter A"]
    assert len(first.all("//dev:CosemAccessDescriptor")) == 1
    assert second.texts("//dev:CosemErrorResult/dev:code") == ["4.1"]
    assert not last.all("//dev:CosemAccess")


async def test_what_was_stored_while_nobody_delivered_is_delivered(pool: Pool, made: Resources) -> None:
    async with receiving() as receiver:
        access = await made.make(receiver.url, *(f"M{number}" for number in range(200)))
        for number in range(200):
            await made.add(access, f"M{number}", number)
        await made.finish(access)
        async with delivery(pool, receiver.url):
            changed, closed = await receiver.until(2)
            await made.delivered()
    assert sorted(map(int, changed.values)) == list(range(200))
    assert closed.verb == "closed"


async def test_results_that_are_kept_for_ever_are_told(pool: Pool, made: Resources) -> None:
    async with receiving() as receiver, delivery(pool, receiver.url):
        access = await made.make(receiver.url, terms=Terms(not_older_than=datetime.max.replace(tzinfo=UTC)))
        await made.add(access, "A", 11)
        assert (await receiver.until(1))[0].values == ["11"]


async def test_a_receiver_that_is_down_gets_all_in_order_when_it_is_back(pool: Pool, made: Resources) -> None:
    async def away(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    broken: list[Respond | int] = [500, 503, away, 302, 404, 429]
    async with receiving(*broken) as receiver, delivery(pool, receiver.url):
        access = await made.make(receiver.url)
        await made.add(access, "A", 1)
        await receiver.until(1)
        await made.finish(access)
        heard = await receiver.until(len(broken) + 2)
        await made.delivered()
    assert len({event.message_id for event in heard[:-1]}) == 1
    assert len({event.octets for event in heard[:-1]}) == 1
    assert [event.verb for event in heard] == ["changed"] * (len(broken) + 1) + ["closed"]


async def test_a_repeat_after_a_restart_is_the_same_message(pool: Pool, made: Resources) -> None:
    async with receiving(500, otherwise=204) as receiver:
        access = await made.make(receiver.url)
        await made.add(access, "A", 1)
        slow = QUICK.__class__(first_pause=3600, gather=0.0)
        async with delivery(pool, receiver.url, settings=slow):
            await receiver.until(1)
        # More comes before it is sent again: that is another message.
        await made.add(access, "A", 2, request=1)
        async with delivery(pool, receiver.url):
            first, again, new = await receiver.until(3)
            await made.delivered()
    assert first.octets == again.octets
    assert new.message_id != again.message_id


@pytest.mark.parametrize(
    "pieces", [1, 10, 80], ids=["before its first page", "in its first page", "in its second page"]
)
@pytest.mark.parametrize("verb", ["changed", "created"])
async def test_a_repeat_that_is_acknowledged_while_it_is_written_is_not_cut_short(
    pool: Pool, made: Resources, verb: str, pieces: int
) -> None:
    # A process that was killed behind its acknowledgement gives up the target before PostgreSQL has carried that out.
    devices = [f"M{number:03}" for number in range(100)]
    access = await made.make("http://127.0.0.1:1/", *devices, terms=Terms(accept_data_notification=True))
    for number, device in enumerate(devices):
        if verb == "changed":
            await made.add(access, device, number)
        else:
            await notification_sink(pool)(notification(device, number))
    outbox = PostgresOutbox(pool, QUICK)
    event = await outbox.next("http://127.0.0.1:1", ())
    assert isinstance(event, Event)
    assert (event.verb, event.size) == (verb, len(devices))
    writing = EventWriter(EventContent(pool)).soap(event)
    for _ in range(pieces):
        await anext(writing)
    await outbox.acknowledge(event)
    with pytest.raises(EventGone):
        async for _ in writing:
            pass


async def test_receivers_do_not_wait_for_one_another(pool: Pool, made: Resources) -> None:
    hold = asyncio.Event()

    async def slow(_request: web.Request) -> web.StreamResponse:
        await hold.wait()
        return web.Response()

    patient = QUICK.__class__(first_pause=0.02, gather=0.0, timeout=60)
    async with (
        receiving(otherwise=slow) as lame,
        receiving() as quick,
        delivery(pool, lame.url, quick.url, "127.0.0.1:1", settings=patient),
    ):
        for url in (lame.url, "http://127.0.0.1:1/nobody", quick.url, lame.url):
            await made.add(await made.make(url), "A", 1)
        await lame.until(1)
        await quick.until(1)
        assert len(lame.heard) == 1  # one at a time
        hold.set()
        await lame.until(2)


async def test_a_receiver_that_does_not_answer_is_given_up_for_a_while(pool: Pool, made: Resources) -> None:
    hold = asyncio.Event()

    async def silent(_request: web.Request) -> web.StreamResponse:
        await hold.wait()
        return web.Response()

    quick = QUICK.__class__(first_pause=0.02, gather=0.0, timeout=0.1)
    async with receiving(silent) as receiver, delivery(pool, receiver.url, settings=quick):
        await made.add(await made.make(receiver.url), "A", 1)
        first, again = await receiver.until(2)
        hold.set()
        await made.delivered()
    assert first.message_id == again.message_id


@pytest.mark.parametrize("named", ["correlation", "message"])
async def test_an_acknowledgement_is_waited_for_where_it_is_required(pool: Pool, made: Resources, named: str) -> None:
    async def by_message_id(request: web.Request) -> web.StreamResponse:
        return await acknowledge(correlation=receiver.heard[-1].message_id)(request)

    wrong: list[Respond | int] = [
        204,
        acknowledge("FAILED"),
        acknowledge(correlation="other"),
        acknowledge(correlation=None),
    ]
    right = acknowledge() if named == "correlation" else by_message_id
    async with receiving(*wrong, otherwise=right) as receiver, delivery(pool, receiver.url):
        access = await made.make(receiver.url, ack_required=True)
        await made.add(access, "A", 1)
        heard = await receiver.until(len(wrong) + 1)
        await made.delivered()
    assert len({event.octets for event in heard}) == 1
    assert heard[0].text("//mes:AckRequired") == "true"


async def test_a_redirect_is_not_followed(pool: Pool, made: Resources) -> None:
    async with receiving() as elsewhere:

        async def redirect(_request: web.Request) -> web.StreamResponse:
            raise web.HTTPTemporaryRedirect(elsewhere.url)

        async with receiving(redirect) as receiver, delivery(pool, receiver.url, elsewhere.url):
            await made.add(await made.make(receiver.url), "A", 1)
            await receiver.until(2)
            await made.delivered()
        assert not elsewhere.heard


async def test_a_receiver_that_is_no_longer_allowed_gets_nothing(pool: Pool, made: Resources) -> None:
    async with receiving() as receiver, receiving() as other:
        await made.add(await made.make(receiver.url), "A", 1)
        async with delivery(pool, other.url):
            await made.add(await made.make(other.url), "A", 1)
            await other.until(1)
        assert not receiver.heard
        assert await made.waiting() >= 1


async def test_messages_are_signed_when_there_is_a_key(pool: Pool, made: Resources) -> None:
    key = b"k" * 32
    async with receiving() as receiver:
        receivers = Receivers(targets=Targets.parse([receiver.url]), signing_key=key)
        assert "kkkk" not in repr(receivers)
        async with delivery(pool, receivers=receivers):
            await made.add(await made.make(receiver.url), "A", 1)
            (heard,) = await receiver.until(1)
    signature = heard.headers[HEADER]
    seconds = float(signature.partition(",")[0].removeprefix("t="))
    assert signature_fits(key, signature, heard.octets, now=seconds)
    assert not signature_fits(key, signature, heard.octets + b" ", now=seconds)
    assert not signature_fits(b"x" * 32, signature, heard.octets, now=seconds)
    assert not signature_fits(key, signature, heard.octets, now=seconds + 301)


async def test_several_processes_share_the_work_and_tell_nothing_twice(pool: Pool, made: Resources) -> None:
    async with receiving() as one, receiving() as other:
        allowed = (one.url, other.url)
        async with delivery(pool, *allowed), delivery(pool, *allowed):
            for number in range(20):
                for url in allowed:
                    await made.add(await made.make(url), "A", number)
            await one.until(20)
            await other.until(20)
            await made.delivered()
    for receiver in (one, other):
        assert [event.values for event in receiver.heard] == [[str(number)] for number in range(20)]


async def test_a_synchronous_access_has_no_events(pool: Pool, made: Resources) -> None:
    access = await made.make("http://127.0.0.1:1/", async_reply=False)
    await made.add(access, "A", 1)
    assert await made.waiting() == 0


async def test_a_repeated_access_has_events_though_it_is_answered_synchronously(pool: Pool, made: Resources) -> None:
    access = await made.make("http://127.0.0.1:1/", async_reply=False, terms=REPEATED)
    await made.add(access, "A", 1)
    assert await made.waiting() == 1


async def test_what_is_canceled_or_closed_ends_with_an_event_when_nothing_runs_any_more(
    pool: Pool, made: Resources
) -> None:
    async with receiving() as receiver, delivery(pool, receiver.url):
        canceled = await made.make(receiver.url)
        closed = await made.make(receiver.url)
        await made.store.set_state([canceled.id], State.CANCELED)
        await made.store.set_state([closed.id], State.CLOSED)
        await made.finish(canceled)
        await receiver.until(1)
        await made.finish(closed)
        heard = await receiver.until(2)
    assert [(event.verb, event.resource) for event in heard] == [
        ("canceled", str(canceled.id)),
        ("closed", str(closed.id)),
    ]


async def test_what_is_deleted_is_told_no_more(pool: Pool, made: Resources) -> None:
    access = await made.make("http://127.0.0.1:1/")
    await made.add(access, "A", 1)
    await made.store.delete([access.id])
    assert await made.waiting() == 0


def notification(device_id: str, value: int) -> Notification:
    body = cos.DataNotification(
        long_invoke_id_and_priority=1,
        date_time=b"",
        notification_body=cos.NotificationBody(data_value=Data.of("double-long-unsigned", value)),
    )
    return Notification(device_id, NOW, encode_apdu(body), Kind.DATA)


@pytest.mark.clause("5.2.4")
async def test_notifications_are_told_to_the_resources_that_accept_them(pool: Pool, made: Resources) -> None:
    accepting = Terms(accept_data_notification=True)
    async with receiving() as receiver, delivery(pool, receiver.url):
        sink = notification_sink(pool)
        named = await made.make(receiver.url, "A", terms=accepting, requests=())
        await made.make(receiver.url, "B", terms=accepting, requests=())
        assert await sink(notification("A", 5))
        (event,) = await receiver.until(1)
        assert (event.verb, event.resource, event.values) == ("created", str(named.id), ["5"])
        assert event.texts("//dev:CosemAccessResult/@DeviceID") == ["meter A"]
        assert not event.all("//dev:CosemAccessDescriptor")
        assert event.all("//cos:data-notification")
        assert await sink(notification("C", 6))  # nobody wants it
        await made.delivered()
    assert len(receiver.heard) == 1


@pytest.mark.clause("5.2.4")
async def test_notifications_are_accepted_by_time_state_and_group(pool: Pool, made: Resources) -> None:
    async with pool.connection() as connection:
        await connection.execute(b"INSERT INTO device_group (group_id, prefix) VALUES ('G', 'A')")
        await connection.execute(
            b"INSERT INTO device (device_id, alias, url, authentication, suite, protection, max_pdu)"
            b" VALUES ('A', 'A', 'tcp://h', 'none', 0, 'none', 0)"
        )
    minute = timedelta(minutes=1)

    def accepting(**more: object) -> Terms:
        return Terms(accept_data_notification=True, **more)  # type: ignore[arg-type]  # as the tests give them

    url = "http://127.0.0.1:1/"
    expected = {
        (await made.make(url, terms=accepting(), names_none=True)).id,
        (await made.make(url, terms=accepting(expires=NOW + minute), groups=("G",), names_none=True)).id,
    }
    await made.make(url, terms=accepting(expires=NOW), names_none=True)
    await made.make(url, terms=accepting(activates=NOW + minute), names_none=True)
    over = await made.make(url, terms=accepting(), names_none=True)
    await made.store.set_state([over.id], State.CLOSED)
    assert await notification_sink(pool)(notification("A", 5))
    async with pool.connection() as connection:
        rows = await (await connection.execute(b"SELECT access_id FROM notification")).fetchall()
    assert {row[0] for row in rows} == expected


async def test_a_result_that_is_committed_late_is_told_all_the_same(pool: Pool, made: Resources) -> None:
    async with receiving() as receiver, delivery(pool, receiver.url):
        access = await made.make(receiver.url, "A", "B")
        late = (
            b"INSERT INTO result"
            b" (access_id, activation, request, device_id, activated, code, reason, details, kept_until)"
            b" SELECT access_id, 1, 0, 'B', now(), '4.1', 'late', '', kept_until FROM activation WHERE access_id = %s"
        )
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(late, [access.id])  # its event is the older one
            await made.add(access, "A", 1)
            await receiver.until(1)
        _, second = await receiver.until(2)
    assert second.texts("//dev:CosemErrorResult/dev:reason") == ["late"]


async def test_results_that_are_not_stored_in_the_end_are_not_told(pool: Pool, made: Resources) -> None:
    access = await made.make("http://127.0.0.1:1/")
    async with pool.connection() as connection:
        await connection.execute(b"BEGIN")
        await connection.execute(
            b"INSERT INTO result"
            b" (access_id, activation, request, device_id, activated, code, reason, details, kept_until)"
            b" SELECT access_id, 1, 0, 'A', now(), '4.1', 'r', 'd', kept_until FROM activation WHERE access_id = %s",
            [access.id],
        )
        await connection.execute(b"ROLLBACK")
    assert await made.waiting() == 0


async def test_a_message_has_a_bounded_number_of_results(pool: Pool, made: Resources) -> None:
    small = QUICK.__class__(gather=0.0, most_results=3)
    async with receiving() as receiver:
        access = await made.make(receiver.url, *"ABCDEFGH")
        for number, name in enumerate("ABCDEFGH"):
            await made.add(access, name, number)
        async with delivery(pool, receiver.url, settings=small):
            heard = await receiver.until(3)
            await made.delivered()
    assert [len(event.values) for event in heard] == [3, 3, 2]
    assert [int(value) for event in heard for value in event.values] == list(range(8))


async def test_the_delivery_goes_on_when_the_database_has_been_away(
    pool: Pool, made: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cas.push.delivery.RECONNECT_AFTER", 0.01)
    hang_up = (
        b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        b" WHERE datname = current_database() AND pid <> pg_backend_pid()"
        b" AND application_name LIKE 'lives %'"
    )
    with capture_logs() as logs:
        async with receiving() as receiver, delivery(pool, receiver.url):
            access = await made.make(receiver.url, "A", "B")
            await made.add(access, "A", 1)
            await receiver.until(1)
            async with pool.connection() as connection:
                await connection.execute(hang_up)
            await made.add(access, "B", 2)
            heard = await receiver.until(2)
            await made.delivered()
    assert heard[-1].values == ["2"]
    assert any(line["event"] == "the delivery of events waits for the database" for line in logs)
