"""A line in virtual time between a client and a server, for tests of the data link without clock or sockets."""

import heapq
from collections.abc import Callable, Iterable
from itertools import count

from transports.base import Event, LinkDown, LinkUp
from transports.hdlc.address import Address
from transports.hdlc.connection import TIMING, Connection, Timing
from transports.hdlc.framing import HdlcFraming
from transports.hdlc.negotiation import DEFAULT, Parameters
from transports.hdlc.states import Role

CLIENT, SERVER = Address(16), Address(1, 17)
Mangle = Callable[[str, bytes], Iterable[tuple[float, bytes]]]
"""Side that writes ("client" or "server") and its octets, to the pieces that arrive, each with its delay."""


def straight(side: str, octets: bytes) -> list[tuple[float, bytes]]:
    return [(0.01, octets)]


class Line:
    """`serve` answers each APDU that reaches the server: (APDUs, delay) or None."""

    def __init__(
        self,
        mangle: Mangle = straight,
        *,
        serve: Callable[[bytes], tuple[list[bytes], float] | None] = lambda apdu: ([apdu[::-1]], 0.0),
        client: Parameters = DEFAULT,
        server: Parameters = DEFAULT,
        timing: Timing = TIMING,
    ) -> None:
        self.now = 0.0
        self.mangle = mangle
        self.serve = serve
        self.links = {
            "client": HdlcFraming(Connection(Role.CLIENT, CLIENT, SERVER, offer=client, timing=timing), timing),
            "server": HdlcFraming(Connection(Role.SERVER, SERVER, CLIENT, offer=server, timing=timing), timing),
        }
        self.events: dict[str, list[Event]] = {"client": [], "server": []}
        self.wire: list[tuple[str, bytes]] = []
        self._agenda: list[tuple[float, int, str, bytes, bool]] = []
        self._count = count()

    @property
    def client(self) -> HdlcFraming:
        return self.links["client"]

    def connection(self, side: str) -> Connection:
        return self.links[side]._connection

    def send(self, side: str, apdu: bytes) -> None:
        self._write(side, self.links[side].send(apdu, self.now))

    def flush(self, side: str) -> None:
        self._write(side, self.links[side].data_to_send())

    def _write(self, side: str, octets: bytes) -> None:
        if octets:
            self.wire.append((side, octets))
            other = "server" if side == "client" else "client"
            for delay, piece in self.mangle(side, octets):
                self._put(delay, other, piece, answer=False)

    def connect(self) -> None:
        self._take("client", self.client.connect(self.now))
        self.run(lambda: any(isinstance(event, LinkUp | LinkDown) for event in self.events["client"]))

    def request(self, apdu: bytes) -> bytes | LinkDown | None:
        """Send and wait for the answer: the APDU, the end of the link, or None when nothing comes for a long time."""
        self.events["client"].clear()
        self.send("client", apdu)
        return self.answer()

    def answer(self) -> bytes | LinkDown | None:
        self.flush("client")
        self.client.expect(self.now)
        self.flush("client")
        self.run(lambda: any(not isinstance(event, LinkUp) for event in self.events["client"]))
        for event in self.events["client"]:
            if not isinstance(event, LinkUp):
                self.events["client"].remove(event)
                return event
        return None

    def run(self, until: Callable[[], bool], limit: float = 120.0) -> None:
        """Let time pass until something is so, or for `limit` seconds, or for a great many frames."""
        end = self.now + limit
        for _ in range(20000):
            if until():
                return
            due = [(time, side) for side, link in self.links.items() if (time := link.next_timeout()) is not None]
            soonest = min(due, default=(end, ""))
            if self._agenda and self._agenda[0][0] <= soonest[0]:
                time, _, side, octets, answer = heapq.heappop(self._agenda)
                self.now = max(self.now, time)
                if answer:
                    self._answer(octets)
                else:
                    self._take(side, self.links[side].receive(octets, self.now))
            elif soonest[0] >= end:
                self.now = end
                return
            else:
                self.now = max(self.now, soonest[0])
                self._take(soonest[1], self.links[soonest[1]].handle_timeout(self.now))
        raise AssertionError("the line never comes to rest")

    def _take(self, side: str, events: list[Event]) -> None:
        self.events[side] += events
        if side == "server":
            for event in events:
                answer = self.serve(event) if isinstance(event, bytes) else None
                if answer is not None:
                    for apdu in answer[0]:
                        self._put(answer[1], "server", apdu, answer=True)
        self.flush(side)

    def _answer(self, apdu: bytes) -> None:
        if self.connection("server").state.name == "CONNECTED":
            self.send("server", apdu)
        self.flush("server")

    def _put(self, delay: float, side: str, octets: bytes, *, answer: bool) -> None:
        heapq.heappush(self._agenda, (self.now + delay, next(self._count), side, octets, answer))
