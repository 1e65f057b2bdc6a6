"""The console in a real browser: the service, simulated meters, and Debian's chromium, each as a process."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from cas.store.embedded import embedded_server
from tests.processes import cas, run, running

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
METERS = 6
DEAD = "53494D0000000004"


@dataclass(frozen=True, slots=True)
class Service:
    """The service under test, with its meters."""

    url: str
    devices: tuple[str, ...]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a module share an event loop, as they share the browser."""
    for item in items:
        if item.path.parent == Path(__file__).parent and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


def require_browser() -> None:
    """Skip where there is none."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}: `apt-get install chromium`, or name one by CHROMIUM")


async def violations(page: Page) -> list[Any]:
    """What axe finds, by the rules of WCAG 2.2 AA and best practice; contrast in light and in dark."""
    await page.evaluate(f"() => {{ {AXE.read_text('utf-8')} }}")
    await page.emulate_media(color_scheme="light")
    found = await _axe(page, "{}")
    await page.emulate_media(color_scheme="dark")
    return found + await _axe(page, "{runOnly: ['color-contrast']}")


async def _axe(page: Page, options: str) -> list[Any]:
    found: list[Any] = await page.evaluate(
        f"async () => (await axe.run(document, {{resultTypes: ['violations'], ...{options}}})).violations"
        ".map((v) => [v.id, v.help, v.nodes.map((n) => n.html.slice(0, 200))])"
    )
    return found


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Meters, one of them dead, and a service on a database of its own."""
    require_browser()
    directory = tmp_path_factory.mktemp("console")
    devices = directory / "devices.toml"
    environment = {"CAS_DATA_DIR": str(directory / "data"), "CAS_PORT": "0", "CAS_LOG_LEVEL": "error"}
    simulate = cas("simulate", "--meters", str(METERS), "--port", "0", "--export", devices, "--fault", "dead:3")
    models = ("--model", "residential", "--model", "residential", "--model", "three-phase", "--latency", "20")
    with ExitStack() as stack:
        stack.enter_context(embedded_server(directory / "data", durable=False))
        stack.enter_context(running([*simulate, *models], environment))
        run(cas("device", "import", devices), environment)
        ready = stack.enter_context(running(cas("serve"), environment))
        names = tuple(f"53494D{number:010X}" for number in range(1, METERS + 1))
        yield Service(ready.split()[1].removesuffix("/cas"), names)


@pytest.fixture
def base_url(service: Service) -> str:
    """Where the browser is."""
    return service.url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A browser, which takes seconds to start."""
    require_browser()
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser, base_url: str) -> AsyncIterator[BrowserContext]:
    """The browser with nothing kept. What it complains of, above all of the content security policy, fails the test."""
    complaints: list[str] = []
    made = await browser.new_context(base_url=base_url, viewport={"width": 1280, "height": 860})
    made.on("weberror", lambda error: complaints.append(str(error.error)))
    made.on("console", lambda message: complaints.append(message.text) if _is_complaint(message) else None)
    yield made
    await made.close()
    assert not complaints


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext) -> Page:
    """A tab."""
    return await context.new_page()


def _is_complaint(message: ConsoleMessage) -> bool:
    """Whether the browser warns of something; not of a page that says what is wrong, which is no file of ours."""
    refused = "status of 400" in message.text or "status of 404" in message.text
    is_page = "/console/" not in message.location["url"]
    return message.type in ("error", "warning") and not (refused and is_page)
