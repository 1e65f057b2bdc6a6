"""The pages without a browser: what they show, what their forms do, and who may."""

import asyncio
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from aiohttp import encode_basic_auth, web
from aiohttp.test_utils import TestClient, TestServer
from lxml import etree

from cas.access.groups import ALL_METERS
from cas.console import views
from cas.console.guard import Guard as ConsoleGuard
from cas.console.http import routes
from cas.console.principal import by_door
from cas.cosem.data import Data
from cas.security.authentication import Method
from cas.security.clients import Directories
from cas.security.guard import Guard, Rules
from cas.security.known import KnownHere
from cas.security.model import Client, Definitions, Directory, Role, Service, Verb, directory_of
from cas.security.passwords import hash_password
from cas.store.database import connected
from tests.console_site import meter
from tests.job_rows import (
    Job,
    Visit,
    activation,
    add_activations,
    add_chunks,
    add_jobs,
    add_visits,
    answer,
    insert,
    notification,
    reads,
)
from tests.unit.console.conftest import DEVICES, Console, text_of
from transports.errors import ConnectTimeout

PAGES = ("/", "/access", "/new", "/devices", "/devices/M1", "/groups", "/groups/DG_ALL_METERS", "/plot", "/events")
FORM = {"devices": "M1 M2 OFF", "objects": "1.0.1.8.0.255  # energy", "schedule": "now", "do": "send"}
_INLINE = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


async def make(console: Console, **changed: str) -> str:
    """Make a DeviceAccess by the form, wait until it is over, and return its ID."""
    await console.post("/new", {**FORM, **changed})
    assert console.status == 200
    access_id = console.url.rpartition("/")[2]
    await over(console, access_id)
    return access_id


async def over(console: Console, access_id: str) -> None:
    """Wait until an on-demand access is over."""
    execution = console.site.access._runner.find(UUID(access_id))
    if execution is not None:
        await execution.done.wait()


@pytest.mark.parametrize("path", [*PAGES, "/audit", "/settings"])
async def test_pages_read_without_scripts_and_hold_none_inline(console: Console, path: str) -> None:
    page = await console.get(path)
    assert console.status == 200
    assert page.find(".//h1") is not None
    assert console.headers is not None
    assert "'unsafe" not in console.headers["Content-Security-Policy"]
    assert not _INLINE.search(etree.tostring(page, encoding="unicode"))
    for label in page.iterfind(".//label[@for]"):
        assert page.get_element_by_id(label.get("for")) is not None


async def test_a_form_makes_an_access_whose_outcome_shows_per_device(console: Console) -> None:
    access_id = await make(console)
    page = await console.get(f"/access/{access_id}")
    rows = {row[0].text_content().strip(): text_of(row) for row in page.xpath("//section[@id='devices']//tbody/tr")}
    assert set(rows) == {"M1", "M2", "OFF"}
    assert "ok" in rows["M1"]
    assert "connection refused" in rows["OFF"]
    answers = await console.get(f"/access/{access_id}/1/M1")
    assert "12 340 Wh" in text_of(answers)
    for path in ("/", "/access", "/events", "/devices/M1"):
        assert "Active energy import (+A), total" in text_of(await console.get(path))
    assert "connection refused" in text_of(await console.get("/"))


async def test_the_preview_is_the_soap_that_the_schema_has(console: Console) -> None:
    await console.post("/new/preview", {**FORM, "schedule": "every day at 02:00 within 4 hours"})
    page = await console.post("/new/preview", {**FORM, "schedule": "every day at 02:00 within 4 hours"})
    (soap,) = page.xpath("//pre[@class='soap']")
    message = etree.fromstring(soap.text_content())[0][0]
    schema = etree.XMLSchema(file="schemas/Message.xsd")
    assert schema.validate(message), schema.error_log
    assert "P1D" in soap.text_content()
    assert "Every day at 02:00 within 4 hours" in text_of(page)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("devices", "", "name devices"),
        ("devices", "NOBODY", "'NOBODY' is not registered"),
        ("objects", "", "choose what to read"),
        ("objects", "1.8", "write it as 1.0.1.8.0.255"),
        ("objects", "1.0.1.8.0.255:colour", "no attribute 'colour'"),
        ("objects", "1.0.1.8.0.255 last 3 days", "only the buffer of a profile"),
        ("schedule", "soon", "is not understood"),
        ("priority", "300", "0, most urgent"),
    ],
)
async def test_what_is_wrong_in_the_form_is_told_beside_it(console: Console, field: str, value: str, told: str) -> None:
    page = await console.post("/new", {**FORM, field: value})
    assert console.status == 400
    assert told in text_of(page)
    assert page.get_element_by_id("objects").text == (value if field == "objects" else FORM["objects"]) or not value


