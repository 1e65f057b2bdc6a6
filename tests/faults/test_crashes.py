"""Processes are killed at random while clients ask for reads and changes: nothing is lost, nothing is done twice."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.crash_run import run
from tests.faults.crash_site import Plan

PLAN = Plan(seed=6, meters=60, kills=6, pause=(0.3, 1.5))
MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is one: what is written outlives a killed process there as well, and sooner."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="cas-crashes-", dir=MEMORY) as made:
        yield Path(made)


@pytest.mark.timeout(300)  # so that a run that does not come to rest tells what is left
@pytest.mark.clause("5.2.2")
@pytest.mark.clause("5.2.3")
async def test_nothing_is_lost_and_nothing_done_twice_when_processes_are_killed(directory: Path) -> None:
    outcome = await run(PLAN, directory)
    print(outcome.figures)
    print(*outcome.faults, sep="\n")
    assert outcome.violations == []
