"""The server's security as a conformance test asks for it: each protection, too little of it, and each forgery.

Octets in, octets out; what is ciphered is made and opened by `judge`, which shares no code with the server.
"""

from collections.abc import Callable
from typing import Any

import pytest

from cas.dlms.apdu import decode_apdu
from cas.dlms.security.policy import Protection
from cas.dlms.server import ServerSettings
from cas.dlms.states import State
from tests.conformance.test_server_acse import CONTEXT_LN, NOT_POSSIBLE, SERVICES, aarq, diagnostic, user_information
from tests.unit.dlms.security import judge
from tests.unit.dlms.test_protection import symmetric
from tests.unit.dlms.test_server import CLIENT, ENERGY_VALUE, GET, INITIATE, LONG_VALUE, SERVER, Peer

CONTEXT_CIPHERED = CONTEXT_LN[:-2] + "03"
TITLE = "A60A0408" + CLIENT.hex().upper()
GET_ENERGY = GET + ENERGY_VALUE
VALUE = "C401C100060001E240"
SET = SERVICES["set"]
AUTHENTICATED, ENCRYPTED, BOTH = 0x10, 0x20, 0x30
"""The bits of the security control octet."""
S_TO_C = bytes(range(64, 96))
"""StoC: what the client proves itself with."""
ACCEPTED = "00 a1 00"
# state-error and service-error of exception-response: service-not-allowed, service-unknown
LESS = "D80103"
UNDECIPHERED = "D80105"
COUNTER = "D80106"
NO_REQUEST = "D80203"


def protections(policy: int, version: int) -> tuple[Protection, Protection]:
    """What a security_policy asks of requests and of responses; version 0 counts, version 1 has a bit for each."""
    if version == 0:
        return (Protection(bool(policy & 1), bool(policy & 2)),) * 2
    bits = [bool(policy & 1 << place) for place in range(8)]
    return Protection(*bits[2:5]), Protection(*bits[5:8])


class Asker:
    """A client that ciphers by hand, and the server that it tests; its counter goes up by itself."""

    def __init__(self, suite: int = 0, policy: int = 0b0110_1100, version: int = 1, **settings: Any) -> None:
        self.suite = suite
        self.keys = symmetric(suite)
        self.counter = 0
        required, response = protections(policy, version)
        offered: dict[str, Any] = {"keys": self.keys, "required": required, "response": response}
        self.peer = Peer(ServerSettings(SERVER, **{**offered, **settings}), S_TO_C)

    def protected(
        self,
        plain: str,
        control: int = BOTH,
        *,
        counter: int | None = None,
        suite: int | None = None,
        title: bytes = CLIENT,
        key: bytes | None = None,
        authentication: bytes | None = None,
    ) -> str:
        """SC, counter, content and tag."""
        if counter is None:
            counter = self.counter = self.counter + 1
        return judge.protect(
            bytes.fromhex(plain),
            control | (self.suite if suite is None else suite),
            key or self.keys.encryption,
            authentication or self.keys.authentication,
            title,
            counter,
        ).hex()

    def sealed(self, plain: str, control: int = BOTH, *, tag: str = "", **how: Any) -> str:
        """Under the service's own tag for the global key, or another tag."""
        own = f"{0x21 if plain[:2] == '01' else int(plain[:2], 16) + 8:02X}" if plain else "C8"
        return (tag or own) + string(self.protected(plain, control, **how))

    def general(self, plain: str, *, tag: str = "DB", title: str = CLIENT.hex(), **how: Any) -> str:
        return tag + string(title) + string(self.protected(plain, **how))

    def opened(self, answer: str, key: bytes | None = None) -> tuple[int, str]:
        """The security control of an answer, and what stands under it."""
        octets = bytes.fromhex(answer)
        at = 1
        if octets[0] in (0xDB, 0xDC):
            title, at = judge.taken(octets, at)
            assert title == SERVER
        content, at = judge.taken(octets, at)
        assert at == len(octets)
        assert content[0] & 0x0F == self.suite
        plain = judge.unprotect(content, key or self.keys.encryption, self.keys.authentication, SERVER)
        return content[0] & 0xF0, plain.hex().upper()

    def ask(self, apdu: str) -> str:
        return self.peer.ask(apdu)

    def open(self, initiate: str = INITIATE) -> str:
        answer = self.ask(aarq(CONTEXT_CIPHERED, TITLE, user_information(self.sealed(initiate))))
        assert diagnostic(answer) == ACCEPTED
        return answer

    def is_served(self) -> bool:
        return self.opened(self.ask(self.sealed(GET_ENERGY))) == (BOTH, VALUE)

    @property
    def is_closed(self) -> bool:
        return self.peer.association.state is State.IDLE and self.peer.meter.associations == 0


