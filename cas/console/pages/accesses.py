"""DeviceAccess: the list, one with its activations and devices, and what can be done with it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aiohttp import web

from cas.access.model import Octets, State, Terms
from cas.access.steps import descriptor_of
from cas.bindings import message as mes
from cas.console import describing, views
from cas.console.asking import Plan, noun_of
from cas.console.describing import Request, Value
from cas.console.guard import Handler
from cas.console.orders import command, order
from cas.console.plotting import wanted
from cas.console.principal import Right
from cas.console.rows import PAGE
from cas.console.site import Site, Told
from cas.console.views import Access, Activation, DeviceDone, Filter, Reason, Waiting
from cas.console.words import describe_schedule

MOST_RETRIED = 10_000
_STATES = ("", "failed", "running", *State)
_WAITING_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """A request with what came of it on a device."""

    request: Request
    value: Value | None


def routes(site: Site) -> list[web.RouteDef]:
    """The pages and what their forms do."""
    pages = _Accesses(site)
    return [
        site.get("/access", pages.listing),
        site.get("/access/{id}", pages.detail),
        site.get("/access/{id}/{number:\\d+}/{device}", pages.device),
        site.post("/access/{id}/cancel", pages.does(mes.Verb.CANCEL, site.access.cancel), Right.ACCESS),
        site.post("/access/{id}/close", pages.does(mes.Verb.CLOSE, site.access.close), Right.ACCESS),
        site.post("/access/{id}/delete", pages.does(mes.Verb.DELETE, site.access.delete), Right.ACCESS),
        site.post("/access/{id}/{number:\\d+}/retry", pages.retry, Right.ACCESS),
    ]


class _Accesses:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def listing(self, request: web.Request) -> web.Response:
        state = request.query.get("state", "")
        search = request.query.get("q", "").strip()
        chosen = Filter(
            state=state if state in set(State) else None,
            running=state == "running",
            failed=state == "failed",
            search=search or None,
        )
        before, before_id = _behind(request)
        found = await views.accesses(self._site.pool, chosen, before, before_id, PAGE + 1)
        page = found[:PAGE]
        return self._site.page(
            request,
            "accesses.html",
            accesses=page,
            schedules={each.id: self._schedule(each) for each in page},
            states=_STATES,
            chosen=state,
            search=search,
            following=page[-1] if len(found) > len(page) else None,
        )

    async def detail(self, request: web.Request) -> web.Response:
        access = await self._find(request)
        pool = self._site.pool
        requests = [describing.describe_request(octets) for octets in await views.requests(pool, access.id)]
        activations = await views.activations(pool, access.id, _whole(request.query.get("before"), 2**31 - 1))
        chosen = _choose(activations, request.query.get("activation"))
        under_way = {each.number: each for each in await views.running(pool, 100) if each.access_id == access.id}
        show, why, after = (request.query.get(name, "") for name in ("show", "why", "after"))
        devices: Sequence[DeviceDone] = ()
        waiting: Sequence[Waiting] = ()
        reasons: Sequence[Reason] = ()
        if chosen is not None:
            kept = await views.kept(pool, access.id, chosen.number)
            reasons = await views.reasons(pool, kept)
            if show == "trying":
                waiting = await views.devices_trying(pool, kept, why or None, after, PAGE + 1)
            else:
                failed = show == "failed"
                devices = await views.devices_done(
                    pool, kept, failed=failed, why=why or None, after=after, limit=PAGE + 1
                )
                if chosen.number in under_way and not failed and len(devices) <= PAGE:
                    waiting = await views.devices_waiting(pool, kept, _WAITING_SHOWN)
        listed = waiting if show == "trying" else devices
        return self._site.page(
            request,
            "access.html",
            access=access,
            schedule=self._schedule(access),
            requests=describing.by_object(requests),
            activations=activations,
            chosen=chosen,
            under_way=under_way,
            reasons=reasons,
            failed=sum(each.failed for each in reasons),
            trying=sum(each.trying for each in reasons),
            devices=devices[:PAGE],
            waiting=waiting[:PAGE],
            following=listed[PAGE - 1].device_id if len(listed) > PAGE else None,
            show=show,
            why=why,
            can_plot=bool(wanted(requests)),
        )

    async def device(self, request: web.Request) -> web.Response:
        access = await self._find(request)
        number, device_id = int(request.match_info["number"]), request.match_info["device"]
        kept = await views.kept(self._site.pool, access.id, number)
        stored = await views.results(self._site.pool, kept, device_id)
        pairs = [(describing.describe_request(each.request), each) for each in stored]
        scales = describing.scales_of([(asked, each.answer) for asked, each in pairs])
        shown = [Shown(asked, describing.value_of(asked, each, scales.get(asked.key))) for asked, each in pairs]
        return self._site.page(
            request,
            "access_device.html",
            access=access,
            number=number,
            device_id=device_id,
            shown=shown,
            stored=stored,
            failed=any(each.code for each in stored),
            can_plot=bool(wanted([asked for asked, _ in pairs])),
        )

    def does(self, verb: mes.Verb, do: Callable[[Sequence[str]], Awaitable[object]]) -> Handler:
        """A handler that does something with a resource, and goes on to where it shows."""

        async def handler(request: web.Request) -> web.StreamResponse:
            access_id = str(_id(request))
            await command(self._site, request, verb, access_id, do)
            raise web.HTTPSeeOther("/access" if verb is mes.Verb.DELETE else f"/access/{access_id}")

        return handler

    async def retry(self, request: web.Request) -> web.StreamResponse:
        """A new DeviceAccess, now, with the same requests on the devices that failed; or on one, or for one reason."""
        access = await self._find(request)
        number = int(request.match_info["number"])
        fields = await request.post()
        why, device = str(fields.get("why", "")), str(fields.get("device", ""))
        kept = await views.kept(self._site.pool, access.id, number)
        failed = await views.failed_devices(self._site.pool, kept, why or None, MOST_RETRIED + 1)
        if len(failed) > MOST_RETRIED:
            raise Told(409, "Too many devices", f"More than {MOST_RETRIED} failed: run the whole DeviceAccess again.")
        failed = [each for each in failed if device in ("", each)]
        if not failed:
            raise Told(409, "Nothing to retry", "No such device failed in this activation.")
        requests = await views.requests(self._site.pool, access.id)
        noun = noun_of([descriptor_of(Octets(each)) for each in requests], Plan(asked=(), devices=tuple(failed)))
        # by this name the overview knows that nobody needs to look at that activation any more
        name = None if why or device else f"{access.id}/{number}"
        made = await order(self._site, request, noun, correlation_id=name)
        raise web.HTTPSeeOther(f"/access/{made.id}")

    def _schedule(self, access: Access) -> str:
        return describe_schedule(terms_of(access), self._site.zone)

    async def _find(self, request: web.Request) -> Access:
        access_id = _id(request)
        found = await views.access(self._site.pool, access_id)
        if found is None:
            raise Told(404, "No such DeviceAccess", f"{access_id} was never made, or has been deleted.")
        return found


def terms_of(access: Access) -> Terms:
    """The terms of a resource."""
    return Terms(
        priority=access.priority,
        activates=access.activates,
        repeating_interval=access.repeating_interval,
        duration=access.duration,
        expires=access.expires,
    )


def _id(request: web.Request) -> UUID:
    text = request.match_info["id"]
    try:
        return UUID(text)
    except ValueError:
        raise Told(404, "No such DeviceAccess", f"{text!r} is no ID.") from None


def _behind(request: web.Request) -> tuple[datetime, UUID | None]:
    """Where a page of resources begins: behind the last one of the page before."""
    try:
        return datetime.fromisoformat(request.query["before"]), UUID(request.query["id"])
    except (KeyError, ValueError):
        return views.LATEST, None


def _whole(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else default


def _choose(activations: Sequence[Activation], text: str | None) -> Activation | None:
    wanted = _whole(text, 0)
    found = next((each for each in activations if each.number == wanted), None)
    return found or next((each for each in activations if each.outcome != "missed"), None)
