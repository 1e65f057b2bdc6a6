"""Frames on the wire and in a stream."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.transports.hdlc.vectors import EXAMPLES
from transports.hdlc.address import Address
from transports.hdlc.fcs import fcs
from transports.hdlc.frame import MAX_LENGTH, Frame, FrameDecoder, Kind, parse

WIRE = {name: bytes.fromhex(octets) for name, (octets, *_) in EXAMPLES.items()}
addresses = st.one_of(
    st.builds(Address, st.integers(0, 0x7F)),
    st.builds(Address, st.integers(0, 0x7F), st.integers(0, 0x7F), st.sampled_from([2, 4])),
    st.builds(Address, st.integers(0, 0x3FFF), st.integers(0, 0x3FFF), st.just(4)),
)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    kind = draw(st.sampled_from(Kind))
    return Frame(
        draw(addresses),
        draw(addresses),
        kind,
        poll=draw(st.booleans()),
        send_number=draw(st.integers(0, 7)) if kind is Kind.I else 0,
        receive_number=draw(st.integers(0, 7)) if kind in {Kind.I, Kind.RR, Kind.RNR} else 0,
        segmented=draw(st.booleans()) if kind is Kind.I else False,
        information=draw(st.binary(max_size=300)),
    )


def slices(octets: bytes, cuts: list[int]) -> list[bytes]:
    points = sorted({0, len(octets), *(cut % (len(octets) + 1) for cut in cuts)})
    return [octets[a:b] for a, b in pairwise(points)]


def same(one: Frame, other: Frame) -> bool:
    return one.encode() == other.encode()


@pytest.mark.parametrize("name", WIRE)
def test_a_foreign_frame_is_read(name: str) -> None:
    _, kind, destination, source = EXAMPLES[name]
    frame = parse(WIRE[name][1:-1])
    assert (frame.kind, frame.destination, frame.source, frame.poll) == (kind, destination, source, True)


@pytest.mark.parametrize("name", WIRE)
def test_a_foreign_frame_is_written_octet_for_octet(name: str) -> None:
    assert parse(WIRE[name][1:-1]).encode() == WIRE[name]


def test_check_sequence_of_the_catalogue() -> None:
    assert fcs(b"123456789") == bytes.fromhex("6e90")  # CRC-16/X-25, check value 0x906e, low octet first


@pytest.mark.parametrize("name", WIRE)
def test_octet_by_octet_and_split_at_every_index(name: str) -> None:
    wire = WIRE[name]
    for cuts in [list(range(len(wire))), *([index] for index in range(len(wire)))]:
        decoder = FrameDecoder()
        found = [frame for piece in slices(wire, cuts) for frame in decoder.feed(piece)]
        assert [frame.encode() for frame in found] == [wire]
        assert decoder.pending == b""
        assert decoder.skipped == 0


@pytest.mark.parametrize("name", WIRE)
@pytest.mark.parametrize(
    "garbage", [b"\x00", b"\xff" * 40, b"\x7e", b"\x7e\x7e", b"\x7e\xa7\xff", b"\x7e\xa0\x20\x03\x21", b"~~~A~"]
)
def test_garbage_around_a_frame_costs_no_frame(name: str, garbage: bytes) -> None:
    wire = WIRE[name]
    decoder = FrameDecoder()
    found = decoder.feed(garbage + wire + garbage + wire) + decoder.feed(wire) + decoder.give_up()
    assert [frame.encode() for frame in found] == [wire] * 3


def test_frames_may_share_a_flag() -> None:
    decoder = FrameDecoder()
    one, other = WIRE["gurux SNRM, 1 octet"], WIRE["gurux DISC, 1 octet"]
    assert [frame.kind for frame in decoder.feed(one + other[1:])] == [Kind.SNRM, Kind.DISC]


@pytest.mark.parametrize("name", WIRE)
def test_every_flipped_bit_is_noticed_and_the_next_frame_is_found(name: str) -> None:
    wire = WIRE[name]
    for bit in range(8, 8 * (len(wire) - 1)):
        broken = bytearray(wire)
        broken[bit // 8] ^= 1 << bit % 8
        decoder = FrameDecoder()
        found = decoder.feed(bytes(broken) + wire)
        assert [frame.encode() for frame in found + decoder.give_up()] == [wire]


@pytest.mark.parametrize("name", ["example AARQ", "gurux SNRM, 1 octet", "meter DM"])
def test_a_frame_cut_at_any_octet_does_not_swallow_the_next(name: str) -> None:
    wire = WIRE[name]
    for end in range(len(wire)):
        decoder = FrameDecoder()
        found = decoder.feed(wire[:end]) + decoder.feed(wire) + decoder.give_up()
        # Cut before its last flag, the frame borrows the first flag of the next.
        assert [frame.encode() for frame in found] == [wire] * (2 if end == len(wire) - 1 else 1)


def test_a_sound_header_is_known_before_its_frame_is_whole() -> None:
    wire = WIRE["example AARQ"]
    decoder = FrameDecoder()
    seen = []
    for piece in (wire[:10], wire[10:20], wire[20:]):
        decoder.feed(piece)
        seen.append(decoder.receiving)
    assert seen == [False, True, False]


def test_an_undefined_control_field_is_told_from_a_broken_frame() -> None:
    head = bytes.fromhex("a0070321") + b"\x3f"
    frame = parse(head + fcs(head))
    assert frame.kind is None
    assert frame.control == 0x3F
    assert frame.encode()[1:-1] == head + fcs(head)


def test_a_frame_that_is_too_long_is_not_made() -> None:
    fits = Frame(Address(1, 17, 4), Address(16), Kind.I, information=bytes(MAX_LENGTH - 12))
    assert parse(fits.encode()[1:-1]).information == fits.information
    with pytest.raises(ValueError, match="at most 2047"):
        Frame(Address(1, 17, 4), Address(16), Kind.I, information=bytes(MAX_LENGTH - 11)).encode()


@given(frames())
def test_what_is_written_is_read(frame: Frame) -> None:
    decoder = FrameDecoder()
    (found,) = decoder.feed(frame.encode())
    assert same(found, frame)
    assert (found.kind, found.destination, found.source) == (frame.kind, frame.destination, frame.source)
    assert (found.poll, found.segmented, found.information) == (frame.poll, frame.segmented, frame.information)


@given(
    st.lists(st.one_of(frames().map(Frame.encode), st.binary(max_size=20), st.just(b"\x7e\xa0"))),
    st.lists(st.integers(0, 5000)),
)
def test_any_stream_gives_the_same_frames_in_any_slicing(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    whole, sliced = FrameDecoder(), FrameDecoder()
    expected = whole.feed(stream)
    found = [frame for piece in slices(stream, cuts) for frame in sliced.feed(piece)]
    assert found == expected
    assert (sliced.pending, sliced.skipped, sliced.receiving) == (whole.pending, whole.skipped, whole.receiving)
