"""MQTT: a gateway takes frames from a request topic and puts the meter's on a response topic.

Links to one broker with the same credentials share one connection, which lasts as long as any of them. What the
broker kept (retained messages) is passed over: it answers nobody. Each message is one write.
"""

import asyncio
import socket
import ssl
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from transports.base import Channel, Receiver
from transports.errors import ConnectError, ConnectionBroken, NotAuthorised, TransportError
from transports.media.tcp import connect_error

QoS: TypeAlias = Literal[0, 1]
_NOT_AUTHORISED = {4, 5, 134, 135}
"""CONNACK codes of MQTT 3.1.1 and reason codes of MQTT 5 that credentials cause."""
_FAILURE = 128


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker and who we are to it."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"


class MqttMedium:
    """Writes to topic `request`, reads from topic `response`, with quality of service `qos`."""

    def __init__(self, broker: Broker, *, request: str, response: str, qos: QoS = 1) -> None:
        self._broker = broker
        self._request = request
        self._response = response
        self._qos: QoS = qos

    @property
    def endpoint(self) -> str:
        """The broker and the request topic."""
        return f"{self._broker.name}/{self._request}"

    async def open(self, receiver: Receiver) -> Channel:
        """Connect to the broker and subscribe. Raises ConnectError and its kin, NotAuthorised."""
        loop = asyncio.get_running_loop()
        shared = _SHARED.get((loop, self._broker))
        if shared is None:
            shared = _SHARED[loop, self._broker] = _Shared(self._broker, loop)
        channel = _Channel(shared, receiver, self._request, self._response, self._qos)
        await shared.join(channel)
        return channel


class _Channel:
    def __init__(self, shared: "_Shared", receiver: Receiver, request: str, response: str, qos: QoS) -> None:
        self.receiver = receiver
        self.response = response
        self.qos = qos
        self._shared = shared
        self._request = request
        self._outbox: deque[bytes] = deque()
        self._sender: asyncio.Task[None] | None = None
        self._closing = False

    def write(self, data: bytes) -> None:
        if self._closing:
            return
        self._outbox.append(data)
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send())

    def close(self) -> None:
        self._closing = True
        if self._sender is None:
            self._shared.leave(self)

    def abort(self) -> None:
        self._closing = True
        self._outbox.clear()
        if self._sender is not None:
            self._sender.cancel()
        self._shared.leave(self)

    async def _send(self) -> None:
        try:
            while self._outbox:
                await self._shared.publish(self._request, self._outbox.popleft(), self.qos)
        except aiomqtt.MqttError as error:
            self._closing = True
            self._shared.leave(self, ConnectionBroken(f"{self._request}: {error}"))
        finally:
            self._sender = None
            if self._closing:
                self._shared.leave(self)


class _Shared:
    """One connection to a broker."""

    def __init__(self, broker: Broker, loop: asyncio.AbstractEventLoop) -> None:
        self._broker = broker
        self._loop = loop
        self._connected: asyncio.Future[aiomqtt.Client] = loop.create_future()
        self._channels: defaultdict[str, list[_Channel]] = defaultdict(list)
        self._users: set[_Channel] = set()
        self._task = loop.create_task(self._run(), name=f"mqtt {broker.name}")

    async def join(self, channel: _Channel) -> None:
        self._users.add(channel)
        try:
            client = await asyncio.shield(self._connected)
            first = channel.response not in self._channels
            self._channels[channel.response].append(channel)
            if first:
                await self._subscribe(client, channel.response, channel.qos)
        except aiomqtt.MqttError as error:
            self._drop(channel)
            raise self._why(error) from error
        except BaseException:
            self._drop(channel)
            raise

    async def _subscribe(self, client: aiomqtt.Client, topic: str, qos: QoS) -> None:
        (granted,) = await client.subscribe(topic, qos)
        if (granted.value if isinstance(granted, ReasonCode) else granted) >= _FAILURE:
            raise NotAuthorised(f"{self._broker.name}: no right to subscribe to {topic}")

    async def publish(self, topic: str, payload: bytes, qos: QoS) -> None:
        await self._connected.result().publish(topic, payload, qos)

    def leave(self, channel: _Channel, error: TransportError | None = None) -> None:
        if channel in self._users:
            self._drop(channel)
            if self._users or error is not None:
                self._loop.call_soon(channel.receiver.connection_lost, error)
            else:
                self._task.add_done_callback(lambda _: channel.receiver.connection_lost(None))

    def _drop(self, channel: _Channel) -> None:
        self._users.discard(channel)
        listening = self._channels.get(channel.response, [])
        if channel in listening:
            listening.remove(channel)
            if not listening:
                del self._channels[channel.response]
        if not self._users:
            self._forget()
            if self._connected.done():  # a connection in the making is ended when it is made
                self._task.cancel()

    def _forget(self) -> None:
        if _SHARED.get((self._loop, self._broker)) is self:
            del _SHARED[self._loop, self._broker]

    async def _run(self) -> None:
        broker = self._broker
        error: TransportError | None = None
        try:
            async with aiomqtt.Client(
                broker.host,
                broker.port,
                username=broker.user,
                password=broker.password,
                tls_context=broker.tls,
                max_inflight_messages=1000,
                socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            ) as client:
                client.pending_calls_threshold = 1000
                self._connected.set_result(client)
                if self._users:
                    await self._listen(client)
        except asyncio.CancelledError:
            pass
        except (aiomqtt.MqttError, OSError, ValueError) as failure:
            error = ConnectionBroken(f"{broker.name}: {failure}")
            if not self._connected.done():
                self._connected.set_exception(self._why(failure))
                self._connected.exception()  # looked at: perhaps nobody waits any more
        finally:
            self._forget()
            for channel in list(self._users):
                self.leave(channel, error)

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            if not message.retain and isinstance(message.payload, bytes):
                for channel in list(self._channels.get(message.topic.value, ())):
                    channel.receiver.data_received(message.payload)

    def _why(self, error: Exception) -> ConnectError:
        if isinstance(error, aiomqtt.MqttCodeError):
            code = error.rc.value if isinstance(error.rc, ReasonCode) else error.rc
            if code in _NOT_AUTHORISED:
                return NotAuthorised(f"{self._broker.name}: {error}")
        # aiomqtt keeps nothing of the socket's error but its text, and the context that every exception has.
        return connect_error(self._broker.name, error.__context__ if isinstance(error.__context__, OSError) else error)


_SHARED: dict[tuple[asyncio.AbstractEventLoop, Broker], _Shared] = {}