async def test_only_what_failed_is_retried(console: Console) -> None:
    access_id = await make(console)
    await console.post(f"/access/{access_id}/1/retry")
    again = console.url.rpartition("/")[2]
    assert again != access_id
    (made,) = await console.site.access.get([again])
    assert [target.device_id for target in made.targets] == ["OFF"]
    (first,) = await console.site.access.get([access_id])
    assert made.requests == first.requests


async def test_what_failed_leads_the_overview_until_it_is_retried(console: Console) -> None:
    access_id = await make(console)
    (trouble,) = (await console.get("/")).xpath("//section[@id='troubles']//li[@data-row]")
    assert "connection refused another client may hold the device" in text_of(trouble)
    assert "Retry 1 device" in text_of(trouble)
    (why,) = trouble.xpath(".//ul//a/@href")
    rows = (await console.get(why)).xpath("//section[@id='devices']//tbody/tr")
    assert [row[0].text_content().strip() for row in rows] == ["OFF"]
    await console.post(f"/access/{access_id}/1/retry")
    again = console.url.rpartition("/")[2]
    await over(console, again)
    (trouble,) = (await console.get("/")).xpath("//section[@id='troubles']//li[@data-row]")
    assert trouble.xpath(".//form/@action") == [f"/access/{again}/1/retry"]
    listed = (await console.get("/access?state=failed")).xpath("//tbody/tr/td[1]/a/@href")
    assert listed == [f"/access/{again}", f"/access/{access_id}"]
    for done_with in (again, access_id):
        await console.post(f"/access/{done_with}/delete")
    assert "All well" in text_of((await console.get("/")).get_element_by_id("troubles"))
    await make(console, devices="M1 M2")
    assert "Nothing fits" in text_of(await console.get("/access?state=failed"))


async def test_a_part_of_what_failed_is_retried(console: Console) -> None:
    console.devices.unreachable["M2"] = ConnectTimeout("no connection in 10 s")
    access_id = await make(console)

    async def retried(**fields: str) -> list[str]:
        await console.post(f"/access/{access_id}/1/retry", fields)
        (made,) = await console.site.access.get([console.url.rpartition("/")[2]])
        return [target.device_id for target in made.targets]

    assert await retried(why="no connection in time") == ["M2"]
    assert await retried(device="OFF") == ["OFF"]
    assert await retried() == ["M2", "OFF"]
    await console.post(f"/access/{access_id}/1/retry", {"device": "M1"})
    assert console.status == 409


