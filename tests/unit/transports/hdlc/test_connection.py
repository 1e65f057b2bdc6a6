"""The data link: establishment, windows, segmentation, turns, recovery, and its end."""

import pytest

from tests.unit.transports.hdlc.vectors import WIRE_FRAMES
from tests.unit.transports.hdlc.virtual import CLIENT, SERVER, Line, straight
from transports.base import LinkDown, LinkUp
from transports.errors import (
    ConnectTimeout,
    Disconnected,
    FrameRejected,
    FramingError,
    LinkRefused,
    NoAcknowledgement,
    NotConnected,
)
from transports.hdlc.address import Address
from transports.hdlc.connection import Connection, Timing
from transports.hdlc.frame import Frame, FrameDecoder, Kind, parse
from transports.hdlc.negotiation import Parameters
from transports.hdlc.states import Role, State

WIDE = Parameters(256, 256, 7, 7)
THREE = Parameters(64, 64, 3, 3)


def kinds(line: Line, side: str) -> list[Kind | None]:
    return [frame.kind for who, octets in line.wire if who == side for frame in FrameDecoder().feed(octets)]


def connected(role: Role = Role.CLIENT, **more: object) -> Connection:
    """A connection of either role that has just been established."""
    local, remote = (CLIENT, SERVER) if role is Role.CLIENT else (SERVER, CLIENT)
    connection = Connection(role, local, remote, **more)  # type: ignore[arg-type] # the tests' own keywords
    connection.connect(0.0)
    kind = Kind.UA if role is Role.CLIENT else Kind.SNRM
    assert connection.receive(Frame(local, remote, kind), 0.0) == [LinkUp()]
    connection.outgoing()
    return connection


def to(connection: Connection, kind: Kind, **more: object) -> Frame:
    return Frame(connection.local, connection.remote, kind, **more)  # type: ignore[arg-type] # the tests' own keywords


def test_the_example_of_the_user_association_is_followed() -> None:
    snrm, ua, aarq = WIRE_FRAMES
    connection = Connection(Role.CLIENT, Address(16), Address(1, 17, 4))
    connection.connect(0.0)
    assert [frame.encode() for frame in connection.outgoing()] == [snrm]
    assert connection.receive(parse(ua[1:-1]), 0.1) == [LinkUp()]
    connection.send(parse(aarq[1:-1]).information[3:], 0.2)
    assert [frame.encode() for frame in connection.outgoing()] == [aarq]


@pytest.mark.parametrize("offers", [(Parameters(),) * 2, (WIDE, WIDE), (THREE, WIDE), (WIDE, THREE)])
@pytest.mark.parametrize("size", [1, 125, 126, 253, 254, 1000, 5000])
def test_apdus_of_any_length_pass_both_ways(offers: tuple[Parameters, Parameters], size: int) -> None:
    line = Line(client=offers[0], server=offers[1])
    line.connect()
    apdu = bytes(n % 251 for n in range(size))
    for _ in range(10):  # the counters go round
        assert line.request(apdu) == apdu[::-1]
    assert line.client.ignored == 0


def test_a_window_is_acknowledged_as_a_whole() -> None:
    line = Line(client=WIDE, server=WIDE, serve=lambda apdu: ([b"done"], 0.0))
    line.connect()
    line.wire.clear()
    assert line.request(bytes(7 * 256 - 3)) == b"done"
    assert kinds(line, "client") == [Kind.I] * 7
    assert kinds(line, "server") == [Kind.I]


def test_several_apdus_come_one_after_the_other() -> None:
    line = Line(serve=lambda apdu: ([b"one", b"two", bytes(300)], 0.0))
    line.connect()
    assert line.request(b"?") == b"one"
    assert [line.answer(), line.answer()] == [b"two", bytes(300)]


def test_a_slow_application_is_asked_again() -> None:
    line = Line(serve=lambda apdu: ([apdu], 30.0))
    line.connect()
    assert line.request(b"slow") == b"slow"
    assert 30.0 <= line.now < 33.0


