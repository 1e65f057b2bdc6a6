"""HDLC on a bad line: the outcome is the right answer or a typed error in bounded time, and the next link works."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.transports.hdlc.virtual import Line, Mangle, straight
from transports.base import LinkDown, LinkUp
from transports.errors import TransportError
from transports.hdlc.connection import Timing
from transports.hdlc.negotiation import Parameters
from transports.hdlc.states import State

TIMING = Timing(response=2.0, retries=3, hold=0.5, pause=0.5, inactivity=None)
WIDE = Parameters(32, 32, 7, 7)
THREE = Parameters(32, 32, 3, 3)
REQUESTS = [bytes((n,)) * (n * 17 % 130 + 1) for n in range(12)]
BOUND = 60.0


def talk(line: Line) -> int:
    """Make every request; return how many were answered. An answer must be right, an error typed, either in time."""
    answered = 0
    line.connect()
    if line.connection("client").state is not State.CONNECTED:
        return answered
    for request in REQUESTS:
        start = line.now
        outcome = line.request(request)
        assert line.now - start < BOUND
        if outcome == request[::-1]:
            answered += 1
            continue
        assert isinstance(outcome, LinkDown)
        assert isinstance(outcome.error, TransportError)
        break
    return answered


def recovers(line: Line) -> None:
    """The next link on the same line, now sound, works."""
    line.mangle = straight
    line.run(lambda: False, limit=20.0)
    if line.connection("client").state is State.CONNECTED:
        line.client.disconnect(line.now)
        line.flush("client")
        line.run(lambda: line.connection("client").state is State.DISCONNECTED)
    line.events["client"].clear()
    line.connect()
    assert line.events["client"] == [LinkUp()]
    assert line.request(b"works again") == b"niaga skrow"


class Nth:
    """Does something to the n-th write only."""

    def __init__(self, number: int, what: Mangle) -> None:
        self.left = number
        self.what = what

    def __call__(self, side: str, octets: bytes) -> Iterable[tuple[float, bytes]]:
        self.left -= 1
        return self.what(side, octets) if self.left == -1 else straight(side, octets)


def lose(side: str, octets: bytes) -> list[tuple[float, bytes]]:
    return []


def repeat(side: str, octets: bytes) -> list[tuple[float, bytes]]:
    return [(0.01, octets), (0.015, octets)]


def late(side: str, octets: bytes) -> list[tuple[float, bytes]]:
    return [(2.5, octets)]


def halt(side: str, octets: bytes) -> list[tuple[float, bytes]]:
    return [(0.01, octets[: len(octets) // 2]), (0.4, octets[len(octets) // 2 :])]


def noise(side: str, octets: bytes) -> list[tuple[float, bytes]]:
    return [(0.005, b"\x00\x7e\xa7\x7e\xa0\x44\x03"), (0.01, octets), (0.011, b"\xff\x7e")]


@pytest.mark.parametrize("offer", [Parameters(), THREE, WIDE], ids=["1", "3", "7"])
@pytest.mark.parametrize("what", [lose, repeat, late, halt, noise])
@pytest.mark.parametrize("number", range(30))
def test_one_fault_costs_nothing_but_time(number: int, what: Mangle, offer: Parameters) -> None:
    line = Line(Nth(number, what), client=offer, server=offer, timing=TIMING)
    assert talk(line) == len(REQUESTS)
    recovers(line)


def test_one_flipped_bit_anywhere_costs_nothing_but_time() -> None:
    for number in (2, 3):  # a request and an answer
        for bit in range(8 * 20):

            def flip(side: str, octets: bytes, bit: int = bit) -> list[tuple[float, bytes]]:
                broken = bytearray(octets)
                broken[bit // 8 % len(broken)] ^= 1 << bit % 8
                return [(0.01, bytes(broken))]

            assert talk(Line(Nth(number, flip), timing=TIMING)) == len(REQUESTS), (number, bit)


def test_a_cut_at_any_octet_costs_nothing_but_time() -> None:
    for number in (0, 1, 2, 3):
        for end in range(20):

            def cut(side: str, octets: bytes, end: int = end) -> list[tuple[float, bytes]]:
                return [(0.01, octets[:end])]

            assert talk(Line(Nth(number, cut), timing=TIMING)) == len(REQUESTS), (number, end)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["ok", "ok", "ok", "lose", "repeat", "halt", "noise", "cut", "flip"]), max_size=80),
    st.integers(0, 200),
    st.sampled_from([Parameters(), THREE, WIDE]),
)
def test_any_mixture_of_faults_ends_in_answers_or_a_typed_error(
    faults: list[str], place: int, offer: Parameters
) -> None:
    plan = iter(faults)

    def mangle(side: str, octets: bytes) -> Iterable[tuple[float, bytes]]:
        match next(plan, "ok"):
            case "lose":
                return lose(side, octets)
            case "repeat":
                return repeat(side, octets)
            case "halt":
                return halt(side, octets)
            case "noise":
                return noise(side, octets)
            case "cut":
                return [(0.01, octets[: place % len(octets)])]
            case "flip":
                broken = bytearray(octets)
                broken[place % len(octets)] ^= 1 << place % 8
                return [(0.01, bytes(broken))]
        return straight(side, octets)

    line = Line(mangle, client=offer, server=offer, timing=TIMING)
    talk(line)
    recovers(line)
