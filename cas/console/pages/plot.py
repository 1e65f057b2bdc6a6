"""Plots: load profiles and registers of several devices, from what was read or read now; with CSV."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from uuid import UUID

from aiohttp import web

from cas.console import inventory, views
from cas.console.asking import Asked, AskingError, parse_lines
from cas.console.describing import Request, describe_request
from cas.console.plotting import Plots, Quantity, Series, differences, plots_of, table_csv, wanted
from cas.console.principal import Right
from cas.console.reading import ask
from cas.console.rows import PAGE
from cas.console.site import Site, Told
from cas.console.views import Access, Filter
from cas.cosem.selection import BUFFER, PROFILE_GENERIC
from cas.devices.reading import Attribute, Reader, Table

MOST_DEVICES = 12
_OFFERED = 60
_SHOWN_FIRST = 4
_OFFERED_FIRST = 8
_ROWS_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Choice:
    """What of a resource is plotted."""

    access: Access
    devices: Sequence[str]
    offered: Sequence[str]
    plots: Plots
    quantity: Quantity | None
    gained: bool

    @property
    def series(self) -> list[Series]:
        """The chosen quantity of each chosen device."""
        if self.quantity is None:
            return []
        found = self.plots.series[self.quantity.key]
        chosen = [found[device_id] for device_id in self.devices if device_id in found]
        return [differences(each) for each in chosen] if self.gained else chosen


def routes(site: Site) -> list[web.RouteDef]:
    """The page, its table as CSV, and reading a profile now."""
    pages = _Plot(site)
    return [
        site.get("/plot", pages.show),
        site.get("/plot.csv", pages.csv),
        site.post("/plot", pages.now, Right.ACCESS),
    ]


class _Plot:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, request: web.Request) -> web.Response:
        choice = await self._choose(request)
        if choice is None:
            recent = await views.accesses(self._site.pool, Filter(), views.LATEST, limit=PAGE)
            usable = [each for each in recent if _is_plottable(each)][:15]
            return self._site.page(
                request, "plot.html", choice=None, recent=usable, **_drawn(None, [], self._site.zone)
            )
        drawn = _drawn(choice.quantity, choice.series, self._site.zone, gained=choice.gained)
        offered = max(len(choice.devices), _OFFERED_FIRST)
        return self._site.page(
            request, "plot.html", choice=choice, recent=[], most=MOST_DEVICES, shown_first=offered, **drawn
        )

    async def csv(self, request: web.Request) -> web.Response:
        choice = await self._choose(request)
        if choice is None or choice.quantity is None:
            raise Told(404, "Nothing to export", "Choose a DeviceAccess with values first.")
        text = table_csv(choice.quantity, choice.series, self._site.zone)
        headers = {"Content-Disposition": 'attachment; filename="cas-plot.csv"'}
        return web.Response(text=text, content_type="text/csv", headers=headers)

    async def now(self, request: web.Request) -> web.Response:
        """Read a profile of one device now, with its columns, scalers and units."""
        fields = await request.post()
        device = await inventory.device(self._site.pool, str(fields.get("device", "")).strip())
        if device is None:
            raise Told(404, "No such device", "Give the DeviceID or alias of a registered device.")
        asked = _profile(str(fields.get("objects", "")))
        table = await ask(self._site, request, device.device_id, [asked], lambda reader: _read(reader, asked))
        plots = Plots()
        plots.add_table(asked.code, device.device_id, table.columns, table.rows, self._site.zone)
        key = next((key for key in plots.quantities if key == fields.get("quantity")), None) or _first(plots)
        quantity = plots.quantities.get(key or "")
        series = list(plots.series[key].values()) if key else []
        return self._site.page(
            request,
            "plot_now.html",
            device=device,
            asked=str(fields.get("objects", "")),
            plots=plots,
            **_drawn(quantity, series, self._site.zone),
        )

    async def _choose(self, request: web.Request) -> Choice | None:
        query = request.query
        if not query.get("access"):
            return None
        try:
            access = await views.access(self._site.pool, UUID(query["access"]))
        except ValueError:
            access = None
        if access is None:
            raise Told(404, "No such DeviceAccess", "It was never made, or has been deleted.")
        requests = [describe_request(octets) for octets in await views.requests(self._site.pool, access.id)]
        offered = await self._offered(access)
        devices = [name for name in dict.fromkeys(query.getall("device", [])) if name][:MOST_DEVICES]
        chosen = devices or offered[:_SHOWN_FIRST]
        plots = await self._plots(access, requests, chosen)
        key = query.get("quantity") if query.get("quantity") in plots.quantities else _first(plots)
        quantity = plots.quantities.get(key or "")
        return Choice(
            access,
            chosen,
            [*dict.fromkeys([*chosen, *offered])],
            plots,
            quantity,
            query.get("gained") == "1" if "chosen" in query else quantity is not None and quantity.is_cumulative,
        )

    async def _plots(self, access: Access, requests: Sequence[Request], devices: Sequence[str]) -> Plots:
        answers = await views.series(self._site.pool, access.id, wanted(requests), devices)
        return plots_of(requests, answers, self._site.zone)

    async def _offered(self, access: Access) -> list[str]:
        """Devices that answered in the last activation."""
        for each in await views.activations(self._site.pool, access.id, limit=5):
            kept = await views.kept(self._site.pool, access.id, each.number)
            done = await views.devices_done(self._site.pool, kept, limit=_OFFERED)
            answered = [device.device_id for device in done if device.failures < device.results]
            if answered:
                return answered
        return []


def _is_plottable(access: Access) -> bool:
    return bool(wanted([describe_request(octets) for octets in access.asked]))


def _first(plots: Plots) -> str | None:
    """What is shown unless something else is chosen: a measured quantity with many points."""

    def rank(key: str) -> tuple[bool, int]:
        return not plots.quantities[key].is_measured, -max(len(each.points) for each in plots.series[key].values())

    return min(plots.quantities, key=rank, default=None)


def _drawn(
    quantity: Quantity | None, series: Sequence[Series], zone: tzinfo, *, gained: bool = False
) -> dict[str, Any]:
    """What the page draws: the data for the script, and a table for everybody."""
    tables = [
        {
            "label": each.device_id,
            "x": [at.timestamp() for at in sorted(each.points)],
            "y": [each.points[at] for at in sorted(each.points)],
        }
        for each in series
    ]
    drawn = {
        "name": f"{'Gain of ' if gained else ''}{quantity.name}" if quantity else "",
        "unit": quantity.unit if quantity else "",
        "zone": str(zone),
        "series": tables,
    }
    times = sorted({at for each in series for at in each.points}, reverse=True)
    return {
        "quantity": quantity,
        "data": json.dumps(drawn).replace("<", "\\u003c"),
        "series": series,
        "times": times[:_ROWS_SHOWN],
        "total": len(times),
    }


def _profile(text: str) -> Asked:
    try:
        asked = parse_lines(text)
    except AskingError as error:
        raise Told(400, "Not understood", str(error)) from None
    profile = next((each for each in asked if (each.class_id, each.attribute) == (PROFILE_GENERIC, BUFFER)), None)
    if profile is None:
        raise Told(400, "No profile", "Name a profile, such as 1.0.99.1.0.255 last 3 days.")
    return profile


async def _read(reader: Reader, asked: Asked) -> Table:
    attribute = Attribute(asked.class_id, asked.code, asked.attribute, asked.selection)
    (reading,) = await reader.read([attribute])
    complete = await reader.complete(reading)
    if complete.table is None:
        raise Told(502, "No rows", complete.error or "The device's rows do not fit the columns that it tells.")
    return complete.table
