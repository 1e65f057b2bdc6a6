"""Every protection of an association, both sides joined: what is on the wire, and what an attacker can do with it."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding

from cas.bindings import cosempdu as cos
from cas.dlms import errors
from cas.dlms.acse import Settings
from cas.dlms.conformance import LOGICAL_NAME, Conformance
from cas.dlms.security.authentication import Credentials, Mechanism
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.general import KeyRing
from cas.dlms.security.keys import SymmetricKeys
from cas.dlms.security.parties import KeyChoice, Parties
from cas.dlms.security.policy import Protection
from cas.dlms.security.suites import SUITES
from cas.dlms.server import ServerSettings
from cas.dlms.states import State
from cas.simulator.certificates import authority_certificate, certificate
from tests.unit.dlms.device import CLIENT_TITLE, SERVER_TITLE
from tests.unit.dlms.device import get as get_attribute
from tests.unit.dlms.joined import Joined, entropy

VALUE = "C401C100060001E240"
BOTH = Protection(authentication=True, encryption=True)
SIGNED = Protection(signature=True)


def get(class_id: int = 3) -> cos.GetRequest:
    return get_attribute(cos.CosemAttributeDescriptor(class_id=class_id, instance_id=bytes(6), attribute_id=2))


def private(suite: int, number: int) -> EllipticCurvePrivateKey:
    return derive_private_key(number, SECP256R1() if suite == 1 else SECP384R1())


def symmetric(suite: int) -> SymmetricKeys:
    size = SUITES[suite].key_length
    return SymmetricKeys(SUITES[suite], bytes(range(size)), bytes(range(1, size + 1)), master=bytes(range(2, size + 2)))


def parties(suite: int, *, own: int, peer: int, **changes: Any) -> Parties:
    """One side's keys: agreement keys are its number, signing keys a hundred more."""
    ring = KeyRing(
        symmetric(suite),
        private(suite, own),
        private(suite, peer).public_key(),
        private(suite, peer + 100).public_key(),
    )
    return Parties(ring, private(suite, own + 100), **changes)


def joined(suite: int, client: dict[str, Any] | None = None, server: dict[str, Any] | None = None) -> Joined:
    """Both sides encrypt and authenticate."""
    keys = symmetric(suite)
    ciphering = Ciphering(SUITES[suite], keys.encryption, keys.authentication)
    settings: dict[str, Any] = {
        "client_title": CLIENT_TITLE,
        "server_title": SERVER_TITLE,
        "ciphering": ciphering,
        "control": SecurityControl(suite),
        "required": BOTH,
        "conformance": LOGICAL_NAME,
    }
    offered: dict[str, Any] = {"own_title": SERVER_TITLE, "keys": keys, "required": BOTH, "random": entropy(1000)}
    return Joined(Settings(**{**settings, **(client or {})}), ServerSettings(**{**offered, **(server or {})}))


