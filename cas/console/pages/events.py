"""What happened: activations, notifications of devices, and events on their way to clients."""

from datetime import datetime

from aiohttp import web

from cas.console import records, views
from cas.console.site import Site

_LAST = 2**63 - 1


def routes(site: Site) -> list[web.RouteDef]:
    """The page."""

    async def events(request: web.Request) -> web.Response:
        before = _moment(request.query.get("before")) or views.LATEST
        found = await views.finished(site.pool, before, views.PAGE + 1)
        page = found[: views.PAGE]
        return site.page(
            request,
            "events.html",
            finished=page,
            following=page[-1].activated_at if len(found) > len(page) else None,
            notifications=await records.notifications(site.pool, _LAST, 30),
            outbox=await records.outbox(site.pool),
        )

    return [site.get("/events", events)]


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None