async def test_what_is_tried_again_stands_apart_from_what_failed(console: Console) -> None:
    job = Job(id=UUID(int=7), asked=reads("1.0.1.8.0.255"), source="mdm", made=datetime.now(UTC), devices=DEVICES)
    failure = {"code": "5.3", "reason": "connection refused", "details": "10.0.0.1:4059: another client"}
    async with connected(console.site.pool) as connection:
        await add_jobs(connection, job)
        await add_activations(connection, activation(job, 1, datetime.now(UTC)))
        await add_chunks(connection, job, 1, DEVICES)
        answers = [answer(Data.of("double-long-unsigned", 1234))] * 2
        await add_visits(connection, job, 1, [Visit("M1", datetime.now(UTC), 0.5, answers)])
        tried = {"access_id": job.id, "number": 1, "device_id": "OFF", "attempts": 3}
        await insert(connection, "activation_attempt", [{**tried, **failure}])
    page = await console.get(f"/access/{job.id}")
    assert "1 device is tried again" in text_of(page.get_element_by_id("reasons"))
    assert "1 of 3 devices" in text_of(page)
    rows = {row[0].text_content().strip(): text_of(row) for row in page.xpath("//section[@id='devices']//tbody/tr")}
    assert "ok" in rows["M1"]
    assert "waiting" in rows["M2"]
    assert "connection refused, is tried again" in rows["OFF"]
    page = await console.get(f"/access/{job.id}?show=trying&why=connection+refused")
    assert page.xpath("//section[@id='devices']//tbody/tr/td[1]/a/text()") == ["OFF"]
    assert not (await console.get("/")).xpath("//section[@id='troubles']//form")


async def test_devices_are_suggested_by_the_beginning_of_any_of_their_names(console: Console) -> None:
    for typed in ("of", "OF"):
        async with console.client.get("/suggest/devices", params={"q": typed}) as response:
            assert [each["code"] for each in await response.json()] == ["OFF"]


async def test_notifications_are_paged(console: Console) -> None:
    job = Job(id=UUID(int=8), asked=[], source="mdm", made=datetime.now(UTC), devices=DEVICES, listens=True)
    async with connected(console.site.pool) as connection:
        await add_jobs(connection, job)
        heard = [
            {
                "access_id": job.id,
                "device_id": "M1",
                "received_at": datetime.now(UTC),
                "apdu": notification("0000616200FF", f"alarm {number}"),
            }
            for number in range(40)
        ]
        await insert(connection, "notification", heard)
    page = await console.get("/events")
    assert "alarm 39" in text_of(page)
    assert "alarm 9 " not in text_of(page)
    (older,) = page.xpath("//nav[@aria-label='Older notifications']/a/@href")
    assert "alarm 9 " in text_of(await console.get(older))
    assert "alarm 39" in text_of((await console.get("/")).get_element_by_id("notifications"))


async def test_permits_show_and_their_numbers_are_sent(console: Console) -> None:
    async with console.client.get("/live") as stream, console.site.permits.permit(255, "M1"):
        told = await _until(stream.content, '"held": "1"')
        assert "1 of 200" in text_of((await console.get("/")).get_element_by_id("figures"))
    assert "event: figures" in told


async def test_close_cancel_delete(console: Console) -> None:
    await console.post("/new", {**FORM, "schedule": "every day at 02:00"})
    access_id = console.url.rpartition("/")[2]
    assert "every day at 02:00" in text_of(await console.get("/access?state=active"))
    assert "closed" in text_of(await console.post(f"/access/{access_id}/close"))
    await console.post(f"/access/{access_id}/delete")
    assert console.url.endswith("/access")
    await console.get(f"/access/{access_id}")
    assert console.status == 404


async def test_what_is_done_stands_in_the_audit_log(console: Console) -> None:
    access_id = await make(console)
    page = text_of(await console.get("/audit"))
    assert "create DeviceAccess" in page
    assert access_id in page
    assert "No entry fits" in text_of(await console.get("/audit?q=nothing-like-it"))


async def test_lists_narrow_and_page(console: Console) -> None:
    async with connected(console.site.pool) as connection:
        await connection.execute(
            b"INSERT INTO device (device_id, alias, url, authentication, suite, protection, max_pdu) "
            b"SELECT 'X' || to_char(n, 'FM0000'), 'X' || to_char(n, 'FM0000'), 'tcp://h', 'none', 0, 'none', 0 "
            b"FROM generate_series(1, 120) AS n"
        )
    seen: list[str] = []
    path = "/devices?q=X"
    while path:
        page = await console.get(path)
        seen += [link.text_content() for link in page.xpath("//tbody//a")]
        path = next(iter(page.xpath("//a[@rel='next']/@href")), "")
    assert seen == [f"X{n:04}" for n in range(1, 121)]
    assert "No device fits" in text_of(await console.get("/devices?q=Y"))
    await make(console)
    assert "connection refused" not in text_of(await console.get("/access?state=canceled"))


