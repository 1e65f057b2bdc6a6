"""The overview: what runs, what failed and why, and how the service does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from cas.console import glance, records, views
from cas.console.glance import Failing
from cas.console.guard import principal_of
from cas.console.principal import Right
from cas.console.site import Site
from cas.console.views import Reason
from cas.store.journal import newest_events


@dataclass(frozen=True, slots=True)
class Trouble:
    """An activation that failed on devices, with the reasons."""

    activation: Failing
    reasons: Sequence[Reason]

    @property
    def failed(self) -> int:
        """Devices that failed."""
        return sum(each.failed for each in self.reasons)

    @property
    def trying(self) -> int:
        """Devices that are tried again."""
        return sum(each.trying for each in self.reasons)


def routes(site: Site) -> list[web.RouteDef]:
    """The page."""

    async def overview(request: web.Request) -> web.Response:
        now = site.clock()
        since = now - timedelta(hours=glance.HOURS)
        counts = await glance.counts(site.pool)
        hours = await glance.hours(site.pool, now)
        return site.page(
            request,
            "overview.html",
            counts=counts,
            figures=glance.figures(counts, site.permits),
            hours=hours,
            busiest=max(each.results for each in hours),
            success=glance.success_rate(hours),
            results=sum(each.results for each in hours),
            running=await views.running(site.pool, limit=6),
            troubles=[
                Trouble(each, reasons)
                for each in await glance.failing(site.pool, since, limit=5)
                if (reasons := await views.reasons(site.pool, await views.kept(site.pool, each.access_id, each.number)))
            ],
            finished=await views.finished(site.pool, now, limit=8),
            slowest=await glance.slowest(site.pool, since, limit=6),
            system=await newest_events(site.pool, 3) if principal_of(request).may(Right.AUDIT) else [],
            notifications=await records.notifications(site.pool, records.LAST, 6),
        )

    return [site.get("/", overview)]
