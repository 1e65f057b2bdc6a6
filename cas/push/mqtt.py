"""Events on an MQTT broker, for those who want them there: those of every resource, with quality of service 1.

The setting `event_mqtt` says where the broker is (`broker.py`), and the prefix of the topics.

PREFIX/status                     retained: `online`, or `offline` (also as the will)
PREFIX/resources/ID/events/VERB   the EventMessage as an XML document; VERB: changed, created, closed, canceled
PREFIX/resources/ID/status        retained, JSON: state, verb, message_id and at (time) of the last event; it is taken
                                  away when the resource is deleted
PREFIX/system/NUMBER              JSON: an event of the service itself

An event is acknowledged when the broker has acknowledged it all. A repeat has the same MessageID.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiomqtt

from cas.push.broker import BrokerAddress
from cas.push.errors import TargetUnreachable
from cas.push.events import Event, EventVerb, Writer

_QOS = 1


class MqttSender:
    """A `cas.push.events.Sender` to a broker; it connects when there is something to send, and again when it must."""

    def __init__(
        self, broker: BrokerAddress, write: Writer, *, patience: float, context: ssl.SSLContext | None = None
    ) -> None:
        """`patience`: seconds in which the broker must answer; `context`: by default the system's authorities."""
        self._broker = broker
        self._write = write
        self._patience = patience
        self._context = context or (ssl.create_default_context() if broker.tls else None)
        self._client: aiomqtt.Client | None = None

    async def send(self, event: Event) -> None:
        """Publish it; return when the broker has it. Raises TargetUnreachable, EventGone."""
        octets = event.document.encode()
        if event.verb not in (EventVerb.DELETED, EventVerb.SYSTEM):
            octets = "".join([piece async for piece in self._write(event)]).encode()
        is_new = self._client is None
        try:
            await self._publish(event, octets)
        except aiomqtt.MqttError as problem:
            await self._drop()
            if is_new:
                raise TargetUnreachable(f"{self._broker.host}:{self._broker.port}: {problem}") from problem
            # The connection stood idle, and broke meanwhile: that is no sign that the broker is not there.
            await self.send(event)

    async def close(self) -> None:
        """Say good-bye."""
        if self._client is not None:
            with suppress(aiomqtt.MqttError):
                await self._client.publish(f"{self._broker.prefix}/status", b"offline", qos=_QOS, retain=True)
            await self._drop()

    async def _publish(self, event: Event, octets: bytes) -> None:
        client = self._client or await self._connect()
        if event.verb is EventVerb.SYSTEM:
            await client.publish(f"{self._broker.prefix}/system/{event.number}", octets, qos=_QOS)
            return
        topic = f"{self._broker.prefix}/resources/{event.access_id}"
        if event.verb is EventVerb.DELETED:
            await client.publish(f"{topic}/status", b"", qos=_QOS, retain=True)
            return
        await client.publish(f"{topic}/events/{event.verb.value}", octets, qos=_QOS)
        await client.publish(f"{topic}/status", _status(event), qos=_QOS, retain=True)

    async def _connect(self) -> aiomqtt.Client:
        broker = self._broker
        status = f"{broker.prefix}/status"
        client = aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.user,
            password=broker.password,
            tls_context=self._context,
            timeout=self._patience,
            will=aiomqtt.Will(status, b"offline", qos=_QOS, retain=True),
        )
        # Connecting goes on in a thread; a client that nobody waits for any more must not stay connected.
        connecting = asyncio.ensure_future(client.__aenter__())
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            with suppress(aiomqtt.MqttError):
                await connecting
                await client.__aexit__(None, None, None)
            raise
        self._client = client
        await client.publish(status, b"online", qos=_QOS, retain=True)
        return client

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)


def _status(event: Event) -> bytes:
    status = {
        "state": event.state,
        "verb": event.verb.value,
        "message_id": str(event.message_id),
        "at": event.created_at.isoformat(),
    }
    return json.dumps(status).encode()


@asynccontextmanager
async def open_mqtt_sender(
    broker: BrokerAddress, write: Writer, *, patience: float, context: ssl.SSLContext | None = None
) -> AsyncIterator[MqttSender]:
    """A sender that says good-bye in the end."""
    sender = MqttSender(broker, write, patience=patience, context=context)
    try:
        yield sender
    finally:
        await sender.close()
