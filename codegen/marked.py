"""Replaces what stands between two marks of a document, or checks that it is fresh."""

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]


def renew(document: Path, name: str, tool: str, lines: Iterable[str], *, check: bool) -> int:
    """Put the lines between the marks of this name. Exit status 1: no marks, or the check finds it stale."""
    begin, end = f"<!-- {name}: made by {tool} -->", f"<!-- end of {name} -->"
    old = document.read_text("utf-8")
    before, found, rest = old.partition(begin)
    _, closed, after = rest.partition(end)
    where = document.relative_to(ROOT)
    if not found or not closed:
        print(f"{where} has no marks {begin} and {end}", file=sys.stderr)
        return 1
    new = "\n".join((before + begin, *lines, end + after))
    if new == old:
        return 0
    if check:
        print(f"the table of {name} in {where} is stale: run `make readme`", file=sys.stderr)
        return 1
    document.write_text(new, "utf-8")
    return 0


def command(document: Path, name: str, tool: str, lines: Callable[[], Iterable[str]], about: str | None) -> int:
    """`renew` as the command line of a tool that takes --check and nothing else."""
    parser = argparse.ArgumentParser(prog=f"python -m {tool}", description=about)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the table is stale")
    return renew(document, name, tool, lines(), check=parser.parse_args().check)
