"""Numbers, spans and texts as the pages write them."""

import pytest

from cas.console.filters import codes, left, percent, plural, tags


@pytest.mark.parametrize(
    ("span", "shown"),
    [(None, ""), (20.0, "less than a minute left"), (299.0, "about 4 min left"), (7_450.0, "about 2 h 4 min left")],
)
def test_what_is_left_is_told_roughly(span: float | None, shown: str) -> None:
    assert left(span) == shown


def test_a_count_has_its_word() -> None:
    assert [plural(count, "device").split() for count in (1, 12_480)] == [["1", "device"], ["12", "480", "devices"]]
    assert plural(2, "device is", "devices are").split() == ["2", "devices", "are"]


def test_only_what_is_complete_is_100_percent() -> None:
    assert percent(0.99999).startswith("99.9")
    assert percent(1.0).startswith("100")


def test_what_others_wrote_is_text_and_never_markup() -> None:
    assert codes("<b>`cas <x>`") == "&lt;b&gt;<code>cas &lt;x&gt;</code>"
    shown = tags("<a x='\"'>&lt;script&gt;</a>")
    assert "<script" not in shown
    assert shown.count("<span") == shown.count("</span>")