def general(suite: int, key: KeyChoice | None, *, sign: bool = False) -> Joined:
    policy = replace(BOTH, signature=sign)
    return joined(
        suite,
        {"parties": parties(suite, own=1, peer=2, key=key, sign=sign), "required": policy},
        {"parties": parties(suite, own=2, peer=1), "required": policy},
    )


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
class TestForms:
    @pytest.mark.parametrize("suite", [0, 1, 2])
    @pytest.mark.parametrize(
        ("dedicated", "in_general", "tag"),
        [(False, False, 0xC8), (False, True, 0xDB), (True, False, 0xD0), (True, True, 0xDC)],
    )
    def test_global_and_dedicated_keys(self, suite: int, dedicated: bool, in_general: bool, tag: int) -> None:
        both = joined(suite, {"dedicated_key": dedicated, "general": in_general})
        both.open()
        assert both.ask(get()) == VALUE
        assert both.sent[-1][0] == tag
        assert both.received[-1][0] == (tag if in_general else tag + 4)
        assert both.release().user_information is not None

    def test_every_association_has_a_dedicated_key_of_its_own(self) -> None:
        both = joined(0, {"dedicated_key": True})
        both.open()
        first = both.client._channel.dedicated
        both.client.abort()
        both.open()
        assert both.client._channel.dedicated is not first
        assert both.ask(get())[:4] == "C401"

    @pytest.mark.parametrize("key", [KeyChoice.IDENTIFIED, KeyChoice.WRAPPED])
    def test_general_ciphering_in_suite_0(self, key: KeyChoice) -> None:
        ring = KeyRing(symmetric(0))
        self.check_general(joined(0, {"parties": Parties(ring, key=key)}, {"parties": Parties(ring)}))

    @pytest.mark.parametrize("sign", [False, True])
    @pytest.mark.parametrize("key", KeyChoice)
    @pytest.mark.parametrize("suite", [1, 2])
    def test_general_ciphering(self, suite: int, key: KeyChoice, sign: bool) -> None:
        self.check_general(general(suite, key, sign=sign))

    def check_general(self, both: Joined) -> None:
        both.open()
        for number in range(3):
            assert both.ask(get()) == VALUE, number
        assert {apdu[0] for apdu in both.sent[1:] + both.received[1:]} == {221}
        assert SERVER_TITLE in both.sent[-1]

    @pytest.mark.parametrize("suite", [1, 2])
    def test_general_signing_around_plain_apdus(self, suite: int) -> None:
        changes: dict[str, Any] = {"required": SIGNED}
        both = joined(
            suite,
            {**changes, "control": None, "parties": parties(suite, own=1, peer=2, sign=True)},
            {**changes, "required": Protection(), "parties": parties(suite, own=2, peer=1)},
        )
        both.open()
        both.server.association._channel.parties = parties(suite, own=2, peer=1)
        both.server.association._channel.random = entropy()
        both.server.association._channel.peer_title = CLIENT_TITLE
        assert both.ask(get()) == VALUE
        assert both.sent[-1][0] == both.received[-1][0] == 223

    def test_a_long_answer_signed_and_ciphered_in_blocks(self) -> None:
        both = general(1, KeyChoice.ONE_PASS, sign=True)
        both.client.settings = replace(both.client.settings, max_pdu=1000)
        both.open()
        assert len(both.ask(get(class_id=1))) // 2 == 4 + 4 + 768
        assert max(map(len, both.received)) <= 1000

    @pytest.mark.parametrize("sign", [False, True])
    @pytest.mark.parametrize("key", KeyChoice)
    def test_a_long_answer_in_blocks_of_get(self, key: KeyChoice, sign: bool) -> None:
        """What general-ciphering and general-signing add is left room for, though the AARQ had none of it."""
        both = general(1, key, sign=sign)
        both.client.settings = replace(
            both.client.settings, max_pdu=500, conformance=LOGICAL_NAME & ~Conformance.GENERAL_BLOCK_TRANSFER
        )
        both.open()
        assert len(both.ask(get(class_id=1))) // 2 == 4 + 4 + 768
        assert max(map(len, both.received)) <= 500


