"""SOAP over HTTP: the routes, reading with limits, and sending in pieces.

POST /cas                a request
GET  /cas?wsdl           the WSDL
GET  /schemas/NAME.xsd   the schemas that it imports
GET  /health             200 while the process works
GET  /ready              200 while requests can be served, else 503
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from uuid import uuid4

import structlog
from aiohttp import web

from cas.access.codes import Code
from cas.bindings import message as mes
from cas.security.showing import credentials_of
from cas.soap import wsdl
from cas.soap.envelope import Version
from cas.soap.errors import MessageRefused, NotSoap
from cas.soap.problems import error
from cas.soap.service import Reply, SoapService, failed
from cas.system_events import Kind, tell

log = structlog.get_logger(__name__)

PATH = "/cas"
MEDIA_TYPES = ("application/soap+xml", "text/xml", "application/xml")
# Seconds in which a request must have come as a whole.
READ_TIMEOUT = 60.0
# Octets that are sent at a time; an answer that is not longer is sent as a whole.
CHUNK = 65_536
# Seconds in which a client must have taken the next chunk of an answer.
WRITE_TIMEOUT = 60.0
# Requests of the largest size that are held at the same time; more are refused, so that no flood fills the memory.
LARGEST_AT_ONCE = 16


class SoapHttp:
    """The web application. `ready` tells whether requests can be served; `limit`: octets of a request."""

    def __init__(self, service: SoapService, ready: Callable[[], Awaitable[bool]], *, limit: int) -> None:
        self._service = service
        self._ready = ready
        self._limit = limit
        self._numbers = count(1)
        self._held = 0
        """Octets of requests that are being read or answered."""

    def routes(self) -> list[web.AbstractRouteDef]:
        """What is to be added to an aiohttp application."""
        return [
            web.post(PATH, self._post),
            web.get(PATH, self._describe),
            web.get("/schemas/{name}", self._schema),
            web.get("/health", self._health),
            web.get("/ready", self._readiness),
        ]

    async def _post(self, request: web.Request) -> web.StreamResponse:
        started = time.monotonic()
        # One task serves the requests of a connection: nothing of the last one may stay.
        structlog.contextvars.clear_contextvars()
        with structlog.contextvars.bound_contextvars(request=next(self._numbers), peer=request.remote):
            reply = await self._reply(request)
            response = await _send(request, reply)
            elapsed = round((time.monotonic() - started) * 1000)
            log.info("answered", status=response.status, milliseconds=elapsed)
            return response

    async def _reply(self, request: web.Request) -> Reply:
        octets = bytearray()

        async def read() -> bytes:
            await self._read(request, octets)
            return bytes(octets)

        try:
            return await self._service.answer(read, request.content_type, credentials_of(request))
        finally:
            self._held -= len(octets)

    async def _read(self, request: web.Request, octets: bytearray) -> None:
        # A browser says where its page is from. No page asks here: one from elsewhere might, as its user.
        if "Origin" in request.headers:
            raise NotSoap("requests of web pages are not served", status=403)
        if request.content_type not in MEDIA_TYPES:
            raise NotSoap(f"Content-Type {request.content_type}: send {' or '.join(MEDIA_TYPES[:2])}", status=415)
        # Also counted while reading: a length may be missing, or be that of compressed content.
        if (request.content_length or 0) > self._limit:
            raise self._too_large()
        try:
            async with asyncio.timeout(READ_TIMEOUT):
                async for chunk in request.content.iter_any():
                    octets += chunk
                    self._held += len(chunk)
                    if self._held > LARGEST_AT_ONCE * self._limit:
                        told = error(Code.BUSY, "too many large requests at once", level=mes.ErrorLevel.WARNING)
                        raise MessageRefused([told], status=503)
                    if len(octets) > self._limit:
                        raise self._too_large()
        except web.RequestPayloadError:
            request.content.feed_eof()  # else aiohttp reads on, and logs the client's fault as one of this program
            raise NotSoap("the request is cut off, or its content does not fit its Content-Encoding") from None
        except ConnectionError:
            raise NotSoap("the connection broke before the end of the request") from None
        except TimeoutError:
            raise NotSoap(f"the request did not come within {READ_TIMEOUT:g} s", status=408) from None

    def _too_large(self) -> NotSoap:
        return NotSoap(f"the request is larger than {self._limit} octets: divide it", status=413)

    async def _describe(self, request: web.Request) -> web.Response:
        if "wsdl" not in {name.lower() for name in request.query}:
            raise web.HTTPMethodNotAllowed("GET", ["POST"], text="POST a SOAP request; GET ?wsdl for the description\n")
        origin = str(request.url.origin())
        document = wsdl.wsdl(f"{origin}{PATH}", f"{origin}/schemas")
        return web.Response(body=document, content_type="text/xml", charset="utf-8")

    async def _schema(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in wsdl.schema_names():
            raise web.HTTPNotFound(text=f"schemas here: {', '.join(wsdl.schema_names())}\n")
        return web.Response(body=wsdl.schema(name), content_type="text/xml", charset="utf-8")

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _readiness(self, _request: web.Request) -> web.Response:
        if await self._ready():
            return web.Response(text="ready\n")
        return web.Response(status=503, text="the database does not answer\n")


async def _send(request: web.Request, reply: Reply) -> web.StreamResponse:
    chunks = _chunks(reply.pieces)
    try:
        first = await anext(chunks, b"")
    except Exception:
        # Nothing has been sent, so there is still time to say so.
        incident = uuid4()
        log.exception("request failed in this program", incident=str(incident))
        tell(Kind.FAULT, "request", incident=str(incident))
        reply = failed(reply.version, incident)
        chunks = _chunks(reply.pieces)
        first = await anext(chunks, b"")
    headers = {"Content-Type": _content_type(reply.version), **reply.headers}
    if len(first) < CHUNK:
        whole = web.Response(status=reply.status, body=first, headers=headers)
        if not request.content.at_eof() or request.content.exception() is not None:
            whole.force_close()  # what is left of the request cannot be told from the next one
        return whole
    response = web.StreamResponse(status=reply.status, headers=headers)
    await response.prepare(request)
    try:
        await _write(response, first)
        async for chunk in chunks:
            await _write(response, chunk)
        await response.write_eof()
    except ConnectionError:
        log.info("the client went away before the end of its answer")
    except TimeoutError:
        log.info("the client did not take its answer")
        if request.transport is not None:
            request.transport.abort()
    except Exception:
        # The client must not take the part for the whole: the connection breaks off before the end of the chunks.
        log.exception("answer broken off")
        if request.transport is not None:
            request.transport.abort()
    return response


async def _write(response: web.StreamResponse, chunk: bytes) -> None:
    async with asyncio.timeout(WRITE_TIMEOUT):
        await response.write(chunk)


def _content_type(version: Version) -> str:
    return f"{version.media_type}; charset=utf-8"


async def _chunks(pieces: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """The octets of the pieces, `CHUNK` of them or more at a time but for the last."""
    waiting = bytearray()
    async for piece in pieces:
        waiting += piece.encode()
        if len(waiting) >= CHUNK:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)
