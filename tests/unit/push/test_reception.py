"""Who is believed, and what is answered: octets made by hand, ciphered by the book."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.dlms.notification import Kind
from cas.dlms.security.policy import Protection
from cas.push.model import Notification, Wire
from tests.unit.push.bench import (
    AUTHENTICATED,
    BOTH,
    CIPHERED,
    CONFIRM,
    ENCRYPTED,
    EVENT,
    HOST,
    PLAIN,
    PUSH,
    PUSH_CONFIRMED,
    REPORT,
    TITLE,
    Book,
    bench,
    general_ciphering,
    general_glo,
    glo,
    protected,
)

AT_HOME = Book([CIPHERED, PLAIN], {(HOST, 1): PLAIN, ("198.51.100.1", 1): CIPHERED})
AARE = bytes.fromhex("6135A109060760857405080103A203020100A305A103020100A40A0408" + TITLE.hex() + "BE10040E")
AARE += bytes.fromhex("0800065F1F040000501F01F40007")


@pytest.mark.clause("5.2.4")
@pytest.mark.parametrize(("apdu", "kind"), [(PUSH, Kind.DATA), (EVENT, Kind.EVENT), (REPORT, Kind.REPORT)])
async def test_plain_notifications_are_taken_from_the_address_of_a_plain_device(apdu: bytes, kind: Kind) -> None:
    async with bench(AT_HOME) as it:
        assert await it.hear(apdu) == []
        assert it.all_taken() == [Notification("house-7", it.time, apdu, kind)]
        assert it.push.counts.snapshot()["accepted"][kind] == 1


async def test_a_confirmation_is_sent_where_it_is_asked_for() -> None:
    async with bench(AT_HOME) as it:
        assert await it.hear(PUSH_CONFIRMED, wire=Wire.UDP) == [CONFIRM]
        assert it.plain() == [PUSH_CONFIRMED]


@pytest.mark.clause("5.2.4")
@pytest.mark.parametrize(
    ("apdu", "plain"),
    [
        (general_glo(PUSH, 1), PUSH),
        (general_glo(EVENT, 1), EVENT),
        (general_glo(REPORT, 1), REPORT),
        (general_ciphering(PUSH, 1), PUSH),
        (general_ciphering(PUSH, 1, b"\x01\x00\x00"), PUSH),
    ],
)
async def test_ciphered_ones_that_name_their_sender_are_believed_from_anywhere(apdu: bytes, plain: bytes) -> None:
    async with bench() as it:
        assert await it.hear(apdu) == []
        (taken,) = it.all_taken()
        assert (taken.device_id, taken.apdu) == (CIPHERED.device_id, plain)


@pytest.mark.parametrize(("tag", "plain"), [(202, EVENT), (56, REPORT)])
async def test_glo_forms_are_recognised_by_address_or_by_what_was_proven_or_announced_on_the_link(
    tag: int, plain: bytes
) -> None:
    async with bench(AT_HOME) as it:
        await it.hear(glo(tag, plain, 1), host="198.51.100.1")
        assert it.plain() == [plain]
        await it.hear(general_glo(PUSH, 2), host="203.0.113.1")
        await it.hear(glo(tag, plain, 3), host="203.0.113.1")
        assert it.plain() == [PUSH, plain]
        await it.hear(AARE, glo(tag, plain, 4), host="203.0.113.2")
        assert it.plain() == [plain]
        # neither another connection of that host, nor another meter behind it, nor a datagram is that link
        await it.hear(glo(tag, plain, 5), host="203.0.113.1", port=1)
        await it.hear(glo(tag, plain, 5), host="203.0.113.1", source=2)
        await it.hear(glo(tag, plain, 5), host="203.0.113.1", wire=Wire.UDP)
        it.wait(901)
        await it.hear(glo(tag, plain, 5), host="203.0.113.1")
        assert it.plain() == []
        assert it.refused() == {"unknown-sender": 4}


async def test_recognition_by_address_can_be_switched_off() -> None:
    async with bench(AT_HOME, by_address=False) as it:
        assert await it.hear(PUSH_CONFIRMED) == []
        assert it.refused() == {"unknown-sender": 1}


async def test_a_ciphered_notification_is_confirmed_ciphered() -> None:
    async with bench() as it:
        assert await it.hear(general_glo(PUSH_CONFIRMED, 1)) == [b"sealed \x30" + CONFIRM]


async def test_a_replay_is_refused_and_a_lost_confirmation_is_repeated() -> None:
    async with bench() as it:
        old = general_glo(PUSH, 5)
        await it.hear(old)
        assert len(await it.hear(general_glo(PUSH_CONFIRMED, 6))) == 1
        assert len(await it.hear(general_glo(PUSH_CONFIRMED, 6))) == 1
        for apdu in (old, general_glo(EVENT, 6), general_glo(EVENT, 0)):
            assert await it.hear(apdu) == []
        assert it.plain() == [PUSH, PUSH_CONFIRMED]
        assert it.refused() == {"replayed": 3}
        assert it.answered() == {"confirmation": 2, "repeated": 1}


@pytest.mark.parametrize(
    ("apdu", "reason"),
    [
        (general_glo(PUSH, 1)[:-1] + b"\0", "wrong-tag"),
        (general_glo(PUSH, 1)[:-1], "malformed"),
        (b"\xdb\x08" + TITLE + b"\x00", "malformed"),
        (b"\xdb\x30\x00", "malformed"),
        (general_glo(PUSH, 1, AUTHENTICATED), "less-protected"),
        (general_glo(PUSH, 1, ENCRYPTED), "less-protected"),
        (general_glo(PUSH, 1, 0), "less-protected"),
        (general_glo(PUSH, 1, BOTH | 0x40), "less-protected"),  # under the broadcast key
        (general_glo(PUSH, 1, BOTH | 1), "less-protected"),  # another suite
        (general_glo(PUSH, 1, BOTH | 0x80), "less-protected"),  # compressed, which nobody here undoes
        (general_ciphering(PUSH, 1, b"\x01\x00\x01"), "less-protected"),
        (general_ciphering(PUSH, 1, b"\x01\x01\x00\x04\xa1\xa2\xa3\xa4"), "less-protected"),
        (general_glo(bytes.fromhex("C001C1000100"), 1), "no-notification"),
        (general_glo(PUSH[:-1], 1), "malformed"),
        (general_glo(b"", 1), "malformed"),
        (general_glo(PUSH, 1, title=b"STRANGER"), "unknown-sender"),
        (bytes.fromhex("C001C100080000010000FF0200"), "no-notification"),
        (b"\x61\x00", "malformed"),
        (AARE.replace(bytes.fromhex("A40A0408") + TITLE, b"").replace(b"\x61\x35", b"\x61\x29"), "no-notification"),
        (PUSH, "unknown-sender"),
        (b"\xe0", "malformed"),
    ],
)
async def test_what_is_refused_is_counted_by_its_reason(apdu: bytes, reason: str) -> None:
    async with bench() as it:
        assert await it.hear(apdu) == []
        assert it.refused() == {reason: 1}
        await it.hear(general_glo(EVENT, 1))
        assert it.plain() == [EVENT]  # its counter was not spoilt


async def test_less_than_the_registered_protection_is_refused_also_from_the_right_address() -> None:
    async with bench(AT_HOME) as it:
        await it.hear(PUSH, host="198.51.100.1")
        assert it.refused() == {"less-protected": 1}


@pytest.mark.parametrize("control", [ENCRYPTED, 0])
async def test_what_is_not_authenticated_must_come_from_the_device_s_address(control: int) -> None:
    lax = replace(CIPHERED, required=Protection(encryption=control == ENCRYPTED))
    async with bench(Book([lax])) as it:
        await it.hear(general_glo(PUSH, 9, control))
        assert it.refused() == {"not-proven": 1}
        await it.hear(general_glo(PUSH, 9, control), host="198.51.100.1")
        assert it.plain() == [PUSH]
        # nor does its counter count: anybody could have set it high
        await it.hear(general_glo(PUSH, 1))
        assert it.plain() == [PUSH]


async def test_a_device_that_dials_in_without_protection_is_known_by_its_aare() -> None:
    async with bench(Book([replace(CIPHERED, host=None, required=Protection())])) as it:
        await it.hear(PUSH)
        await it.hear(AARE, PUSH)
        assert it.plain() == [PUSH]
        await it.hear(AARE, PUSH, wire=Wire.UDP)
        assert it.refused() == {"unknown-sender": 2, "no-notification": 1}


async def test_a_device_whose_title_is_not_registered_may_name_it() -> None:
    untitled = replace(CIPHERED, device_id="house-8", title=None)
    async with bench(Book([], {(HOST, 1): untitled})) as it:
        await it.hear(general_glo(PUSH, 1))
        assert it.plain() == [PUSH]
        await it.hear(glo(202, EVENT, 2), host=HOST, port=1)
        assert it.refused() == {"no-key": 1}


async def test_another_device_behind_the_same_address_is_not_mistaken_for_it() -> None:
    async with bench(Book([], {(HOST, 1): CIPHERED})) as it:
        await it.hear(general_glo(PUSH, 1, title=b"STRANGER"))
        assert it.refused() == {"unknown-sender": 1}


async def test_a_device_without_keys_cannot_send_ciphered() -> None:
    async with bench(Book([replace(CIPHERED, ciphering=None, counter_scope=None)])) as it:
        await it.hear(general_glo(PUSH, 1))
        assert it.refused() == {"no-key": 1}


async def test_unknown_senders_are_refused() -> None:
    async with bench() as it:
        await it.hear(PUSH, host="192.0.2.1")
        await it.hear(general_glo(PUSH, 1, title=b"STRANGER"), host="::1")
        assert it.refused() == {"unknown-sender": 2}


async def test_what_nobody_takes_is_not_confirmed_and_may_come_again() -> None:
    async with bench(size=1) as it:
        assert len(await it.hear(general_glo(PUSH_CONFIRMED, 1))) == 1
        assert await it.hear(general_glo(PUSH_CONFIRMED, 2)) == []
        assert it.refused() == {"not-stored": 1}
        it.all_taken()
        assert len(await it.hear(general_glo(PUSH_CONFIRMED, 2))) == 1


async def test_a_sink_or_a_directory_that_fails_stops_nobody() -> None:
    class Broken(Book):
        async def by_title(self, title: bytes) -> None:
            raise OSError("the database is gone")

    async def sink(notification: Notification) -> bool:
        raise OSError("the disk is full")

    async with bench(Broken()) as it:
        assert await it.hear(general_glo(PUSH_CONFIRMED, 1), general_glo(PUSH_CONFIRMED, 1)) == []
        assert it.refused() == {"fault": 2}
    async with bench(sink=sink) as it:
        assert await it.hear(general_glo(PUSH_CONFIRMED, 1)) == []
        assert it.refused() == {"not-stored": 1}


apdus = st.one_of(
    st.binary(min_size=1, max_size=60),
    st.tuples(st.sampled_from([15, 24, 56, 97, 194, 202, 219, 221, 224]), st.binary(max_size=60)).map(
        lambda pair: bytes((pair[0],)) + pair[1]
    ),
    st.tuples(
        st.sampled_from([general_glo(PUSH, 1), general_ciphering(EVENT, 1), glo(202, EVENT, 1), AARE, PUSH_CONFIRMED]),
        st.integers(0, 79),
        st.integers(0, 255),
    ).map(lambda t: t[0][: t[1]] + bytes((t[2],)) + t[0][t[1] + 1 :]),
)


@given(st.lists(apdus, max_size=8))
async def test_no_octets_crash_it_or_spoil_anothers_notification(garbage: list[bytes]) -> None:
    async with bench(AT_HOME) as it:
        await it.hear(*garbage, host="198.51.100.1")
        await it.hear(*garbage, host="203.0.113.9", wire=Wire.UDP)
        assert "fault" not in it.refused()
        it.all_taken()
        assert await it.hear(PUSH_CONFIRMED) == [CONFIRM]
        await it.hear(general_glo(PUSH, 0x7FFFFFFF), host="203.0.113.1")
        assert it.plain() == [PUSH_CONFIRMED, PUSH]


def test_the_octets_made_here_are_those_of_the_book() -> None:
    # Green Book 8.3, 9.2.7.2: the examples of authenticated encryption
    apdu = bytes.fromhex("C0010000080000010000FF0200")
    encrypted = "C812200123456 7411312FF935A47566827C467BC".replace(" ", "")
    assert b"\xc8\x12" + protected(apdu, 0x01234567, ENCRYPTED) == bytes.fromhex(encrypted)
    both = "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B"
    assert b"\xc8\x1e" + protected(apdu, 0x01234567) == bytes.fromhex(both)
