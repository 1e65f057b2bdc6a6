"""Links: what goes wrong is told apart, in time, and leaves nothing behind."""

import asyncio
import errno
import socket
import ssl
import time

import pytest

from tests.unit.transports.benches import tcp_meter, wrapper_server
from transports import link as link_module
from transports import open_transport
from transports.base import Channel, Event, Receiver
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
    ResponseTimeout,
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


class Slow:
    """A medium that never opens, and may tell of a loss all the same."""

    endpoint = "slow"

    def __init__(self, *, loses: bool = False) -> None:
        self.loses = loses
        self.opening = asyncio.Event()

    async def open(self, receiver: Receiver) -> Channel:
        if self.loses:
            receiver.connection_lost(None)
        self.opening.set()
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.parametrize("loses", [False, True])
async def test_a_medium_that_does_not_open_is_given_up(loses: bool) -> None:
    link = Link(Slow(loses=loses), wrapper_client, connect_timeout=0.05, unreached=Unreachable)
    with pytest.raises(Unreachable, match=r"no connection within 0\.05 s"):
        async with asyncio.timeout(5):
            await link.connect()
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
    assert not timers()
    await link.close()


async def test_an_outer_time_limit_is_told_apart_from_the_links_own() -> None:
    link = Link(Slow(), wrapper_client, connect_timeout=5)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await link.connect()
    assert not timers()


async def test_a_cancellation_is_not_taken_for_a_time_out() -> None:
    medium = Slow()
    link = Link(medium, wrapper_client, connect_timeout=0.05)
    connecting = asyncio.create_task(link.connect())
    await medium.opening.wait()
    time.sleep(0.06)  # both in one turn of the loop  # noqa: ASYNC251
    asyncio.get_running_loop().call_at(0, connecting.cancel)
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert not timers()


async def test_no_timer_outlives_its_link() -> None:
    async with tcp_meter(wrapper_server) as (port, accepted):
        transport = open_transport(f"tcp://127.0.0.1:{port}")
        await transport.connect()
        waiting = asyncio.create_task(transport.receive())
        await (await accepted()).send(b"answer")
        assert await waiting == b"answer"
        await transport.close()
        assert not timers()
    with pytest.raises(Refused):
        await open_transport(f"tcp://127.0.0.1:{unused_port()}").connect()
    assert not timers()


async def test_an_answer_that_is_late_after_a_quick_connection_is_a_response_time_out() -> None:
    near, _ = memory.pair()
    link = Link(near, wrapper_client, connect_timeout=0.05, response_timeout=0.15)
    await link.connect()
    with pytest.raises(ResponseTimeout):
        await link.receive()
    assert link.is_open
    await link.close()


class Deaf:
    """A channel that never says that it is gone."""

    def __init__(self) -> None:
        self.aborted = False

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None:
        self.aborted = True


class DeafMedium:
    endpoint = "deaf"

    def __init__(self) -> None:
        self.channel = Deaf()

    async def open(self, receiver: Receiver) -> Channel:
        return self.channel


async def test_a_channel_that_does_not_close_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "CLOSE_TIMEOUT", 0.05)
    medium = DeafMedium()
    link = Link(medium, wrapper_client)
    await link.connect()
    async with asyncio.timeout(5):
        await link.close()
        await link.close()
    assert medium.channel.aborted


async def test_a_close_that_is_cancelled_cuts() -> None:
    medium = DeafMedium()
    link = Link(medium, wrapper_client)
    await link.connect()
    closing = asyncio.create_task(link.close())
    await asyncio.sleep(0.01)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert medium.channel.aborted
    assert not timers()


def timers() -> list[asyncio.TimerHandle]:
    """What asyncio's own loop still has to ring."""
    scheduled: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return [timer for timer in scheduled if not timer.cancelled()]


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
