"""Receivers of events on this machine, resources that have some, and the delivery between them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from aiohttp import web
from aiohttp.test_utils import TestServer
from lxml import etree

from cas.access.codes import Code
from cas.access.events import EventContent
from cas.access.model import DeviceAccess, Failure, Octets, Origin, Result, Target, Terms
from cas.access.postgres import PostgresStore, open_store
from cas.cosem.data import Data
from cas.dlms.apdu import encode_apdu
from cas.push.events import DeliverySettings, Event, EventVerb
from cas.push.service import Receivers, open_delivery
from cas.push.targets import Targets
from cas.soap.event import EventWriter
from cas.store.database import Pool, conninfo_of
from tests.access_fakes import KEYRING, ended, get_request, get_response
from tests.soap_messages import Answer

SCHEMA = etree.XMLSchema(file=str(Path(__file__).parents[1] / "schemas" / "Message.xsd"))
# Pauses and times that a test can wait for.
QUICK = DeliverySettings(
    first_pause=0.02, longest_pause=0.1, timeout=0.5, connect_timeout=0.5, gather=0.0, look_after=5.0
)
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
REQUEST = Octets(encode_apdu(get_request()))

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Heard(Answer):
    """An event that came."""

    def __init__(self, octets: bytes, headers: dict[str, str]) -> None:
        super().__init__(octets)
        self.headers = headers
        for message in self.all("//mes:EventMessage"):
            assert SCHEMA.validate(message), SCHEMA.error_log

    @property
    def verb(self) -> str:
        return self.text("//mes:Verb")

    @property
    def resource(self) -> str:
        return str(self.all("//mes:Payload/*/@ID")[0])

    @property
    def message_id(self) -> str:
        return self.text("//mes:MessageID")

    @property
    def values(self) -> list[str]:
        return self.texts("//cos:double-long-unsigned")


@dataclass
class Receiver:
    """A receiver that answers as it is told, at the end with 204."""

    url: str = ""
    responses: list[Respond | int] = field(default_factory=list)
    otherwise: Respond | int = 204
    heard: list[Heard] = field(default_factory=list)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.StreamResponse:
        heard = Heard(await request.read(), dict(request.headers))
        async with self.came:
            self.heard.append(heard)
            self.came.notify_all()
        respond = self.responses.pop(0) if self.responses else self.otherwise
        return web.Response(status=respond) if isinstance(respond, int) else await respond(request)

    async def until(self, count: int) -> list[Heard]:
        """Wait for as many events."""
        async with asyncio.timeout(20), self.came:
            await self.came.wait_for(lambda: len(self.heard) >= count)
        return self.heard


@asynccontextmanager
async def receiving(*responses: Respond | int, otherwise: Respond | int = 204) -> AsyncIterator[Receiver]:
    receiver = Receiver(responses=list(responses), otherwise=otherwise)
    application = web.Application()
    application.router.add_post("/{tail:.*}", receiver.take)
    async with TestServer(application, host="127.0.0.1") as server:
        receiver.url = str(server.make_url("/events"))
        yield receiver


@dataclass
class Resources:
    """Resources in the database."""

    pool: Pool
    store: PostgresStore

    async def make(
        self,
        reply_address: str | None,
        *names: str,
        terms: Terms | None = None,
        requests: Sequence[Octets] = (REQUEST,),
        async_reply: bool = True,
        ack_required: bool = False,
        at: datetime = NOW,
        groups: tuple[str, ...] = (),
        names_none: bool = False,
    ) -> DeviceAccess:
        access = DeviceAccess(
            id=uuid4(),
            created_at=at,
            origin=Origin(
                message_id="m",
                correlation_id="corr-7",
                reply_address=reply_address,
                async_reply=async_reply,
                ack_required=ack_required,
            ),
            terms=terms or Terms(),
            targets=tuple(Target(f"meter {name}", name) for name in (() if names_none else names or ("A",))),
            requests=tuple(requests),
            groups=groups,
        )
        await self.store.create(access, bytes(32), None)
        return access

    async def add(self, access: DeviceAccess, device: str, value: int | None, request: int = 0) -> None:
        """Store a result; None: a failure."""
        answer = (
            Failure(Code.TIMED_OUT, "silent", "nothing within 5 s")
            if value is None
            else Octets(encode_apdu(get_response(Data.of("double-long-unsigned", value))))
        )
        await self.store.add_results(
            [Result(access_id=access.id, activation=1, request=request, device_id=device, activated=NOW, answer=answer)]
        )

    async def finish(self, access: DeviceAccess) -> None:
        await self.store.finish(ended(access.id, NOW))

    async def waiting(self, target: str = "%") -> int:
        async with self.pool.connection() as connection:
            counted = await connection.execute(b"SELECT count(*) FROM event WHERE target LIKE %s", [target])
            row = await counted.fetchone()
        assert row is not None
        return int(row[0])

    async def delivered(self) -> None:
        """Wait until nothing is left in the outbox."""
        async with asyncio.timeout(20):
            while await self.waiting():  # noqa: ASYNC110 - the database tells nobody of an acknowledgement
                await asyncio.sleep(0.01)


@asynccontextmanager
async def resources(pool: Pool) -> AsyncIterator[Resources]:
    async with open_store(pool, KEYRING) as store:
        yield Resources(pool, store)


@asynccontextmanager
async def delivery(
    pool: Pool,
    *allowed: str,
    settings: DeliverySettings = QUICK,
    receivers: Receivers | None = None,
) -> AsyncIterator[None]:
    """Deliver to the allowed receivers."""
    receivers = receivers or Receivers(targets=Targets.parse(allowed))
    writer = EventWriter(EventContent(pool), source="CAS")
    async with open_delivery(
        pool, conninfo_of(pool), receivers, soap=writer.soap, plain=writer.plain, settings=settings
    ):
        yield


def acknowledge(
    result: str = "OK", correlation: str | None = "corr-7"
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A receiver's ResponseMessage."""
    said = "" if correlation is None else f"<CorrelationID>{correlation}</CorrelationID>"
    text = (
        '<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope"><S:Body>'
        '<ResponseMessage xmlns="http://iec.ch/TC57/2011/schema/message">'
        f"<Header><Verb>reply</Verb><Noun>DeviceAccess</Noun>{said}</Header><Reply><Result>{result}</Result></Reply>"
        "</ResponseMessage></S:Body></S:Envelope>"
    )

    async def respond(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type="application/soap+xml")

    return respond


def an_event(address: str, **more: object) -> Event:
    """An event that stands in no outbox."""
    values: dict[str, object] = {
        "rows": (1,),
        "target": "",
        "access_id": UUID(int=1),
        "verb": EventVerb.CLOSED,
        "message_id": UUID(int=2),
        "created_at": NOW,
        "address": address,
        "correlation_id": "corr-7",
        "state": "finished",
        **more,
    }
    return Event(**values)  # type: ignore[arg-type]  # the tests give what the fields take