def string(octets: str) -> str:
    return judge.string(bytes.fromhex(octets)).hex().upper()


def spoilt(apdu: str, place: int = -1) -> str:
    octets = bytearray.fromhex(apdu)
    octets[place] ^= 1
    return octets.hex()


def with_key(key: bytes) -> str:
    """An initiateRequest with a dedicated key."""
    return f"0101{len(key):02X}{key.hex()}" + "0000065F1F0400007E1F04B0"


POLICIES = [(1, 4 * request + 32 * answer, request, answer) for request in range(4) for answer in range(4)]
POLICIES += [(0, policy, policy, policy) for policy in range(4)]


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
class TestPolicy:
    """Every security policy, asked with every protection; 1: authenticated, 2: encrypted."""

    @pytest.mark.parametrize(
        "asked", [None, 0, 1, 2, 3], ids=["plain", "neither", "authenticated", "encrypted", "both"]
    )
    @pytest.mark.parametrize(("version", "policy", "request_", "answer"), POLICIES)
    def test_requests_and_answers(
        self, version: int, policy: int, request_: int, answer: int, asked: int | None
    ) -> None:
        asker = Asker(policy=policy, version=version)
        asker.open()
        got = asker.ask(GET_ENERGY if asked is None else asker.sealed(GET_ENERGY, asked << 4))
        if request_ & ~(asked or 0):
            assert got == LESS
        elif asked is None and not answer:
            assert got == VALUE
        else:
            assert asker.opened(got) == (((asked or 0) | answer) << 4, VALUE)

    @pytest.mark.parametrize("policy", [0b0000_0100, 0b0000_1000, 0b0010_0000, 0b0100_0000])
    def test_no_policy_is_kept_in_a_plain_context(self, policy: int) -> None:
        asker = Asker(policy=policy)
        assert diagnostic(asker.ask(aarq(CONTEXT_LN, user_information()))) == "01 a1 02"
        assert asker.is_closed

    @pytest.mark.parametrize("control", [None, 0, AUTHENTICATED, ENCRYPTED, BOTH])
    def test_ciphered_answers_fit_whatever_the_aarq_had(self, control: int | None) -> None:
        asker = Asker(policy=0)
        initiate = INITIATE.replace("04B0", "0064")  # the client receives 100 octets
        information = initiate if control is None else asker.sealed(initiate, control)
        assert diagnostic(asker.ask(aarq(CONTEXT_CIPHERED, TITLE, user_information(information)))) == ACCEPTED
        answer = asker.ask(asker.general(GET + LONG_VALUE))
        assert asker.opened(answer)[1].startswith("C402C100")
        assert 90 <= len(answer) // 2 <= 100

    @pytest.mark.parametrize("suite", [0, 1, 2])
    def test_the_aare_is_protected_as_the_aarq(self, suite: int) -> None:
        asker = Asker(suite)
        aare: Any = decode_apdu(bytes.fromhex(asker.open()))
        assert aare.responding_ap_title == SERVER
        control, initiate = asker.opened(aare.user_information.hex())
        assert (control, initiate[:8]) == (BOTH, "0800065F")


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
class TestForms:
    @pytest.mark.parametrize("suite", [0, 1, 2])
    @pytest.mark.parametrize(("asked", "answered"), [("C8", "CC"), ("D0", "D4"), ("DB", "DB"), ("DC", "DC")])
    def test_an_answer_has_the_form_and_the_key_of_its_request(self, suite: int, asked: str, answered: str) -> None:
        asker = Asker(suite)
        dedicated = asker.keys.encryption[::-1]
        asker.open(with_key(dedicated))
        key = dedicated if asked in ("D0", "DC") else asker.keys.encryption
        form = asker.general if asked in ("DB", "DC") else asker.sealed
        answer = asker.ask(form(GET_ENERGY, tag=asked, key=key))
        assert answer[:2] == answered
        assert asker.opened(answer, key) == (BOTH, VALUE)

    def test_a_service_without_a_form_of_its_own_is_general(self) -> None:
        asker = Asker()
        asker.open(INITIATE.replace("7E1F", "7E5F"))
        answer = asker.ask(asker.general(SERVICES["access"]))
        assert answer[:2] == "DB"
        assert asker.opened(answer)[1].startswith("DA")

    def test_the_title_need_not_come_again(self) -> None:
        asker = Asker()
        asker.open()
        assert asker.opened(asker.ask(asker.general(GET_ENERGY, title=""))) == (BOTH, VALUE)