def test_without_an_answer_the_link_stands() -> None:
    line = Line(serve=lambda apdu: None if apdu == b"quiet" else ([apdu], 0.0))
    line.connect()
    assert line.request(b"quiet") is None
    assert line.request(b"loud") == b"loud"


def test_a_busy_client_is_waited_for() -> None:
    line = Line()
    line.connect()
    line.connection("client").busy = True
    line.send("client", b"abc")
    line.run(lambda: False, limit=4.0)
    assert line.events["client"] == [LinkUp()]
    line.connection("client").busy = False
    assert line.answer() == b"cba"


def test_a_busy_server_gets_no_information() -> None:
    connection = connected()
    connection.send(b"one", 0.0)
    connection.outgoing()
    connection.receive(to(connection, Kind.RNR, receive_number=1), 0.1)
    connection.send(b"two", 0.2)
    assert connection.outgoing() == []
    when = connection.next_timeout()
    assert when is not None
    connection.handle_timeout(when)
    assert [frame.kind for frame in connection.outgoing()] == [Kind.RR]
    connection.receive(to(connection, Kind.RR, receive_number=1), when + 0.1)
    assert [frame.kind for frame in connection.outgoing()] == [Kind.I]


def test_unsolicited_information_is_delivered_in_any_state() -> None:
    line = Line()
    for connect in (False, True):
        if connect:
            line.connect()
        line.events["client"].clear()
        line.connection("server").send_unconfirmed(b"\x0f push")
        line.flush("server")
        line.run(lambda: b"\x0f push" in line.events["client"])
        assert line.events["client"] == [b"\x0f push"]


def test_information_without_llc_header_is_no_apdu() -> None:
    connection = connected()
    assert connection.receive(to(connection, Kind.UI, poll=False, information=b"\x0f push"), 0.0) == []
    assert connection.ignored == 1


def test_nobody_answers() -> None:
    line = Line(lambda side, octets: [], timing=Timing(response=2.0, retries=3))
    line.connect()
    (event,) = line.events["client"]
    assert isinstance(event, LinkDown)
    assert isinstance(event.error, ConnectTimeout)
    assert kinds(line, "client") == [Kind.SNRM] * 4
    assert line.now == pytest.approx(8.0)


def test_the_meter_declines() -> None:
    connection = Connection(Role.CLIENT, CLIENT, SERVER)
    connection.connect(0.0)
    (event,) = connection.receive(to(connection, Kind.DM), 0.1)
    assert isinstance(event, LinkDown)
    assert isinstance(event.error, LinkRefused)
    assert connection.next_timeout() is None


@pytest.mark.parametrize(("kind", "error"), [(Kind.DM, Disconnected), (Kind.FRMR, FrameRejected)])
def test_the_meter_ends_the_link(kind: Kind, error: type[Exception]) -> None:
    connection = connected()
    connection.send(b"abc", 0.0)
    (event,) = connection.receive(to(connection, kind), 0.1)
    assert isinstance(event, LinkDown)
    assert isinstance(event.error, error)
    with pytest.raises(NotConnected):
        connection.send(b"abc", 0.2)


def test_silence_after_a_request_ends_the_link_in_time() -> None:
    line = Line(timing=Timing(response=2.0, retries=2))
    line.connect()
    line.mangle = lambda side, octets: []
    start = line.now
    event = line.request(b"abc")
    assert isinstance(event, LinkDown)
    assert isinstance(event.error, NoAcknowledgement)
    assert line.now - start == pytest.approx(6.0)


def test_the_client_leaves_in_order() -> None:
    line = Line()
    line.connect()
    line.client.disconnect(line.now)
    line.flush("client")
    line.run(lambda: LinkDown(None) in line.events["client"])
    assert line.connection("client").state is State.DISCONNECTED
    assert line.connection("server").state is State.DISCONNECTED
    (*_, last) = line.events["server"]
    assert isinstance(last, LinkDown)
    assert isinstance(last.error, Disconnected)


