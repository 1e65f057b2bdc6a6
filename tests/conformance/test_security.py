"""Security as a conformance test asks for it: what each side must refuse, and what it says (Green Book 8.3, 9.2.7)."""

from dataclasses import replace
from typing import Any

import pytest

from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.errors import DecipheringError, DlmsError, PolicyViolation, ReplayedCounter
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.wrapping import unwrap, wrap
from cas.dlms.states import State
from tests.unit.dlms.device import CLIENT_TITLE, get
from tests.unit.dlms.test_protection import BOTH, joined
from tests.unit.dlms.test_protection import get as get_energy

NOT_ALLOWED = {"plain": "D80103", "less": "D80103", "wrong key": "D80105", "replayed": "D80106"}


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
class TestServer:
    """What the meter's side answers to requests that it must not serve."""

    def ask(self, apdu: bytes) -> str:
        self.both = joined(0)
        self.both.open()
        (answer,) = self.both.server.receive(apdu)
        return answer.hex().upper()

    def sealed(self, counter: int, control: SecurityControl | None = None) -> bytes:
        ciphering = joined(0).client.settings.ciphering
        assert ciphering is not None
        plain = encode_apdu(get())
        return wrap(plain[0], ciphering.protect(plain, CLIENT_TITLE, counter, control or SecurityControl()))

    def test_a_plain_request(self) -> None:
        assert self.ask(encode_apdu(get())) == NOT_ALLOWED["plain"]

    @pytest.mark.parametrize(("authentication", "encryption"), [(True, False), (False, True), (False, False)])
    def test_less_than_the_policy(self, authentication: bool, encryption: bool) -> None:
        control = SecurityControl(0, authentication, encryption)
        assert self.ask(self.sealed(50, control)) == NOT_ALLOWED["less"]

    def test_a_tag_that_is_wrong(self) -> None:
        apdu = self.sealed(50)
        assert self.ask(apdu[:-1] + bytes((apdu[-1] ^ 1,))) == NOT_ALLOWED["wrong key"]

    def test_a_counter_that_was_used(self) -> None:
        assert self.ask(self.sealed(1)).startswith(NOT_ALLOWED["replayed"])

    @pytest.mark.parametrize("control", [0x70, 0xB0])
    def test_the_broadcast_key_and_compression_have_no_place(self, control: int) -> None:
        apdu = bytearray(self.sealed(50))
        apdu[2] = control
        assert self.ask(bytes(apdu)).startswith("D801")

    def test_the_association_survives_all_of_them(self) -> None:
        for apdu in (encode_apdu(get()), self.sealed(1), self.sealed(50)[:-1]):
            self.ask(apdu)
            assert self.both.ask(get_energy()).startswith("C401")


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
