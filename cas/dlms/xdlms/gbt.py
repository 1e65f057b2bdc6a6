"""General block transfer (Green Book 8.3, 9.4.6.13): any APDU in numbered blocks, both ways, with lost ones repeated.

Either side numbers the general-block-transfer APDUs that it sends from 1, all through one exchange; those that carry no
data, because they only acknowledge, count as well. Each says how far the sender has received the other's without a gap
(block-number-ack) and how many it takes in a row (the window). Blocks with the streaming bit are followed by more; the
one without it hands the turn to the other side, which goes on with its own blocks, the first of them being the first
that was not acknowledged: so what got lost is sent again. A side that misses a block asks for the first gap only, by a
window of its size. A window of 0 says that the sender takes no answer (unconfirmed transfer): what gets lost is lost.

`Transfer` is one side of one exchange. It counts no time: who drives it calls `repeat` when nothing came.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from cas.bindings import cosempdu as cos
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.errors import BlockError, RequestTooLong
from cas.dlms.xdlms.exchange import Exchange, Outgoing, Overdue, unexpected

GENERAL_BLOCK_TRANSFER = 224
MAX_WINDOW = 63
MAX_BLOCKS = 0xFFFF
HEAD = 1 + 1 + 2 + 2 + 5
"""Octets that a general-block-transfer APDU adds to its block at the most: tag, control, numbers, length."""
PATIENCE = 10
"""Turns in a row that may pass without a new block or acknowledgement before a transfer is given up."""
REPETITIONS = 3
"""Times in a row that what may be lost is sent again when nothing comes in time."""

_LAST, _STREAMING = 0x80, 0x40


class Block(NamedTuple):
    """A block of ours that is not acknowledged yet."""

    number: int
    data: bytes
    last: bool


@dataclass(slots=True)
class Transfer:
    """One side of one exchange; it may send an APDU in blocks, receive one, or both, one after the other.

    `window`: how many blocks we take in a row, 1 to 63, or 0 to send unconfirmed. `stream`: how many we send in a row
    at the most, whatever the peer takes. `limit`: octets of the APDU that we receive at the most. `owes`: an APDU of
    ours is going to follow, so that acknowledgements do not count as our last blocks; `send` clears it.
    """

    window: int = 1
    stream: int = MAX_WINDOW
    limit: int = 1 << 24
    owes: bool = False
    peer_window: int = 1
    """Blocks that the peer takes in a row; it says so itself in each of its blocks."""
    received: int = field(default=0, init=False)
    """The peer's last block up to which there is no gap."""
    complete: bool = field(default=False, init=False)
    """Whether the peer has sent its last block."""
    confirmed: bool = field(default=True, init=False)
    """Whether the peer takes answers."""
    acknowledged: int = field(default=0, init=False)
    """The last block of ours that the peer has acknowledged."""
    _queue: deque[Block] = field(default_factory=deque, init=False)
    _next: int = field(default=1, init=False)
    _held: dict[int, tuple[bytes, bool]] = field(default_factory=dict, init=False)
    _parts: list[bytes] = field(default_factory=list, init=False)
    _size: int = field(default=0, init=False)
    _fruitless: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if not 0 <= self.window <= MAX_WINDOW or not 1 <= self.stream <= MAX_WINDOW:
            raise ValueError(f"a window has 0 to {MAX_WINDOW} blocks, a stream 1 to {MAX_WINDOW}")

    @property
    def delivered(self) -> bool:
        """Whether the peer has acknowledged everything that we sent."""
        return not self._queue

    @property
    def size(self) -> int:
        """Octets of blocks that are kept until the APDU is complete."""
        return self._size

    def send(self, apdu: bytes, size: int) -> list[bytes]:
        """Begin to send an APDU in blocks of up to `size` octets; return the APDUs of the first stream.

        Raises RequestTooLong when it takes more blocks than there are numbers.
        """
        pieces = [apdu[at : at + size] for at in range(0, len(apdu), size)] if size > 0 else []
        if not pieces or self._next + len(pieces) - 1 > MAX_BLOCKS:
            raise RequestTooLong(len(apdu), max(size, 0) * (MAX_BLOCKS + 1 - self._next))
        self.owes = False
        for number, piece in enumerate(pieces, 1):
            self._queue.append(Block(self._next, piece, last=number == len(pieces)))
            self._next += 1
        return self._stream()

    def receive(self, block: cos.GeneralBlockTransfer) -> tuple[list[bytes], bytes | None]:
        """Take a block; return the APDUs that answer it, and the peer's APDU when this block made it complete.

        Nothing answers the completing block: who received a request sends the answer to it, who received something
        that is not answered may `acknowledge`. Raises BlockError when the peer breaks the rules, gives up, sends too
        much, or when there is no progress any more; the exchange is over then.
        """
        last, streaming = bool(block.block_control & _LAST), bool(block.block_control & _STREAMING)
        if block.block_number == 0:
            raise BlockError("block number 0: the peer gave the block transfer up")
        self.peer_window = block.block_control & MAX_WINDOW
        self.confirmed = self.peer_window > 0
        was_complete, had = self.complete, (self.received, self.acknowledged)
        self._take_acknowledgement(block.block_number_ack)
        self._take_data(block.block_number, block.block_data, last=last)
        if had != (self.received, self.acknowledged):
            self._fruitless = 0
        if self.complete and not was_complete and self._size:
            whole = b"".join(self._parts)
            self._parts.clear()
            self._size = 0
            return [], whole
        # the last block ends the stream, whatever its streaming bit says
        if (streaming and not last) or not self.confirmed:
            return [], None
        repeated = block.block_number <= had[0]
        if self.complete and not self._queue and not repeated:
            return [], None  # an acknowledgement of the last that we sent
        return self._turn(), None

    def acknowledge(self) -> list[bytes]:
        """Confirm what was received; return the APDUs to send, none when the peer takes no answer."""
        return self._stream() if self.confirmed else []

    def repeat(self) -> list[bytes]:
        """Nothing came in time: say again what the peer may have missed. Raises BlockError when that has no use."""
        if not self.confirmed or not self.window:
            raise BlockError(f"blocks are lost after block {self.received} of an unconfirmed transfer")
        return self._turn()

    def _turn(self) -> list[bytes]:
        self._fruitless += 1
        if self._fruitless > PATIENCE:
            raise BlockError(
                f"no progress in {PATIENCE} turns: block {self.received} received, {self.acknowledged} sent"
            )
        return self._stream()

    def _stream(self) -> list[bytes]:
        """What we send in our turn: the blocks from the first one on that is not acknowledged, or an empty one."""
        if not self._queue:
            if self._next > MAX_BLOCKS:
                raise BlockError("no block numbers are left")
            self._queue.append(Block(self._next, b"", last=False))
            self._next += 1
        if not self.confirmed and self._queue[0].data:
            raise BlockError("the peer takes no blocks: its window is 0")
        taken = min(self.peer_window or 1, self.stream, len(self._queue)) if self.window else len(self._queue)
        window = self.window
        if self._held:  # ask for the first gap only
            window = min(window, min(self._held) - self.received - 1)
        apdus = []
        for number in range(taken):
            block = self._queue[number]
            # an acknowledgement is a last block only when nothing of ours follows it, be it on its way or owed
            last = block.last if block.data else not self.owes and number + 1 == len(self._queue)
            control = (_LAST if last else 0) | (_STREAMING if number < taken - 1 else 0) | window
            apdus.append(
                encode_apdu(
                    cos.GeneralBlockTransfer(
                        block_control=control,
                        block_number=block.number,
                        block_number_ack=self.received,
                        block_data=block.data,
                    )
                )
            )
        if not self.window:  # nobody is going to acknowledge them
            self.acknowledged = self._next - 1
            self._queue.clear()
        return apdus

    def _take_acknowledgement(self, number: int) -> None:
        if number >= self._next:  # some peers fill the field with ones: what was never sent cannot be acknowledged
            return
        while self._queue and self._queue[0].number <= number:
            self.acknowledged = self._queue.popleft().number

    def _take_data(self, number: int, data: bytes, *, last: bool) -> None:
        if number <= self.received or number in self._held:
            return
        if number > self.received + MAX_WINDOW:
            if not self.confirmed:
                raise BlockError(f"block {self.received + 1} of an unconfirmed transfer is lost")
            return
        self._size += len(data)
        if self._size > self.limit:
            raise BlockError(f"the peer sends more than {self.limit} octets")
        self._held[number] = data, last
        while found := self._held.pop(self.received + 1, None):
            self.received += 1
            if found[0]:
                if self.complete:
                    raise BlockError(f"block {self.received} has data, and follows the last block")
                self._parts.append(found[0])
            self.complete = self.complete or found[1]


