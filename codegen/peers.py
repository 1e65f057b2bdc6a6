"""Writes the README's comparison with other software from `codegen/peers.toml`: `python -m codegen.peers [--check]`."""

import argparse
import sys
import tomllib
from collections.abc import Iterable

from codegen.marked import ROOT, renew


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
    parser = argparse.ArgumentParser(prog="python -m codegen.peers", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the table is stale")
    arguments = parser.parse_args()
    return renew(ROOT / "README.md", "peers", "codegen.peers", table(), check=arguments.check)


if __name__ == "__main__":
    sys.exit(main())
