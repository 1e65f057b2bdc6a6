"""Several servers and clients on one line."""

from transports.base import LinkUp
from transports.hdlc.address import Address
from transports.hdlc.connection import Connection, Timing
from transports.hdlc.frame import Frame, FrameDecoder, Kind
from transports.hdlc.framing import HdlcFraming
from transports.hdlc.line import HdlcLine
from transports.hdlc.states import Role

METERS = [Address(1, 17), Address(2, 17), Address(1, 18)]
TIMING = Timing(hold=1.0, pause=0.5)


def exchange(client: HdlcFraming, line: HdlcLine, now: float, octets: bytes = b"") -> list[object]:
    """Pass octets both ways until nothing moves; the line answers each APDU with the server's address."""
    events: list[object] = []
    while octets := octets or client.data_to_send():
        for connection, event in line.receive(octets, now):
            if isinstance(event, bytes):
                connection.send(event + str(connection.local).encode(), now)
        octets = b""
        events += client.receive(line.data_to_send(), now)
    return events


def client_of(meter: Address, sap: int = 16) -> HdlcFraming:
    return HdlcFraming(Connection(Role.CLIENT, Address(sap), meter, timing=TIMING), TIMING)


def test_every_station_answers_for_itself_and_links_do_not_meddle() -> None:
    line = HdlcLine(METERS, timing=TIMING)
    clients = {(meter, sap): client_of(meter, sap) for meter in METERS for sap in (1, 16)}
    for client in clients.values():
        client.connect(0.0)
        assert exchange(client, line, 0.0) == [LinkUp()]
    for turn in range(9):
        for (meter, _), client in clients.items():
            asked = client.send(b"%d at " % turn, 0.0)
            assert exchange(client, line, 0.0, asked) == [b"%d at %s" % (turn, str(meter).encode())]


def test_nobody_answers_for_an_absent_station() -> None:
    line = HdlcLine(METERS)
    assert line.receive(Frame(Address(1, 99), Address(16), Kind.SNRM).encode(), 0.0) == []
    assert line.data_to_send() == b""
    assert line.ignored == 1


def test_a_station_is_reached_by_its_logical_address_alone_and_in_four_octets() -> None:
    for address in (Address(1), Address(1, 17, 4)):
        line = HdlcLine([Address(1, 17)])
        client = client_of(address)
        client.connect(0.0)
        assert exchange(client, line, 0.0) == [LinkUp()]


def test_a_broadcast_reaches_every_station_and_nobody_answers() -> None:
    line = HdlcLine(METERS)
    everyone = Address(0x7F, 0x7F)
    sent = Frame(everyone, Address(16), Kind.UI, information=bytes.fromhex("e6e600") + b"clock").encode()
    assert [(connection.local, event) for connection, event in line.receive(sent, 0.0)] == [
        (meter, b"clock") for meter in METERS
    ]
    assert line.receive(Frame(everyone, Address(16), Kind.SNRM).encode(), 0.0) == []
    assert line.data_to_send() == b""


def test_a_frame_that_stands_still_is_given_up() -> None:
    line = HdlcLine(METERS, timing=TIMING)
    whole = Frame(METERS[0], Address(16), Kind.UI, information=bytes(100)).encode()
    snrm = Frame(METERS[0], Address(16), Kind.SNRM).encode()
    assert line.receive(whole[:50], 0.0) == []
    assert line.receive(snrm, 0.1) == []
    assert line.next_timeout() == 0.6
    assert [event for _, event in line.handle_timeout(0.6)] == [LinkUp()]
    assert [frame.kind for frame in FrameDecoder().feed(line.data_to_send())] == [Kind.UA]
    assert line.next_timeout() == 0.6 + 120.0
