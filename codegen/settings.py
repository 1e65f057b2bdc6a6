"""Writes the table of settings from the model `cas.config.Settings`: `python -m codegen.settings [--check]`."""

import argparse
import sys

from cas.deploy.configuration import table
from codegen.marked import ROOT, renew


def main() -> int:
    """Exit status 0; 1 if the check finds the table stale or missing."""
    parser = argparse.ArgumentParser(prog="python -m codegen.settings", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the table is stale")
    arguments = parser.parse_args()
    document = ROOT / "cas" / "deploy" / "README.md"
    return renew(document, "settings", "codegen.settings", table(), check=arguments.check)


if __name__ == "__main__":
    sys.exit(main())