def test_leaving_succeeds_though_nobody_answers() -> None:
    line = Line()
    line.connect()
    line.mangle = lambda side, octets: []
    line.client.disconnect(line.now)
    line.flush("client")
    line.run(lambda: LinkDown(None) in line.events["client"])
    assert line.connection("client").state is State.DISCONNECTED


def test_a_silent_client_is_left() -> None:
    line = Line(timing=Timing(inactivity=60.0))
    line.connect()
    line.run(lambda: line.connection("server").state is State.DISCONNECTED)
    assert line.now == pytest.approx(60.0, abs=0.1)
    event = line.request(b"too late")
    assert isinstance(event, LinkDown)
    assert isinstance(event.error, Disconnected)


def test_a_new_link_forgets_the_old_one() -> None:
    line = Line()
    line.connect()
    assert line.request(b"abc") == b"cba"
    again = Connection(Role.CLIENT, CLIENT, SERVER)
    line.links["client"]._connection = again
    line.events["client"].clear()
    line.connect()
    assert line.request(b"xyz") == b"zyx"


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        ({"kind": Kind.I, "information": bytes(129)}, 0x04),
        ({"kind": Kind.I, "information": b"x", "receive_number": 5}, 0x08),
        ({"kind": None, "control": 0x3F}, 0x01),
    ],
)
def test_a_server_rejects_what_breaks_the_rules_until_the_client_begins_anew(
    frame: dict[str, object], why: int
) -> None:
    connection = connected(Role.SERVER)
    assert connection.receive(to(connection, **frame), 0.0) == []  # type: ignore[arg-type] # the tests' own keywords
    (rejection,) = connection.outgoing()
    assert rejection.kind is Kind.FRMR
    assert rejection.information[-1] == why
    connection.receive(to(connection, Kind.RR), 0.1)
    assert connection.outgoing() == [rejection]
    assert connection.receive(to(connection, Kind.SNRM), 0.2) == [LinkUp()]


def test_without_a_link_a_server_says_so() -> None:
    connection = Connection(Role.SERVER, SERVER, CLIENT)
    for kind in (Kind.I, Kind.RR, Kind.RNR, Kind.DISC):
        connection.receive(to(connection, kind), 0.0)
        assert [frame.kind for frame in connection.outgoing()] == [Kind.DM]
    connection.receive(to(connection, Kind.I, poll=False), 0.0)
    assert connection.outgoing() == []


@pytest.mark.parametrize("role", Role)
def test_an_endless_apdu_ends_the_link(role: Role) -> None:
    connection = connected(role, max_apdu=500)
    events = []
    for number in range(10):
        frame = to(connection, Kind.I, send_number=number % 8, segmented=True, information=bytes(100))
        events += connection.receive(frame, 0.0)
        connection.outgoing()
    assert len(events) == 1
    assert isinstance(events[0], LinkDown)
    assert isinstance(events[0].error, FramingError)


def test_a_server_that_never_acknowledges_is_given_up() -> None:
    connection = connected(offer=Parameters(64, 64, 3, 3))
    connection.receive(to(connection, Kind.UA), 0.0)
    connection.agreed = Parameters(64, 64, 3, 3)
    connection.send(bytes(100), 0.0)
    events = [
        event
        for turn in range(10)
        for event in connection.receive(to(connection, Kind.RR, receive_number=0), 0.1 * turn)
    ]
    (event,) = events
    assert isinstance(event, LinkDown)
    assert isinstance(event.error, NoAcknowledgement)


def test_frames_of_other_stations_are_passed_over() -> None:
    line = Line()
    line.connect()
    other = Frame(CLIENT, Address(2, 17), Kind.DM).encode() + Frame(Address(17), SERVER, Kind.DM).encode()
    assert line.client.receive(other, line.now) == []
    assert line.client.ignored == 2
    assert line.request(b"abc") == b"cba"


def test_an_echo_of_our_own_frames_does_no_harm() -> None:
    line = Line(lambda side, octets: straight(side, octets))
    line.connect()
    for _, octets in list(line.wire):
        assert line.client.receive(octets, line.now) == []
    assert line.request(b"abc") == b"cba"
