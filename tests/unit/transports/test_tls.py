"""TLS over TCP."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.contracts.transport_contract import Bench, TransportContract
from tests.unit.transports.benches import hdlc_server, tcp_meter, wrapper_server
from tests.unit.transports.certificates import Authority
from transports import Transport, open_transport
from transports.errors import CertificateError, LinkLost, TLSError, TransportError, URLError
from transports.media.tls import client_context


class TestTls(TransportContract):
    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        with TemporaryDirectory() as folder:
            authority = Authority.make(Path(folder))
            client = authority.issue("client")
            async with tcp_meter(wrapper_server, authority.server_context(ask=True)) as (port, accepted):
                query = f"timeout=0.2&ca={authority.path}&cert={client}"
                yield Bench(open_transport(f"tcps://127.0.0.1:{port}?{query}"), accepted)


async def test_hdlc_over_tls_under_another_name(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    context = authority.server_context(host="meter.example")
    async with tcp_meter(hdlc_server, context) as (port, accepted):
        url = f"hdlc+tcps://127.0.0.1:{port}?ca={authority.path}&server-name=meter.example"
        transport = open_transport(url)
        await transport.connect()
        await transport.send(b"request")
        assert await (await accepted()).receive() == b"request"
        await transport.close()


async def test_a_certificate_of_another_authority(tmp_path: Path) -> None:
    authority, other = Authority.make(tmp_path), Authority.make(tmp_path, "other")
    async with tcp_meter(wrapper_server, authority.server_context()) as (port, _):
        with pytest.raises(CertificateError) as caught:
            await open_transport(f"tcps://127.0.0.1:{port}?ca={other.path}").connect()
        assert not caught.value.retry


async def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    async with tcp_meter(wrapper_server, authority.server_context(host="meter.example")) as (port, _):
        with pytest.raises(CertificateError, match=r"127\.0\.0\.1"):
            await open_transport(f"tcps://127.0.0.1:{port}?ca={authority.path}").connect()


async def test_our_certificate_is_missing(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    async with tcp_meter(wrapper_server, authority.server_context(ask=True)) as (port, _):
        transport = open_transport(f"tcps://127.0.0.1:{port}?ca={authority.path}")
        with pytest.raises((CertificateError, LinkLost)):  # the alert may be lost when the connection goes
            await connect_and_ask(transport)
        await transport.close()


async def connect_and_ask(transport: Transport) -> None:
    """In TLS 1.3 the refusal comes with the first answer."""
    await transport.connect()
    await transport.receive()


async def test_a_peer_without_tls(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    async with tcp_meter(wrapper_server) as (port, _):
        with pytest.raises(TransportError) as caught:
            await open_transport(f"tcps://127.0.0.1:{port}?ca={authority.path}&connect-timeout=2").connect()
        assert "127.0.0.1" in str(caught.value)


async def test_a_peer_that_answers_something_else(tmp_path: Path) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n" * 10)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(TLSError):
        await open_transport(f"tcps://127.0.0.1:{port}").connect()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("ca=/nowhere.pem", "nowhere.pem"),
        ("key=/k.pem", "'key' means nothing without 'cert'"),
        ("cert={text}", "text.pem"),
        ("ca={text}", "text.pem"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, query: str, message: str) -> None:
    text = tmp_path / "text.pem"
    text.write_text("not a certificate")
    with pytest.raises(URLError, match=message):
        open_transport(f"tcps://meter?{query.format(text=text)}")


def test_contexts_are_shared_until_a_file_changes(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    first = client_context(str(authority.path), None, None)
    assert client_context(str(authority.path), None, None) is first
    Authority.make(tmp_path)
    os.utime(authority.path, ns=(1, 1))
    assert client_context(str(authority.path), None, None) is not first
