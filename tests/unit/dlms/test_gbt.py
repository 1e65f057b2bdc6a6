"""General block transfer: octets as the Green Book's figures have them, and any channel that loses and repeats."""

import random
from collections import deque

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cas.bindings import cosempdu as cos
from cas.dlms.apdu import decode_apdu
from cas.dlms.errors import BlockError, RequestTooLong
from cas.dlms.xdlms.exchange import Overdue
from cas.dlms.xdlms.gbt import HEAD, PATIENCE, Blocks, Transfer, answer_in_blocks, request_in_blocks

LAST, STREAMING = 0x80, 0x40


def apdu(control: int, number: int, ack: int, data: bytes = b"") -> bytes:
    """A general-block-transfer APDU by hand."""
    assert len(data) < 128
    return b"\xe0" + bytes((control,)) + number.to_bytes(2, "big") + ack.to_bytes(2, "big") + bytes((len(data),)) + data


def parse(octets: bytes) -> cos.GeneralBlockTransfer:
    block = decode_apdu(octets)
    assert isinstance(block, cos.GeneralBlockTransfer)
    return block


def feed(transfer: Transfer, *incoming: bytes) -> tuple[list[bytes], bytes | None]:
    """Everything that is answered, and the APDU that came whole."""
    answers: list[bytes] = []
    whole = None
    for octets in incoming:
        sent, found = transfer.receive(parse(octets))
        answers += sent
        whole = found if found is not None else whole
    return answers, whole


@pytest.mark.clause("Green Book 8.3, 9.4.6.13")
def test_a_long_answer_switches_to_streaming_when_the_client_tells_its_window() -> None:
    server = Transfer(window=1, owes=True)
    assert server.send(b"aabbccddeef", 2) == [apdu(0x01, 1, 0, b"aa")]
    exchange = answer_in_blocks(apdu(0x01, 1, 0, b"aa"), Blocks(window=3, limit=100))
    # the request was complete already, so the client's acknowledgements are last blocks
    assert next(exchange) == apdu(LAST | 3, 1, 1)
    stream = [apdu(STREAMING | 1, 2, 1, b"bb"), apdu(STREAMING | 1, 3, 1, b"cc"), apdu(1, 4, 1, b"dd")]
    assert feed(server, apdu(LAST | 3, 1, 1)) == (stream, None)
    assert [exchange.send(octets) for octets in stream] == [None, None, apdu(LAST | 3, 2, 4)]
    rest = [apdu(STREAMING | 1, 5, 2, b"ee"), apdu(LAST | 1, 6, 2, b"f")]
    assert feed(server, apdu(LAST | 3, 2, 4)) == (rest, None)
    assert exchange.send(rest[0]) is None
    with pytest.raises(StopIteration) as stop:
        exchange.send(rest[1])
    assert stop.value.value == b"aabbccddeef"


@pytest.mark.clause("Green Book 8.3, 9.4.6.13")
def test_lost_blocks_are_asked_for_gap_by_gap() -> None:
    client = Transfer(window=5)
    assert feed(client, apdu(1, 1, 0, b"a")) == ([apdu(LAST | 5, 1, 1)], None)
    # 3 and 5 get lost of 2 to 6
    came = [apdu(STREAMING | 1, 2, 1, b"b"), apdu(STREAMING | 1, 4, 1, b"d"), apdu(1, 6, 1, b"f")]
    assert feed(client, *came) == ([apdu(LAST | 1, 2, 2)], None)
    assert feed(client, apdu(1, 3, 2, b"c")) == ([apdu(LAST | 1, 3, 4)], None)
    assert feed(client, apdu(1, 5, 3, b"e")) == ([apdu(LAST | 5, 4, 6)], None)
    assert feed(client, apdu(LAST | 1, 7, 4, b"g")) == ([], b"abcdefg")


@pytest.mark.clause("Green Book 8.3, 9.4.6.13")
def test_the_sender_repeats_from_the_last_block_acknowledged() -> None:
    server = Transfer(window=1)
    server.send(b"abcdef", 1)
    feed(server, apdu(LAST | 4, 1, 1))
    assert feed(server, apdu(LAST | 2, 2, 2)) == ([apdu(STREAMING | 1, 3, 2, b"c"), apdu(1, 4, 2, b"d")], None)
    assert server.acknowledged == 2
    assert not server.delivered
    assert server.repeat() == [apdu(STREAMING | 1, 3, 2, b"c"), apdu(1, 4, 2, b"d")]
    feed(server, apdu(LAST | 4, 3, 6))
    assert server.delivered


