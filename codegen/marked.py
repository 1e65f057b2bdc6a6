"""Replaces what stands between two marks of a document, or checks that it is fresh."""

import sys
from collections.abc import Iterable
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