async def test_values_are_read_now(console: Console) -> None:
    page = await console.post("/devices/M1/read", {"objects": "1.0.1.8.0.255"})
    assert "12 340 Wh" in text_of(page)
    page = await console.post("/devices/OFF/read", {"objects": "1.0.1.8.0.255"})
    assert console.status == 502
    assert "connection refused" in text_of(page)


async def test_groups_are_made_changed_and_deleted(console: Console) -> None:
    page = await console.post("/groups", {"name": "DG_DOCK", "devices": "M1 M2"})
    assert page.xpath("//ul[@class='idlist']//a/text()") == ["M1", "M2"]
    page = await console.post("/groups/DG_DOCK", {"devices": "M2"})
    assert page.xpath("//ul[@class='idlist']//a/text()") == ["M2"]
    assert "DG_DOCK" in text_of(await console.get("/devices/M2"))
    await console.post(f"/groups/{ALL_METERS}/delete")
    assert console.status == 400
    await console.post("/groups/DG_DOCK/delete")
    assert "DG_DOCK" not in text_of(await console.get("/groups"))


async def test_registers_over_time_are_plotted_and_exported(console: Console) -> None:
    access_id = await make(console)
    page = await console.get(f"/plot?access={access_id}")
    (data,) = page.xpath("//script[@type='application/json']/text()")
    drawn = json.loads(data)
    assert drawn["unit"] == "Wh"
    assert {each["label"]: each["y"] for each in drawn["series"]} == {"M1": [12340.0], "M2": [12340.0]}
    async with console.client.get(f"/plot.csv?access={access_id}&device=M2") as response:
        head, row = (await response.text()).splitlines()
    assert head == "time,M2 [Wh]"
    assert row.endswith(",12340")


# ---------------------------------------------------------------- who may


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)
async def test_a_form_from_elsewhere_is_refused(console: Console, headers: dict[str, str]) -> None:
    await console.post("/groups", {"name": "DG_EVIL"}, **headers)
    assert console.status == 403
    assert "DG_EVIL" not in text_of(await console.get("/groups"))


async def test_a_form_without_our_token_is_refused(console: Console) -> None:
    await console.get("/")
    for token in ({}, {"token": "guessed"}):
        await console.post_raw("/groups", {"name": "DG_EVIL", **token})
        assert console.status == 403


