"""The wrapper over UDP."""

import pytest

from transports.datagram import DatagramFraming
from transports.errors import ApduTooLong
from transports.wrapper import encode

ANSWER = encode(1, 16, b"answer" * 10)
APDU = b"answer" * 10


def framing(retries: int = 2) -> DatagramFraming:
    made = DatagramFraming(local=16, remote=1, retry_after=5.0, retries=retries)
    assert made.send(b"request", 0.0) == encode(16, 1, b"request")
    made.expect(0.0)
    assert made.data_to_send() == b""
    return made


def test_a_request_is_repeated_while_somebody_waits() -> None:
    link = framing()
    for due in (5.0, 10.0):
        assert link.next_timeout() == due
        link.handle_timeout(due)
        assert link.data_to_send() == encode(16, 1, b"request")
    assert link.next_timeout() is None
    assert link.receive(ANSWER, 11.0) == [APDU]
    link.expect(12.0)
    assert link.next_timeout() is None


def test_an_unconfirmed_request_is_not_repeated() -> None:
    link = DatagramFraming(local=16, remote=1)
    assert link.send(b"request", 0.0)
    assert link.next_timeout() is None


def test_answers_to_needless_repetitions_are_dropped() -> None:
    link = framing()
    link.handle_timeout(5.0)
    assert link.receive(ANSWER, 5.1) == [APDU]
    assert link.receive(ANSWER, 5.2) == []
    assert link.receive(ANSWER, 5.3) == [APDU]  # no repetition explains a third
    assert link.ignored == 1


@pytest.mark.parametrize("cut", range(9, len(ANSWER)))
def test_an_answer_over_two_datagrams(cut: int) -> None:
    link = framing()
    assert link.receive(ANSWER[:cut], 0.1) == []
    assert link.pending == ANSWER[:cut]
    assert link.receive(ANSWER[cut:], 0.2) == [APDU]
    assert link.pending == b""


def test_a_lost_part_costs_a_repetition() -> None:
    link = framing()
    assert link.receive(ANSWER[:20], 0.1) == []
    link.handle_timeout(5.0)
    assert link.receive(ANSWER[:20], 5.1) == []
    assert link.receive(ANSWER[20:], 5.2) == [APDU]


def test_a_whole_answer_ends_a_torn_one() -> None:
    link = framing()
    link.receive(ANSWER[:20], 0.1)
    assert link.receive(ANSWER, 0.2) == [APDU]
    assert link.pending == b""


@pytest.mark.parametrize("garbage", [b"x", b"", b"\x00\x01", encode(2, 16, b"other"), encode(1, 16, b""), b"\xff" * 99])
def test_garbage_does_no_harm(garbage: bytes) -> None:
    link = framing()
    assert link.receive(garbage, 0.1) == []
    assert link.receive(ANSWER, 0.2) == [APDU]


def test_two_answers_in_one_datagram() -> None:
    assert framing().receive(ANSWER + encode(1, 16, b"push"), 0.1) == [APDU, b"push"]


def test_an_apdu_must_fit_a_datagram() -> None:
    framing().send(bytes(65499), 0.0)
    with pytest.raises(ApduTooLong, match="65499"):
        framing().send(bytes(65500), 0.0)
