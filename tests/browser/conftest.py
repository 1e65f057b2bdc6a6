"""The console in a real browser: the service, simulated meters, and Debian's chromium, each as a process."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, async_playwright

from tests.processes import cas, run, running

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
METERS = 6
DEAD = "53494D0000000004"


@dataclass(frozen=True, slots=True)
class Service:
    """The service under test, with its meters."""

    url: str
    devices: tuple[str, ...]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Meters, one of them dead, and a service on a database of its own."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}: `apt-get install chromium`, or name one by CHROMIUM")
    directory = tmp_path_factory.mktemp("console")
    devices = directory / "devices.toml"
    environment = {"CAS_DATA_DIR": str(directory / "data"), "CAS_PORT": "0", "CAS_LOG_LEVEL": "error"}
    simulate = cas("simulate", "--meters", str(METERS), "--port", "0", "--export", devices, "--fault", "dead:3")
    models = ("--model", "residential", "--model", "residential", "--model", "three-phase", "--latency", "20")
    with ExitStack() as stack:
        stack.enter_context(running([*simulate, *models], environment))
        run(cas("device", "import", devices), environment)
        ready = stack.enter_context(running(cas("serve"), environment))
        names = tuple(f"53494D{number:010X}" for number in range(1, METERS + 1))
        yield Service(ready.split()[1].removesuffix("/cas"), names)


@pytest.fixture
async def context(service: Service) -> AsyncIterator[BrowserContext]:
    """A browser with nothing kept. What it complains of, above all of the content security policy, fails the test."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        made = await browser.new_context(base_url=service.url, viewport={"width": 1280, "height": 860})
        made.on("weberror", lambda error: complaints.append(str(error.error)))
        made.on(
            "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
        )
        yield made
        await browser.close()
    assert not complaints


@pytest.fixture
async def page(context: BrowserContext) -> Page:
    """A tab."""
    return await context.new_page()
