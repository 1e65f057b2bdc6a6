"""The server's passes 3 and 4 of high level security as a conformance test asks for them, each mechanism in each suite.

Octets in, octets out; what a side proves itself with is made here and by `judge`, from the Green Book's formulas.
"""

import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from cas.dlms.security.authentication import Credentials, Mechanism
from cas.dlms.security.keys import Secret
from cas.dlms.states import State
from tests.conformance.test_server_acse import CONTEXT_LN, NOT_POSSIBLE, SERVICES, aarq, diagnostic, user_information
from tests.conformance.test_server_security import (
    AUTHENTICATED,
    CONTEXT_CIPHERED,
    COUNTER,
    ENCRYPTED,
    GET_ENERGY,
    LESS,
    S_TO_C,
    TITLE,
    VALUE,
    Asker,
    string,
)
from tests.unit.dlms.security import judge
from tests.unit.dlms.test_protection import private, symmetric
from tests.unit.dlms.test_server import CLIENT, INITIATE, REPLY_TO_HLS, SERVER

C_TO_S = bytes(range(32))
SECRET = b"a secret of HLS!"
MECHANISMS = [(2, 0), (3, 0), (4, 0), (5, 0), (5, 1), (5, 2), (6, 0), (7, 1), (7, 2)]


def side(suite: int) -> judge.Side:
    keys = symmetric(suite)
    theirs = private(suite, 102).public_key()
    return judge.Side(suite, CLIENT, keys.encryption, keys.authentication, bytes(16), private(suite, 101),
                      private(suite, 1), theirs, theirs)  # fmt: skip


def proof(mechanism: int, suite: int, counter: int = 1, challenge: bytes = S_TO_C) -> bytes:
    """f(StoC), the client's."""
    return digest(mechanism, challenge, CLIENT, SERVER, C_TO_S, suite, counter)


def digest(
    mechanism: int, challenge: bytes, sender: bytes, receiver: bytes, other: bytes, suite: int, counter: int
) -> bytes:
    match mechanism:
        case 2:
            return Cipher(algorithms.AES(SECRET), modes.ECB()).encryptor().update(challenge)  # noqa: S305 - as it is
        case 3 | 4:
            name = {3: "md5", 4: "sha1"}[mechanism]
            return hashlib.new(name, challenge + SECRET, usedforsecurity=False).digest()
        case 5:
            keys = symmetric(suite)
            made = judge.protect(challenge, 0x10 | suite, keys.encryption, keys.authentication, sender, counter)
            return made[:5] + made[-12:]
        case 6:
            return hashlib.sha256(SECRET + sender + receiver + challenge + other).digest()
        case _:
            return judge.signature(side(suite), sender + receiver + challenge + other)


def reply(octets: bytes) -> str:
    return REPLY_TO_HLS[:-2] + string(octets.hex())


def hls(mechanism: int, suite: int) -> Asker:
    credentials = Credentials(
        secret=Secret(SECRET),
        private_key=private(suite, 102) if suite else None,
        public_key=private(suite, 101).public_key() if suite else None,
    )
    return Asker(suite, policy=0, mechanism=Mechanism(mechanism), credentials=credentials)


def hls_aarq(mechanism: int, challenge: bytes = C_TO_S, *, context: str = CONTEXT_LN, initiate: str = INITIATE) -> str:
    authentication = "8A020780" + f"8B07608574050802{mechanism:02X}"
    value = f"AC{len(challenge) + 2:02X}80{len(challenge):02X}" + challenge.hex()
    return aarq(context, TITLE, authentication, value, user_information(initiate))


