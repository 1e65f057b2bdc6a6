"""Our client and our server joined, octets in between; what each side sent is kept, and can be spoilt."""

from collections.abc import Callable
from typing import Any

from cas.bindings import cosempdu as cos
from cas.dlms.acse import Settings
from cas.dlms.apdu import Request, encode_apdu
from cas.dlms.association import Association
from cas.dlms.server import ServerAssociation, ServerSettings
from cas.dlms.server_blocks import BlockServer
from cas.dlms.xdlms.exchange import Exchange
from tests.unit.dlms.device import Counter, apdus
from tests.unit.dlms.test_server import Meter


def entropy(first: int = 1) -> Callable[[int], bytes]:
    """Octets that never come twice."""
    counter = Counter(first)
    return lambda size: counter().to_bytes(4, "big").rjust(size, b"\x5a")


class Joined:
    """`spoil` may change what the server answers, or replace it."""

    def __init__(self, client: Settings, server: ServerSettings, *, counters: dict[bytes, Any] | None = None) -> None:
        self.meter = Meter()
        self.counters = counters if counters is not None else {}
        association = ServerAssociation(
            server,
            self.meter,
            challenge=lambda: b"server's challenge".ljust(32),
            take_counter=Counter(1),
            counters=self.counters,
        )
        self.server = BlockServer(association)
        self.client = Association(client, Counter(1), entropy())
        self.sent: list[bytes] = []
        self.received: list[bytes] = []
        self.spoil: Callable[[bytes], bytes] = lambda octets: octets

    def open(self) -> None:
        self._run(self.client.associate(b"client's challenge".ljust(32)))

    def ask(self, body: Request) -> str:
        return encode_apdu(self._run(self.client.request(body))).hex().upper()

    def release(self) -> cos.RlreApdu:
        found: cos.RlreApdu = self._run(self.client.release())
        return found

    def _run(self, exchange: Exchange[Any]) -> Any:
        waiting: list[bytes] = []
        try:
            outgoing = next(exchange)
            while True:
                for apdu in apdus(outgoing):
                    self.sent.append(apdu)
                    answers = self.server.receive(apdu)
                    self.received += answers
                    waiting += map(self.spoil, answers)
                outgoing = exchange.send(waiting.pop(0))
        except StopIteration as stop:
            return stop.value
