"""The wrapper of IEC 62056-47."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transports.base import Event, LinkDown, LinkUp
from transports.errors import ApduTooLong, FramingError
from transports.wrapper import WrapperDecoder, WrapperFrame, WrapperFraming, encode

# Green Book 8.3, 7.4.2: version, source wPort, destination wPort, length. The AARQ as gurux-dlms 1.0.203 wraps it for
# client 16 and server 1.
AARQ = bytes.fromhex("601da109060760857405080101be10040e01000000065f1f0400401e5dffff")
WIRE = bytes.fromhex("000100100001001f") + AARQ
wports = st.integers(0, 0xFFFF)
frames = st.builds(WrapperFrame, wports, wports, st.binary(max_size=50))


def read(octets: list[bytes]) -> tuple[list[Event], WrapperFraming]:
    framing = WrapperFraming(local=1, remote=16)
    return [event for piece in octets for event in framing.receive(piece, 0.0)], framing


def slices(octets: bytes, cuts: list[int]) -> list[bytes]:
    return [octets[a:b] for a, b in pairwise(sorted({0, len(octets), *(cut % (len(octets) + 1) for cut in cuts)}))]


@pytest.mark.clause("Green Book 8.3, 7.4.2")
def test_a_foreign_frame_is_read_and_written_in_any_slicing() -> None:
    assert encode(16, 1, AARQ) == WIRE
    for cuts in [[], list(range(len(WIRE))), *([index] for index in range(len(WIRE)))]:
        events, framing = read(slices(WIRE, cuts))
        assert events == [AARQ]
        assert framing.pending == b""


def test_trailing_octets_wait_for_their_frame() -> None:
    events, framing = read([WIRE + WIRE[:20]])
    assert events == [AARQ]
    assert framing.pending == WIRE[:20]
    assert framing.receive(WIRE[20:] + WIRE, 0.0) == [AARQ, AARQ]
    assert framing.receive(WIRE, 0.0) == [AARQ]


@pytest.mark.parametrize("garbage", [b"\x7e", b"\x00\x02", b"GET / HTTP/1.1", b"\x00\x00\x00\x00\x00\x00\x00\x00"])
def test_a_stream_out_of_step_ends_the_link_after_what_was_right(garbage: bytes) -> None:
    events, _ = read([WIRE + garbage])
    assert events[0] == AARQ
    assert isinstance(events[1], LinkDown)
    assert isinstance(events[1].error, FramingError)


def test_frames_for_others_and_empty_ones_are_counted() -> None:
    others = encode(16, 2, AARQ) + encode(17, 1, AARQ) + encode(16, 1, b"")
    events, framing = read([others + WIRE])
    assert events == [AARQ]
    assert framing.ignored == 3
    assert framing.receive(encode(16, 1, b""), 0.0) == []


def test_the_longest_apdu() -> None:
    events, _ = read([encode(16, 1, bytes(65535))])
    assert events == [bytes(65535)]
    with pytest.raises(ApduTooLong, match="65535"):
        encode(16, 1, bytes(65536))


def test_an_apdu_goes_out_in_a_frame_of_its_own() -> None:
    framing = WrapperFraming(local=16, remote=1)
    assert framing.connect(0.0) == [LinkUp()]
    assert framing.send(AARQ, 0.0) == WIRE
    assert framing.send(AARQ, 0.0) == WIRE


@given(st.lists(frames), st.binary(max_size=12), st.lists(st.integers(0, 2000)))
def test_any_stream_gives_the_same_frames_in_any_slicing(
    sent: list[WrapperFrame], tail: bytes, cuts: list[int]
) -> None:
    stream = b"".join(encode(*frame) for frame in sent)
    decoder = WrapperDecoder()
    assert [frame for piece in slices(stream, cuts) for frame in decoder.feed(piece)] == sent
    whole, sliced = WrapperFraming(local=1, remote=16), WrapperFraming(local=1, remote=16)
    expected = whole.receive(stream + tail, 0.0)
    found = [event for piece in slices(stream + tail, cuts) for event in sliced.receive(piece, 0.0)]
    assert [event for event in found if isinstance(event, bytes)] == [
        event for event in expected if isinstance(event, bytes)
    ]
    assert any(isinstance(event, LinkDown) for event in found) == any(isinstance(e, LinkDown) for e in expected)
