"""A new DeviceAccess by form: devices or a group, objects by name, a schedule in words; and the SOAP of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from aiohttp import web

from cas.access.errors import Refused
from cas.access.groups import ALL_METERS, iterate_groups
from cas.console import inventory, words
from cas.console.asking import Asked, AskingError, Plan, device_access, message_of, name_of, parse_lines, soap_of
from cas.console.catalogue import search
from cas.console.inventory import DeviceRow
from cas.console.orders import order
from cas.console.principal import Right
from cas.console.site import Site
from cas.console.words import Schedule, WordsError, describe_schedule, parse_schedule
from cas.cosem.obis_names import obis_name
from cas.devices.model import normalise_name

_GROUPS_SHOWN = 500
_NAMES_SUGGESTED = 12


@dataclass(frozen=True, slots=True)
class Draft:
    """What a form says, as it stands in its fields."""

    devices: str = ""
    group: str = ""
    objects: str = ""
    schedule: str = "now"
    priority: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, object]) -> "Draft":
        """From the fields of a form, or the query of a link."""

        def text(name: str, default: str = "") -> str:
            value = fields.get(name, default)
            return value if isinstance(value, str) else default

        return cls(
            text("devices"),
            text("group"),
            text("objects"),
            text("schedule", "now"),
            text("priority"),
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """A draft as it was understood: the plan, and what is wrong, by field."""

    plan: Plan
    wrong: Mapping[str, str]


def routes(site: Site) -> list[web.RouteDef]:
    """The form, its preview, and what it suggests."""
    form = _Form(site)
    return [
        site.get("/new", form.show, Right.ACCESS),
        site.post("/new", form.send, Right.ACCESS),
        site.post("/new/preview", form.preview, Right.ACCESS),
        site.get("/suggest/objects", form.objects),
        site.get("/suggest/devices", form.devices),
    ]


class _Form:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, Draft.of(request.query))

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Make the resource, or show what it would be."""
        fields = await request.post()
        draft = Draft.of(fields)
        reading = self._read(draft)
        if reading.wrong or fields.get("do") != "send":
            return await self._page(request, draft, reading=reading, status=400 if reading.wrong else 200)
        try:
            made = await order(self._site, request, device_access(reading.plan))
        except Refused as refused:
            problems = [problem.details for problem in refused.problems]
            return await self._page(request, draft, reading=reading, problems=problems, status=400)
        raise web.HTTPSeeOther(f"/access/{made.id}")

    async def preview(self, request: web.Request) -> web.Response:
        """The part of the page that says what would be sent."""
        reading = self._read(Draft.of(await request.post()))
        return self._site.page(request, "_preview.html", **self._shown(reading))

    async def objects(self, request: web.Request) -> web.Response:
        """Objects whose names fit the words."""
        found = search(request.query.get("q", ""))
        return web.json_response([{"code": each.code, "name": each.name, "class": each.class_name} for each in found])

    async def devices(self, request: web.Request) -> web.Response:
        """Devices whose DeviceID or alias begins so."""
        begin = normalise_name(request.query.get("q", ""))
        found: list[DeviceRow] = []
        for name in dict.fromkeys((begin, begin.upper()) if begin else ()):
            found = found or await inventory.devices(self._site.pool, name, limit=_NAMES_SUGGESTED)
        return web.json_response(
            [{"code": each.device_id, "name": each.alias if each.alias != each.device_id else ""} for each in found]
        )

    async def _page(
        self,
        request: web.Request,
        draft: Draft,
        *,
        reading: Reading | None = None,
        problems: list[str] | None = None,
        status: int = 200,
    ) -> web.Response:
        groups = []
        async for group in iterate_groups(self._site.pool):
            groups.append(group.group_id)
            if len(groups) == _GROUPS_SHOWN:
                break
        shown = self._shown(reading or self._read(draft))
        if reading is None:
            shown["wrong"] = {}  # nobody has filled it in yet
        return self._site.page(
            request,
            "new.html",
            status=status,
            draft=draft,
            groups=groups,
            all_meters=ALL_METERS,
            examples=words.EXAMPLES,
            problems=problems or [],
            **shown,
        )

    def _read(self, draft: Draft) -> Reading:
        wrong = {}
        asked: tuple[Asked, ...] = ()
        schedule = Schedule()
        priority = None
        try:
            asked = parse_lines(draft.objects)
            if not asked:
                wrong["objects"] = "choose what to read: look for a name, or write a code"
        except AskingError as error:
            wrong["objects"] = str(error)
        try:
            schedule = parse_schedule(draft.schedule, self._site.clock(), self._site.zone)
        except WordsError as error:
            wrong["schedule"] = str(error)
        if draft.priority.strip():
            if draft.priority.strip().isdecimal() and int(draft.priority) <= 255:
                priority = int(draft.priority)
            else:
                wrong["priority"] = "a priority is a number from 0, most urgent, to 255"
        devices = tuple(dict.fromkeys(draft.devices.replace(",", " ").split()))
        groups = (draft.group,) if draft.group else ()
        if not devices and not groups:
            wrong["devices"] = "name devices, or choose a group"
        plan = Plan(asked=asked, devices=devices, groups=groups, schedule=schedule, priority=priority)
        return Reading(plan, wrong)

    def _shown(self, reading: Reading) -> dict[str, Any]:
        plan = reading.plan
        asked = [
            (code, obis_name(code) or "", [name_of(each) for each in members])
            for code, members in groupby(plan.asked, lambda each: each.code)
        ]
        return {
            "wrong": reading.wrong,
            "asked": asked,
            "plan": plan,
            "said": describe_schedule(plan.schedule, self._site.zone),
            "soap": soap_of(message_of(device_access(plan), "...")) if plan.asked else "",
        }
