"""A site that is made to crash: meters, PostgreSQL, workers, a front, perhaps a broker; each a process of its own."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from cas.store.embedded import embedded_server
from cas.store.migrate import migrate
from tests.processes import ROOT

PATIENCE = 120.0
"""Seconds in which a process must be ready."""
STALLED_AFTER = 2.0
# A report of ten thousand meters is one line.
LONGEST_LINE = 1 << 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the site has, and how it is killed; times in seconds."""

    seed: int
    meters: int
    workers: int = 2
    kills: int
    pause: tuple[float, float]
    """Between two kills, from a restart on."""
    latency: float = 0.02
    """Before each answer of a meter."""
    chunk: int = 10
    at_once: int = 100
    """Devices that a worker accesses at the same time."""
    broker: bool = False
    bulks: int = 3
    """Large accesses that are made in the course of it."""
    repeat: int = 2
    """Seconds between the activations of the repeating one."""
    window: int = 30
    """Seconds that each may take."""


class Victim:
    """A process that can be killed and comes back."""

    def __init__(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0

    async def start(self) -> None:
        """Start it, again and again until it says READY, as a supervisor would."""
        deadline = time.monotonic() + PATIENCE
        while not await self._start():
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} does not start: see {self._log}")
            await asyncio.sleep(0.2)

    async def _start(self) -> bool:
        self.starts += 1
        with self._log.open("ab") as log:
            begin = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *self._command, cwd=ROOT, env=os.environ | dict(self._environment), stdout=log, stderr=log
            )
        while self._process.returncode is None:
            with self._log.open("rb") as told:
                told.seek(begin)
                if b"READY" in told.read():
                    return True
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 0.05)
        return False

    async def kill(self) -> None:
        """SIGKILL."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM; what does not obey is killed, and told."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 20)
                return
            await self.kill()
            raise AssertionError(f"{self.name} does not stop")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP and SIGCONT."""
        assert self._process is not None
        self._process.send_signal(number)

    async def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            await self._process.wait()

    @property
    def faults(self) -> list[str]:
        """The lines of its log that tell of a fault of the program."""
        if not self._log.exists():
            return []
        lines = (json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{"))
        return [f"{self.name}: {line}" for line in lines if line.get("level") in ("error", "critical")]


class Postgres:
    """A durable PostgreSQL of the site's own."""

    name = "postgres"

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = ExitStack()
        self.dsn = ""

    async def start(self) -> None:
        """Start it, or again after it was killed."""
        self.dsn = await asyncio.to_thread(self._stack.enter_context, embedded_server(self._directory))

    async def kill(self) -> None:
        """SIGKILL the server with all its processes, as if the machine had lost its power."""
        server = int((self._directory / "postgres" / "postmaster.pid").read_text().split()[0])
        for pid in (server, *_children(server)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def stop(self) -> None:
        """Stop it in order."""
        await asyncio.to_thread(self._stack.close)


class Connections:
    """Those of the site to its PostgreSQL, any half of which breaks at once, as behind a proxy that is restarted."""

    name = "connections"

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def start(self) -> None:
        """They come by themselves."""

    async def kill(self) -> None:
        """End them."""
        statement = (
            b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            b"WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < 0.5"
        )
        with suppress(psycopg.OperationalError):  # the server is down itself
            async with await psycopg.AsyncConnection.connect(self._postgres.dsn, autocommit=True) as connection:
                await connection.execute(statement)

    stop = kill


class Meters:
    """The process of the meters, which is never killed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def report(self) -> dict[str, Any]:
        """What they counted."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(b"report\n")
        await self._process.stdin.drain()
        report: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return report


@dataclass(slots=True)
class Site:
    """All of it."""

    url: str
    postgres: Postgres
    meters: Meters
    victims: list[Victim | Postgres | Connections]
    killed: list[str] = field(default_factory=list)

    async def kill(self, victim: Victim | Postgres | Connections, away: float, *, gently: bool) -> None:
        """Kill one, or stop it in order, and start it again after `away` seconds."""
        self.killed.append(f"{victim.name}, in order" if gently else victim.name)
        await (victim.stop() if gently else victim.kill())
        await asyncio.sleep(away)
        await victim.start()

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        with psycopg.connect(self.postgres.dsn) as connection:
            return connection.execute(statement.encode()).fetchall()

    @property
    def faults(self) -> list[str]:
        """The faults that the programs tell of."""
        return [line for victim in self.victims if isinstance(victim, Victim) for line in victim.faults]


@asynccontextmanager
async def open_site(plan: Plan, directory: Path, receiver: str) -> AsyncIterator[Site]:
    """Start everything, with the meters registered; events may go to `receiver`."""
    postgres = Postgres(directory / "data")
    port = _unused_port()
    broker_port = port + 1
    started: list[Victim | Postgres] = []
    async with _meters(plan, directory) as (meters, devices):
        try:
            await postgres.start()
            started.append(postgres)
            await asyncio.to_thread(migrate, postgres.dsn)
            environment = _environment(plan, postgres.dsn, port, receiver)
            if plan.broker:
                environment["CAS_EVENT_MQTT"] = f"mqtt://cas:secret@127.0.0.1:{broker_port}"
            await _import(devices, environment, directory)
            serving = [
                Victim("front", _cas("serve", "--no-worker"), environment, directory / "front.log"),
                *(
                    Victim(f"worker {number}", _cas("worker"), environment, directory / f"worker-{number}.log")
                    for number in range(1, plan.workers + 1)
                ),
            ]
            if plan.broker:
                command = [sys.executable, "-m", "tests.faults.crash_broker", str(broker_port)]
                serving.append(Victim("broker", command, {}, directory / "broker.log"))
            for victim in serving:
                started.append(victim)
                await victim.start()
            yield Site(f"http://127.0.0.1:{port}/cas", postgres, meters, [postgres, Connections(postgres), *serving])
        finally:
            for each in reversed(started):
                await each.stop()


def _environment(plan: Plan, dsn: str, port: int, receiver: str) -> dict[str, str]:
    return {
        "CAS_DSN": dsn,
        "CAS_MASTER_KEY": "5A" * 32,
        "CAS_PORT": str(port),
        "CAS_PUSH_PORT": "0",
        "CAS_ANYONE_SERVICES": "get,set,action",
        "CAS_EVENT_TARGETS": json.dumps([receiver]),
        "CAS_WORKER_STALLED_AFTER": str(STALLED_AFTER),
        "CAS_RETRY_AFTER": "1",
        "CAS_STOP_GRACE": "2",
        "CAS_CHUNK_DEVICES": str(plan.chunk),
        "CAS_DEVICES_AT_ONCE": str(plan.at_once),
        "CAS_CONNECTIONS_PER_SECOND": "10000",
        "CAS_LOG_FORMAT": "json",
        "CAS_CLIENT_RATE": "10000",
    }


@asynccontextmanager
async def _meters(plan: Plan, directory: Path) -> AsyncIterator[tuple[Meters, Path]]:
    devices = directory / "meters.toml"
    command = [sys.executable, "-m", "tests.faults.crash_meters", str(plan.meters), str(plan.latency), str(devices)]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LONGEST_LINE
    )
    assert process.stdin
    assert process.stdout
    try:
        told = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        assert told == b"READY\n", "the meters do not start"
        yield Meters(process), devices
    finally:
        process.stdin.close()
        await process.communicate()


async def _import(devices: Path, environment: Mapping[str, str], directory: Path) -> None:
    with (directory / "import.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *_cas("device", "import", devices), cwd=ROOT, env=os.environ | dict(environment), stdout=log, stderr=log
        )
        assert await process.wait() == 0, (directory / "import.log").read_text()


def _cas(*arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "cas", *arguments]


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(entry.name))
    return found


def _unused_port() -> int:
    """A free one that no connection takes for itself while its process is away: below those that the system gives."""
    for port in range(20_000 + os.getpid() % 1000 * 10, 32_000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")