def test_a_request_in_blocks_is_acknowledged_window_by_window_and_answered_in_blocks() -> None:
    request = request_in_blocks(b"request", Blocks(3, window=2, limit=100))
    server = Transfer(window=2, owes=True)
    first = next(request)
    assert first == apdu(2, 1, 0, b"req")  # one, until the peer says that it takes more
    ((ack,), _) = feed(server, apdu(2, 1, 0, b"req"))
    assert ack == apdu(2, 1, 1)  # not a last block: the answer is yet to come
    stream = (apdu(STREAMING | 2, 2, 1, b"ues"), apdu(LAST | 2, 3, 1, b"t"))
    assert request.send(ack) == stream
    assert feed(server, *stream) == ([], b"request")
    answer = server.send(b"answer", 4)
    assert answer == [apdu(STREAMING | 2, 2, 3, b"answ"), apdu(LAST | 2, 3, 3, b"er")]
    assert request.send(answer[0]) is None
    with pytest.raises(StopIteration) as stop:
        request.send(answer[1])
    assert stop.value.value == b"answer"


def test_what_may_be_lost_is_sent_again_when_nothing_comes() -> None:
    request = request_in_blocks(b"request", Blocks(4, window=2, limit=100))
    first = next(request)
    assert [request.throw(Overdue()) for _ in range(3)] == [first] * 3
    assert request.send(apdu(1, 1, 1)) == apdu(LAST | 2, 2, 1, b"est")
    assert request.throw(Overdue()) == apdu(LAST | 2, 2, 1, b"est")
    assert request.send(apdu(STREAMING | 1, 2, 2, b"an")) is None
    assert request.throw(Overdue()) == apdu(LAST | 2, 3, 2)  # so far we have it; the rest is lost
    for _ in range(2):
        request.throw(Overdue())
    with pytest.raises(Overdue):
        request.throw(Overdue())


def test_what_comes_between_is_handed_aside() -> None:
    seen: list[bytes] = []

    def aside(octets: bytes) -> bool:
        seen.append(octets)
        return octets[0] == 0x0F

    blocks = Blocks(4, window=2, aside=aside)
    request = request_in_blocks(b"request", blocks)
    next(request)
    assert request.send(bytes.fromhex("0F00000001000200")) is None
    assert request.send(apdu(1, 1, 1)) == apdu(LAST | 2, 2, 1, b"est")
    assert len(seen) == 1


def test_an_answer_that_is_not_in_blocks_is_the_answer() -> None:
    request = request_in_blocks(b"request", Blocks(3, window=1, limit=100))
    next(request)
    with pytest.raises(StopIteration) as stop:
        request.send(bytes.fromhex("d80101"))
    assert stop.value.value == bytes.fromhex("d80101")


def test_unconfirmed_transfer_takes_no_answer_and_repeats_nothing() -> None:
    sender, receiver = Transfer(window=0), Transfer(window=5)
    blocks = sender.send(b"abcdefg", 3)
    assert blocks == [apdu(STREAMING, 1, 0, b"abc"), apdu(STREAMING, 2, 0, b"def"), apdu(LAST, 3, 0, b"g")]
    assert sender.delivered
    assert feed(receiver, *blocks) == ([], b"abcdefg")
    assert receiver.acknowledge() == []
    torn = Transfer(window=5)
    assert feed(torn, blocks[0], blocks[2]) == ([], None)
    with pytest.raises(BlockError, match="lost after block 1"):
        torn.repeat()


def test_a_receiver_may_confirm_the_last_block_and_does_so_again_when_it_is_repeated() -> None:
    receiver = Transfer(window=5)
    assert feed(receiver, apdu(LAST | 1, 1, 0, b"push")) == ([], b"push")
    assert receiver.acknowledge() == [apdu(LAST | 5, 1, 1)]
    assert feed(receiver, apdu(LAST | 1, 1, 0, b"push")) == ([apdu(LAST | 5, 1, 1)], None)


@pytest.mark.parametrize(
    ("incoming", "says"),
    [
        ([apdu(1, 0, 0)], "gave the block transfer up"),
        ([apdu(LAST | 1, 1, 0, b"a"), apdu(1, 2, 0, b"b")], "follows the last block"),
        ([apdu(STREAMING | 1, 2, 0, b"b"), apdu(LAST | 1, 1, 0, b"a")], "follows the last block"),
        ([apdu(STREAMING | 1, 1, 0, bytes(60)), apdu(STREAMING | 1, 3, 0, bytes(60))], "more than 100 octets"),
        ([apdu(STREAMING, 70, 0, b"z")], "is lost"),
        ([apdu(1, 1, 0, b"a")] * (PATIENCE + 2), "no progress"),
    ],
)
def test_a_peer_that_breaks_the_rules_is_stopped(incoming: list[bytes], says: str) -> None:
    with pytest.raises(BlockError, match=says):
        feed(Transfer(window=5, limit=100), *incoming)


