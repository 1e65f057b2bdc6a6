"""What an operator does at the console, in a real browser; and that everybody can."""

import asyncio
import csv
import re
from pathlib import Path

from playwright.async_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import DEAD, Service, violations

PAGES = (
    "/",
    "/access",
    "/new",
    "/devices",
    "/groups",
    "/groups/DG_ALL_METERS",
    "/plot",
    "/events",
    "/audit",
    "/settings",
)
PROFILE = "1.0.1.8.0.255\n1.0.99.1.0.255 last 2 days"


async def create(page: Page, devices: str, objects: str, schedule: str = "now") -> str:
    """Make a DeviceAccess by the form; return its path."""
    await page.goto("/new")
    await page.get_by_label("Devices", exact=True).fill(devices)
    await page.get_by_label("What to read").fill(objects)
    await page.get_by_label("When").fill(schedule)
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_url(re.compile("/access/[0-9a-f-]{36}$"))
    return page.url


async def finished(page: Page) -> None:
    """Wait until the page says, by itself, that the access is over."""
    await expect(page.locator("h1 .tag")).to_have_text("finished", timeout=60_000)


async def hold(page: Page, url: str) -> asyncio.Event:
    """Keep an answer back until the event is set."""
    arrived = asyncio.Event()

    async def late(route: Route) -> None:
        await arrived.wait()
        await route.continue_()

    await page.route(url, late)
    return arrived


def table(path: Path) -> list[list[str]]:
    with path.open(newline="") as lines:
        return list(csv.reader(lines))


def is_png(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG\r\n")


async def test_an_access_is_made_by_name_and_watched_to_its_end(page: Page, service: Service) -> None:
    await page.goto("/")
    await page.get_by_role("link", name="New DeviceAccess").click()
    await page.get_by_label("Devices", exact=True).fill(" ".join(service.devices[:3]))
    search = page.get_by_role("combobox", name="Look for an object by name")
    await search.fill("active energy import")
    await expect(page.get_by_role("listbox", name="Objects").get_by_role("option").first).to_contain_text(
        "1.0.1.8.0.255"
    )
    await search.press("ArrowDown")
    await search.press("Enter")
    await expect(page.get_by_label("What to read")).to_have_value(re.compile("^1.0.1.8.0.255  # Active energy"))
    preview = page.get_by_role("region", name="Preview")
    await expect(preview).to_contain_text("Once, now, on 3 devices")
    await expect(preview.get_by_label("SOAP request")).to_contain_text(
        "<cos:instance-id>0100010800FF</cos:instance-id>"
    )
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_url(re.compile("/access/"))
    await finished(page)  # without loading the page again
    rows = page.locator("#devices tbody tr")
    await expect(rows).to_have_count(3)
    await expect(rows.locator(".tag-ok")).to_have_count(3)
    await page.get_by_role("link", name=service.devices[0]).click()
    await expect(page.locator("td.answer").first).to_contain_text("Wh")


async def test_progress_moves_while_a_device_is_silent_and_cancel_ends_it(page: Page, service: Service) -> None:
    await create(page, f"{service.devices[0]} {DEAD}", "1.0.1.8.0.255")
    bar = page.get_by_role("progressbar")
    await expect(bar).to_have_attribute("aria-valuenow", "1", timeout=20_000)
    await expect(page.locator(".progress-text")).to_contain_text("1 of 2 devices")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator("h1 .tag")).to_have_text("canceled")


async def test_a_profile_is_plotted_zoomed_and_exported(page: Page, service: Service) -> None:
    await create(page, " ".join(service.devices[:3]), PROFILE)
    await finished(page)
    await page.get_by_role("link", name="Plot", exact=True).click()
    await expect(page.locator("#plot canvas")).to_be_visible()
    legend = page.locator(".u-legend .u-label")
    await expect(legend).to_have_count(4)
    zoomed = page.get_by_role("button", name="Zoom in")
    async with page.expect_download() as whole:
        await page.get_by_role("button", name="CSV").click()
    await zoomed.click()
    await page.locator("#plot").focus()
    await page.keyboard.press("+")
    await page.keyboard.press("ArrowLeft")
    async with page.expect_download() as part:
        await page.get_by_role("button", name="CSV").click()
    rows = [table(await (await each.value).path()) for each in (whole, part)]
    assert len(rows[0]) > 150
    assert 10 < len(rows[1]) < len(rows[0]) / 2
    assert rows[0][0][0] == "time"
    assert [head.partition(" ")[0] for head in rows[0][0][1:]] == list(service.devices[:3])
    async with page.expect_download() as picture:
        await page.get_by_role("button", name="PNG").click()
    assert is_png(await (await picture.value).path())


