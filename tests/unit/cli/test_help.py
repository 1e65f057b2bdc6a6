"""Help that teaches by example, completion, and what a person sees of long work."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer
from rich.console import Console

from cas.cli import _common, app
from cas.cli._plot import draw
from tests.commands import cas_commands, parse

WITHOUT_JSON = {"audit export", "certificate export", "certificate request", "demo", "serve", "worker"}
"""Commands whose output is JSON anyway, PEM, a show for people, or a log (setting log_format)."""


def leaves() -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""

    def walk(command: Any, words: list[str]) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "list_commands"):
            yield " ".join(words), command
            return
        for name in command.list_commands(None):
            yield from walk(command.get_command(None, name), [*words, name])

    return walk(typer.main.get_command(app), [])


COMMANDS = dict(leaves())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_that_work(name: str) -> None:
    lines = re.sub(r"\[/?(bold|dim|green)\]", "", COMMANDS[name].epilog or "").replace("\\[", "[").splitlines()
    assert lines[0] == "Examples"
    calls = [line for line in lines if line.startswith("$ ")]
    assert calls
    for call in calls:
        for words in cas_commands(call):
            parse(words)
        assert f"cas {name}" in call or f"cas.toml {name}" in call


@pytest.mark.parametrize("name", COMMANDS)
def test_scripts_get_json(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert ("--json" in options) == (name not in WITHOUT_JSON)


@pytest.mark.parametrize(
    ("words", "spared"), [("--help", {"cas.config", "pydantic"}), ("serve --help", {"aiomqtt", "jinja2"})]
)
def test_what_few_need_is_not_imported_at_the_start(words: str, spared: set[str]) -> None:
    script = (
        "import atexit, gc, sys; from cas.cli import main;"
        f"atexit.register(lambda: print(gc.isenabled(), sorted({spared} & sys.modules.keys()), file=sys.stderr));"
        "main(sys.argv[1:])"
    )
    done = subprocess.run([sys.executable, "-c", script, *words.split()], capture_output=True, text=True, check=True)
    assert done.stderr == "True []\n"


def test_words_are_completed_without_importing_what_they_do() -> None:
    environment = os.environ | {"_CAS_COMPLETE": "complete_bash", "COMP_CWORD": "1"}

    def complete(words: str, place: int) -> list[str]:
        variables = environment | {"COMP_WORDS": words, "COMP_CWORD": str(place)}
        done = subprocess.run([sys.executable, "-m", "cas"], env=variables, capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert complete("cas de", 1) == ["demo", "device"]
    assert complete("cas simulate --scenario dea", 3) == ["dead"]


def test_a_bar_tells_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(_common, "console", lambda **_: Console(file=out, force_terminal=True, width=120))
    monkeypatch.setattr(sys, "stderr", _Terminal())
    with _common.progress("registering", "devices", 4) as bar:
        bar.advance(1)
        bar.at(3)
    assert re.search(r"3 of 4 devices", out.getvalue())
    assert "left" in out.getvalue()

    with _common.progress("reading", "octets") as bar:
        bar.advance(2500)
    assert "2,500 octets" in out.getvalue()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with _common.progress("registering", "devices", 4) as bar:
        bar.advance(4)
    assert capsys.readouterr() == ("", "")


def test_a_drawing_shows_peak_floor_and_gap() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    times = [begin + timedelta(hours=hour) for hour in range(48) if not 10 <= hour < 20]
    points = {at: 5.0 if at.hour == 6 and at.day == 2 else 0.0 for at in times}
    lines = [line.plain for line in draw(points, "kWh", 60, 8, "cyan")]
    drawing, (axis, labels), (said,) = lines[:8], lines[8:10], lines[10:]
    assert all(len(line) == len(drawing[0]) for line in drawing)
    assert drawing[0].startswith("   5 ┤")
    assert drawing[7].startswith("   0 ┤")
    cells = drawing[0].partition("┤")[2]
    peak = next(place for place, cell in enumerate(cells) if cell != "\u2800")
    assert abs(peak - len(cells) * 30 / 47) <= 1
    floor = drawing[7].partition("┤")[2]
    empty = [place for place, cell in enumerate(floor) if cell == "\u2800"]
    assert min(empty) >= len(floor) * 9 / 47
    assert max(empty) <= len(floor) * 31 / 47
    assert axis.strip().startswith("└")
    assert "2026-01-02" in labels
    assert said.strip() == "38 rows: least 0, mean 0.1316, most 5 kWh at 2026-01-02 06:00"


def test_a_drawing_of_one_value_is_a_line() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    lines = [line.plain for line in draw({begin: 3.0, begin + timedelta(days=400): 3.0}, "", 40, 4, "cyan")]
    assert any("⠉" in line or "⣀" in line or "⠒" in line or "⠤" in line for line in lines)
    assert "2026-" in lines[5]
