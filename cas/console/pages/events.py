"""What happened: activations, notifications, events on their way to clients, events of the service itself."""

from datetime import datetime

from aiohttp import web

from cas.console import records, views
from cas.console.principal import Right
from cas.console.rows import PAGE
from cas.console.site import Site
from cas.store.journal import newest_events, numbers_from
from cas.system_events import Severity

_NOTIFICATIONS = 30


def routes(site: Site) -> list[web.RouteDef]:
    """The pages."""

    async def events(request: web.Request) -> web.Response:
        before = _moment(request.query.get("before")) or views.LATEST
        found = await views.finished(site.pool, before, PAGE + 1)
        page = found[:PAGE]
        notified = await records.notifications(site.pool, _number(request.query.get("notified")), _NOTIFICATIONS + 1)
        return site.page(
            request,
            "events.html",
            finished=page,
            following=page[-1].activated_at if len(found) > len(page) else None,
            notifications=notified[:_NOTIFICATIONS],
            notified_before=notified[_NOTIFICATIONS - 1].id if len(notified) > _NOTIFICATIONS else None,
            outbox=await records.outbox(site.pool),
            system=await newest_events(site.pool, 10),
        )

    async def system(request: web.Request) -> web.Response:
        about = request.query.get("about", "").strip()
        severity = _severity(request.query.get("severity"))
        found = await newest_events(
            site.pool,
            PAGE + 1,
            before=_number(request.query.get("before")),
            numbers=None if severity is Severity.INFO else numbers_from(severity),
            subject=about or None,
        )
        page = found[:PAGE]
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


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 19 else records.LAST