Made = Callable[[Asker], str]
REFUSED: dict[str, tuple[Made, str]] = {
    "plain": (lambda _: SET, LESS),
    "neither": (lambda t: t.sealed(SET, 0), LESS),
    "authenticated only": (lambda t: t.sealed(SET, AUTHENTICATED), LESS),
    "encrypted only": (lambda t: t.sealed(SET, ENCRYPTED), LESS),
    "broadcast key": (lambda t: t.sealed(SET, 0x70), LESS),
    "compressed": (lambda t: t.sealed(SET, 0xB0), LESS),
    "another suite": (lambda t: t.sealed(SET, suite=(t.suite + 1) % 3), LESS),
    "no suite": (lambda t: t.sealed(SET, suite=15), NO_REQUEST),
    "wrong encryption key": (lambda t: t.sealed(SET, key=t.keys.authentication), UNDECIPHERED),
    "wrong authentication key": (lambda t: t.sealed(SET, authentication=t.keys.encryption), UNDECIPHERED),
    "wrong tag": (lambda t: spoilt(t.sealed(SET)), UNDECIPHERED),
    "wrong content": (lambda t: spoilt(t.sealed(SET), 8), UNDECIPHERED),
    "counter altered": (lambda t: spoilt(t.sealed(SET), 3), UNDECIPHERED),
    "forged last counter": (lambda t: spoilt(t.sealed(SET, counter=0xFFFFFFFF)), UNDECIPHERED),
    "tag cut off": (lambda t: "C9" + string(t.protected(SET)[:-24]), UNDECIPHERED),
    "wrong title": (lambda t: t.sealed(SET, title=SERVER), UNDECIPHERED),
    "another's title": (lambda t: t.general(SET, title="00" * 8), LESS),
    "short title": (lambda t: t.general(SET, title=CLIENT.hex()[:-2]), LESS),
    "used counter": (lambda t: t.sealed(SET, counter=t.counter), COUNTER + "00000003"),
    "lower counter": (lambda t: t.sealed(SET, counter=1), COUNTER + "00000003"),
    "counter 0": (lambda t: t.sealed(SET, counter=0), COUNTER + "00000003"),
    "used counter, general": (lambda t: t.general(SET, counter=2), COUNTER + "00000003"),
    "dedicated key not given": (lambda t: t.sealed(SET, tag="D1"), UNDECIPHERED),
    "dedicated key not given, general": (lambda t: t.general(SET, tag="DC"), UNDECIPHERED),
    "general-ciphering without keys": (lambda _: "DD" + "00" * 5 + "00" + string("30" + "00" * 30), LESS),
    "set under glo-get": (lambda t: t.sealed(SET, tag="C8"), NO_REQUEST),
    "nothing under it": (lambda t: t.sealed(""), NO_REQUEST),
    "octets too many": (lambda t: t.sealed(SET) + "00", NO_REQUEST),
    "octets too few": (lambda t: t.sealed(SET)[:-2], NO_REQUEST),
    "no header": (lambda _: "C90430000000", NO_REQUEST),
}


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
class TestRefused:
    """Nothing is done of it, the counter is where it was, and the association goes on."""

    @pytest.mark.parametrize("suite", [0, 1, 2])
    @pytest.mark.parametrize("forgery", REFUSED)
    def test_in_an_association(self, forgery: str, suite: int) -> None:
        made, expected = REFUSED[forgery]
        asker = Asker(suite)
        asker.open()
        assert asker.is_served()
        apdu = made(asker)
        asker.counter = 2
        assert asker.ask(apdu) == expected
        assert not asker.peer.meter.written
        assert len(asker.peer.meter.errors) == 1
        assert asker.is_served()

    def test_a_request_that_is_sent_again(self) -> None:
        asker = Asker()
        asker.open()
        request = asker.sealed(SET)
        assert asker.opened(asker.ask(request)) == (BOTH, "C501C100")
        assert asker.ask(request) == COUNTER + "00000003"
        assert len(asker.peer.meter.written) == 1

    @pytest.mark.clause("Green Book 8.3, 9.2.3.3.7")
    def test_nothing_comes_after_the_last_counter(self) -> None:
        asker = Asker()
        asker.open()
        assert asker.opened(asker.ask(asker.sealed(GET_ENERGY, counter=0xFFFFFFFF))) == (BOTH, VALUE)
        for counter in (0, 2, 0xFFFFFFFF):
            assert asker.ask(asker.sealed(GET_ENERGY, counter=counter)).startswith(COUNTER)

    def test_what_is_no_request_under_a_good_ciphering_takes_its_counter(self) -> None:
        asker = Asker()
        asker.open()
        for content in (asker.sealed(SET), INITIATE, "DD", "00"):
            apdu = asker.general(content)
            assert asker.ask(apdu)[:4] == "D802"
            assert asker.ask(apdu) == COUNTER + f"{asker.counter + 1:08X}"
        assert not asker.peer.meter.written
        assert asker.is_served()

    @pytest.mark.parametrize("service", SERVICES)
    def test_every_service_in_the_clear(self, service: str) -> None:
        asker = Asker()
        asker.open()
        assert asker.ask(SERVICES[service])[:2] == "D8"
        assert not asker.peer.meter.written
        assert not asker.peer.meter.invoked
        assert asker.is_served()


