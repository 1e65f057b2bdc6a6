"""What a second implementation (`judge`) makes, our side opens; what our side makes, it opens."""

import random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cas.dlms.errors import DlmsError, PolicyViolation, ReplayedCounter, WrongSystemTitle
from cas.dlms.protection import Channel
from cas.dlms.security import rekeying
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.general import KeyRing
from cas.dlms.security.keys import SymmetricKeys
from cas.dlms.security.parties import KeyChoice, Parties
from cas.dlms.security.policy import Protection
from cas.dlms.security.suites import SUITES
from tests.unit.dlms.device import Counter
from tests.unit.dlms.security import judge

OURS, THEIRS = b"CAS\0\0\0\0\1", b"JDG\0\0\0\0\1"
KINDS = {
    "identified": KeyChoice.IDENTIFIED,
    "wrapped": KeyChoice.WRAPPED,
    "one-pass": KeyChoice.ONE_PASS,
    "static": KeyChoice.STATIC,
}
REQUEST, ANSWER = bytes.fromhex("C001C100030100010800FF0200"), bytes.fromhex("C401C100060001E240")
pytestmark = pytest.mark.clause("Green Book 8.3, 9.2.7.2", "Green Book 8.3, 9.2.3.4.6")


def sides(suite: int) -> tuple[SymmetricKeys, list[ec.EllipticCurvePrivateKey], judge.Side]:
    """Keys that differ from suite to suite: the symmetric ones, ours to sign and agree with, and the judge's side."""
    draw = random.Random(suite)
    size = SUITES[suite].key_length
    symmetric = SymmetricKeys(
        SUITES[suite], draw.randbytes(size), draw.randbytes(size), draw.randbytes(size), draw.randbytes(size)
    )
    private = [ec.derive_private_key(draw.getrandbits(200), judge.CURVES[suite]) for _ in range(4)]
    theirs = judge.Side(
        suite,
        THEIRS,
        symmetric.encryption,
        symmetric.authentication,
        symmetric.master or b"",
        private[2],
        private[3],
        private[0].public_key(),
        private[1].public_key(),
    )
    return symmetric, private[:2], theirs


def channel(suite: int, **changes: Any) -> tuple[Channel, judge.Side]:
    symmetric, (signing, agreement), theirs = sides(suite)
    ring = KeyRing(symmetric, agreement, theirs.agreement.public_key(), theirs.signing.public_key())
    given: dict[str, Any] = {
        "ciphering": Ciphering(SUITES[suite], symmetric.encryption, symmetric.authentication),
        "control": SecurityControl(suite),
        "required": Protection(authentication=True, encryption=True),
        "take_counter": Counter(),
        "peer_title": THEIRS,
        "random": random.Random(suite).randbytes,
    }
    key, sign = changes.pop("key", None), changes.pop("sign", False)
    return Channel(OURS, parties=Parties(ring, signing, key, sign), **{**given, **changes}), theirs


@pytest.mark.parametrize("suite", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
class TestCiphering:
    def test_a_request_and_its_answer(self, suite: int, kind: str) -> None:
        ours, theirs = channel(suite, key=KINDS[kind])
        for counter in range(1, 4):
            name, transaction, plain = judge.decipher(theirs, ours.seal(REQUEST))
            assert (name, plain) == (kind, REQUEST)
            assert ours.open(judge.cipher(theirs, OURS, ANSWER, kind, counter, transaction)) == ANSWER

    def test_signed_and_ciphered(self, suite: int, kind: str) -> None:
        required = Protection(authentication=True, encryption=True, signature=True)
        ours, theirs = channel(suite, key=KINDS[kind], sign=True, required=required)
        _, transaction, signed = judge.decipher(theirs, ours.seal(REQUEST))
        assert judge.check(theirs, signed) == (transaction, REQUEST)
        inner = judge.sign(theirs, OURS, ANSWER, transaction)
        with pytest.raises(PolicyViolation):
            ours.open(judge.cipher(theirs, OURS, ANSWER, kind, 1, transaction))
        assert ours.open(judge.cipher(theirs, OURS, inner, kind, 2, transaction)) == ANSWER

    def test_nothing_is_taken_twice_or_from_another_exchange(self, suite: int, kind: str) -> None:
        ours, theirs = channel(suite, key=KINDS[kind])
        _, first, _ = judge.decipher(theirs, ours.seal(REQUEST))
        answer = judge.cipher(theirs, OURS, ANSWER, kind, 1, first)
        assert ours.open(answer) == ANSWER
        ours.seal(REQUEST)
        with pytest.raises(ReplayedCounter if kind == "identified" else PolicyViolation):
            ours.open(answer)

    def test_nothing_is_taken_of_others_or_for_others(self, suite: int, kind: str) -> None:
        ours, theirs = channel(suite, key=KINDS[kind])
        _, transaction, _ = judge.decipher(theirs, ours.seal(REQUEST))
        with pytest.raises(WrongSystemTitle):
            ours.open(judge.cipher(theirs, b"ELSE\0\0\0\1", ANSWER, kind, 1, transaction))
        apdu = judge.cipher(theirs, OURS, ANSWER, kind, 1, transaction)
        with pytest.raises(WrongSystemTitle):
            ours.open(apdu.replace(THEIRS, b"ELSE\0\0\0\1"))

    def test_no_octet_may_change(self, suite: int, kind: str) -> None:
        ours, theirs = channel(suite, key=KINDS[kind])
        _, transaction, _ = judge.decipher(theirs, ours.seal(REQUEST))
        apdu = judge.cipher(theirs, OURS, ANSWER, kind, 1, transaction, b"more")
        for position in range(len(apdu)):
            with pytest.raises(DlmsError):
                ours.open(apdu[:position] + bytes((apdu[position] ^ 1,)) + apdu[position + 1 :])
        assert ours.open(apdu) == ANSWER


@pytest.mark.parametrize("suite", [1, 2])
def test_signing_around_plain_apdus(suite: int) -> None:
    ours, theirs = channel(suite, sign=True, control=None, required=Protection(signature=True))
    transaction, plain = judge.check(theirs, ours.seal(REQUEST))
    assert plain == REQUEST
    answer = judge.sign(theirs, OURS, ANSWER, transaction)
    assert ours.open(answer) == ANSWER
    ours.seal(REQUEST)
    for refused in (answer, ANSWER, judge.sign(theirs, OURS, ANSWER, b"")):
        with pytest.raises(PolicyViolation):
            ours.open(refused)


@pytest.mark.parametrize("suite", [1, 2])
@pytest.mark.parametrize("key_id", range(4))
def test_key_agreement(suite: int, key_id: int) -> None:
    _, (signing, _), theirs = sides(suite)
    own, other = (ec.derive_private_key(number, judge.CURVES[suite]) for number in (1234567, 7654321))
    data = rekeying.key_data(key_id, own, signing)
    size = 2 * judge.COORDINATE[suite]
    judge.check_signature(theirs, bytes((key_id,)) + data[:size], data[size:])
    point = rekeying.ephemeral_in(
        judge.key_agreement(theirs, key_id, other), key_id, SUITES[suite], theirs.signing.public_key()
    )
    assert point == other.public_key()
    expected = judge.derive(suite, other.exchange(ec.ECDH(), own.public_key()), OURS + THEIRS, wrapping=key_id == 3)
    assert rekeying.agreed_key(key_id, own, point, OURS, THEIRS) == expected
