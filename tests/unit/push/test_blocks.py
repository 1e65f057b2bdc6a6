"""Notifications in blocks: gathered, confirmed where the sender takes it, bounded."""

from cas.push.model import Wire
from tests.unit.push.bench import (
    CONFIRM,
    HOST,
    PLAIN,
    PUSH,
    PUSH_CONFIRMED,
    Bench,
    Book,
    bench,
    block,
    general_glo,
)

LAST, STREAMING = 0x80, 0x40
BOOK = Book(places={(HOST, 1): PLAIN})
SEALED = b"sealed \x30" + CONFIRM
W = 16


def cut(apdu: bytes, window: int, size: int = 10) -> list[bytes]:
    """All blocks of an APDU in one stream."""
    parts = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    last = len(parts)
    return [
        block((LAST if number == last else STREAMING) | window, number, 0, part) for number, part in enumerate(parts, 1)
    ]


async def taken(it: Bench, *blocks: bytes) -> tuple[list[bytes], list[bytes]]:
    answers = await it.hear(*blocks)
    return answers, it.plain()


async def test_unconfirmed_blocks_are_gathered_and_not_answered() -> None:
    async with bench(BOOK) as it:
        assert await taken(it, *cut(PUSH, 0)) == ([], [PUSH])
        assert await taken(it, *cut(PUSH_CONFIRMED, 0)) == ([CONFIRM], [PUSH_CONFIRMED])
        assert await it.hear(*cut(general_glo(PUSH, 1), 0), wire=Wire.UDP) == []
        assert it.plain() == [PUSH]


async def test_the_window_is_asked_for_and_the_last_block_acknowledged() -> None:
    async with bench(BOOK) as it:
        assert await taken(it, block(1, 1, 0, PUSH[:10])) == ([block(W, 1, 1)], [])
        stream = [block(STREAMING | 1, 2, 1, PUSH[10:20]), block(LAST | 1, 3, 1, PUSH[20:])]
        assert await taken(it, *stream) == ([block(LAST | W, 2, 3)], [PUSH])
        # the sender missed that
        assert await taken(it, *stream) == ([block(LAST | W, 2, 3)], [])


async def test_a_confirmation_in_blocks_acknowledges_as_well() -> None:
    async with bench(BOOK) as it:
        confirmation = block(LAST | W, 1, 3, CONFIRM)
        blocks = cut(PUSH_CONFIRMED, 1)
        assert await taken(it, *blocks) == ([confirmation], [PUSH_CONFIRMED])
        assert await taken(it, *blocks) == ([confirmation], [])
        assert await taken(it, block(LAST | 1, 4, 1)) == ([], [])


async def test_lost_blocks_are_asked_for() -> None:
    async with bench(BOOK) as it:
        blocks = cut(PUSH, 1)
        assert await taken(it, blocks[0], *blocks[2:]) == ([block(1, 1, 1)], [])
        assert await taken(it, block(1, 2, 1, PUSH[10:20])) == ([block(LAST | W, 2, 4)], [PUSH])


async def test_another_notification_begins_anew_even_with_the_same_first_block() -> None:
    other = PUSH[:-1] + b"\xff"
    async with bench(BOOK) as it:
        assert (await taken(it, *cut(PUSH, 1)))[1] == [PUSH]
        assert (await taken(it, *cut(other, 1)))[1] == [other]
        # one that was given up in the middle, then another
        assert (await taken(it, *cut(PUSH, 1)[:2]))[1] == []
        assert (await taken(it, *cut(other[:-1] + b"\xfe", 1)))[1] == [other[:-1] + b"\xfe"]


async def test_blocks_of_several_meters_on_one_link_do_not_mix() -> None:
    book = Book(places={(HOST, 1): PLAIN, (HOST, 2): PLAIN})
    async with bench(book) as it:
        for pair in zip(cut(PUSH, 0), cut(PUSH_CONFIRMED, 0), strict=False):
            it.put(pair[0], source=1)
            it.put(pair[1], source=2)
        it.put(*cut(PUSH, 0)[len(cut(PUSH_CONFIRMED, 0)) :], source=1)
        await it.settle()
        assert sorted(it.plain()) == sorted([PUSH, PUSH_CONFIRMED])


async def test_what_is_not_stored_is_kept_until_the_last_blocks_come_again() -> None:
    async with bench(BOOK, size=1) as it:
        await it.hear(PUSH)
        await it.hear(block(1, 1, 0, PUSH[:10]))
        rest = [block(STREAMING | 1, 2, 1, PUSH[10:20]), block(LAST | 1, 3, 1, PUSH[20:])]
        assert await it.hear(*rest) == []
        assert await it.hear(*rest) == []
        it.all_taken()
        assert await taken(it, rest[1]) == ([block(LAST | W, 2, 3)], [PUSH])


async def test_what_is_refused_is_not_acknowledged_and_forgotten() -> None:
    async with bench() as it:
        blocks = cut(general_glo(PUSH, 1)[:-1] + b"\0", 1)
        assert await it.hear(*blocks) == []
        assert it.refused() == {"wrong-tag": 1}
        assert not it.push._reception._sessions._sessions
        assert await it.hear(*cut(general_glo(PUSH_CONFIRMED, 1), 1)) == [block(LAST | W, 1, 6, SEALED)]
        # a repetition is known by its octets
        assert await it.hear(*cut(general_glo(PUSH_CONFIRMED, 1), 1)) == [block(LAST | W, 1, 6, SEALED)]
        assert it.plain() == [PUSH_CONFIRMED]


async def test_transfers_are_bounded_in_size_number_and_time() -> None:
    async with bench(BOOK, block_limit=25, block_transfers=2, block_octets=35) as it:
        sessions = it.push._reception._sessions
        await it.hear(*cut(PUSH, 0))
        assert it.refused() == {"blocks": 1}  # too long; the rest begins nothing that could end
        for port in range(5):
            await it.hear(block(STREAMING, 1, 0, bytes(10)), port=port)
            assert len(sessions) <= 2
            assert sessions._size <= 35
        await it.hear(block(STREAMING, 2, 0, bytes(10)), port=4)
        assert len(sessions) == 1
        it.wait(60)
        await it.hear(block(STREAMING, 1, 0, b"a"), port=9)
        assert (len(sessions), sessions._size) == (1, 2)
        it.wait(60)
        # too late for this block to be the second one of that transfer
        await it.hear(block(LAST, 2, 0, b"b"), port=9)
        assert it.plain() == []
