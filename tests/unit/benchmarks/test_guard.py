"""The guard against regressions fails for a ratio that has become worse, and for no noise."""

import gc
import sys
from pathlib import Path

import pytest

from tests.benchmarks import __main__ as command
from tests.benchmarks import load_profile
from tests.benchmarks.guard import MARGIN, keep_ratios, read_ratios, regressions
from tests.benchmarks.measure import ROOT, Row, Spread, compare


def row(times: float = 1.0, work: str = "decode") -> Row:
    """Measured when ours takes so many times as long as it did: beside a floor and a peer, whose costs are the same."""
    cases = {"ours": lambda: times * 0.001, "floor": lambda: 0.002, "peer": lambda: 0.1}
    return compare(work, cases, {"floor": 1.0}, rounds=3)


@pytest.fixture(autouse=True)
def no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured here, and to collect the garbage of a whole run before each case takes minutes."""
    monkeypatch.setattr(gc, "collect", lambda: 0)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "ratios.json"
    keep_ratios([row(), row(work="encode")], path)
    return path


def test_what_is_as_it_was_or_better_passes(kept: Path) -> None:
    assert not list(regressions([row(), row(0.5), row(1 + MARGIN / 2)], read_ratios(kept)))


def test_what_takes_longer_is_told_with_both_ratios_whatever_the_machine(kept: Path) -> None:
    assert list(regressions([row(1.5)], read_ratios(kept))) == [
        "decode, beside floor: 1.33, it was 2.00",
        "decode, beside peer: 66.67, it was 100.00",
    ]


def test_a_doctored_ratio_fails(kept: Path) -> None:
    kept.write_text(kept.read_text().replace("100.0", "140.0"))
    assert list(regressions([row()], read_ratios(kept))) == ["decode, beside peer: 100.00, it was 140.00"]


def test_noise_is_no_regression() -> None:
    wide = {"decode": {"peer": Spread(100.0, 60.0, 140.0)}}
    assert not list(regressions([row(1.5)], wide))


def test_what_is_not_kept_yet_passes(kept: Path) -> None:
    assert not list(regressions([row(9, work="new")], read_ratios(kept)))


@pytest.mark.parametrize(
    ("times", "told"), [(1.0, 0), (2.0, "worse than kept:\ndecode, beside floor: 1.00, it was 2.00")]
)
def test_the_command_fails_and_says_why(
    kept: Path, monkeypatch: pytest.MonkeyPatch, times: float, told: object
) -> None:
    monkeypatch.setattr(load_profile, "rows", lambda _rounds: [row(times)])
    monkeypatch.setattr(command, "read_ratios", lambda: {"decode": {"floor": read_ratios(kept)["decode"]["floor"]}})
    monkeypatch.setattr(sys, "argv", ["bench", "--check", "load_profile"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == told


def test_the_ratios_that_are_kept_are_those_that_the_readme_shows() -> None:
    readme = (ROOT / "README.md").read_text()
    table = readme.partition(command.BEGIN)[2].partition(command.END)[0]
    shown = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")][1:]
    assert [work for work in shown if work] == list(read_ratios())
