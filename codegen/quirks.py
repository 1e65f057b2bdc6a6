"""Writes the README's table of quirks from `cas.devices.model.Quirks`: `python -m codegen.quirks [--check]`."""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from cas.devices.model import Quirks

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- quirks: made by codegen.quirks -->", "<!-- end of quirks -->"


_WORDS = {"True": "yes", "False": "no", "None": "not set"}


def table() -> Iterable[str]:
    """The lines of the table."""
    yield "| quirk | usually | meaning | the standard |"
    yield "|---|---|---|---|"
    for quirk in fields(Quirks):
        usual = _WORDS.get(str(quirk.default), quirk.default)
        yield f"| `{quirk.name}` | {usual} | {quirk.metadata['meaning']} | {quirk.metadata['clause']} |"


def main() -> int:
    """Exit status 0; 1 if the check finds the table stale or missing."""
    parser = argparse.ArgumentParser(prog="python -m codegen.quirks", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the table is stale")
    arguments = parser.parse_args()
    old = README.read_text("utf-8")
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        print(f"{README.name} has no markers {BEGIN} and {END}", file=sys.stderr)
        return 1
    new = f"{before}{BEGIN}\n{chr(10).join(table())}\n{END}{after}"
    if arguments.check:
        if new != old:
            print("the table of quirks is stale: run `python -m codegen.quirks`", file=sys.stderr)
        return int(new != old)
    README.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
