"""SECURITY.md names files and tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "SECURITY.md").read_text()
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
FILES = sorted(set(re.findall(r"`((?:cas|transports|tests|\.ci)/[\w/.-]+\.\w+)`", TEXT)))


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_a_control_has_the_test_that_it_names(file: str, name: str) -> None:
    assert re.search(rf"^ *(?:async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize("file", FILES)
def test_a_control_is_where_it_is_said_to_be(file: str) -> None:
    assert (ROOT / file).is_file()


def test_there_is_something_to_check() -> None:
    assert len(TESTS) > 25
    assert len(FILES) > 15
