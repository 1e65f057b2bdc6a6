"""Writes the README's table of quirks from `cas.devices.model.Quirks`: `python -m codegen.quirks [--check]`."""

import sys
from collections.abc import Iterable
from dataclasses import fields

from cas.devices.model import Quirks
from codegen.marked import ROOT, command

_WORDS = {"True": "yes", "False": "no", "None": "not set"}


def table() -> Iterable[str]:
    """The lines of the table."""
    yield "| quirk | usually | meaning | the standard | simulated by |"
    yield "|---|---|---|---|---|"
    for quirk in fields(Quirks):
        usual = _WORDS.get(str(quirk.default), quirk.default)
        told = quirk.metadata
        simulated = "a model of your own" if told["simulated"] == "model" else f"`{told['simulated']}`"
        yield f"| `{quirk.name}` | {usual} | {told['meaning']} | {told['clause']} | {simulated} |"


def main() -> int:
    """Exit status 0; 1 if the check finds the table stale or missing."""
    return command(ROOT / "README.md", "quirks", "codegen.quirks", table, __doc__)


if __name__ == "__main__":
    sys.exit(main())
