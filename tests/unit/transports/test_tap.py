"""Recordings of links."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from transports.tap import Direction, Record, Tap, read

NOON = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


def blank(direction: Direction, apdu: bytes) -> bytes:
    return apdu.replace(b"secret", b"\x00" * 6)


@pytest.mark.parametrize("text", [False, True])
def test_a_recording_is_read_back_without_its_secrets(text: bool) -> None:
    lines: list[str] = []
    tap = Tap(lines.append, blank, text=text, clock=lambda: NOON)
    tap.event("M1", "there", "connected")
    tap.event("M1", "there", "sent", b"my secret")
    tap.event("M1", "there", "failed", note="ClosedByPeer: closed by\nthe peer")
    records = list(read(lines))
    assert [(record.event, record.apdu) for record in records] == [
        ("connected", b""), ("sent", b"my \x00\x00\x00\x00\x00\x00"), ("failed", b"")
    ]  # fmt: skip
    assert {(record.device, record.endpoint) for record in records} == {("M1", "there")}
    assert {record.time for record in records} == {NOON.replace(microsecond=123000)}
    assert records[2].note.split() == ["ClosedByPeer:", "closed", "by", "the", "peer"]
    assert b"secret".hex() not in "".join(lines)


def test_it_is_switched_at_run_time_and_per_device() -> None:
    tap = Tap(print, blank)
    tap.switch_on("M2")
    tap.switch_on("M1")
    assert tap.records("M1")
    tap.switch_off("M1")
    assert not tap.records("M1")
    assert tap.devices == {"M2"}


def test_a_redactor_that_fails_neither_harms_the_link_nor_lets_anything_through() -> None:
    def fail(direction: Direction, apdu: bytes) -> bytes:
        raise IndexError(apdu.hex())

    lines: list[str] = []
    Tap(lines.append, fail).event("M1", "there", "sent", b"my secret")
    (record,) = read(lines)
    assert (record.event, record.apdu) == ("sent", b"")
    assert record.note == "9 octets left out, for the redactor failed: IndexError"
    assert b"secret".hex() not in lines[0]


def test_the_lines() -> None:
    local = NOON.astimezone(timezone(timedelta(hours=2)))
    record = Record(local, "meter 1", "192.0.2.7:4059", "sent", b"\xc0\x01")
    assert record.as_text() == "2026-01-31T12:00:00.123Z meter_1 192.0.2.7:4059 > c001"
    assert record.as_json() == (
        '{"time": "2026-01-31T12:00:00.123Z", "device": "meter 1", "endpoint": "192.0.2.7:4059", '
        '"event": "sent", "apdu": "c001"}'
    )


@pytest.mark.parametrize("line", ["{}", "{", "hello", '{"time": "x"}', "2026-01-31T12:00:00Z a b ? c001"])
def test_a_line_that_is_no_record_is_named(line: str) -> None:
    good = Record(NOON, "M1", "there", "connected").as_json()
    with pytest.raises(ValueError, match="line 3 is no record"):
        list(read([good, "", line]))
