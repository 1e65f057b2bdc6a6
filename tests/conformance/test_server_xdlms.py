"""The server's services as a conformance test asks for them: the rules, and each way of breaking them.

Octets in, octets out. Objects of the meter: class 3 a number, class 1 a value of 771 octets, class 8 a time; none else.
"""

import pytest

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms.conformance import SHORT_NAME, Conformance
from cas.dlms.server import ServerSettings
from cas.dlms.server_blocks import BlockServer
from cas.dlms.states import State
from tests.unit.dlms.test_server import CLOCK_TIME, ENERGY_VALUE, LONG_VALUE, SERVER, Meter, Peer, open_with

ENERGY = "060001E240"
NOTHING = "0099" + "0100010800FF" + "0200"
CLOCK = "0008" + "0000010000FF" + "0200"
NUMBERS = "00030100010800FF"
METHOD = "0009" + "00000A0000FF" + "01"
"""One whose return parameters are long."""


@pytest.fixture
def server() -> Peer:
    """Everything agreed, answers of up to 100 octets, no general block transfer."""
    return open_with(Peer(ServerSettings(SERVER, max_pdu=500)), 0x40FE5F)


def without(*missing: Conformance) -> Peer:
    conformance = Conformance(0x40FE5F)
    for service in missing:
        conformance &= ~service
    return open_with(Peer(ServerSettings(SERVER, max_pdu=500)), conformance)


@pytest.mark.clause("Green Book 8.3, 9.4.4.3")
class TestGet:
    @pytest.mark.parametrize("number", [*range(0x40, 0x50), 0xC1, 0xCF])
    def test_invoke_id_and_priority_come_back(self, server: Peer, number: int) -> None:
        assert server.ask(f"C001{number:02X}" + ENERGY_VALUE) == f"C401{number:02X}00" + ENERGY

    @pytest.mark.parametrize(
        ("request_", "answer"),
        [
            ("C001C1" + NOTHING, "C401C10104"),
            ("C003C102" + ENERGY_VALUE + NOTHING, "C403C10200" + ENERGY + "0104"),
            ("C003C100", "C403C100"),
        ],
        ids=["object-undefined", "one of two", "an empty list"],
    )
    def test_objects_that_are_not_there(self, server: Peer, request_: str, answer: str) -> None:
        assert server.ask(request_) == answer

    @pytest.mark.parametrize(
        "request_",
        ["C0", "C001", "C001C1", "C001C1" + ENERGY_VALUE[:-2], "C001C1" + ENERGY_VALUE + "00", "C004C1" + ENERGY_VALUE,
         "C000C1" + ENERGY_VALUE, "C003C1FF" + ENERGY_VALUE, "C001C1" + ENERGY_VALUE[:-2] + "0101", "99", "DD", "C4"],
    )  # fmt: skip
    def test_what_is_no_request(self, server: Peer, request_: str) -> None:
        assert server.ask(request_).startswith("D802")
        assert server.association.state is State.ASSOCIATED
        assert server.ask("C001C1" + ENERGY_VALUE) == "C401C100" + ENERGY

    @pytest.mark.parametrize(
        ("service", "request_"),
        [
            (Conformance.GET, "C001C1" + ENERGY_VALUE),
            (Conformance.SET, "C101C1" + ENERGY_VALUE + "1101"),
            (Conformance.ACTION, "C301C1" + NUMBERS + "0100"),
            (Conformance.MULTIPLE_REFERENCES, "C003C101" + ENERGY_VALUE),
            (Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE, "C102C1" + ENERGY_VALUE + "00" + "00000001" + "0111"),
            (Conformance.BLOCK_TRANSFER_WITH_ACTION, "C304C1" + NUMBERS + "01" + "00" + "00000001" + "0111"),
        ],
    )
    def test_services_that_were_not_agreed(self, service: Conformance, request_: str) -> None:
        assert without(service).ask(request_) == "D80202"

    def test_selection_and_attribute_0_that_were_not_agreed(self) -> None:
        selected = "C001C1" + ENERGY_VALUE[:-2] + "01" + TestAccess.SELECTION
        assert without(Conformance.SELECTIVE_ACCESS).ask(selected) == "C401C1010D"  # scope-of-access-violated
        assert without().ask(selected) == "C401C100" + ENERGY
        whole = "C001C1" + NUMBERS + "00" + "00"
        assert without(Conformance.ATTRIBUTE0_SUPPORTED_WITH_GET).ask(whole) == "C401C10104"
        setting = "C101C1" + NUMBERS + "00" + "00" + "0203000000"
        assert without(Conformance.ATTRIBUTE0_SUPPORTED_WITH_SET).ask(setting) == "C501C104"
        assert without().ask(setting) == "C501C100"


