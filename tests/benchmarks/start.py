"""The start of `cas serve` on a database that runs and has its schema, to its first answer.

Byte code is there, as it is where the package was installed.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping

from tests.benchmarks.machine import allowed
from tests.benchmarks.measure import Case, Row, compare, waited
from tests.benchmarks.site import Site, site

LIBRARIES = (
    "aiohttp.web, cryptography.x509, jinja2, lxml.etree, procrastinate, psycopg_pool, pydantic_settings, structlog"
)


def start(opened: Site) -> None:
    """Until the first answer; the way back does not count, but takes little."""
    with opened.serving() as service:
        assert service.get("/ready") == "ready\n"


def imports(environment: Mapping[str, str]) -> Case:
    """What the libraries of the service take, without a line of it."""
    command = [sys.executable, "-c", f"import {LIBRARIES}"]
    return waited(lambda: subprocess.run(command, env=os.environ | dict(environment), check=True))


def rows(rounds: int) -> Iterable[Row]:
    """Every measurement of this module."""
    with site() as opened:
        byte_code = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(opened.directory / "byte-code")}
        opened.environment.update(byte_code)
        yield compare(
            "start of `cas serve` to its first answer",
            {
                "ours": waited(lambda: start(opened)),
                "floor: import of its libraries": imports(byte_code),
                "allowed: 2 s": allowed(2.0),
            },
            {"allowed: 2 s": 1.0},
            rounds,
        )