@pytest.mark.parametrize(
    "path", ["/devices?q=%00", "/devices?after=%00", "/devices/%00", "/audit?actor=%00", "/groups/%00"]
)
async def test_what_is_no_text_is_refused(console: Console, path: str) -> None:
    await console.get(path)
    assert console.status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/x-www-form-urlencoded; charset=klingon"},
        {"Content-Type": "multipart/form-data"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"},
    ],
)
async def test_what_is_no_form_is_refused(
    console: Console, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with console.client.post("/new", data=b"a=b", headers=headers) as response:
        assert response.status == 400
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_form_that_holds_no_text_is_refused(console: Console) -> None:
    await console.post("/groups", {"name": "a\0b"})
    assert console.status == 400


async def test_a_name_that_is_not_of_this_machine_is_refused(console: Console) -> None:
    await console.get("/", Host="rebound.example")
    assert console.status == 401


class TestOneDevice:
    @pytest.fixture
    def role(self) -> Role:
        return Role(name="one", verbs=tuple(Verb), services=tuple(Service), devices=("M1",), directory=True)

    async def test_who_may_not_read_everything_sees_nothing(self, console: Console) -> None:
        for path in PAGES:
            await console.get(path)
            assert console.status == 403


class TestReader:
    @pytest.fixture
    def role(self) -> Role:
        return Role(name="reader", verbs=(Verb.GET,), groups=(ALL_METERS,), directory=True)

    async def test_who_may_only_read_has_no_forms_and_no_administration(self, console: Console) -> None:
        page = await console.get("/devices/M1")
        assert not page.xpath("//form[@method='post']")
        for path in ("/new", "/audit", "/settings"):
            await console.get(path)
            assert console.status == 403
        await console.post("/new", FORM)
        assert console.status == 403
        assert not await views.accesses(console.site.pool, views.Filter(), views.LATEST)


class TestMaker:
    @pytest.fixture
    def role(self) -> Role:
        return Role(name="maker", verbs=(Verb.GET, Verb.CREATE), groups=(ALL_METERS,), directory=True)

    async def test_the_guard_has_the_last_word(self, console: Console) -> None:
        access_id = await make(console)
        page = await console.post(f"/access/{access_id}/delete")
        assert console.status == 403
        assert "Not permitted" in text_of(page)
        assert await console.site.access.get([access_id])


# ---------------------------------------------------------------- what is never shown, or never believed


async def test_secrets_and_markup_stay_what_they_are(console: Console) -> None:
    settings = text_of(await console.get("/settings"))
    assert "5A5A" not in settings
    assert "set, hidden" in settings
    page = await console.get("/devices/M1")
    assert "pass" not in page.get_element_by_id("facts").getparent().text_content()
    assert "<b>Dock</b>" in page.text_content()


async def test_live_tells_progress_and_what_changed(console: Console) -> None:
    release = asyncio.Event()

    async def slow(request: object) -> object:
        await release.wait()
        return await meter_answer(request)

    console.devices.devices["M2"] = [slow]  # type: ignore[list-item]  # any answer does
    async with console.client.get("/live") as stream:
        assert stream.content_type == "text/event-stream"
        await console.post("/new", {**FORM, "devices": "M1 M2"})
        access_id = UUID(console.url.rpartition("/")[2])
        told = await _until(stream.content, f'"activation": "{access_id}/1", "done": 1')
        release.set()
        told += await _until(stream.content, f"changed\ndata: access:{access_id}")
    assert "event: progress" in told


async def meter_answer(request: object) -> object:
    return await meter(request)  # type: ignore[arg-type]  # a get


async def _until(content: object, text: str) -> str:
    found = ""
    async with asyncio.timeout(5):
        while text not in found:
            found += (await content.readany()).decode()  # type: ignore[attr-defined]  # a stream of aiohttp
    return found


async def test_who_is_known_at_the_door_is_known_here(console: Console) -> None:
    roles = [
        Role(name="reader", verbs=(Verb.GET,), groups=(ALL_METERS,), directory=True),
        Role(name="one", verbs=(Verb.GET,), devices=("M1",), directory=True),
    ]
    password = hash_password("open sesame")
    clients = [Client(name=role.name, roles=(role.name,), password=password) for role in roles]
    directory = directory_of(Definitions(role=tuple(roles), client=tuple(clients)))

    async def load() -> Directory:
        return directory

    rules = Rules(methods=frozenset({Method.BASIC}))
    known = KnownHere(console.site.pool, console.site.access.store)
    door = Guard(console.site.pool, rules, Directories(load, lambda: 0.0), known)
    application = web.Application()
    application.add_routes(routes(replace(console.site, door=door, guard=ConsoleGuard(by_door(door)))))
    async with TestClient(TestServer(application)) as client:

        async def status(auth: str | None) -> int:
            headers = {"Authorization": auth} if auth else {}
            async with client.get("/", headers=headers) as response:
                assert ("WWW-Authenticate" in response.headers) == (response.status == 401)
                return response.status

        assert await status(None) == 401
        assert await status(encode_basic_auth("reader", "open barley")) == 401
        assert await status(encode_basic_auth("one", "open sesame")) == 403
        assert await status(encode_basic_auth("reader", "open sesame")) == 200


async def test_who_begins_to_look_is_told_to_look_again_once_changes_are_heard(console: Console) -> None:
    # between the making of a page and the first notification that reaches it, things happen
    async with console.client.get("/live") as stream:
        assert "changed\ndata: *" in await _until(stream.content, "data: *")