@dataclass(frozen=True, slots=True)
class Blocks:
    """How a client transfers blocks: octets of each, blocks that it takes in a row, octets of a whole answer.

    `aside` is offered what comes between and is no block; it says whether that was no answer, and is dealt with.
    """

    size: int = 0
    window: int = 1
    limit: int = 1 << 24
    aside: Callable[[bytes], bool] = lambda _octets: False


def request_in_blocks(apdu: bytes, blocks: Blocks) -> Exchange[bytes]:
    """Send a request in blocks, as many in a row as the peer takes, and return what it answers, as a whole.

    A peer may answer with an APDU that is not in blocks: a whole answer, or why it refuses. Raises BlockError,
    DecodeError, RequestTooLong.
    """
    transfer = Transfer(window=blocks.window, limit=blocks.limit)
    return (yield from _converse(transfer, transfer.send(apdu, blocks.size), blocks))


def answer_in_blocks(first: bytes, blocks: Blocks) -> Exchange[bytes]:
    """Take an answer that begins with the block `first`, after a request that was not in blocks; return it as a whole.

    Raises BlockError, DecodeError.
    """
    transfer = Transfer(window=blocks.window, limit=blocks.limit)
    outgoing, answer = transfer.receive(_block(first))
    return (yield from _converse(transfer, outgoing, blocks)) if answer is None else answer


def unconfirmed_blocks(apdu: bytes, size: int) -> list[bytes]:
    """An APDU in blocks that nobody acknowledges: what gets lost is lost. Raises RequestTooLong."""
    return Transfer(window=0).send(apdu, size)


def is_block(octets: bytes) -> bool:
    """Whether an APDU is a block of general block transfer."""
    return bool(octets) and octets[0] == GENERAL_BLOCK_TRANSFER


def _converse(transfer: Transfer, outgoing: list[bytes], blocks: Blocks) -> Exchange[bytes]:
    overdue = 0
    while True:
        try:
            received = yield _outgoing(outgoing)
        except Overdue:
            overdue += 1
            if overdue > REPETITIONS:
                raise
            outgoing = transfer.repeat()
            continue
        overdue, outgoing = 0, []
        if is_block(received):
            outgoing, answer = transfer.receive(_block(received))
            if answer is not None:
                return answer
        elif not blocks.aside(received):
            return received


def _outgoing(apdus: list[bytes]) -> Outgoing:
    if len(apdus) > 1:
        return tuple(apdus)
    return apdus[0] if apdus else None


def _block(octets: bytes) -> cos.GeneralBlockTransfer:
    block = decode_apdu(octets)
    if not isinstance(block, cos.GeneralBlockTransfer):
        raise unexpected(block, "general-block-transfer")
    return block
