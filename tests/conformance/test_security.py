"""The client's security as a conformance test asks for it: what it must refuse of a meter (Green Book 8.3, 9.2.7)."""

from dataclasses import replace
from typing import Any, cast

import pytest

from cas.bindings import cosempdu as cos
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.errors import (
    AuthenticationFailed,
    DecipheringError,
    DecodeError,
    DlmsError,
    PolicyViolation,
    ReplayedCounter,
    UnexpectedApdu,
    WrongSystemTitle,
)
from cas.dlms.security.authentication import Credentials, Mechanism
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.keys import Secret
from cas.dlms.security.policy import Protection
from cas.dlms.security.suites import SUITES
from cas.dlms.security.wrapping import unwrap
from cas.dlms.states import State
from tests.unit.dlms.device import CLIENT_TITLE, SERVER_TITLE
from tests.unit.dlms.joined import Joined
from tests.unit.dlms.security import judge
from tests.unit.dlms.test_protection import BOTH, VALUE, joined, symmetric
from tests.unit.dlms.test_protection import get as get_energy


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
class TestClient:
    """What our side refuses of a meter; whatever it is, the association is over, and nothing of it is believed."""

    @pytest.mark.parametrize(
        ("spoil", "error"),
        [
            (lambda octets: decode_and_strip(octets), PolicyViolation),
            (lambda octets: octets[:-1] + bytes((octets[-1] ^ 1,)), DecipheringError),
            (lambda octets: octets[:2] + bytes((0x10,)) + octets[3:], DlmsError),
            (lambda octets: octets[:2] + bytes((0xB0,)) + octets[3:], PolicyViolation),
            (lambda octets: octets[:2] + bytes((0x31,)) + octets[3:], PolicyViolation),
        ],
        ids=["plain", "wrong tag", "less", "compressed", "another suite"],
    )
    def test_an_answer_that_may_be_forged(self, spoil: Any, error: type[DlmsError]) -> None:
        both = joined(0)
        both.open()
        both.spoil = spoil
        with pytest.raises(error) as caught:
            both.ask(get_energy())
        assert not caught.value.association_usable

    def test_an_answer_that_was_given_before(self) -> None:
        both = joined(0)
        both.open()
        both.ask(get_energy())
        earlier = both.received[-1]
        both.spoil = lambda _octets: earlier
        with pytest.raises(ReplayedCounter):
            both.ask(get_energy())

    @pytest.mark.parametrize(
        ("how", "error"),
        [
            ({"title": CLIENT_TITLE}, DecipheringError),
            ({"title": bytes(8)}, DecipheringError),
            ({"key": bytes(16)}, DecipheringError),
            ({"authentication": bytes(16)}, DecipheringError),
            ({"counter": 1}, ReplayedCounter),
            ({"counter": 0}, ReplayedCounter),
            ({"control": 0x70}, PolicyViolation),
            ({"general": CLIENT_TITLE, "title": CLIENT_TITLE}, WrongSystemTitle),
            ({"general": bytes(8)}, WrongSystemTitle),
            ({"tag": 0xD4}, DecipheringError),
            ({"tag": 0xCD}, UnexpectedApdu),
        ],
        ids=["our own title", "another title", "another key", "another authentication key", "counter of the AARE",
             "counter 0", "broadcast key", "our own title in general", "another title in general",
             "dedicated key not given", "as glo-set-response"],
    )  # fmt: skip
    def test_an_answer_of_somebody_else(self, how: dict[str, Any], error: type[DlmsError]) -> None:
        both = joined(0)
        both.open()
        both.spoil = lambda octets: resealed(octets, **how)
        with pytest.raises(error) as caught:
            both.ask(get_energy())
        assert not caught.value.association_usable

    @pytest.mark.parametrize("given", range(4))
    @pytest.mark.parametrize("required", range(4))
    def test_the_least_protection_of_answers(self, required: int, given: int) -> None:
        """1: authenticated, 2: encrypted."""
        both = joined(0, {"required": Protection(bool(required & 1), bool(required & 2))})
        both.open()
        both.spoil = lambda octets: resealed(octets, control=given << 4)
        if required & ~given:
            with pytest.raises(PolicyViolation):
                both.ask(get_energy())
        else:
            assert both.ask(get_energy()) == VALUE

    def test_an_aare_that_is_not_ciphered_as_asked(self) -> None:
        both = joined(0, {"required": BOTH})
        both.spoil = lambda octets: encode_apdu(plain_aare(octets))
        with pytest.raises(PolicyViolation):
            both.open()
        assert both.client.state is State.IDLE

    def test_an_rlre_that_is_not_the_meters(self) -> None:
        both = joined(0)
        both.open()
        both.spoil = lambda octets: octets[:-1] + bytes((octets[-1] ^ 1,))
        with pytest.raises(DecipheringError):
            both.release()
        assert both.client.state is State.IDLE

    @pytest.mark.clause("Green Book 8.3, 9.2.3.3.3")
    @pytest.mark.parametrize(("authentication", "encryption"), [(True, False), (False, True), (True, True)])
    def test_a_dedicated_key_is_never_told_in_the_clear(self, authentication: bool, encryption: bool) -> None:
        policy = Protection(authentication, encryption)
        control = SecurityControl(0, authentication, encryption)
        both = joined(0, {"dedicated_key": True, "control": control, "required": policy}, {"required": policy})
        both.open()
        sent: Any = decode_apdu(both.sent[0])
        initiate = sent.user_information
        keys = symmetric(0)
        told: Any = decode_apdu(judge.unprotect(initiate[2:], keys.encryption, keys.authentication, CLIENT_TITLE))
        assert initiate[2] == 0x30
        assert told.dedicated_key not in both.sent[0]
        assert both.ask(get_energy()) == VALUE
        assert both.sent[-1][2] == control.octet  # what follows is protected as configured


