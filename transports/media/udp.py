"""UDP: each write is one datagram, each datagram one call of the receiver."""

import asyncio
import contextlib
import socket

from transports.base import Channel, Receiver
from transports.errors import ConnectionBroken
from transports.media.tcp import connect_error

_BUFFER = 1 << 20


class UdpMedium:
    """Exchanges datagrams with `host:port` only; at best an ICMP message tells that nobody is there."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    @property
    def endpoint(self) -> str:
        """`host:port`."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    async def open(self, receiver: Receiver) -> Channel:
        """Resolve the name and bind a local port. Raises ConnectError and its kin."""
        try:
            _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Datagrams(receiver, self.endpoint), remote_addr=(self._host, self._port)
            )
        except OSError as error:
            raise connect_error(self.endpoint, error) from error
        return protocol


class _Datagrams(asyncio.DatagramProtocol):
    """Looks like a stream to the receiver, and is the channel as well."""

    def __init__(self, receiver: Receiver, endpoint: str) -> None:
        self._receiver = receiver
        self._endpoint = endpoint
        self._transport: asyncio.DatagramTransport | None = None
        self._broken: ConnectionBroken | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override] # asyncio's own
        self._transport = transport
        enlarge(transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._receiver.data_received(data)

    def error_received(self, exc: Exception) -> None:
        self._broken = ConnectionBroken(f"{self._endpoint}: {exc}")
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._receiver.connection_lost(self._broken or exc)

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def enlarge(transport: asyncio.DatagramTransport) -> None:
    """Ask the system for room for a burst of datagrams."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