@pytest.mark.clause("Green Book 8.3, 9.4.4.1")
class TestAarq:
    @pytest.mark.parametrize(
        ("initiate", "expected"),
        [
            (lambda _: INITIATE, LESS),
            (lambda t: t.sealed(INITIATE, AUTHENTICATED), LESS),
            (lambda t: t.sealed(INITIATE, ENCRYPTED), LESS),
            (lambda t: t.sealed(INITIATE, 0x70), LESS),
            (lambda t: t.sealed(INITIATE, key=bytes(16)), UNDECIPHERED),
            (lambda t: spoilt(t.sealed(INITIATE)), UNDECIPHERED),
            (lambda t: t.sealed(INITIATE, title=SERVER), UNDECIPHERED),
            (lambda t: t.sealed(INITIATE, tag="41"), UNDECIPHERED),
            (lambda t: t.sealed(INITIATE, counter=1), COUNTER + "00000003"),
            (lambda t: t.sealed(INITIATE, tag="C8"), NO_REQUEST),
            (lambda t: t.general(INITIATE, title=SERVER.hex()), LESS),
        ],
        ids=["plain", "authenticated", "encrypted", "broadcast", "key", "tag", "title", "dedicated", "counter",
             "as glo-get", "another's title"],
    )  # fmt: skip
    def test_user_information_that_opens_nothing(self, initiate: Made, expected: str) -> None:
        asker = Asker()
        asker.open()
        assert asker.is_served()
        apdu = initiate(asker)
        asker.counter = 2
        assert asker.ask(aarq(CONTEXT_CIPHERED, TITLE, user_information(apdu))) == expected
        assert asker.is_closed
        assert asker.ask(asker.sealed(GET_ENERGY)) == NOT_POSSIBLE
        asker.open()
        assert asker.is_served()

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ([CONTEXT_LN, TITLE], "01 a1 02"),  # application-context-name-not-supported
            ([CONTEXT_CIPHERED], "01 a1 03"),  # calling-AP-title-not-recognized
            ([CONTEXT_CIPHERED, "A6090407" + CLIENT.hex()[:-2]], "01 a1 03"),
        ],
        ids=["plain context", "no title", "title of 7 octets"],
    )
    def test_fields(self, fields: list[str], expected: str) -> None:
        asker = Asker()
        assert diagnostic(asker.ask(aarq(*fields, user_information(asker.sealed(INITIATE))))) == expected
        assert asker.is_closed

    def test_without_user_information_or_with_a_service_in_it(self) -> None:
        asker = Asker()
        assert diagnostic(asker.ask(aarq(CONTEXT_CIPHERED, TITLE)))[:5] == "01 a1"
        service = user_information(asker.sealed(GET_ENERGY))
        assert diagnostic(asker.ask(aarq(CONTEXT_CIPHERED, TITLE, service)))[:5] == "01 a1"
        assert asker.is_closed

    @pytest.mark.clause("Green Book 8.3, 9.4.5")
    def test_a_release_that_is_forged(self) -> None:
        asker = Asker()
        asker.open()
        for initiate in (INITIATE, spoilt(asker.sealed(INITIATE)), asker.sealed(INITIATE, counter=1)):
            information = user_information(initiate)
            assert asker.ask(f"62{len(information) // 2 + 3:02X}800100" + information)[:4] == "D801"
        asker.counter = 1
        assert asker.is_served()
        information = user_information(asker.sealed(INITIATE))
        assert asker.ask(f"62{len(information) // 2 + 3:02X}800100" + information)[:2] == "63"
        assert asker.is_closed