@pytest.mark.clause("Green Book 8.3, 9.4.4.1")
class TestAare:
    """An AARE that opens nothing."""

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"user_information": None}, DecodeError),
            ({"responding_ap_title": CLIENT_TITLE}, WrongSystemTitle),
            ({"application_context_name": "2.16.756.5.8.1.1"}, UnexpectedApdu),
            ({"mechanism_name": "2.16.756.5.8.2.1"}, UnexpectedApdu),
            ({"user_information": bytes.fromhex("0800065F1F040000501F01F40007")}, PolicyViolation),
            ({"user_information": bytes.fromhex("280530000000FF")}, DecodeError),
        ],
        ids=["no user-information", "our own title", "plain context", "another mechanism", "plain", "no tag"],
    )
    def test_fields(self, changes: dict[str, Any], error: type[DlmsError]) -> None:
        both = joined(0)
        both.spoil = lambda octets: encode_apdu(replace(cast("cos.AareApdu", decode_apdu(octets)), **changes))
        with pytest.raises(error):
            both.open()
        assert both.client.state is State.IDLE

    def test_a_challenge_that_is_our_own(self) -> None:
        both = high(Mechanism.HIGH_GMAC)
        ours = cos.AuthenticationValue(charstring=b"client's challenge".ljust(32))
        both.spoil = lambda octets: encode_apdu(
            replace(cast("cos.AareApdu", decode_apdu(octets)), responding_authentication_value=ours)
        )
        with pytest.raises(AuthenticationFailed, match="our own challenge"):
            both.open()
        assert len(both.sent) == 1  # no proof is given
        assert both.client.state is State.IDLE

    @pytest.mark.parametrize("value", [None, b"", b"7 octet", bytes(65)], ids=["none", "empty", "short", "long"])
    def test_a_challenge_that_is_none(self, value: bytes | None) -> None:
        both = high(Mechanism.HIGH_SHA256)
        theirs = None if value is None else cos.AuthenticationValue(charstring=value)
        both.spoil = lambda octets: encode_apdu(
            replace(cast("cos.AareApdu", decode_apdu(octets)), responding_authentication_value=theirs)
        )
        with pytest.raises(AuthenticationFailed):
            both.open()
        assert len(both.sent) == 1
        assert both.client.state is State.IDLE

    @pytest.mark.clause("Green Book 8.3, 9.2.7.4")
    @pytest.mark.parametrize("spoil", ["wrong", "ours", "refused", "missing"])
    @pytest.mark.parametrize("mechanism", [*range(2, 7)])
    def test_a_meter_that_does_not_prove_itself(self, mechanism: int, spoil: str) -> None:
        both = high(Mechanism(mechanism))

        def spoilt(octets: bytes) -> bytes:
            if octets[0] == 0x61:
                return octets
            head = octets[:3]
            match spoil:
                case "wrong":
                    return octets[:-1] + bytes((octets[-1] ^ 1,))
                case "ours":  # the client's own proof come back
                    proof = both.sent[-1].partition(b"\x00\x00\x28\x00\x00\xff\x01\x01")[2]
                    return head + bytes.fromhex("000100") + proof
                case "refused":
                    return head + bytes.fromhex("FA00")
                case _:
                    return head + bytes.fromhex("0000")

        both.spoil = spoilt
        with pytest.raises(AuthenticationFailed):
            both.open()
        assert both.client.state is State.IDLE


def high(mechanism: Mechanism) -> Joined:
    """High level security; what follows is not ciphered."""
    keys = symmetric(0)
    secret = Secret(b"a secret of HLS!")
    ciphering = Ciphering(SUITES[0], keys.encryption, keys.authentication)
    return joined(
        0,
        {
            "control": None,
            "required": Protection(),
            "mechanism": mechanism,
            "credentials": Credentials(secret=secret, ciphering=ciphering),
        },
        {"required": Protection(), "mechanism": mechanism, "credentials": Credentials(secret=secret)},
    )


def resealed(
    octets: bytes,
    *,
    control: int = 0x30,
    title: bytes = SERVER_TITLE,
    key: bytes | None = None,
    authentication: bytes | None = None,
    counter: int = 1000,
    tag: int | None = None,
    general: bytes | None = None,
) -> bytes:
    """The answer ciphered anew, otherwise than the meter does it."""
    keys = symmetric(0)
    plain = judge.unprotect(octets[2:], keys.encryption, keys.authentication, SERVER_TITLE)
    authentication = authentication or keys.authentication
    protected = judge.string(judge.protect(plain, control, key or keys.encryption, authentication, title, counter))
    if general is not None:
        return b"\xdb" + judge.string(general) + protected
    return bytes((tag or octets[0],)) + protected


def decode_and_strip(octets: bytes) -> bytes:
    """What stood under the ciphering, in the clear."""
    both = joined(0)
    assert both.client.settings.ciphering is not None
    title = both.client.settings.server_title or b""
    return both.client.settings.ciphering.unprotect(unwrap(octets).content, title).plain


def plain_aare(octets: bytes) -> Any:
    """The AARE with its user-information in the clear."""

    aare: Any = decode_apdu(octets)
    return replace(aare, user_information=decode_and_strip(aare.user_information))
