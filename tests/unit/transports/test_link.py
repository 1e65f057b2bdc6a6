"""Links: what goes wrong is told apart, in time, and leaves nothing behind."""

import asyncio
import errno
import socket
import ssl

import pytest

from tests.unit.transports.benches import tcp_meter, wrapper_server
from transports import link as link_module
from transports import open_transport
from transports.base import Event
from transports.errors import (
    ApduTooLong,
    CertificateError,
    ClosedByPeer,
    ConnectError,
    ConnectionBroken,
    ConnectTimeout,
    FramingError,
    NameLookupFailed,
    NameNotFound,
    PortUnavailable,
    Refused,
    TLSError,
    TransportError,
    Unreachable,
)
from transports.link import Link
from transports.media import memory
from transports.media.tcp import connect_error
from transports.wrapper import WrapperFraming


def unused_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wrapper_client() -> WrapperFraming:
    return WrapperFraming(local=16, remote=1)


async def test_refused() -> None:
    with pytest.raises(Refused) as caught:
        await open_transport(f"tcp://127.0.0.1:{unused_port()}").connect()
    assert caught.value.retry
    assert "127.0.0.1" in str(caught.value)


async def test_a_name_that_does_not_exist() -> None:
    with pytest.raises((NameNotFound, NameLookupFailed), match=r"meter\.invalid"):
        await open_transport("tcp://meter.invalid").connect()


@pytest.mark.parametrize(
    ("error", "kind", "retry"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), Refused, True),
        (OSError(errno.EHOSTUNREACH, "no route"), Unreachable, True),
        (OSError(errno.ENETUNREACH, "no net"), Unreachable, True),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), ConnectTimeout, True),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), NameNotFound, False),
        (socket.gaierror(socket.EAI_AGAIN, "later"), NameLookupFailed, True),
        (OSError(errno.EMFILE, "too many"), PortUnavailable, False),
        (ssl.SSLCertVerificationError("self-signed"), CertificateError, False),
        (ssl.SSLError(1, "wrong version number"), TLSError, False),
        (ConnectionResetError(errno.ECONNRESET, "reset"), ConnectError, True),
    ],
)
def test_connection_errors_are_told_apart(error: Exception, kind: type[ConnectError], retry: bool) -> None:
    told = connect_error("meter:4059", error)
    assert type(told) is kind
    assert told.retry is retry
    assert str(told).startswith("meter:4059: ")


async def test_nobody_answers_the_call() -> None:
    near, _ = memory.pair()
    link = Link(near, lambda: NeverUp(local=16, remote=1), connect_timeout=0.05)
    with pytest.raises(ConnectTimeout, match=r"link layer .* within 0\.05 s"):
        await link.connect()
    await link.close()


class NeverUp(WrapperFraming):
    def connect(self, now: float) -> list[Event]:
        return []


async def test_the_peer_leaves_in_the_middle_of_a_frame() -> None:
    near, far = memory.pair()
    link = Link(near, wrapper_client)
    await link.connect()
    far.write(bytes.fromhex("0001000100100005 c401".replace(" ", "")))
    far.shut()
    with pytest.raises(ClosedByPeer, match="10 octets of an unfinished frame") as caught:
        await link.receive()
    assert caught.value.partial.hex() == "0001000100100005c401"
    await link.close()


async def test_the_network_breaks() -> None:
    near, _ = memory.pair()
    link = Link(near, wrapper_client)
    await link.connect()
    near.shut(ConnectionResetError("reset by peer"))
    with pytest.raises(ConnectionBroken, match="reset by peer"):
        await link.receive()
    await link.close()


async def test_octets_that_are_no_frame_end_the_link() -> None:
    near, far = memory.pair()
    link = Link(near, wrapper_client)
    await link.connect()
    far.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(FramingError):
        await link.receive()
    with pytest.raises(FramingError):
        await link.send(b"anyone?")
    await link.close()


async def test_an_apdu_too_long_leaves_the_link_usable() -> None:
    async with tcp_meter(wrapper_server) as (port, accepted):
        transport = open_transport(f"tcp://127.0.0.1:{port}")
        await transport.connect()
        with pytest.raises(ApduTooLong) as caught:
            await transport.send(bytes(70000))
        assert caught.value.usable
        await transport.send(b"short")
        assert await (await accepted()).receive() == b"short"
        await transport.close()


async def test_a_peer_that_does_not_read_makes_the_sender_wait_and_close_does_not_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link_module, "CLOSE_TIMEOUT", 0.2)
    silent = socket.create_server(("127.0.0.1", 0))
    transport = open_transport(f"tcp://127.0.0.1:{silent.getsockname()[1]}")
    await transport.connect()

    async def flood() -> None:
        while True:
            await transport.send(bytes(60000))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await flood()
    await transport.close()
    silent.close()


async def test_an_answer_in_the_instant_of_a_cancellation_is_kept() -> None:
    near, far = memory.pair()
    link = Link(near, wrapper_client)
    await link.connect()
    waiting = asyncio.create_task(link.receive())
    await asyncio.sleep(0)
    far.write(bytes.fromhex("0001000100100001aa"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await link.receive() == b"\xaa"
    await link.close()


async def test_only_one_task_may_receive() -> None:
    near, _ = memory.pair()
    link = Link(near, wrapper_client)
    await link.connect()
    waiting = asyncio.create_task(link.receive())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="two tasks"):
        await link.receive()
    with pytest.raises(RuntimeError, match="twice"):
        await link.connect()
    await link.close()
    with pytest.raises(TransportError):
        await waiting


async def test_a_peer_that_never_stops_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "INBOX", 3)
    near, far = memory.pair()
    link = Link(near, wrapper_client)
    await link.connect()
    far.write(bytes.fromhex("0001000100100001aa") * 5)
    await asyncio.sleep(0)
    assert [await link.receive() for _ in range(3)] == [b"\xaa"] * 3
    with pytest.raises(FramingError, match="nobody asked for"):
        await link.receive()
    await link.close()


def test_every_error_says_whether_to_try_again() -> None:
    kinds = [TransportError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
        assert isinstance(kind.retry, bool)
        assert kind.__doc__
    assert len(kinds) > 20