@pytest.mark.clause("Green Book 8.3, 9.2.3.3.3")
class TestDedicatedKey:
    KEY = bytes(range(100, 116))

    def test_has_a_counter_of_its_own(self) -> None:
        asker = Asker()
        asker.open(with_key(self.KEY))
        assert asker.is_served()  # under the global key all the same
        for counter in (0, 7):
            asked = asker.sealed(GET_ENERGY, tag="D0", key=self.KEY, counter=counter)
            assert asker.opened(asker.ask(asked), self.KEY) == (BOTH, VALUE)
            assert asker.ask(asked) == COUNTER + f"{counter + 1:08X}"
        assert asker.is_served()

    def test_ends_with_its_association(self) -> None:
        asker = Asker()
        asker.open(with_key(self.KEY))
        asker.open(with_key(self.KEY[::-1]))
        assert asker.ask(asker.sealed(GET_ENERGY, tag="D0", key=self.KEY)) == UNDECIPHERED
        asker.open()
        assert asker.ask(asker.sealed(GET_ENERGY, tag="D0", key=self.KEY[::-1])) == UNDECIPHERED

    @pytest.mark.parametrize("tag", ["C8", "D0"])
    def test_neither_key_is_taken_for_the_other(self, tag: str) -> None:
        asker = Asker()
        asker.open(with_key(self.KEY))
        key = self.KEY if tag == "C8" else asker.keys.encryption
        assert asker.ask(asker.sealed(GET_ENERGY, tag=tag, key=key)) == UNDECIPHERED

    @pytest.mark.parametrize("control", [None, 0, AUTHENTICATED], ids=["plain", "neither", "authenticated only"])
    def test_must_come_encrypted(self, control: int | None) -> None:
        asker = Asker(policy=0)
        initiate = with_key(self.KEY) if control is None else asker.sealed(with_key(self.KEY), control)
        assert asker.ask(aarq(CONTEXT_CIPHERED, TITLE, user_information(initiate))) == LESS
        assert asker.is_closed

    @pytest.mark.parametrize("size", [1, 15, 17, 32])
    def test_must_fit_the_suite(self, size: int) -> None:
        asker = Asker()
        initiate = user_information(asker.sealed(with_key(bytes(size))))
        assert diagnostic(asker.ask(aarq(CONTEXT_CIPHERED, TITLE, initiate)))[:5] == "01 a1"
        assert asker.is_closed
