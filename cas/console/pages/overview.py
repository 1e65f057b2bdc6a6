"""The overview: what runs, how it goes, and what needs a look."""

from collections.abc import Sequence

from aiohttp import web

from cas.console import views
from cas.console.site import Site
from cas.console.views import Outcome


def routes(site: Site) -> list[web.RouteDef]:
    """The page."""

    async def overview(request: web.Request) -> web.Response:
        now = site.clock()
        since = views.a_day_before(now)
        outcomes = await views.outcomes(site.pool, since)
        return site.page(
            request,
            "overview.html",
            counts=await views.counts(site.pool),
            running=await views.running(site.pool, limit=8),
            success=success_rate(outcomes),
            results=sum(each.results for each in outcomes),
            finished=await views.finished(site.pool, now, limit=8),
            failures=await views.failures(site.pool, since, limit=6),
            slowest=await views.slowest(site.pool, since, limit=6),
        )

    return [site.get("/", overview)]


def success_rate(outcomes: Sequence[Outcome]) -> float | None:
    """The share of requests that were answered; None where there were none."""
    total = sum(each.results for each in outcomes)
    return None if not total else 1 - sum(each.failures for each in outcomes) / total
