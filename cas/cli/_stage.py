"""The stage of the demos: commands as processes of their own, in a directory that is thrown away."""

import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from cas.errors import CasError

PATIENCE = 60.0
"""Seconds that a process may take until it is ready."""


def _command(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "cas", *arguments]


def step(environment: dict[str, str], *arguments: str) -> None:
    """One command that ends by itself."""
    typer.echo(f"$ cas {' '.join(arguments)}")
    done = subprocess.run(_command(list(arguments)), env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise CasError(f"cas {' '.join(arguments)} failed: {done.stderr.strip() or done.stdout.strip()}")


@contextmanager
def running(arguments: list[str], environment: dict[str, str], log: Path, ready: Callable[[], bool]) -> Iterator[None]:
    """A command that stays, until it is stopped in order."""
    typer.echo(f"$ cas {' '.join(arguments)} &")
    with log.open("wb") as output:
        process = subprocess.Popen(_command(arguments), env=environment, stdout=output, stderr=output)  # noqa: S603
        try:
            deadline = time.monotonic() + PATIENCE
            while not ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise CasError(f"cas {arguments[0]} did not start: {log.read_text().strip()}")
                time.sleep(0.02)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


_PORTS = iter(range(20_000 + os.getpid() % 10_000, 32_000))
"""Below those that the system gives to outgoing connections, which may come between the look and the use."""


def free_port() -> int:
    """A TCP port that nobody listens on, another one at each call."""
    for port in _PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise CasError("no TCP port is free")


def answers(url: str) -> bool:
    """Whether the service at this URL is ready."""
    try:
        with urllib.request.urlopen(url.removesuffix("/cas") + "/ready", timeout=5) as response:  # noqa: S310
            return bool(response.status == 200)
    except OSError:
        return False


def device_ids(devices: Path) -> list[str]:
    """The devices of a TOML file of the registry."""
    return [device["device_id"] for device in tomllib.loads(devices.read_text())["device"]]
