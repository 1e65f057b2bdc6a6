"""The server's side of an association, asked with octets as the Green Book writes them."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms.conformance import Conformance
from cas.dlms.errors import AuthenticationFailed, DlmsError, ReplayedCounter
from cas.dlms.security.authentication import Credentials, Mechanism
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.keys import Secret, SymmetricKeys
from cas.dlms.security.policy import Protection
from cas.dlms.security.suites import SUITES
from cas.dlms.security.wrapping import Scope, unwrap, wrap
from cas.dlms.server import ServerAssociation, ServerSettings
from cas.dlms.states import State

CLOCK_TIME = bytes.fromhex("090C07E901010300000000003C00")
ENERGY = Data.of("double-long-unsigned", 123456)
LONG = Data.of("octet-string", bytes(range(256)) * 3)

CLIENT = bytes.fromhex("4D4D4D0000000001")
SERVER = bytes.fromhex("4D4D4D0000BC614E")
KEYS = SymmetricKeys(
    SUITES[0], bytes.fromhex("000102030405060708090A0B0C0D0E0F"), bytes.fromhex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")
)
CIPHERING = Ciphering(SUITES[0], KEYS.encryption, KEYS.authentication)
BOTH = SecurityControl(0, authentication=True, encryption=True)

# Green Book 8.3, 11.2: AARQ and AARE, proposing 007E1F and 1200 octets
INITIATE = "01000000065F1F0400007E1F04B0"
AARQ = "601DA109060760857405080101BE10040E" + INITIATE
AARQ_LLS = "6036A1090607608574050801018A0207808B0760857405080201AC0A80083132333435363738BE10040E" + INITIATE
AARE = "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000501F01F40007"
C_TO_S, S_TO_C = b"K56iVagY", b"P6wRJ21F"
AARQ_GMAC = (
    "6042A109060760857405080101A60A0408" + CLIENT.hex() + "8A0207808B0760857405080205AC0A8008" + C_TO_S.hex()
    + "BE10040E" + INITIATE
)  # fmt: skip
GET = "C001C1"
ENERGY_VALUE = "00030100010800FF0200"
LONG_VALUE = "000100002A0000FF0200"


class Meter:
    """An application of three attributes, which remembers what it was told."""

    def __init__(self) -> None:
        self.open = True
        self.errors: list[DlmsError] = []
        self.written: list[tuple[bytes, bytes]] = []
        self.invoked: list[tuple[int, Data | None]] = []
        self.associations = 0

    def admit(self) -> bool:
        self.associations += self.open
        return self.open

    def closed(self) -> None:
        self.associations -= 1

    def refused(self, error: DlmsError) -> None:
        self.errors.append(error)

    def read(
        self, attribute: cos.CosemAttributeDescriptor, selection: cos.SelectiveAccessDescriptor | None
    ) -> Data | cos.DataAccessResult:
        values = {3: ENERGY, 1: LONG, 8: Data(CLOCK_TIME)}
        return values.get(attribute.class_id, cos.DataAccessResult.OBJECT_UNDEFINED)

    def write(
        self, attribute: cos.CosemAttributeDescriptor, selection: cos.SelectiveAccessDescriptor | None, value: Data
    ) -> cos.DataAccessResult:
        self.written.append((attribute.instance_id, value.octets))
        return cos.DataAccessResult.SUCCESS

    def invoke(
        self, method: cos.CosemMethodDescriptor, parameters: Data | None
    ) -> tuple[cos.ActionResult, Data | None]:
        self.invoked.append((method.method_id, parameters))
        return cos.ActionResult.SUCCESS, LONG if method.class_id == 9 else None


class Peer:
    """A client by hand: hex in, hex out."""

    def __init__(self, settings: ServerSettings, challenge: bytes = S_TO_C) -> None:
        self.meter = Meter()
        self.counters: dict[bytes, dict[Scope, int]] = {}
        numbers: Iterator[int] = iter(range(0x01234567, 0x02000000))
        self.association = ServerAssociation(
            settings,
            self.meter,
            challenge=lambda: challenge,
            take_counter=lambda: next(numbers),
            counters=self.counters,
        )

    def ask(self, apdu: str) -> str:
        answer = self.association.receive(bytes.fromhex(apdu))
        return "" if answer is None else answer.hex().upper()

    def ask_sealed(self, apdu: str, counter: int, control: SecurityControl = BOTH) -> bytes:
        """Ask under glo- protection, and open the answer."""
        plain = bytes.fromhex(apdu)
        answer = self.association.receive(wrap(plain[0], CIPHERING.protect(plain, CLIENT, counter, control)))
        assert answer is not None
        if answer[0] == 0xD8:
            return answer
        return CIPHERING.unprotect(unwrap(answer).content, SERVER).plain


@pytest.fixture
def plain() -> Peer:
    conformance = Conformance.from_bits(f"{0x00501F:024b}") | Conformance.ACTION
    return Peer(ServerSettings(SERVER, conformance=conformance, max_pdu=500))


def open_with(peer: Peer, conformance: int = 0x00FE1F, size: int = 100) -> Peer:
    aarq = AARQ.replace("00007E1F04B0", f"00{conformance:06X}{size:04X}")
    assert "A203020100" in peer.ask(aarq)
    return peer


@pytest.fixture
def full() -> Peer:
    """All services, answers of up to 100 octets."""
    return open_with(Peer(ServerSettings(SERVER)), 0x40FE5F)


@pytest.mark.clause("Green Book 8.3, 9.4.4.1")
def test_association_of_the_green_book(plain: Peer) -> None:
    assert plain.ask(AARQ) == AARE
    assert plain.association.state is State.ASSOCIATED
    assert plain.ask(GET + ENERGY_VALUE) == "C401C100060001E240"
    assert plain.ask("6203800100") == "6303800100"
    assert not plain.meter.associations


@pytest.mark.clause("Green Book 8.3, 9.4.4.9")
def test_service_without_association_is_refused(plain: Peer) -> None:
    assert plain.ask(GET + ENERGY_VALUE) == "D80101"
    assert plain.ask("6200") == "D80101"


def test_service_that_was_not_negotiated_is_refused(plain: Peer) -> None:
    plain.ask(AARQ)
    # with-list needs multiple-references
    assert plain.ask("C003C101" + ENERGY_VALUE) == "D80202"
    assert plain.ask(GET + ENERGY_VALUE) == "C401C100060001E240"


@pytest.mark.parametrize(
    "garbage", ["", "00", "FF", "C0", "C001", "60", "6001", "62", "C801", "D9", "E0", GET + "00030100"]
)
def test_octets_that_are_no_request_get_an_exception(plain: Peer, garbage: str) -> None:
    for _ in range(2):  # without and with an association
        assert plain.ask(garbage)[:2] == "D8"
        plain.ask(AARQ)


def test_request_longer_than_the_server_receives(plain: Peer) -> None:
    plain.ask(AARQ)
    assert plain.ask("C1" + "00" * 500) == "D80204"


@pytest.mark.parametrize(
    ("aarq", "diagnostic"),
    [
        (AARQ.replace("60857405080101", "60857405080102"), "A305A103020102"),  # SN referencing
        (AARQ.replace("60857405080101", "60857405080103"), "A305A103020102"),  # ciphered, without keys
        (AARQ_LLS, "A305A10302010B"),  # a mechanism that is not the one configured
        (AARQ.replace("0000065F", "0000055F"), "A305A103020101"),  # DLMS version 5
        (AARQ.replace("04B0", "000B"), "A305A103020101"),  # 11 octets
    ],
)
def test_refused_association(plain: Peer, aarq: str, diagnostic: str) -> None:
    answer = plain.ask(aarq)
    assert "A203020101" in answer
    assert diagnostic in answer
    assert plain.association.state is State.IDLE
    assert plain.meter.associations == 0


def test_initiate_error_says_why(plain: Peer) -> None:
    assert "BE0604040E010601" in plain.ask(AARQ.replace("0000065F", "0000055F"))
    assert "BE0604040E010603" in plain.ask(AARQ.replace("04B0", "000B"))
    assert "BE0604040E010602" in plain.ask(AARQ.replace("00007E1F", "00000000"))


def test_busy_device_refuses_for_now(plain: Peer) -> None:
    plain.meter.open = False
    assert "A203020102" in plain.ask(AARQ)
    plain.meter.open = True
    assert "A203020100" in plain.ask(AARQ)


def test_new_aarq_replaces_the_association(plain: Peer) -> None:
    plain.ask(AARQ)
    assert plain.ask(AARQ) == AARE
    assert plain.meter.associations == 1
    plain.association.abort()
    assert plain.meter.associations == 0


@pytest.mark.clause("Green Book 8.3, 9.2.7.4")
def test_low_level_security() -> None:
    settings = ServerSettings(SERVER, mechanism=Mechanism.LOW, password=Secret(b"12345678"))
    peer = Peer(settings)
    assert "A203020100A305A103020100" in peer.ask(AARQ_LLS)
    assert "A305A10302010D" in Peer(settings).ask(AARQ_LLS.replace("3738BE", "3739BE"))  # authentication-failure
    assert "A305A10302010C" in Peer(settings).ask(AARQ)  # mechanism name required


# ---------------------------------------------------------------- high level security and ciphering

# Green Book 8.3, 9.2.7.4: f(StoC) of the client, counter 1, and f(CtoS) of the server, counter 01234567
F_S_TO_C = "10000000011A52FE7DD3E72748973C1E28"
F_C_TO_S = "1001234567FE1466AFB3DBCD4F9389E2B7"
REPLY_TO_HLS = "C301C1000F0000280000FF01010911"


@pytest.fixture
def gmac() -> Peer:
    return Peer(ServerSettings(SERVER, mechanism=Mechanism.HIGH_GMAC, keys=KEYS))


@pytest.mark.clause("Green Book 8.3, 9.2.7.4")
def test_gmac_passes_of_the_green_book(gmac: Peer) -> None:
    answer = gmac.ask(AARQ_GMAC)
    assert "A203020100A305A10302010EA40A0408" + SERVER.hex().upper() in answer
    assert "890760857405080205AA0A8008" + S_TO_C.hex().upper() in answer
    assert gmac.ask(GET + ENERGY_VALUE) == "D80101"  # nothing is served before
    assert gmac.ask(REPLY_TO_HLS + F_S_TO_C) == "C701C10001000911" + F_C_TO_S
    assert gmac.ask(GET + ENERGY_VALUE) == "C401C100060001E240"


@pytest.mark.clause("Green Book 8.3, 9.2.7.4")
def test_wrong_proof_ends_the_association(gmac: Peer) -> None:
    gmac.ask(AARQ_GMAC)
    assert gmac.ask(REPLY_TO_HLS + F_S_TO_C[:-2] + "29") == "C701C1FA00"
    assert gmac.association.state is State.IDLE
    assert isinstance(gmac.meter.errors[-1], AuthenticationFailed)
    assert gmac.meter.associations == 0


def test_our_own_challenge_come_back_is_refused(gmac: Peer) -> None:
    assert "A305A10302010D" in gmac.ask(AARQ_GMAC.replace(C_TO_S.hex(), S_TO_C.hex()))


def test_counter_of_a_proof_is_not_taken_twice(gmac: Peer) -> None:
    for attempt in range(2):
        gmac.ask(AARQ_GMAC)
        answer = gmac.ask(REPLY_TO_HLS + F_S_TO_C)
        assert answer[:2] == ("D8" if attempt else "C7")
    assert isinstance(gmac.meter.errors[-1], ReplayedCounter)


@pytest.mark.parametrize(
    ("mechanism", "proof"),
    [
        (Mechanism.HIGH_MD5, "md5"),
        (Mechanism.HIGH_SHA1, "sha1"),
    ],
)
def test_other_mechanisms(mechanism: Mechanism, proof: str) -> None:
    settings = ServerSettings(SERVER, mechanism=mechanism, credentials=Credentials(secret=Secret(b"secret")))
    peer = Peer(settings)
    peer.ask(AARQ_GMAC.replace("60857405080205", f"608574050802{mechanism:02X}"))
    digest = hashlib.new(proof, S_TO_C + b"secret", usedforsecurity=False).digest()
    back = hashlib.new(proof, C_TO_S + b"secret", usedforsecurity=False).digest()
    request = f"C301C1000F0000280000FF010109{len(digest):02X}{digest.hex()}"
    assert peer.ask(request) == f"C701C100010009{len(back):02X}" + back.hex().upper()


def ciphered_aarq(counter: int, initiate: str = INITIATE) -> str:
    sealed = wrap(1, CIPHERING.protect(bytes.fromhex(initiate), CLIENT, counter, BOTH))
    body = (
        bytes.fromhex("A109060760857405080103A60A0408") + CLIENT
        + bytes((0xBE, len(sealed) + 2, 0x04, len(sealed))) + sealed
    )  # fmt: skip
    return (bytes((0x60, len(body))) + body).hex()


@pytest.fixture
def ciphered() -> Peer:
    settings = ServerSettings(SERVER, keys=KEYS, required=Protection(authentication=True, encryption=True))
    peer = Peer(settings)
    answer = peer.ask(ciphered_aarq(1))
    assert "A203020100A305A103020100A40A0408" in answer
    assert "BE230421281F30" in answer  # glo-initiateResponse, authenticated and encrypted
    return peer


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
def test_ciphered_services(ciphered: Peer) -> None:
    assert ciphered.ask_sealed(GET + ENERGY_VALUE, 2).hex() == "c401c100060001e240"


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
def test_counter_used_twice_is_refused_and_told(ciphered: Peer) -> None:
    ciphered.ask_sealed(GET + ENERGY_VALUE, 7)
    for counter in (7, 6, 1):
        assert ciphered.ask_sealed(GET + ENERGY_VALUE, counter).hex().upper() == "D8010600000008"
    assert [type(error) for error in ciphered.meter.errors] == [ReplayedCounter] * 3
    assert ciphered.ask_sealed(GET + ENERGY_VALUE, 8)[0] == 0xC4
    ciphered.association.abort()
    assert ciphered.ask(ciphered_aarq(8)) == "D8010600000009"  # counters outlive the association
    assert "A203020100" in ciphered.ask(ciphered_aarq(9))


def test_plain_or_less_protected_request_is_refused(ciphered: Peer) -> None:
    assert ciphered.ask(GET + ENERGY_VALUE) == "D80103"
    assert ciphered.ask_sealed(GET + ENERGY_VALUE, 2, replace(BOTH, encryption=False)).hex() == "d80103"
    assert "A305A103020102" in ciphered.ask(AARQ)  # application-context-name-not-supported


def test_wrong_key_is_a_deciphering_error(ciphered: Peer) -> None:
    other = Ciphering(SUITES[0], bytes(16), KEYS.authentication)
    sealed = wrap(0xC0, other.protect(bytes.fromhex(GET + ENERGY_VALUE), CLIENT, 9, BOTH))
    assert ciphered.ask(sealed.hex()) == "D80105"


def test_dedicated_key_is_used_once_given(ciphered: Peer) -> None:
    key = bytes(range(16, 32))
    initiate = f"0101 10{key.hex()} 0000 06 5F1F0400 007E1F 04B0".replace(" ", "")
    assert "A203020100" in ciphered.ask(ciphered_aarq(20, initiate))
    dedicated = Ciphering(SUITES[0], key, KEYS.authentication)
    request = wrap(0xC0, dedicated.protect(bytes.fromhex(GET + ENERGY_VALUE), CLIENT, 0, BOTH), Scope.DEDICATED)
    answer = ciphered.association.receive(request)
    assert answer is not None
    assert answer[0] == 0xD4
    assert dedicated.unprotect(unwrap(answer).content, SERVER).plain.hex() == "c401c100060001e240"


# ---------------------------------------------------------------- services


def blocks_of(peer: Peer, first: str) -> tuple[bytes, list[int]]:
    """Follow a GET in blocks to its end."""
    raw, numbers, answer = b"", [], peer.ask(first)
    while True:
        octets = bytes.fromhex(answer)
        assert octets[:3] == bytes.fromhex("C402C1")
        assert len(octets) <= 100
        assert octets[8] == 0
        numbers.append(int.from_bytes(octets[4:8], "big"))
        assert octets[9] == len(octets) - 10
        raw += octets[10:]
        if octets[3]:
            return raw, numbers
        answer = peer.ask(f"C002C1{numbers[-1]:08X}")


@pytest.mark.clause("Green Book 8.3, 9.4.6.6")
def test_get_in_blocks(full: Peer) -> None:
    raw, numbers = blocks_of(full, GET + LONG_VALUE)
    assert raw == LONG.octets
    assert numbers == list(range(1, len(numbers) + 1))
    assert full.ask(f"C002C1{numbers[-1]:08X}") == f"C402C101{numbers[-1]:08X}0110"  # none in progress


@pytest.mark.clause("Green Book 8.3, 9.4.6.6")
def test_get_with_list_in_blocks(full: Peer) -> None:
    raw, _ = blocks_of(full, "C003C103" + ENERGY_VALUE + LONG_VALUE + "00070100630100FF0200")
    assert raw == bytes.fromhex("0300060001E240" + "00") + LONG.octets + bytes.fromhex("0104")


def test_block_out_of_order_ends_the_transfer(full: Peer) -> None:
    full.ask(GET + LONG_VALUE)
    assert full.ask("C002C100000002") == "C402C101000000020113"
    assert full.ask("C002C100000001") == "C402C101000000010110"


def test_answer_too_long_without_block_transfer() -> None:
    peer = open_with(Peer(ServerSettings(SERVER)), 0x00001F)
    assert peer.ask(GET + LONG_VALUE) == "D80204"


def test_get_with_list(full: Peer) -> None:
    assert full.ask("C003C102" + ENERGY_VALUE + "00070100630100FF0200") == "C403C10200060001E2400104"


def test_set(full: Peer) -> None:
    assert full.ask("C101C1" + ENERGY_VALUE + "0600000005") == "C501C100"
    assert full.meter.written == [(bytes.fromhex("0100010800FF"), bytes.fromhex("0600000005"))]
    assert full.ask("C101" + "81" + ENERGY_VALUE + "0600000006") == ""  # unconfirmed
    assert len(full.meter.written) == 2


def test_set_with_list(full: Peer) -> None:
    assert full.ask("C104C102" + ENERGY_VALUE + LONG_VALUE + "02" + "0600000005" + "0901AA") == "C505C1020000"
    assert [value.hex() for _, value in full.meter.written] == ["0600000005", "0901aa"]


def test_set_with_list_of_unequal_lengths(full: Peer) -> None:
    assert full.ask("C104C102" + ENERGY_VALUE + LONG_VALUE + "01" + "0600000005")[:2] == "D8"
    assert full.meter.written == []


@pytest.mark.clause("Green Book 8.3, 9.4.6.7")
def test_set_in_blocks(full: Peer) -> None:
    assert full.ask("C102C1" + LONG_VALUE + "00" + "00000001" + "03" + "0904AA") == "C502C100000001"
    assert full.ask("C103C1" + "00" + "00000002" + "01" + "BB") == "C502C100000002"
    assert full.ask("C103C1" + "01" + "00000003" + "02" + "CCDD") == "C503C10000000003"
    assert full.meter.written == [(bytes.fromhex("00002A0000FF"), bytes.fromhex("0904AABBCCDD"))]
    assert full.ask("C103C1" + "01" + "00000004" + "00") == "C503C11200000004"  # no-long-set-in-progress


@pytest.mark.clause("Green Book 8.3, 9.4.6.7")
def test_set_of_a_list_in_blocks(full: Peer) -> None:
    first = "C105C102" + ENERGY_VALUE + LONG_VALUE + "00" + "00000001" + "04" + "02060000"
    assert full.ask(first) == "C502C100000001"
    assert full.ask("C103C1" + "01" + "00000002" + "05" + "00050901AA") == "C504C102000000000002"
    assert [value.hex() for _, value in full.meter.written] == ["0600000005", "0901aa"]


@pytest.mark.parametrize(("number", "raw", "result"), [("00000003", "AA", "13"), ("00000002", "AA", "11")])
def test_set_in_blocks_that_goes_wrong(full: Peer, number: str, raw: str, result: str) -> None:
    full.ask("C102C1" + LONG_VALUE + "00" + "00000001" + "02" + "0904")
    assert full.ask("C103C101" + number + "01" + raw) == "C503C1" + result + number
    assert full.meter.written == []


def test_action(full: Peer) -> None:
    assert full.ask("C301C1" + "0046000060030AFF01" + "01" + "0F00") == "C701C10000"
    assert full.ask("C301C1" + "0046000060030AFF02" + "00") == "C701C10000"
    assert full.meter.invoked == [(1, Data(b"\x0f\x00")), (2, None)]


@pytest.mark.clause("Green Book 8.3, 9.4.6.8")
def test_action_in_blocks_both_ways(full: Peer) -> None:
    script = "000900000A006AFF01"
    assert full.ask("C304C1" + script + "00" + "00000001" + "01" + "12") == "C704C100000001"
    octets = bytes.fromhex(full.ask("C306C1" + "01" + "00000002" + "02" + "0001"))
    raw = b""
    while True:
        assert octets[:3] == bytes.fromhex("C702C1")
        assert len(octets) <= 100
        raw += octets[9:]
        if octets[3]:
            break
        octets = bytes.fromhex(full.ask("C302C1" + octets[4:8].hex()))
    assert raw == bytes.fromhex("000100") + LONG.octets
    assert full.meter.invoked == [(1, Data(bytes.fromhex("120001")))]


def test_action_with_list(full: Peer) -> None:
    relay = "0046000060030AFF"
    assert full.ask("C303C102" + relay + "01" + relay + "02" + "02" + "0F00" + "0F01") == "C703C10200000000"
    assert full.meter.invoked == [(1, Data(b"\x0f\x00")), (2, Data(b"\x0f\x01"))]


@pytest.mark.clause("Green Book 8.3, 9.4.4.7")
def test_access(full: Peer) -> None:
    request = (
        "D9" + "40000001" + "00" + "03"
        + "01" + ENERGY_VALUE[:-2] + "02" + ENERGY_VALUE[:-2] + "03" + "0046000060030AFF" + "01"
        + "03" + "00" + "0600000007" + "0F00"
    )  # fmt: skip
    assert full.ask(request) == "DA40000001" + "00" + "00" + "03060001E2400000" + "03" + "0100" + "0200" + "0300"