@pytest.mark.clause("Green Book 8.3, 9.2.7.4")
class TestEcdsa:
    @pytest.mark.parametrize("suite", [1, 2])
    def test_both_sides_prove_themselves(self, suite: int) -> None:
        both = self.ecdsa(suite)
        both.open()
        assert both.client.state is State.ASSOCIATED
        assert both.ask(get()) == VALUE

    @pytest.mark.parametrize("side", ["client", "server"])
    def test_a_key_of_somebody_else(self, side: str) -> None:
        both = self.ecdsa(1, **{side: 77})
        with pytest.raises(errors.AuthenticationFailed):
            both.open()
        assert both.client.state is State.IDLE

    @pytest.mark.clause("Green Book 8.3, 9.2.6.6")
    @pytest.mark.parametrize("suite", [1, 2])
    def test_only_the_authority_is_known_and_both_show_certificates(self, suite: int) -> None:
        both = self.certified(suite)
        both.open()
        assert both.ask(get()) == VALUE
        assert b"\xa7\x82" in both.sent[0]  # calling-AE-qualifier
        assert b"\xa5\x82" in both.received[0]  # responding-AE-qualifier

    @pytest.mark.parametrize(
        ("spoilt", "why"),
        [
            ({"authority": 999}, "not signed by the authority"),
            ({"title": CLIENT_TITLE}, "names 4D4D4D0000000001"),
            ({"purpose": 1}, "not one for signatures"),
            ({"key": 77}, "does not fit|is wrong"),
            ({"shown": False}, "shows no certificate"),
            ({"shown": b"\x30\x00"}, "cannot be used"),
        ],
    )
    def test_a_certificate_of_the_meter_that_is_not_believed(self, spoilt: dict[str, Any], why: str) -> None:
        both = self.certified(1, **spoilt)
        with pytest.raises(errors.AuthenticationFailed, match=why):
            both.open()
        assert both.client.state is State.IDLE

    def test_a_certificate_of_the_client_that_is_not_believed(self) -> None:
        both = self.certified(1, client_authority=999)
        with pytest.raises(errors.AssociationRefused, match="authentication-failure"):
            both.open()

    def test_another_key_than_the_registered_one_is_told(self) -> None:
        both = self.certified(1)
        known = replace(both.client.settings.credentials, public_key=private(1, 5).public_key(), authority=None)
        both.client.settings = replace(both.client.settings, credentials=known)
        with pytest.raises(errors.AuthenticationFailed, match="has it a new key pair"):
            both.open()

    def certified(
        self,
        suite: int,
        *,
        authority: int = 900,
        client_authority: int = 900,
        title: bytes = SERVER_TITLE,
        purpose: int = 0,
        key: int = 2,
        shown: bytes | bool = True,
    ) -> Joined:
        """Either side knows the other by authority 900 only."""

        def issued(by: int, title: bytes, number: int, purpose: int = 0) -> bytes:
            found = certificate(private(suite, by), title, private(suite, number).public_key(), purpose)
            return found.public_bytes(Encoding.DER)

        anchor = authority_certificate(private(suite, 900))
        theirs = issued(authority, title, key, purpose) if shown is True else shown or None
        ours = Credentials(
            private_key=private(suite, 1), authority=anchor, certificate=issued(client_authority, CLIENT_TITLE, 1)
        )
        server = Credentials(private_key=private(suite, 2), authority=anchor, certificate=theirs)
        return joined(
            suite,
            {"mechanism": Mechanism.HIGH_ECDSA, "credentials": ours},
            {"mechanism": Mechanism.HIGH_ECDSA, "credentials": server},
        )

    def ecdsa(self, suite: int, client: int = 1, server: int = 2) -> Joined:
        ours = Credentials(private_key=private(suite, client), public_key=private(suite, 2).public_key())
        theirs = Credentials(private_key=private(suite, server), public_key=private(suite, 1).public_key())
        return joined(
            suite,
            {"mechanism": Mechanism.HIGH_ECDSA, "credentials": ours},
            {"mechanism": Mechanism.HIGH_ECDSA, "credentials": theirs},
        )


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
class TestAttacks:
    @pytest.mark.parametrize("key", KeyChoice)
    def test_an_answer_of_an_earlier_request(self, key: KeyChoice) -> None:
        both = general(1, key)
        both.open()
        both.ask(get())
        earlier = both.received[-1]
        both.spoil = lambda _octets: earlier
        with pytest.raises((errors.PolicyViolation, errors.ReplayedCounter)):
            both.ask(get())

    @pytest.mark.parametrize("sign", [False, True])
    @pytest.mark.parametrize("key", KeyChoice)
    def test_any_octet_changed(self, key: KeyChoice, sign: bool) -> None:
        """Anywhere: in a title, the key-info, the content, the signature."""
        size = len(self.answer(key, sign=sign))
        for place in range(0, size, 7):
            both = general(1, key, sign=sign)
            both.open()

            def changed(octets: bytes, place: int = place) -> bytes:
                return octets[:place] + bytes((octets[place] ^ 1,)) + octets[place + 1 :]

            both.spoil = changed
            with pytest.raises(errors.DlmsError):
                both.ask(get())

    def test_an_answer_that_is_not_signed(self) -> None:
        both = general(1, KeyChoice.IDENTIFIED, sign=True)
        both.open()
        channel = both.server.association._channel
        seal = channel.seal

        def unsigned(plain: bytes, **given: Any) -> bytes:
            channel.parties = replace(channel.parties, sign=False) if channel.parties else None
            return seal(plain, **given)

        both.server.association._channel = _Replaced(channel, unsigned)  # type: ignore[assignment]  # by duck type
        with pytest.raises(errors.PolicyViolation, match="signed"):
            both.ask(get())

    def test_an_answer_for_somebody_else(self) -> None:
        both = general(1, KeyChoice.IDENTIFIED)
        both.open()
        other = bytes(8)
        both.spoil = lambda octets: octets.replace(CLIENT_TITLE, other)
        with pytest.raises(errors.WrongSystemTitle):
            both.ask(get())

    def test_the_counter_of_an_earlier_association(self) -> None:
        """What was accepted before is remembered: the same octets open no second association."""
        both = joined(0)
        both.open()
        last = both.client.last_counter
        assert last is not None
        again = joined(0, {"last_counter": last + 1})
        with pytest.raises(errors.ReplayedCounter):
            again.open()

    def answer(self, key: KeyChoice, *, sign: bool) -> bytes:
        both = general(1, key, sign=sign)
        both.open()
        both.ask(get())
        return both.received[-1]


class _Replaced:
    """A channel whose `seal` is another."""

    def __init__(self, channel: Any, seal: Any) -> None:
        self.__dict__["channel"] = channel
        self.__dict__["seal"] = seal

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["channel"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["channel"], name, value)


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
def test_requests_and_answers_have_a_policy_each() -> None:
    """Requests authenticated, answers encrypted besides."""
    both = joined(
        0,
        {"control": SecurityControl(0, authentication=True, encryption=False)},
        {"required": Protection(authentication=True), "response": BOTH},
    )
    both.open()
    assert both.ask(get()) == VALUE
    assert both.sent[-1][2] == 0x10
    assert both.received[-1][2] == 0x30