@pytest.mark.clause("Green Book 8.3, 9.2.7.4")
class TestHighLevelSecurity:
    @pytest.mark.parametrize(("mechanism", "suite"), MECHANISMS)
    def test_both_sides_prove_themselves(self, mechanism: int, suite: int) -> None:
        asker = hls(mechanism, suite)
        answer = asker.ask(hls_aarq(mechanism))
        assert diagnostic(answer) == "00 a1 0e"  # accepted, authentication-required
        assert "AA228020" + S_TO_C.hex().upper() in answer
        answer = asker.ask(reply(proof(mechanism, suite)))
        assert answer.startswith("C701C1" + "00" + "0100" + "09")
        given, at = judge.taken(bytes.fromhex(answer), 7)
        assert at == len(answer) // 2
        if mechanism == Mechanism.HIGH_ECDSA:
            judge.check_signature(side(suite), SERVER + CLIENT + C_TO_S + S_TO_C, given)
        else:
            counter = int.from_bytes(given[1:5], "big")
            assert given == digest(mechanism, C_TO_S, SERVER, CLIENT, S_TO_C, suite, counter)
        assert asker.ask(GET_ENERGY) == VALUE

    @pytest.mark.parametrize("service", [name for name in SERVICES if name != "glo-get"])
    @pytest.mark.parametrize(("mechanism", "suite"), [(3, 0), (5, 0), (7, 1)])
    def test_nothing_is_served_before(self, mechanism: int, suite: int, service: str) -> None:
        asker = hls(mechanism, suite)
        asker.ask(hls_aarq(mechanism))
        assert asker.ask(SERVICES[service]) == NOT_POSSIBLE
        assert not asker.peer.meter.written
        assert not asker.peer.meter.invoked
        assert asker.ask(reply(proof(mechanism, suite))).startswith("C701C10001")

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda right: right[:-1] + bytes((right[-1] ^ 1,)),
            lambda right: bytes((right[0] ^ 1,)) + right[1:],
            lambda right: right[:-1],
            lambda right: right + b"\0",
            lambda _: b"",
            lambda _: S_TO_C,
        ],
        ids=["last octet", "first octet", "short", "long", "empty", "the challenge"],
    )
    @pytest.mark.parametrize(("mechanism", "suite"), MECHANISMS)
    def test_a_wrong_proof_ends_it(self, mechanism: int, suite: int, wrong: Callable[[bytes], bytes]) -> None:
        asker = hls(mechanism, suite)
        asker.ask(hls_aarq(mechanism))
        right = proof(mechanism, suite)
        assert asker.ask(reply(wrong(right))) == "C701C1FA00"  # other-reason
        assert asker.is_closed
        for request in (GET_ENERGY, reply(right)):
            assert asker.ask(request) == NOT_POSSIBLE

    @pytest.mark.parametrize(("mechanism", "suite"), MECHANISMS)
    def test_a_proof_for_another_challenge(self, mechanism: int, suite: int) -> None:
        """Such as the server's own proof, reflected, or that of an earlier association."""
        asker = hls(mechanism, suite)
        for challenge in (C_TO_S, S_TO_C[::-1]):
            asker.ask(hls_aarq(mechanism))
            assert asker.ask(reply(proof(mechanism, suite, challenge=challenge))) == "C701C1FA00"
            assert asker.is_closed

    @pytest.mark.parametrize(("mechanism", "suite"), MECHANISMS)
    @pytest.mark.parametrize("challenge", [S_TO_C, bytes(7), bytes(65)], ids=["reflected", "7 octets", "65 octets"])
    def test_challenges_that_are_refused(self, mechanism: int, suite: int, challenge: bytes) -> None:
        asker = hls(mechanism, suite)
        assert diagnostic(asker.ask(hls_aarq(mechanism, challenge))) == "01 a1 0d"  # authentication-failure
        assert asker.is_closed

    @pytest.mark.parametrize(("mechanism", "size"), [(3, 8), (3, 64), (5, 8), (5, 64), (7, 32), (7, 64), (7, 31)])
    def test_lengths_of_challenges(self, mechanism: int, size: int) -> None:
        expected = "01 a1 0d" if (mechanism, size) == (7, 31) else "00 a1 0e"
        assert diagnostic(hls(mechanism, mechanism // 7).ask(hls_aarq(mechanism, bytes(size)))) == expected

    @pytest.mark.parametrize("other", [1, 2, 3, 4, 6, 7, 8])
    def test_another_mechanism(self, other: int) -> None:
        asker = hls(5, 0)
        assert diagnostic(asker.ask(hls_aarq(other))) == "01 a1 0b"  # authentication-mechanism-name-not-recognised
        assert asker.is_closed

    @pytest.mark.parametrize(
        ("inner", "outer", "expected"),
        [(3, 2, None), (2, 3, None), (2, 2, COUNTER), (1, 2, COUNTER)],
        ids=["after", "before", "the same", "used"],
    )
    def test_the_counter_of_a_gmac_under_ciphering(self, inner: int, outer: int, expected: str | None) -> None:
        """The GMAC and the ciphering around it are under one key: no counter may serve both."""
        asker = Asker(mechanism=Mechanism.HIGH_GMAC)
        initiate = asker.sealed(INITIATE)
        assert diagnostic(asker.ask(hls_aarq(5, context=CONTEXT_CIPHERED, initiate=initiate))) == "00 a1 0e"
        asker.counter = 3
        answer = asker.ask(asker.sealed(reply(proof(5, 0, counter=inner)), counter=outer))
        if expected is None:
            assert asker.opened(answer)[1].startswith("C701C10001")
            assert asker.is_served()
        else:
            assert answer.startswith(expected)
            assert asker.is_closed

    @pytest.mark.parametrize("control", [None, 0, AUTHENTICATED, ENCRYPTED])
    def test_a_proof_that_is_less_protected_than_the_policy(self, control: int | None) -> None:
        asker = Asker(mechanism=Mechanism.HIGH_GMAC)
        asker.ask(hls_aarq(5, context=CONTEXT_CIPHERED, initiate=asker.sealed(INITIATE)))
        apdu = reply(proof(5, 0, counter=9))
        assert asker.ask(apdu if control is None else asker.sealed(apdu, control)) == LESS
        assert asker.peer.association.state is State.AUTHENTICATING