@pytest.mark.clause("Green Book 8.3, 9.4.6.6")
class TestGetInBlocks:
    def test_number_by_number_to_the_end(self, server: Peer) -> None:
        answer, raw, number = server.ask("C001C1" + LONG_VALUE), b"", 1
        while True:
            octets = bytes.fromhex(answer)
            assert len(octets) <= 100
            assert octets[:3].hex() == "c402c1"
            assert int.from_bytes(octets[4:8], "big") == number
            assert octets[8] == 0  # raw-data
            raw += octets[10:] if octets[9] < 0x80 else octets[11:]
            if octets[3]:
                break
            answer = server.ask(f"C002C1{number:08X}")
            number += 1
        assert raw == bytes.fromhex("09820300") + bytes(range(256)) * 3
        assert server.ask(f"C002C1{number:08X}") == f"C402C101{number:08X}0110"  # no-long-get-in-progress

    @pytest.mark.parametrize("number", [0, 2, 0xFFFFFFFF])
    def test_another_number_ends_it(self, server: Peer, number: int) -> None:
        server.ask("C001C1" + LONG_VALUE)
        assert server.ask(f"C002C1{number:08X}") == f"C402C101{number:08X}0113"  # data-block-number-invalid
        assert server.ask("C002C100000001") == "C402C101000000010110"

    @pytest.mark.parametrize("other", ["C001C1" + ENERGY_VALUE, "C001C1" + LONG_VALUE])
    def test_another_get_ends_it(self, server: Peer, other: str) -> None:
        server.ask("C001C1" + LONG_VALUE)
        server.ask("C002C100000001")
        server.ask(other)
        assert server.ask("C002C100000002").endswith(("0110", "0113"))

    def test_an_answer_that_is_too_long_without_them(self) -> None:
        answer = without(Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ).ask("C001C1" + LONG_VALUE)
        assert answer == "D80204"  # pdu-too-long


@pytest.mark.clause("Green Book 8.3, 9.4.6.7")
class TestSetInBlocks:
    FIRST = "C102C1" + ENERGY_VALUE + "00" + "00000001" + "01" + "11"

    def test_in_order(self, server: Peer) -> None:
        assert server.ask(self.FIRST) == "C502C100000001"
        assert not server.meter.written
        assert server.ask("C103C1" + "01" + "00000002" + "01" + "07") == "C503C100" + "00000002"
        assert server.meter.written == [(bytes.fromhex("0100010800FF"), b"\x11\x07")]

    @pytest.mark.parametrize(
        ("block", "result"),
        [
            ("01" + "00000003" + "0107", "13"),  # data-block-number-invalid
            ("01" + "00000001" + "0107", "13"),
            ("01" + "00000002" + "020707", "11"),  # long-set-aborted: no Data comes of it
            ("01" + "00000002" + "00", "11"),
        ],
    )
    def test_out_of_order_or_no_data(self, server: Peer, block: str, result: str) -> None:
        server.ask(self.FIRST)
        number = block[2:10]
        assert server.ask("C103C1" + block) == f"C503C1{result}{number}"
        assert not server.meter.written
        assert server.ask("C103C1" + "01" + "00000002" + "0107") == "C503C112" + "00000002"  # no-long-set-in-progress

    def test_none_was_begun(self, server: Peer) -> None:
        assert server.ask("C103C1" + "01" + "00000001" + "021107") == "C503C112" + "00000001"

    def test_a_normal_set_ends_it(self, server: Peer) -> None:
        server.ask(self.FIRST)
        assert server.ask("C101C1" + ENERGY_VALUE + "1101") == "C501C100"
        assert server.ask("C103C1" + "01" + "00000002" + "0107") == "C503C112" + "00000002"


