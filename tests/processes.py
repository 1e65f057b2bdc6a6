"""Processes that tests talk to: our commands, and foreign implementations in an environment of their own."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PEERS_PYTHON = ROOT / ".peers" / "bin" / "python"
PATIENCE = 60.0
"""Seconds in which a process must be ready."""


@contextmanager
def running(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """A process that prints a line beginning with READY, which is given; it is stopped by SIGTERM at the end."""
    with started(command, environment) as (ready, _):
        yield ready


@contextmanager
def started(
    command: Sequence[str | Path], environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """As `running`, with the process."""
    process = subprocess.Popen(
        command,
        env=os.environ | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )
    try:
        yield _wait_ready(process), process
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=PATIENCE)
        sys.stdout.write(rest)  # pytest shows it where a test fails


def _wait_ready(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    lines = []
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        for line in process.stdout:
            if line.startswith("READY"):
                return line.strip()
            lines.append(line)
    finally:
        watchdog.cancel()
    raise AssertionError("not ready: " + "".join(lines))


def cas(*arguments: str | Path) -> list[str | Path]:
    """Our command."""
    return [sys.executable, "-m", "cas", *arguments]


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> str:
    """A command that ends by itself and well; its output."""
    done = subprocess.run(
        command, env=os.environ | dict(environment or {}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def gurux_meter(*arguments: str) -> list[str | Path]:
    """The foreign meter."""
    if not PEERS_PYTHON.exists():  # pragma: no cover - `make test` makes it
        pytest.fail("the environment of the foreign meter is missing: run `make .peers/.done`")
    return [PEERS_PYTHON, ROOT / "tests" / "interop" / "gurux_meter.py", *arguments]
