"""`python -m cas` is the command `cas`."""

from cas.cli import main

main()
