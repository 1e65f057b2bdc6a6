"""Writes the table of settings from the model `cas.config.Settings`: `python -m codegen.settings [--check]`."""

import sys

from cas.deploy.configuration import table
from codegen.marked import ROOT, command


def main() -> int:
    """Exit status 0; 1 if the check finds the table stale or missing."""
    return command(ROOT / "cas" / "deploy" / "README.md", "settings", "codegen.settings", table, __doc__)


if __name__ == "__main__":
    sys.exit(main())
