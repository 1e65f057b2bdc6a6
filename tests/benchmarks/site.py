"""A site to be measured: simulated meters, a durable PostgreSQL that knows them, and what works on it, in processes."""

import tomllib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

from cas.devices.entry import Entry, parse_entry
from cas.store.embedded import embedded_server
from cas.store.migrate import migrate
from tests.processes import cas, run, started

DAILY = "<dev:RepeatingInterval>P1D</dev:RepeatingInterval>"
"""The terms of a resource that begins now, and whose client waits for nothing."""
# No limit that protects is in the way: the work is measured, not the waiting.
_SETTINGS = {
    "CAS_CLIENT_RATE": "100000", "CAS_CLIENT_BURST": "100000", "CAS_CONNECTIONS_PER_SECOND": "100000",
    "CAS_MASTER_KEY": "5A" * 32, "CAS_LOG_LEVEL": "warning", "CAS_PORT": "0",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Service:
    """A `cas serve` that answers."""

    url: str
    pid: int

    def post(self, body: bytes) -> HTTPResponse:
        """The answer to a SOAP request, not read yet."""
        request = Request(self.url, body, {"Content-Type": "application/soap+xml"})
        answer: HTTPResponse = urlopen(request)
        return answer

    def get(self, path: str) -> str:
        """A page of it."""
        with urlopen(self.url.removesuffix("/cas") + path) as answer:
            text: bytes = answer.read()
        return text.decode()


@dataclass(frozen=True, slots=True)
class Site:
    """Where it is."""

    dsn: str
    directory: Path
    environment: dict[str, str]
    """What the processes of the site are told."""
    simulators: Sequence[int]
    """The numbers of their processes."""

    @property
    def devices(self) -> Path:
        """The registry file of the meters, of the last simulator."""
        return self.directory / "devices.toml"

    @contextmanager
    def serving(self, *arguments: str) -> Iterator["Service"]:
        """A `cas serve`."""
        with started(cas("serve", *arguments), self.environment) as (ready, process):
            yield Service(ready.split()[1], process.pid)

    @contextmanager
    def working(self) -> Iterator[int]:
        """A `cas worker`: the number of its process."""
        with started(cas("worker"), self.environment) as (_, process):
            yield process.pid


def entries_in(file: Path) -> list[Entry]:
    """The devices of a registry file, with their keys."""
    entries = (parse_entry(entry) for entry in tomllib.loads(file.read_text())["device"])
    return [entry for entry in entries if isinstance(entry, Entry)]


@contextmanager
def site(*simulators: Sequence[str], **settings: str) -> Iterator[Site]:
    """A database with the meters of these simulators, each given as arguments of `cas simulate`, in its registry."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        directory = Path(name)
        dsn = stack.enter_context(embedded_server(directory / "data"))
        migrate(dsn)
        pids: list[int] = []
        opened = Site(dsn, directory, {**_SETTINGS, **settings, "CAS_DSN": dsn, "CAS_DATA_DIR": name}, pids)
        for meters in simulators:
            simulate = cas("simulate", "--port", "0", "--export", opened.devices, *meters)
            pids.append(stack.enter_context(started(simulate))[1].pid)
            run(cas("device", "import", opened.devices), opened.environment)
        yield opened
