"""Connections at the door: how many, for how long, and under which certificate."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509

from cas.errors import ConfigurationError
from cas.security import listening as door
from cas.security.listening import bounded, listening
from cas.security.tls import server_context
from tests.unit.transports.certificates import Authority

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def serving(
    files: tuple[Path, ...] = (),
    context: Callable[[], ssl.SSLContext | None] = lambda: None,
    *,
    most: int = 100,
    head_within: float = 60,
) -> AsyncIterator[int]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text="here")

    application = web.Application()
    application.add_routes([web.get("/", answer)])
    runner = web.AppRunner(application)
    await runner.setup()
    assert runner.server is not None
    try:
        async with listening(bounded(runner.server, most, head_within), "127.0.0.1", 0, context, files) as (_, port):
            yield port
    finally:
        await runner.cleanup()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(REQUEST)
    return (await reader.readuntil(b"here")).partition(b"\r\n")[0]


async def test_a_head_that_comes_slowly_ends_the_connection() -> None:
    async with serving(head_within=0.3) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await ask(reader, writer) == b"HTTP/1.1 200 OK"  # also behind an answer

        async def drip() -> None:
            for octet in REQUEST * 100:
                writer.write(bytes((octet,)))
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        dripping.cancel()
        writer.close()


async def test_connections_that_are_too_many_are_closed() -> None:
    async with serving(most=2) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        assert [await ask(*each) for each in held] == [b"HTTP/1.1 200 OK"] * 2
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await ask(reader, writer)
        writer.close()
        held[0][1].close()
        await held[0][1].wait_closed()
        async with asyncio.timeout(5):
            while True:  # the server sees it a moment later
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    assert await ask(reader, writer) == b"HTTP/1.1 200 OK"
                    break
                except (ConnectionError, asyncio.IncompleteReadError):
                    await asyncio.sleep(0.01)
                finally:
                    writer.close()
        assert await ask(*held[1]) == b"HTTP/1.1 200 OK"
        held[1][1].close()


async def test_a_renewed_certificate_holds_for_new_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "LOOK_AFTER", 0.02)
    authority = Authority.make(tmp_path)
    file = authority.issue("server")
    client = ssl.create_default_context(cafile=authority.path)

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter, int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return reader, writer, x509.load_der_x509_certificate(shown).serial_number

    made: asyncio.Queue[str] = asyncio.Queue()

    def context() -> ssl.SSLContext:
        try:
            found = server_context(file, None)
        except ConfigurationError:
            made.put_nowait("refused")
            raise
        made.put_nowait("taken")
        return found

    async def comes(what: str) -> None:
        async with asyncio.timeout(5):
            while await made.get() != what:
                pass

    async with serving((file,), context) as port:
        await comes("taken")
        reader, writer, first = await connect()

        file.write_bytes(b"not a certificate")
        await comes("refused")
        *_, other, held = await connect()
        assert held == first
        other.close()

        authority.issue("server")
        await comes("taken")
        async with asyncio.timeout(5):
            while True:
                *_, other, second = await connect()
                other.close()
                if second != first:
                    break
        assert await ask(reader, writer) == b"HTTP/1.1 200 OK"  # who is connected stays so
        writer.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nAuthorization: Basic SECRETSECRET\0\r\n\r\n",
        b"GET / HTTP/1.1\r\nAuthorization: Basic " + b"SECRETSECRET" * 1000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: SECRETSECRET\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked, SECRETSECRET\r\n\r\n",
        b"SECRETSECRET\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_repeated_to_nobody(
    head: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
    assert answer.split(b"\r\n")[0] == b"HTTP/1.0 400 Bad Request"
    assert b"Server: cas" in answer
    told = answer.decode() + caplog.text + "".join(capfd.readouterr())
    assert "SECRET" not in told
    assert "Traceback" not in told
    assert "not HTTP" in told


async def test_an_address_that_is_taken_is_told() -> None:
    async with serving() as port:
        with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1 port {port}: Address already in use"):
            async with listening(asyncio.Protocol, "127.0.0.1", port, lambda: None, ()):
                pass
