"""Writes the table of system events from `cas.system_events`: `python -m codegen.system_events [--check]`."""

import argparse
import sys
from collections.abc import Iterable

from cas.system_events import Kind
from codegen.marked import ROOT, renew


def table() -> Iterable[str]:
    """The lines of the table."""
    yield "| number | severity | what | about | what to do |"
    yield "|---|---|---|---|---|"
    for kind in Kind:
        entry = kind.value
        yield f"| {entry.number} | {entry.severity} | {entry.title} | {entry.subject} | {entry.advice} |"


def main() -> int:
    """Exit status 0; 1 if the check finds the table stale or missing."""
    parser = argparse.ArgumentParser(prog="python -m codegen.system_events", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the table is stale")
    arguments = parser.parse_args()
    document = ROOT / "cas" / "push" / "README.md"
    return renew(document, "system events", "codegen.system_events", table(), check=arguments.check)


if __name__ == "__main__":
    sys.exit(main())