def test_an_acknowledgement_of_what_was_never_sent_says_nothing() -> None:
    receiver = Transfer(window=5)
    assert feed(receiver, apdu(1, 1, 0, b"a"), apdu(STREAMING | 1, 2, 0xFFFF, b"b")) == ([apdu(LAST | 5, 1, 1)], None)
    assert (receiver.acknowledged, receiver.delivered) == (0, False)


def test_what_does_not_fit_is_not_begun() -> None:
    for size in (0, -5, 1):
        with pytest.raises(RequestTooLong):
            Transfer().send(bytes(65536), size)
    with pytest.raises(RequestTooLong):
        Transfer().send(b"", 10)
    with pytest.raises(ValueError, match="window"):
        Transfer(window=64)
    with pytest.raises(ValueError, match="stream"):
        Transfer(stream=0)


def test_a_sender_of_empty_blocks_comes_to_an_end() -> None:
    receiver = Transfer(window=1)
    for number in range(1, 0x10000):
        assert len(receiver.receive(parse(apdu(1, number, number - 1)))[0]) == 1
    with pytest.raises(BlockError, match="no block numbers are left"):
        receiver.receive(parse(apdu(1, 0xFFFF, 0xFFFF)))


class Channel:
    """Two queues that lose, repeat and delay what they carry, but never for ever."""

    def __init__(self, seed: int, loss: float, repetition: float, shuffle: float) -> None:
        self._random = random.Random(seed)
        self._chances = loss, repetition, shuffle
        self.queues: tuple[deque[bytes], deque[bytes]] = (deque(), deque())

    def put(self, side: int, apdus: list[bytes]) -> None:
        loss, repetition, shuffle = self._chances
        for octets in apdus:
            copies = 0 if self._random.random() < loss else 2 if self._random.random() < repetition else 1
            for _ in range(copies):
                if self.queues[side] and self._random.random() < shuffle:
                    self.queues[side].insert(len(self.queues[side]) - 1, octets)
                else:
                    self.queues[side].append(octets)


def run(request: bytes, answer: bytes, channel: Channel, *, windows: tuple[int, int], size: int) -> bytes:
    """A request and its answer in blocks; the client repeats when nothing is under way. Return what the client got."""
    client, server = Transfer(window=windows[0]), Transfer(window=windows[1], owes=True)
    channel.put(1, client.send(request, size))
    while True:
        if channel.queues[1]:
            sent, came = server.receive(parse(channel.queues[1].popleft()))
            assert came in (None, request)
            channel.put(0, server.send(answer, size) if came is not None else sent)
        elif channel.queues[0]:
            sent, came = client.receive(parse(channel.queues[0].popleft()))
            if came is not None:
                return came
            channel.put(1, sent)
        else:
            channel.put(1, client.repeat())


payloads = st.binary(min_size=1, max_size=400)
windows = st.tuples(st.integers(1, 63), st.integers(1, 63))


@given(payloads, payloads, windows, st.integers(1, 500))
def test_any_apdu_any_windows_any_block_size(
    request: bytes, answer: bytes, windows: tuple[int, int], size: int
) -> None:
    assert run(request, answer, Channel(0, 0, 0, 0), windows=windows, size=size) == answer


@given(
    payloads,
    payloads,
    windows,
    st.integers(1, 60),
    st.integers(0, 1 << 32),
    st.floats(0, 0.5),
    st.floats(0, 0.5),
    st.floats(0, 0.3),
)
def test_any_channel_gives_the_whole_or_a_typed_error(
    request: bytes,
    answer: bytes,
    windows: tuple[int, int],
    size: int,
    seed: int,
    loss: float,
    repetition: float,
    shuffle: float,
) -> None:
    try:
        assert run(request, answer, Channel(seed, loss, repetition, shuffle), windows=windows, size=size) == answer
    except BlockError:
        assert loss + repetition + shuffle > 0


@example(b"abc", (1, 2), 1, 93)  # the acknowledgement before the answer gets lost
@given(payloads, windows, st.integers(1, 60), st.integers(0, 1 << 32))
def test_a_lossy_channel_is_overcome(payload: bytes, windows: tuple[int, int], size: int, seed: int) -> None:
    assert run(payload, payload[::-1], Channel(seed, 0.15, 0, 0), windows=windows, size=size) == payload[::-1]


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 70), st.integers(0, 5), st.binary(max_size=3))))
def test_any_blocks_give_answers_or_a_typed_error(blocks: list[tuple[int, int, int, bytes]]) -> None:
    transfer = Transfer(window=4, limit=50)
    for control, number, ack, data in blocks:
        try:
            answers, _ = transfer.receive(parse(apdu(control, number, ack, data)))
        except BlockError:
            return
        assert len(answers) <= 1
        assert all(len(octets) <= HEAD for octets in answers)