@pytest.mark.clause("Green Book 8.3, 9.4.6.8")
class TestActionInBlocks:
    FIRST = "C304C1" + NUMBERS + "01" + "00" + "00000001" + "01" + "0F"

    def test_in_order(self, server: Peer) -> None:
        assert server.ask(self.FIRST) == "C704C100000001"
        assert server.ask("C306C1" + "01" + "00000002" + "01" + "00") == "C701C10000"
        assert server.meter.invoked == [(1, Data.of("integer", 0))]

    @pytest.mark.parametrize(
        ("block", "result"),
        [("01" + "00000003" + "0100", "0F"), ("01" + "00000002" + "020000", "0F")],
    )
    def test_out_of_order_or_no_data(self, server: Peer, block: str, result: str) -> None:
        server.ask(self.FIRST)
        assert server.ask("C306C1" + block) == f"C701C1{result}00"  # long-action-aborted
        assert not server.meter.invoked
        assert server.ask("C306C1" + "01" + "00000002" + "0100") == "C701C11000"  # no-long-action-in-progress

    def test_an_answer_in_blocks(self, server: Peer) -> None:
        answer = server.ask("C301C1" + METHOD + "00")
        assert answer.startswith("C702C10000000001")
        assert server.ask("C302C100000001").startswith("C702C10000000002")
        assert server.ask("C302C100000007") == "C701C10F00"
        assert server.ask("C302C100000002") == "C701C11000"


@pytest.mark.clause("Green Book 8.3, 9.3.1")
class TestUnconfirmed:
    @pytest.mark.parametrize(
        "request_",
        ["C10181" + ENERGY_VALUE + "1101", "C10401" + "01" + ENERGY_VALUE + "01" + "1101",
         "C30181" + NUMBERS + "0100", "C30301" + "01" + NUMBERS + "01" + "01" + "00",
         "D980000001" + "00" + "01" + "02" + NUMBERS + "02" + "01" + "1101"],
        ids=["set", "set list", "action", "action list", "access"],
    )  # fmt: skip
    def test_is_done_and_not_answered(self, server: Peer, request_: str) -> None:
        assert server.ask(request_) == ""
        assert len(server.meter.written) + len(server.meter.invoked) == 1


@pytest.mark.clause("Green Book 8.3, 9.3.9")
class TestAccess:
    SELECTION = "01" + "0203" + "0600000001" + "0600000002" + "1200" + "01"

    def test_all_five_kinds_in_one_request(self) -> None:
        server = open_with(Peer(ServerSettings(SERVER, max_pdu=500)), 0x40FE5F, 500)
        items = [
            "01" + NUMBERS + "02",
            "02" + NUMBERS + "02",
            "03" + NUMBERS + "01",
            "04" + NUMBERS + "02" + self.SELECTION,
            "05" + NUMBERS + "02" + self.SELECTION,
            "01" + NOTHING[:-2],
        ]
        data = ["00", "1107", "0F00", "00", "1108", "00"]
        answer = server.ask("D940000007" + "00" + "06" + "".join(items) + "06" + "".join(data))
        assert answer == (
            "DA40000007" + "00" + "00"
            + "06" + ENERGY + "00" + "00" + ENERGY + "00" + "00"
            + "06" + "0100" + "0200" + "0300" + "0100" + "0200" + "0104"
        )  # fmt: skip
        assert [octets for _, octets in server.meter.written] == [b"\x11\x07", b"\x11\x08"]

    def test_as_many_data_as_specifications(self, server: Peer) -> None:
        assert server.ask("D940000007" + "00" + "01" + "01" + NUMBERS + "02" + "00") == "D80203"

    def test_nothing_asked(self, server: Peer) -> None:
        assert server.ask("D940000007" + "00" + "00" + "00") == "DA40000007" + "000000" + "00"

    def test_a_long_answer_goes_in_general_blocks_and_else_is_refused(self, server: Peer) -> None:
        long = "D940000007" + "00" + "01" + "01" + LONG_VALUE[:-2] + "01" + "00"
        assert server.ask(long) == "D80204"
        peer = open_with(Peer(ServerSettings(SERVER, max_pdu=500)), 0x60FE5F)
        blocks = BlockServer(peer.association)
        (first,) = blocks.receive(bytes.fromhex(long))
        assert first[:7].hex().upper().startswith("E0")
        assert first[1] & 0x80 == 0
        assert first[2:6].hex() == "00010000"
        assert len(first) <= 100


