"""Listening at the door: how many connections there are, for how long they may say nothing, and with which certificate.

TLS that is renewed on disk holds for the connections that come after: the sockets stay, so that none is turned away.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias

import structlog
from aiohttp import web

from cas.errors import ConfigurationError
from cas.tasks import end, endless

log = structlog.get_logger(__name__)

SERVER = "cas"
"""What the door says that it is: no versions."""
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


class _Connection(web.RequestHandler):
    """A connection that tells nobody, neither its peer nor the log, what stood in a request that cannot be read.

    aiohttp repeats it in both, and that may be a password; and it writes a traceback for whatever a stranger sends.
    """

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is answered to a request that is not HTTP, or that failed in this program."""
        if status >= 500:
            log.error("request failed in this program", peer=request.remote, exc_info=exc)
        else:
            log.info("refused: not HTTP as it is spoken here", peer=request.remote, problem=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer is sent already")
        text = f"{status} {HTTPStatus(status).phrase}\n"
        response = web.Response(status=status, text=text, headers={"Server": SERVER})
        response.force_close()
        return response


def bounded(server: web.Server, most: int = MOST_CONNECTIONS, head_within: float = HEAD_WITHIN) -> Protocols:
    """The connections of a web server, as long as it has fewer than `most`."""

    def accept() -> asyncio.BaseProtocol:
        if len(server.connections) < most:
            loop = asyncio.get_running_loop()
            settings: dict[str, Any] = {"keepalive_timeout": head_within, "access_log": None}
            return _Connection(server, loop=loop, **settings)
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

        renewing = asyncio.create_task(endless(renew, "certificates"), name="renew TLS") if files else None
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
