"""The server opens and closes associations as a conformance test asks for it: every field of an AARQ, good and bad.

Octets in, octets out; the cases follow the fields of AARQ and initiateRequest (Green Book 8.3, 9.4.2 to 9.4.4).
"""

import pytest

from cas.dlms.security.authentication import Mechanism
from cas.dlms.security.keys import Secret
from cas.dlms.server import ServerSettings
from cas.dlms.states import State
from tests.unit.dlms.test_server import AARQ, AARQ_LLS, ENERGY_VALUE, GET, INITIATE, SERVER, Peer

CONTEXT_LN = "A109060760857405080101"
NOT_POSSIBLE = "D80101"
"""exception-response: service-not-allowed, operation-not-possible."""
SERVICES = {
    "get": GET + ENERGY_VALUE,
    "set": "C101C1" + ENERGY_VALUE + "1101",
    "action": "C301C1" + "00030100010800FF01" + "00",
    "access": "D9400000010001010003" + "0100010800FF02" + "0100",
    "read": "05010210" + "00",
    "write": "06010210" + "00" + "011101",
    "glo-get": "C80530000000" + "0100",
}


def aarq(*fields: str) -> str:
    """An AARQ of these fields."""
    body = "".join(fields)
    return f"60{len(body) // 2:02X}{body}"


def user_information(initiate: str = INITIATE) -> str:
    size = len(initiate) // 2
    return f"BE{size + 2:02X}04{size:02X}{initiate}"


def diagnostic(answer: str) -> str:
    """What result and result-source-diagnostic of an AARE say: `01 a1 02`, rejected, service user, number."""
    assert answer.startswith("61"), answer
    result = answer.index("A2030201") + 8
    source = answer.index("A305", result) + 4
    return f"{answer[result : result + 2]} {answer[source : source + 2]} {answer[source + 8 : source + 10]}".lower()


@pytest.fixture
def server() -> Peer:
    return Peer(ServerSettings(SERVER, max_pdu=500))


@pytest.mark.clause("Green Book 8.3, 9.4.1")
class TestIdle:
    @pytest.mark.parametrize("service", SERVICES)
    def test_no_service_without_an_association(self, server: Peer, service: str) -> None:
        assert server.ask(SERVICES[service]) == NOT_POSSIBLE
        assert server.association.state is State.IDLE

    def test_nothing_to_release(self, server: Peer) -> None:
        assert server.ask("6203800100") == NOT_POSSIBLE

    @pytest.mark.parametrize("garbage", ["", "60", "6003", "FF", "C0", "6103A1", "60FF", "608400000001"])
    def test_garbage_does_no_harm(self, server: Peer, garbage: str) -> None:
        assert server.ask(garbage).startswith("D8")
        assert server.ask(AARQ).startswith("6129")


@pytest.mark.clause("Green Book 8.3, 9.4.4.1")
class TestFieldsOfAarq:
    @pytest.mark.parametrize(
        "fields",
        [
            ["80020780", CONTEXT_LN],
            [CONTEXT_LN, "A206040401020304"],
            [CONTEXT_LN, "A60A04084D4D4D0000000001"],
            [CONTEXT_LN, "A803020105"],
            [CONTEXT_LN, "8A0207808B0760857405080200"],
        ],
        ids=["protocol-version", "called-AP-title", "calling-AP-title", "calling-AP-invocation-id", "lowest level"],
    )
    def test_fields_that_need_not_be_there(self, server: Peer, fields: list[str]) -> None:
        assert diagnostic(server.ask(aarq(*fields, user_information()))) == "00 a1 00"
        assert server.ask(GET + ENERGY_VALUE) == "C401C100060001E240"

    def test_another_protocol_version(self, server: Peer) -> None:
        answer = server.ask(aarq("80020640", CONTEXT_LN, user_information()))
        assert diagnostic(answer) == "01 a2 02"  # acse-service-provider: no-common-acse-version
        assert server.association.state is State.IDLE

    @pytest.mark.parametrize("number", [0, 2, 3, 4, 5])
    def test_contexts_that_are_not_offered(self, server: Peer, number: int) -> None:
        context = CONTEXT_LN[:-2] + f"{number:02X}"
        assert diagnostic(server.ask(aarq(context, user_information()))) == "01 a1 02"

    def test_without_user_information(self, server: Peer) -> None:
        assert diagnostic(server.ask(aarq(CONTEXT_LN))).startswith("01 a1")

    def test_without_a_context(self, server: Peer) -> None:
        assert server.ask(aarq(user_information())).startswith("D8")
        assert server.association.state is State.IDLE

    def test_a_second_aarq_opens_anew(self, server: Peer) -> None:
        for _ in range(2):
            assert diagnostic(server.ask(AARQ)) == "00 a1 00"
        assert server.meter.associations == 1


