"""What happened: activations, notifications, events on their way to clients, events of the service itself."""

from datetime import datetime

from aiohttp import web

from cas.console import records, views
from cas.console.principal import Right
from cas.console.site import Site
from cas.store.journal import newest_events, numbers_from
from cas.system_events import Severity

_LAST = 2**63 - 1


def routes(site: Site) -> list[web.RouteDef]:
    """The pages."""

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
            system=await newest_events(site.pool, 10),
        )

    async def system(request: web.Request) -> web.Response:
        about = request.query.get("about", "").strip()
        severity = _severity(request.query.get("severity"))
        before = request.query.get("before", "")
        found = await newest_events(
            site.pool,
            views.PAGE + 1,
            before=int(before) if before.isdecimal() and len(before) < 19 else None,
            numbers=None if severity is Severity.INFO else numbers_from(severity),
            subject=about or None,
        )
        page = found[: views.PAGE]
        return site.page(
            request,
            "system_events.html",
            found=page,
            about=about,
            severity=severity,
            severities=list(Severity),
            following=page[-1].id if len(found) > len(page) else None,
        )

    return [site.get("/events", events), site.get("/events/system", system, Right.AUDIT)]


def _severity(text: str | None) -> Severity:
    try:
        return Severity(text or Severity.INFO)
    except ValueError:
        return Severity.INFO


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None
