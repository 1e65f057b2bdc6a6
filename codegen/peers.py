"""Writes the README's comparison with other software from `codegen/peers.toml`: `python -m codegen.peers [--check]`."""

import sys
import tomllib
from collections.abc import Iterable

from codegen.marked import ROOT, command


def table() -> Iterable[str]:
    """The lines of the table. Raises ValueError where a row has not a cell for each name."""
    data = tomllib.loads((ROOT / "codegen" / "peers.toml").read_text("utf-8"))
    names = data["names"]
    yield f"| | {' | '.join(names)} |"
    yield "|---|" + "---|" * len(names)
    for row in data["row"]:
        if len(row["cells"]) != len(names):
            raise ValueError(f"{row['what']}: {len(row['cells'])} cells for {len(names)} names")
        yield f"| {row['what']} | {' | '.join(row['cells'])} |"


def main() -> int:
    """Exit status 0; 1 if the check finds the table stale or missing."""
    return command(ROOT / "README.md", "peers", "codegen.peers", table, __doc__)


if __name__ == "__main__":
    sys.exit(main())
