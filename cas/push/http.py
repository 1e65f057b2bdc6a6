"""Events by HTTP: a POST of the SOAP message to the ReplyAddress, which is checked; signed if there is a key."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.resolver import ThreadedResolver

from cas.push.acknowledgement import check_acknowledgement
from cas.push.errors import NotAcknowledged, TargetUnreachable
from cas.push.events import DeliverySettings, Event, Writer
from cas.push.signature import HEADER, Signature
from cas.push.targets import CheckedResolver, Targets

MEDIA_TYPE = "application/soap+xml; charset=utf-8"
# Octets of a message that are kept in memory; what is longer goes through a file.
_SPOOLED = 1 << 20
_CHUNK = 65_536
# Octets of an answer that are read.
_LONGEST_ANSWER = 65_536
# The receiver, or what stands in front of it, is not there for anybody.
_NOT_NOW = frozenset({429, 502, 503, 504})


class HttpSender:
    """A `cas.push.events.Sender` to addresses that are allowed. `open_http_sender` makes one."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        targets: Targets,
        write: Writer,
        *,
        signing_key: bytes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._session = session
        self._targets = targets
        self._write = write
        self._signing_key = signing_key
        self._clock = clock

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._targets})"

    async def send(self, event: Event) -> None:
        """Post it; return when it is acknowledged. Raises as `Sender.send`."""
        url = self._targets.check(event.address)
        with SpooledTemporaryFile(_SPOOLED) as body:
            size = 0
            signature = None if self._signing_key is None else Signature(self._signing_key, int(self._clock()))
            async for piece in self._write(event):
                octets = piece.encode()
                size += len(octets)
                if signature is not None:
                    signature.update(octets)
                body.write(octets)
            body.seek(0)

            async def octets_of_body() -> AsyncIterator[bytes]:
                while chunk := body.read(_CHUNK):
                    yield chunk

            headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(size)}
            if signature is not None:
                headers[HEADER] = str(signature)
            try:
                async with self._session.post(
                    url, data=octets_of_body(), headers=headers, allow_redirects=False
                ) as response:
                    await _check(response, event)
            except (aiohttp.ClientError, TimeoutError, OSError) as problem:
                raise TargetUnreachable(str(problem) or type(problem).__name__) from problem


async def _check(response: aiohttp.ClientResponse, event: Event) -> None:
    status = response.status
    if status in _NOT_NOW:
        raise TargetUnreachable(f"the receiver answers {status} {response.reason}")
    if not 200 <= status < 300:
        where = f" to {response.headers.get('Location', '')[:200]}" if 300 <= status < 400 else ""
        raise NotAcknowledged(f"the receiver answers {status} {response.reason}{where}")
    if event.ack_required:
        octets = bytearray()
        async for chunk in response.content.iter_any():
            octets += chunk
            if len(octets) > _LONGEST_ANSWER:
                raise NotAcknowledged(f"the receiver's answer is longer than {_LONGEST_ANSWER} octets")
        check_acknowledgement(bytes(octets), event)


@asynccontextmanager
async def open_http_sender(
    targets: Targets,
    write: Writer,
    settings: DeliverySettings,
    *,
    signing_key: bytes | None = None,
    resolver: AbstractResolver | None = None,
) -> AsyncIterator[HttpSender]:
    """A sender with connections of its own: no proxy of the environment, no cookies, certificates verified."""
    connector = aiohttp.TCPConnector(
        resolver=CheckedResolver(targets, resolver or ThreadedResolver()), use_dns_cache=False, limit=0
    )
    timeout = aiohttp.ClientTimeout(total=settings.timeout, sock_connect=settings.connect_timeout)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield HttpSender(session, targets, write, signing_key=signing_key)
