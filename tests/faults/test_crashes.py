"""Processes are killed at random while clients ask for reads and changes: nothing is lost, nothing is done twice."""

from pathlib import Path

import pytest

from tests.faults.crash_run import run
from tests.faults.crash_site import Plan

PLAN = Plan(seed=6, meters=60, kills=6, pause=(0.3, 1.5))


@pytest.mark.clause("5.2.2")
@pytest.mark.clause("5.2.3")
async def test_nothing_is_lost_and_nothing_done_twice_when_processes_are_killed(tmp_path: Path) -> None:
    outcome = await run(PLAN, tmp_path)
    print(outcome.figures)
    print(*outcome.faults, sep="\n")
    assert outcome.violations == []