async def test_objects_are_browsed_and_read_live(page: Page, service: Service) -> None:
    await page.goto(f"/devices/{service.devices[0]}")
    await page.get_by_role("button", name="Browse objects").click()
    await expect(page.locator("#objects-title")).to_contain_text("objects")
    await page.get_by_label("Narrow").fill("clock")
    await expect(page.locator("#objects-table tbody tr:visible").first).to_contain_text("Clock")
    await page.get_by_role("combobox", name="Object").fill("1.0.1.8.0.255")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Read", exact=True).click()
    await expect(page.locator("td.answer").first).to_contain_text("Wh")


async def test_what_is_written_before_the_script_is_there_narrows_the_objects(page: Page, service: Service) -> None:
    await page.goto(f"/devices/{service.devices[0]}")
    arrived = await hold(page, "**/console.js")
    await page.get_by_role("button", name="Browse objects").click()
    await page.get_by_label("Narrow").fill("clock")
    arrived.set()
    await expect(page.locator("#objects-table tbody tr:visible").first).to_contain_text("Clock")


async def test_a_suggestion_that_comes_late_does_not_open_the_list_again(page: Page, service: Service) -> None:
    await page.goto(f"/devices/{service.devices[0]}")
    arrived = await hold(page, "**/suggest/objects*")
    async with page.expect_response("**/suggest/objects*"):
        await page.get_by_role("combobox", name="Object").fill("energy")
        await page.keyboard.press("Escape")
        arrived.set()
    await page.evaluate("() => fetch('/suggest/objects?q=clock').then((answer) => answer.json())")
    await expect(page.locator("#found-objects")).to_be_hidden()


async def test_the_keyboard_is_enough(page: Page) -> None:
    await page.goto("/")
    await page.keyboard.press("g")
    await page.keyboard.press("d")
    await page.wait_for_url("**/devices")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(page.locator("tr.at a")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/devices/53494D0000000002")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await page.wait_for_url("**/new")


async def test_colours_follow_the_system_until_somebody_chooses(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    await page.emulate_media(color_scheme="dark")
    await page.goto("/")
    dark = await page.evaluate(ground)
    await page.get_by_role("button", name="Colours").click()
    light = await page.evaluate(ground)
    assert light != dark
    await page.goto("/devices")
    assert await page.evaluate(ground) == light


async def test_axe_finds_nothing_in_answers_to_forms(page: Page, service: Service) -> None:
    await page.goto(f"/devices/{service.devices[0]}")
    await page.get_by_role("button", name="Browse objects").click()
    await expect(page.locator("#objects-title")).to_be_visible()
    assert await violations(page) == []
    await page.goto("/plot")
    await page.get_by_label("Device", exact=True).fill(service.devices[0])
    await page.get_by_role("button", name="Read and plot").click()
    await expect(page.locator("#plot canvas")).to_be_visible()
    assert await violations(page) == []
    await page.goto("/new")
    await page.get_by_label("When").fill("soon")
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#schedule-wrong")).to_contain_text("is not understood")
    assert await violations(page) == []
    await page.get_by_role("button", name="Keyboard shortcuts").click()
    assert await violations(page) == []


async def test_pages_read_without_scripts(context: BrowserContext, service: Service) -> None:
    assert context.browser
    plain = await context.browser.new_context(base_url=service.url, java_script_enabled=False)
    page = await plain.new_page()
    for path in PAGES:
        answer = await page.goto(path)
        assert answer
        assert answer.ok
        await expect(page.locator("h1")).to_be_visible()
    await page.goto("/new")
    await page.get_by_label("Devices", exact=True).fill(service.devices[0])
    await page.get_by_label("What to read").fill("0.0.1.0.0.255")
    await page.get_by_role("button", name="Preview").click()
    await expect(page.get_by_role("region", name="Preview")).to_contain_text("0000010000FF")
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_url(re.compile("/access/"))
    await plain.close()
