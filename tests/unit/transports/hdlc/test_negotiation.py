"""Negotiation of information field lengths and windows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transports.hdlc.negotiation import Parameters, decode

lengths, windows = st.integers(1, 2030), st.integers(1, 7)
parameters = st.builds(Parameters, lengths, lengths, windows, windows)


def test_the_example_of_the_user_association() -> None:
    read = decode(bytes.fromhex("8180140502008006020080070400000001080400000001"))
    assert read == Parameters(128, 128, 1, 1)


def test_one_octet_per_value() -> None:
    assert decode(bytes.fromhex("81800c0501800601800701070801 07".replace(" ", ""))) == Parameters(128, 128, 7, 7)


def test_what_is_not_mentioned_has_its_default() -> None:
    assert decode(b"") == Parameters(128, 128, 1, 1)
    assert decode(bytes.fromhex("8180040502 0400".replace(" ", ""))) == Parameters(1024, 128, 1, 1)


def test_unknown_parameters_are_passed_over_and_values_brought_into_range() -> None:
    assert decode(bytes.fromhex("81800d0502ffff99010007010008 0109".replace(" ", ""))) == Parameters(2030, 128, 1, 7)


@pytest.mark.parametrize("octets", ["81", "8280020501", "818003050180ff"[:8], "818003050280", "81800105"])
def test_unreadable_fields(octets: str) -> None:
    with pytest.raises(ValueError, match=r"negotiation|cut off"):
        decode(bytes.fromhex(octets))


@pytest.mark.parametrize("wrong", [(0,), (2031,), (128, 0), (128, 128, 8), (128, 128, 1, 0)])
def test_parameters_out_of_range_are_refused(wrong: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        Parameters(*wrong)


@given(parameters)
def test_what_is_written_is_read(offer: Parameters) -> None:
    assert decode(offer.encode()) == offer


@given(parameters, parameters)
def test_both_sides_agree_on_the_same(client: Parameters, server: Parameters) -> None:
    answer = server.agree(decode(client.encode()))
    agreed = client.agree(decode(answer.encode()))
    assert agreed.transmit_length == answer.receive_length == min(client.transmit_length, server.receive_length)
    assert agreed.receive_length == answer.transmit_length == min(client.receive_length, server.transmit_length)
    assert agreed.transmit_window == answer.receive_window
    assert agreed.receive_window == answer.transmit_window
