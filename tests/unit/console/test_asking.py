"""What the lines of a form ask for."""

import pytest

from cas.console.asking import AskingError, name_of, parse_lines
from cas.console.catalogue import search
from cas.cosem.selection import Range


def asked(text: str) -> list[str]:
    return [f"{each.class_id}/{each.code}:{name_of(each)}" for each in parse_lines(text)]


def test_a_register_comes_with_scaler_and_unit_and_once() -> None:
    expected = ["3/1.0.1.8.0.255:value", "3/1.0.1.8.0.255:scaler_unit"]
    assert asked("1.0.1.8.0.255 # energy\n\n1-0:1.8.0*255\n0100010800FF") == expected


def test_a_profile_comes_with_its_columns_and_a_relative_range() -> None:
    *_, buffer = parse_lines("1.0.99.1.0.255 last 12 hours")
    assert asked("1.0.99.1.0.255")[:2] == ["7/1.0.99.1.0.255:capture_objects", "7/1.0.99.1.0.255:capture_period"]
    assert isinstance(buffer.selection, Range)
    assert buffer.selection.start.value == bytes.fromhex("FFFDFFFFFF0CFFFFFFFFFFFF")
    assert buffer.selection.end.value == bytes.fromhex("FFFEFFFFFFFFFFFFFFFFFFFF")


def test_days_are_written_as_the_interface_has_them() -> None:
    *_, buffer = parse_lines("1.0.99.1.0.255 last 3 days")
    assert isinstance(buffer.selection, Range)
    assert buffer.selection.start.value == bytes.fromhex("FFFDFFFF03FFFFFFFFFFFFFF")


def test_class_and_attribute_can_be_said() -> None:
    assert asked("70/0.0.96.3.10.255:control_state") == ["70/0.0.96.3.10.255:control_state"]
    assert asked("8/0.0.1.0.0.255:3") == ["8/0.0.1.0.0.255:time_zone"]


@pytest.mark.parametrize(
    "line", ["energy", "1.0.1.8", "9.9.9.9.9.9", "0/1.0.1.8.0.255", "1.0.1.8.0.255:0", "1.0.99.1.0.255 last 255 days"]
)
def test_what_cannot_be_asked_for_is_told(line: str) -> None:
    with pytest.raises(AskingError):
        parse_lines(line)


def test_too_many_lines_are_told() -> None:
    with pytest.raises(AskingError, match="too many"):
        parse_lines("\n".join(["1.0.1.8.0.255"] * 201))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("active energy import", "1.0.1.8.0.255"),
        ("voltage L1", "1.0.32.7.0.255"),
        ("clock", "0.0.1.0.0.255"),
        ("2.8.0", "1.0.2.8.0.255"),
    ],
)
def test_objects_are_found_by_name(words: str, code: str) -> None:
    assert search(words)[0].code == code


def test_no_words_find_nothing() -> None:
    assert search("  ") == []