@pytest.mark.clause("Green Book 8.3, 9.2.7.3")
class TestLowLevelSecurity:
    @pytest.fixture
    def server(self) -> Peer:
        settings = ServerSettings(SERVER, mechanism=Mechanism.LOW, password=Secret(b"12345678"), max_pdu=500)
        return Peer(settings)

    @pytest.mark.parametrize(
        ("request_", "expected"),
        [
            (AARQ_LLS, "00 a1 00"),
            (AARQ_LLS.replace("3132333435363738", "3132333435363739"), "01 a1 0d"),
            (AARQ, "01 a1 0c"),  # authentication-mechanism-name-required
            (AARQ_LLS.replace("60857405080201", "60857405080205"), "01 a1 0b"),
            (aarq(CONTEXT_LN, "8A0207808B0760857405080201", user_information()), "01 a1 0e"),
        ],
        ids=["right", "wrong", "none", "another mechanism", "no value"],
    )
    def test_passwords(self, server: Peer, request_: str, expected: str) -> None:
        assert diagnostic(server.ask(request_)) == expected
        accepted = server.ask(GET + ENERGY_VALUE) != NOT_POSSIBLE
        assert accepted == expected.startswith("00")


@pytest.mark.clause("Green Book 8.3, 9.4.6.1")
class TestInitiateRequest:
    @pytest.mark.parametrize(
        ("initiate", "error"),
        [
            ("01000000055F1F0400007E1F04B0", "0E010601"),  # dlms-version-too-low
            ("01000000065F1F040000000004B0", "0E010602"),  # incompatible-conformance
            ("01000000065F1F0400007E1F000B", "0E010603"),  # pdu-size-too-short
        ],
    )
    def test_what_is_refused_and_why(self, server: Peer, initiate: str, error: str) -> None:
        answer = server.ask(aarq(CONTEXT_LN, user_information(initiate)))
        assert diagnostic(answer) == "01 a1 01"
        assert answer.endswith("BE060404" + error)

    @pytest.mark.parametrize(
        "initiate",
        [
            "01000000075F1F0400007E1F04B0",  # a higher version than ours
            "0100000006" + "5F1F0400007E1F0000",  # no limit of the PDU size
            "0100000006" + "5F1F0400007E1F000C",  # the least
            "01000001" + "05" + "065F1F0400007E1F04B0",  # quality of service
            "0110" + "00" * 16 + "0000065F1F0400007E1F04B0",  # a dedicated key, of no use here
        ],
        ids=["version 7", "no limit", "12 octets", "quality of service", "dedicated key"],
    )
    def test_what_is_accepted(self, server: Peer, initiate: str) -> None:
        initiate = initiate.replace("0110" + "00" * 16, "010110" + "00" * 16)
        answer = server.ask(aarq(CONTEXT_LN, user_information(initiate)))
        assert diagnostic(answer) == "00 a1 00"
        assert answer.endswith("0800065F1F0400007E1D01F40007")

    def test_conformance_is_what_both_have(self, server: Peer) -> None:
        answer = server.ask(AARQ.replace("7E1F04B0", "001004B0"))
        assert answer.endswith("5F1F0400000010" + "01F40007")
        assert server.ask(GET + ENERGY_VALUE).startswith("C401")
        assert server.ask(SERVICES["set"]) == "D80202"  # service-unknown, service-not-supported

    def test_no_answer_where_none_is_allowed(self, server: Peer) -> None:
        """An unconfirmed association: nothing is answered in it, and what is told is done."""
        unanswered = "010001" + "00" + "00065F1F0400007E1F04B0"
        assert server.ask(aarq(CONTEXT_LN, user_information(unanswered))) == ""
        assert server.association.state is State.ASSOCIATED
        assert server.ask("C10181" + ENERGY_VALUE + "1101") == ""
        assert len(server.meter.written) == 1
        assert server.ask(GET + ENERGY_VALUE) == ""


@pytest.mark.clause("Green Book 8.3, 9.4.5")
class TestRelease:
    @pytest.mark.parametrize("request_", ["6200", "6203800100", "620380011E", "6203800101"])
    def test_ends_the_association(self, server: Peer, request_: str) -> None:
        assert server.ask(AARQ).startswith("61")
        assert server.ask(request_) == "6303800100"
        assert server.association.state is State.IDLE
        assert server.meter.associations == 0
        assert server.ask(GET + ENERGY_VALUE) == NOT_POSSIBLE

    def test_and_another_may_follow(self, server: Peer) -> None:
        for _ in range(3):
            assert server.ask(AARQ).startswith("61")
            assert server.ask("6200") == "6303800100"
