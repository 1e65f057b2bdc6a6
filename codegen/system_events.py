"""Writes the table of system events from `cas.system_events`: `python -m codegen.system_events [--check]`."""

import sys
from collections.abc import Iterable

from cas.system_events import Kind
from codegen.marked import ROOT, command


def table() -> Iterable[str]:
    """The lines of the table."""
    yield "| number | severity | what | about | what to do |"
    yield "|---|---|---|---|---|"
    for kind in Kind:
        entry = kind.value
        yield f"| {entry.number} | {entry.severity} | {entry.title} | {entry.subject} | {entry.advice} |"


def main() -> int:
    """Exit status 0; 1 if the check finds the table stale or missing."""
    return command(ROOT / "cas" / "push" / "README.md", "system events", "codegen.system_events", table, __doc__)


if __name__ == "__main__":
    sys.exit(main())
