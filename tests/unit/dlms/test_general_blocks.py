"""General block transfer in associations: our client and our server, joined octet by octet; losses on the way."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms.apdu import Request, encode_apdu
from cas.dlms.association import Association
from cas.dlms.conformance import LOGICAL_NAME, Conformance
from cas.dlms.server import ServerAssociation, ServerSettings
from cas.dlms.server_blocks import BlockServer
from cas.dlms.xdlms.exchange import Exchange, Overdue
from tests.unit.dlms.device import Counter, apdus, ciphered, get, plain
from tests.unit.dlms.test_server import KEYS, SERVER, Meter

LONG = bytes(range(256)) * 3
LONG_GET = get(cos.CosemAttributeDescriptor(class_id=1, instance_id=bytes(6), attribute_id=2))
OWN_BLOCKS = (
    Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
)


def set_long(ip: int = 0xC1) -> cos.SetRequest:
    attribute = cos.CosemAttributeDescriptor(class_id=1, instance_id=bytes(6), attribute_id=2)
    normal = cos.SetRequestNormal(
        invoke_id_and_priority=ip, cosem_attribute_descriptor=attribute, value=Data.of("octet-string", LONG)
    )
    return cos.SetRequest(set_request_normal=normal)


def access(*, count: int) -> cos.AccessRequest:
    """So many long attributes to be read, and one to be set."""
    attribute = cos.CosemAttributeDescriptor(class_id=1, instance_id=bytes(6), attribute_id=2)
    read = cos.AccessRequestSpecification(access_request_get=cos.AccessRequestGet(cosem_attribute_descriptor=attribute))
    write = cos.AccessRequestSpecification(
        access_request_set=cos.AccessRequestSet(cosem_attribute_descriptor=attribute)
    )
    return cos.AccessRequest(
        long_invoke_id_and_priority=0x40000001,
        date_time=b"",
        access_request_body=cos.AccessRequestBody(
            access_request_specification=cos.ListOfAccessRequestSpecification(
                access_request_specification=(*(read,) * count, write)
            ),
            access_request_list_of_data=cos.ListOfData(
                data=(*(Data.of("null-data"),) * count, Data.of("octet-string", LONG))
            ),
        ),
    )


class Link:
    """Both sides; `lost` says which APDUs get lost, by their number, and what was sent is kept."""

    def __init__(
        self, *, conformance: Conformance, secure: bool = False, general_blocks: bool = False, window: int = 4
    ) -> None:
        changes: dict[str, Any] = {
            "conformance": conformance,
            "max_pdu": 120,
            "general_blocks": general_blocks,
            "block_window": window,
        }
        self.meter = Meter()
        settings = ServerSettings(
            own_title=SERVER, conformance=conformance, max_pdu=100, keys=KEYS, general_blocks=general_blocks
        )
        association = ServerAssociation(
            settings, self.meter, challenge=lambda: b"", take_counter=Counter(1), counters={}
        )
        self.server = BlockServer(association, window)
        self.association = Association(ciphered(**changes) if secure else plain(**changes), Counter(1))
        self.lost: set[int] = set()
        self.sent: list[bytes] = []
        self.received: list[bytes] = []
        self._run(self.association.associate(b""))
        self.sent.clear()
        self.received.clear()

    def ask(self, body: Request) -> bytes:
        return encode_apdu(self._run(self.association.request(body)))

    def _run(self, exchange: Exchange[Any]) -> Any:
        carried = self._carried()
        try:
            outgoing = next(exchange)
            waiting: list[bytes] = []
            while True:
                for apdu in apdus(outgoing):
                    self.sent.append(apdu)
                    if not next(carried):
                        continue
                    for answer in self.server.receive(apdu):
                        self.received.append(answer)
                        if next(carried):
                            waiting.append(answer)
                outgoing = exchange.send(waiting.pop(0)) if waiting else exchange.throw(Overdue())
        except StopIteration as stop:
            return stop.value

    def _carried(self) -> Iterator[bool]:
        number = 0
        while True:
            number += 1
            yield number not in self.lost


@pytest.fixture(params=[False, True], ids=["plain", "ciphered"])
def secure(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.mark.clause("Green Book 8.3, 9.4.6.13")
class TestWhatGoesInBlocks:
    def test_a_long_access_both_ways(self, secure: bool) -> None:
        link = Link(conformance=LOGICAL_NAME, secure=secure)
        answer = link.ask(access(count=2))
        assert answer.count(LONG) == 2
        assert link.meter.written == [(bytes(6), Data.of("octet-string", LONG).octets)]
        assert {apdu[0] for apdu in link.sent + link.received} == {0xE0}
        assert max(map(len, link.sent)) <= 100
        assert max(map(len, link.received)) <= 120

    @pytest.mark.parametrize("general_blocks", [False, True])
    def test_services_whose_own_blocks_were_not_agreed_or_are_not_preferred(
        self, secure: bool, general_blocks: bool
    ) -> None:
        conformance = LOGICAL_NAME if general_blocks else LOGICAL_NAME & ~OWN_BLOCKS
        link = Link(conformance=conformance, secure=secure, general_blocks=general_blocks)
        assert LONG in link.ask(LONG_GET)
        assert link.ask(set_long()) == bytes.fromhex("C501C100")
        assert {apdu[0] for apdu in link.sent[1:] + link.received} == {0xE0}

    def test_services_have_blocks_of_their_own_otherwise(self) -> None:
        link = Link(conformance=LOGICAL_NAME)
        assert LONG in link.ask(LONG_GET)
        assert link.ask(set_long()) == bytes.fromhex("C501C100")
        assert {apdu[0] for apdu in link.sent + link.received} == {0xC0, 0xC1, 0xC4, 0xC5}

    def test_blocks_are_streamed_within_the_window(self) -> None:
        one = Link(conformance=LOGICAL_NAME, window=1)
        four = Link(conformance=LOGICAL_NAME, window=4)
        for link in (one, four):
            link.ask(access(count=1))
        assert len(one.sent) > 2 * 7
        assert len(four.sent) < len(one.sent)
        streamed = [apdu for apdu in four.received if apdu[1] & 0x40]
        assert len(streamed) >= 4


@pytest.mark.clause("Green Book 8.3, 9.4.6.13")
class TestLosses:
    @pytest.mark.parametrize("lost", range(1, 30))
    def test_any_one_apdu(self, lost: int) -> None:
        link = Link(conformance=LOGICAL_NAME, window=3)
        link.lost = {lost}
        assert link.ask(access(count=1)).count(LONG) == 1
        assert len(link.meter.written) == 1

    @pytest.mark.parametrize("lost", [{1, 2, 4}, {5, 9, 10, 15}, {2, 3, 12, 13, 17}])
    def test_several(self, lost: set[int]) -> None:
        link = Link(conformance=LOGICAL_NAME, secure=True, window=3)
        link.lost = lost
        assert link.ask(access(count=1)).count(LONG) == 1

    def test_one_request_after_the_other(self) -> None:
        link = Link(conformance=LOGICAL_NAME)
        for number in range(3):
            body = replace(access(count=1), long_invoke_id_and_priority=0x40000000 + number)
            assert link.ask(body)[1:5] == (0x40000000 + number).to_bytes(4, "big")
        assert len(link.meter.written) == 3