@pytest.mark.clause("Green Book 8.3, 9.4.4.7")
class TestShortNames:
    @staticmethod
    def agreed(conformance: Conformance) -> Peer:
        peer = Peer(ServerSettings(SERVER, short_names=True, conformance=SHORT_NAME, max_pdu=500))
        peer.meter = meter = _Listed()
        peer.association._application = meter
        aarq = "601DA109060760857405080102BE10040E" + f"01000000065F1F0400{int(conformance):06X}0064"
        assert peer.ask(aarq).endswith("FA00")
        return peer

    @pytest.fixture
    def server(self) -> Peer:
        return self.agreed(SHORT_NAME & ~Conformance.GENERAL_BLOCK_TRANSFER)

    @pytest.mark.parametrize(
        ("request_", "answer"),
        [
            ("0501" + "022008", "0C01" + "00" + ENERGY),
            ("0502" + "022008" + "022108", "0C02" + "00" + ENERGY + "00" + CLOCK_TIME.hex().upper()),
            ("0501" + "023008", "0C01" + "0104"),
            ("0501" + "022004", "0C01" + "0104"),
            ("0500", "0C00"),
        ],
        ids=["an attribute", "two", "no object", "between attributes", "none"],
    )
    def test_read(self, server: Peer, request_: str, answer: str) -> None:
        assert server.ask(request_) == answer

    def test_parameterised_access(self, server: Peer) -> None:
        assert server.ask("0501" + "04" + "2008" + "01" + "00") == "0C01" + "00" + ENERGY

    def test_write(self, server: Peer) -> None:
        assert server.ask("0602" + "022008" + "023008" + "02" + "1101" + "1102") == "0D02" + "00" + "0104"
        assert len(server.meter.written) == 1

    def test_a_method_is_written_to(self, server: Peer) -> None:
        assert server.ask("0601" + "022028" + "01" + "0F00") == "0D0100"
        assert server.meter.invoked == [(1, Data.of("integer", 0))]

    def test_unconfirmed_write(self, server: Peer) -> None:
        assert server.ask("1601" + "022008" + "01" + "1101") == ""
        assert len(server.meter.written) == 1

    def test_a_long_answer_comes_in_blocks(self, server: Peer) -> None:
        first = server.ask("0501" + "022208")
        assert first.startswith("0C01" + "02" + "00" + "0001")
        assert len(first) <= 200
        assert server.ask("0501" + "05" + "0001").startswith("0C01" + "02" + "00" + "0002")
        assert server.ask("0501" + "05" + "0009") == "0C01" + "0113"

    def test_a_long_answer_without_them_is_refused(self) -> None:
        assert self.agreed(Conformance.READ).ask("0501" + "022208") == "D80204"

    def test_a_long_request_comes_in_blocks(self, server: Peer) -> None:
        assert (
            server.ask("0601" + "07" + "00" + "0001" + "01" + "0905" + "01" + "022008" + "01") == "0D01" + "02" + "0001"
        )
        assert server.ask("0601" + "07" + "01" + "0002" + "01" + "0902" + "1105") == "0D01" + "00"
        assert server.meter.written == [(bytes.fromhex("0100010800FF"), b"\x11\x05")]
        assert server.ask("0601" + "07" + "01" + "0002" + "01" + "0902" + "1105") == "0D01" + "0112"

    def test_logical_names_are_not_known(self, server: Peer) -> None:
        assert server.ask("C001C1" + ENERGY_VALUE) == "D80202"


class _Listed(Meter):
    """The same with an object list."""

    def read(
        self, attribute: cos.CosemAttributeDescriptor, selection: cos.SelectiveAccessDescriptor | None
    ) -> Data | cos.DataAccessResult:
        if attribute.class_id == 15:
            rights = Data.structure(Data.array(()), Data.array(()))
            names = ((3, "0100010800FF"), (8, "0000010000FF"), (1, "00002A0000FF"))
            return Data.array(
                Data.structure(
                    Data.of("long-unsigned", class_id),
                    Data.of("unsigned", 0),
                    Data.of("octet-string", bytes.fromhex(name)),
                    rights,
                )
                for class_id, name in names
            )
        return super().read(attribute, selection)
