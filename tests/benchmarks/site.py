"""A site to be measured: simulated meters, a durable PostgreSQL that knows them, and what works on it, in processes."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cas.store.embedded import embedded_server
from cas.store.migrate import migrate
from tests.processes import cas, run, running

# No limit that protects is in the way: the work is measured, not the waiting.
_UNLIMITED = {
    "CAS_CLIENT_RATE": "100000", "CAS_CLIENT_BURST": "100000", "CAS_CONNECTIONS_PER_SECOND": "100000",
    "CAS_MASTER_KEY": "5A" * 32, "CAS_LOG_LEVEL": "warning", "CAS_PORT": "0",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Site:
    """Where it is."""

    dsn: str
    devices: Path
    """The registry file of the meters."""
    environment: dict[str, str]
    """What the processes of the site are told."""

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[str]:
        """A `cas serve`; its URL."""
        with running(cas("serve", *arguments), self.environment) as ready:
            yield ready.split()[1]


@contextmanager
def site(*meters: str, **settings: str) -> Iterator[Site]:
    """The database with these meters (arguments of `cas simulate`; none: no meters) in its registry."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        directory = Path(name)
        devices = directory / "devices.toml"
        dsn = stack.enter_context(embedded_server(directory / "data"))
        migrate(dsn)
        environment = {**_UNLIMITED, **settings, "CAS_DSN": dsn, "CAS_DATA_DIR": name}
        if meters:
            stack.enter_context(running(cas("simulate", "--port", "0", "--export", devices, *meters)))
            run(cas("device", "import", devices), environment)
        yield Site(dsn, devices, environment)
