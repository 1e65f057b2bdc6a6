"""A night with 12,480 meters and a thousand jobs, in a real browser: everybody can read it, at any width, at once."""

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urljoin

import pytest
from lxml import html
from playwright.async_api import BrowserContext, Page, expect

from tests.browser import scene
from tests.browser.conftest import require_browser, violations
from tests.processes import running

RESOURCES = 1000
MOST_SECONDS = 2.0
"""In which the service must have made a page, on a busy machine; a quiet one takes a tenth of it."""
PLOT = f"/plot?access={scene.PROFILES}&chosen=1&gained=1" + "".join(f"&device={name}" for name in scene.PLOTTED)
CREATE = (
    f"/new?devices={scene.PLOTTED[0]}+{scene.PLOTTED[1]}&schedule=every+day+at+02:00+within+4+hours"
    "&objects=1.0.1.8.0.255%0A1.0.99.1.0.255+last+3+days"
)
ACCESS = f"/access/{scene.REGISTERS}"
PICTURES = {"overview": "/", "access": ACCESS, "plot": PLOT, "create": CREATE}
PAGES = (
    *PICTURES.values(),
    "/access",
    "/access?q=nothing-like-it",
    f"{ACCESS}?activation=41&show=failed",
    f"{ACCESS}?activation=41&show=trying&why=connection+refused",
    f"{ACCESS}?activation=30",
    f"/access/{scene.LINE}",
    f"/access/{scene.ALARMS}",
    f"/access/{scene.PROFILES}/12/{scene.PLOTTED[0]}",
    "/devices",
    "/devices?state=troubled",
    f"/devices/{scene.title(12)}",
    "/groups",
    "/groups/DG_OLDTOWN",
    "/groups/DG_PILOT",
    "/plot",
    "/events",
    "/events/system",
    "/audit",
    "/settings",
    "/devices/NOBODY",
)


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    require_browser()
    with running([sys.executable, "-m", "tests.browser.night", str(RESOURCES)]) as ready:
        yield ready.split()[1]


async def test_axe_finds_nothing_on_any_page(page: Page) -> None:
    found = {}
    for path in PAGES:
        await page.goto(path)
        found[path] = await violations(page)
    assert {path: problems for path, problems in found.items() if problems} == {}


async def test_no_page_is_wider_than_a_telephone(page: Page) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    wide = {}
    for path in PAGES:
        await page.goto(path)
        wide[path] = await page.evaluate("document.documentElement.scrollWidth")
    assert {path: width for path, width in wide.items() if width > 360} == {}


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_made_quickly(base_url: str, path: str) -> None:
    began = time.perf_counter()
    _get(base_url, path)
    assert time.perf_counter() - began < MOST_SECONDS


def test_every_resource_is_found_by_paging(base_url: str) -> None:
    found: list[str] = []
    path: str | None = "/access?state=finished"
    while path:
        page = _get(base_url, path)
        found += page.xpath("//tbody/tr/td[1]/a/@href")
        path = next(iter(page.xpath("//a[@rel='next']/@href")), None)
    assert len(found) == len(set(found)) > RESOURCES
    assert _get(base_url, f"/access?q={scene.title(7)}").xpath("//tbody/tr/td[1]/a/@href")


async def test_from_what_failed_to_why_and_on_which_devices(page: Page) -> None:
    await page.goto("/")
    trouble = page.get_by_role("region", name="Needs a look").get_by_role("listitem").filter(has_text="Voltage L1")
    await expect(trouble.get_by_role("button", name="Retry 12 devices")).to_be_visible()
    await expect(trouble).to_contain_text("check that the device is on")
    await trouble.get_by_role("link", name="no connection in time").click()
    await expect(page.locator("#devices tbody tr")).to_have_count(12)
    await expect(page.get_by_role("button", name="Retry failed")).to_be_visible()
    await page.goto("/")
    await page.get_by_role("link", name="no answer in time").first.click()
    rows = page.locator("#devices tbody tr")
    await expect(rows).to_have_count(28)
    await expect(rows.first).to_contain_text("is tried again")


async def test_a_device_is_picked_by_the_beginning_of_its_name(page: Page) -> None:
    await page.goto("/new")
    search = page.get_by_role("combobox", name="Look for a device")
    await search.fill("harbour-0001")
    await expect(page.get_by_role("option").first).to_contain_text("HARBOUR-00010")
    await search.press("Enter")
    await expect(page.get_by_label("Devices", exact=True)).to_have_value(f"{scene.title(10)}\n")
    await expect(page.get_by_role("region", name="Preview")).to_contain_text("What will be sent")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pictures(context: BrowserContext, scheme: Literal["light", "dark"], tmp_path: Path) -> None:
    """`make screenshots` keeps them, for the README."""
    directory = Path(os.environ.get("SCREENSHOTS", tmp_path))
    page = await context.new_page()
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.set_viewport_size({"width": 1280, "height": 820})
    for name, path in PICTURES.items():
        if name == "create":  # the form renews its preview once
            async with page.expect_response("**/new/preview"):
                await page.goto(path)
        else:
            await page.goto(path)
        await page.evaluate("document.fonts.ready")
        if name == "plot":
            await expect(page.locator("#plot canvas")).to_be_visible()
        if await page.locator("[data-live]").count():
            await expect(page.locator("#live-text")).to_have_text("live")
        picture = directory / f"{name}{'-dark' if scheme == 'dark' else ''}.png"
        await page.screenshot(path=picture)
        assert picture.read_bytes().startswith(b"\x89PNG\r\n")


def _get(base_url: str, path: str) -> Any:
    request = urllib.request.Request(urljoin(base_url, path))
    try:
        with urllib.request.urlopen(request) as answer:
            return html.fromstring(answer.read())
    except urllib.error.HTTPError as problem:
        assert problem.code == 404
        assert path == "/devices/NOBODY"
        return None
