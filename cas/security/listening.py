"""Listening at the door: how many connections there are, for how long they may say nothing, and with which certificate.

TLS that is renewed on disk holds for the connections that come after: the sockets stay, so that none is turned away.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import structlog
from aiohttp import web

from cas.errors import ConfigurationError
from cas.tasks import end

log = structlog.get_logger(__name__)

# Connections at the same time; further ones are closed at once.
MOST_CONNECTIONS = 2000
# Seconds in which the head of a request must have come, from the begin of the connection or the answer before: who
# sends it slowly holds a connection no longer. More than proxies usually keep one for the next request (60).
HEAD_WITHIN = 75.0
# Seconds in which the TLS handshake must be done.
HANDSHAKE_WITHIN = 10.0
# Seconds between looks at the files of TLS.
LOOK_AFTER = 5.0
_BACKLOG = 512

Protocols: TypeAlias = Callable[[], asyncio.BaseProtocol]
Context: TypeAlias = Callable[[], ssl.SSLContext | None]
"""Makes the context of TLS from its files as they are now. Raises ConfigurationError."""


class _TooMany(asyncio.Protocol):
    """Closes a connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()


def bounded(server: web.Server, most: int = MOST_CONNECTIONS) -> Protocols:
    """The protocols of a web server, as long as it has fewer connections than `most`."""

    def accept() -> asyncio.BaseProtocol:
        if len(server.connections) < most:
            return server()
        log.warning("a connection was closed: there are too many", connections=most)
        return _TooMany()

    return accept


@asynccontextmanager
async def listening(
    accept: Protocols, host: str, port: int, context: Context, files: Sequence[Path]
) -> AsyncIterator[tuple[str, int]]:
    """Listen at all addresses of `host`; yield the first of them and its port.

    When one of `files` changes, connections that come then get what `context` makes of them, or, as long as that is not
    valid, what held before. Raises ConfigurationError.
    """
    stamps, tls = _stamps(files), context()
    async with AsyncExitStack() as stack:
        sockets = await _bind(host, port)
        for each in sockets:
            stack.callback(each.close)
        servers = await _serve(accept, sockets, tls)

        async def renew() -> None:
            nonlocal stamps, servers
            while True:
                await asyncio.sleep(LOOK_AFTER)
                new = _stamps(files)
                if new == stamps:
                    continue
                stamps = new
                try:
                    fresh = context()
                except ConfigurationError as problem:
                    log.error("the files of TLS are not valid: what held before holds on", problem=str(problem))  # noqa: TRY400 - the message says it
                    continue
                before, servers = servers, await _serve(accept, sockets, fresh)
                _close(before)
                log.info("the files of TLS changed, and hold for new connections")

        renewing = asyncio.create_task(renew(), name="renew TLS") if files else None
        try:
            address = sockets[0].getsockname()
            yield address[0], address[1]
        finally:
            if renewing is not None:
                await end(renewing)
            _close(servers)


async def _bind(host: str, port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for family, *_, address in dict.fromkeys(found):
            sockets.append(socket.create_server(address[:2], family=family, backlog=_BACKLOG))
    except OSError as problem:
        for each in sockets:
            each.close()
        raise ConfigurationError(f"cannot listen on {host} port {port}: {problem.strerror or problem}") from None
    return sockets


async def _serve(
    accept: Protocols, sockets: Iterable[socket.socket], tls: ssl.SSLContext | None
) -> list[asyncio.Server]:
    loop = asyncio.get_running_loop()
    timeout = None if tls is None else HANDSHAKE_WITHIN
    # A socket of its own for each, so that the next one listens before it is closed: who connects meanwhile waits.
    return [
        await loop.create_server(accept, sock=each.dup(), ssl=tls, backlog=_BACKLOG, ssl_handshake_timeout=timeout)
        for each in sockets
    ]


def _close(servers: Iterable[asyncio.Server]) -> None:
    for server in servers:
        server.close()


def _stamps(files: Iterable[Path]) -> list[tuple[int, int, int] | None]:
    """What changes when a file does; None: it is not there."""
    stamps: list[tuple[int, int, int] | None] = []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            stamps.append(None)
        else:
            stamps.append((status.st_mtime_ns, status.st_ino, status.st_size))
    return stamps
