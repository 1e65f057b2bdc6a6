"""What clients want of a site that crashes: large accesses, one that repeats, and small ones that are waited for.

A client that gets no answer, or is told to try later, sends the same message again: so it does here.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

from aiohttp import web

from cas.bindings import device_access as dev
from cas.client import CasClient, CasFault, CasUnreachable, NotUnderstood
from cas.client.descriptors import attribute, invoke, write_attribute
from cas.client.readings import Access, Reading
from cas.client.receiver import EventReceiver, ReceivedEvent
from cas.cosem.data import Data
from tests.faults.crash_site import Plan

ALL = "DG_ALL_METERS"
ENERGY, CLOCK, POWER = "1.0.1.8.0.255", "0.0.1.0.0.255", "1.0.1.7.0.255"
MESSAGE, RELAY = "0.0.96.13.0.255", "0.0.96.3.10.255"
RECONNECT = 2
PATIENCE = 300.0
"""Seconds in which there must be an answer."""
PAUSE = 0.3
"""Seconds before a client sends its message again."""
_T = TypeVar("_T")

Told = tuple[str, datetime | None, str, int | None]
"""A result by device, time and object."""


@dataclass(slots=True)
class Made:
    """A resource, and what its client knows of it."""

    access_id: str
    requests: int
    changes: Sequence[str] = ()
    """The values that it writes and passes: nobody else does."""
    devices: Sequence[str] | None = None
    """None: all."""
    answered: list[Reading] = field(default_factory=list)


@dataclass(slots=True)
class Message:
    """An event as it came, repeats included."""

    access_id: str
    verb: str
    message_id: str
    octets: bytes
    told: list[Told]
    values: dict[Told, object]


@dataclass(slots=True)
class Heard:
    """The receiver of events."""

    messages: list[Message] = field(default_factory=list)
    url: str = ""

    async def take(self, event: ReceivedEvent) -> None:
        """An event has come."""
        readings = event.readings
        self.messages.append(
            Message(
                access_id=event.access_id or "",
                verb=event.verb,
                message_id=event.message_id or "",
                octets=event.octets,
                told=[key_of(reading) for reading in readings],
                values={key_of(reading): reading.value for reading in readings},
            )
        )


def key_of(reading: Reading) -> Told:
    """What tells a result from all others of its resource."""
    return reading.device, reading.activated, str(reading.obis), reading.class_id


async def receive(stack: AsyncExitStack) -> Heard:
    """Receive events until the stack ends. Repeats are recorded, too."""
    heard = Heard()

    async def post(request: web.Request) -> web.StreamResponse:
        # a receiver of its own for each message: nothing is taken for a repeat and dropped
        routed = EventReceiver(heard.take).routes()[0]
        assert isinstance(routed, web.RouteDef)
        response: web.StreamResponse = await routed.handler(request)
        return response

    application = web.Application(client_max_size=1 << 28)
    application.router.add_post("/{tail:.*}", post)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    heard.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return heard


class Load:
    """The clients."""

    def __init__(self, plan: Plan, client: CasClient, devices: Sequence[str], reply_address: str) -> None:
        self._plan = plan
        self._client = client
        self._devices = devices
        self._reply_address = reply_address
        self._random = random.Random(plan.seed)
        self._numbers = 0
        self.made: list[Made] = []
        self.repeats = 0
        """How often a client sent a message again."""

    async def bulk(self) -> Made:
        """Read, write, invoke and read again on all meters; the answers come as events."""
        put, passed = self._value(), self._value()
        descriptors = [
            attribute(ENERGY),
            attribute(CLOCK),
            write_attribute(MESSAGE, Data.of("octet-string", put.encode()), class_id=1),
            invoke(RELAY, RECONNECT, Data.of("double-long-unsigned", int(passed)), class_id=70),
            attribute(POWER),
        ]
        terms: dict[str, Any] = {
            "async_reply": True,
            "reply_address": self._reply_address,
            "duration": f"PT{self._plan.window}S",
        }
        return await self._create(descriptors, (put, passed), groups=(ALL,), **terms)

    async def repeating(self) -> Made:
        """Read all meters again and again."""
        terms: dict[str, Any] = {"repeating_interval": f"PT{self._plan.repeat}S", "duration": f"PT{self._plan.window}S"}
        return await self._create(
            [attribute(ENERGY), attribute(POWER)], (), groups=(ALL,), reply_address=self._reply_address, **terms
        )

    async def on_demand(self) -> Made:
        """Write and read a few meters, and wait for the answer."""
        put = self._value()
        devices = self._random.sample(self._devices, 3)
        descriptors = [
            write_attribute(MESSAGE, Data.of("octet-string", put.encode()), class_id=1),
            attribute(ENERGY),
        ]
        return await self._create(descriptors, (put,), devices=devices)

    async def close(self, made: Made) -> None:
        """No further activation."""
        await self.insist(lambda: self._client.close(made.access_id))

    async def readings(self, made: Made) -> list[Reading]:
        """All results of the resource."""

        async def ask() -> list[Reading]:
            return [reading async for reading in self._client.stream(made.access_id)]

        return await self.insist(ask)

    async def insist(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Ask until there is an answer, for a while. Raises CasFault for one that refuses for good."""
        patient_until = time.monotonic() + PATIENCE
        while True:
            try:
                return await ask()
            except (CasUnreachable, NotUnderstood):
                if time.monotonic() > patient_until:
                    raise
            except CasFault as problem:
                if problem.status < 500 or time.monotonic() > patient_until:
                    raise
            self.repeats += 1
            await asyncio.sleep(PAUSE)

    async def _create(
        self,
        descriptors: Sequence[dev.CosemAccessDescriptor],
        changes: Sequence[str],
        *,
        devices: Sequence[str] | None = None,
        **terms: Any,
    ) -> Made:
        message_id = str(uuid4())

        async def ask() -> Access:
            return await self._client.create(devices or (), descriptors, message_id=message_id, **terms)

        access = await self.insist(ask)
        made = Made(access.id, len(descriptors), changes, devices, access.readings)
        self.made.append(made)
        return made

    def _value(self) -> str:
        self._numbers += 1
        return str(1_000_000 + self._numbers)
