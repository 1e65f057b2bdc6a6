"""What every page needs: where data comes from, who may do what, and how a page is made of a template."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from aiohttp import web

from cas import xml
from cas.access.errors import NotNow, Refused
from cas.access.ports import Session
from cas.access.service import AccessService
from cas.bindings import message as mes
from cas.config import Settings
from cas.console import describing, filters, words
from cas.console.guard import FIELD, TOKEN, Guard, Handler, principal_of
from cas.console.live import Hub
from cas.console.principal import Right
from cas.devices.keys import Keyring
from cas.engine.permits import Permits
from cas.security.errors import RequestDenied
from cas.security.guard import Door
from cas.store.database import Pool
from cas.store.errors import StoreError

if TYPE_CHECKING:
    from jinja2 import Environment

T = TypeVar("T")

THEME = "cas_theme"

log = structlog.get_logger(__name__)


class Told(Exception):
    """What a person is told instead of the page that was asked for."""

    def __init__(self, status: int, heading: str, *problems: str) -> None:
        super().__init__(heading)
        self.status = status
        self.heading = heading
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Site:
    """The parts of the service that the pages use."""

    pool: Pool
    access: AccessService
    open_device: Callable[[str], AbstractAsyncContextManager[Session]]
    """An association with a device."""
    hub: Hub
    guard: Guard
    door: Door
    settings: Settings
    keyring: Keyring
    permits: Permits
    zone: tzinfo
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def get(self, path: str, handler: Handler, right: Right | None = None) -> web.RouteDef:
        """A page."""
        return web.get(path, self.guard(self._told(handler), right))

    def post(self, path: str, handler: Handler, right: Right) -> web.RouteDef:
        """What a form does."""
        return web.post(path, self.guard(self._told(handler), right))

    def page(self, request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
        """A page made of a template."""
        principal = principal_of(request)
        text = (
            _templates()
            .get_template(template)
            .render(
                now=self.clock(),
                zone=self.zone,
                principal=principal,
                may_access=principal.may(Right.ACCESS),
                may_manage=principal.may(Right.MANAGE),
                may_audit=principal.may(Right.AUDIT),
                path=request.path,
                can_renew=request.method == "GET",
                request_query=request.query_string,
                query=request.query,
                token=request[TOKEN],
                token_field=FIELD,
                theme=_theme(request),
                version=version("cosem-access-service"),
                **context,
            )
        )
        return web.Response(status=status, text=text, content_type="text/html")

    async def perform(
        self, request: web.Request, content: mes.RequestMessage, do: Callable[[dict[str, object]], Awaitable[T]]
    ) -> T:
        """Do what a SOAP request with this content means, if its sender may, with its entries in the audit log.

        `do` is given what the second entry says, to add to. Raises RequestDenied, StoreError, and what `do` raises.
        """
        client = principal_of(request).client
        octets = xml.document(content)
        demand = await self.door.authorise(client, content)
        async with self.door.recorded(client, demand, content, octets) as outcome:
            outcome["by"] = "console"
            return await do(outcome)

    def _told(self, handler: Handler) -> Handler:
        """A handler whose errors become pages that say what is wrong and what to do."""

        async def telling(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except Told as told:
                return self._message(request, told)
            except Refused as refused:
                problems = [problem.details for problem in refused.problems]
                return self._message(request, Told(400, "This cannot be done", *problems))
            except RequestDenied as denied:
                told_why = Told(denied.status, "Not permitted", "Your roles do not allow this on these devices.")
                return self._message(request, told_why)
            except (StoreError, NotNow) as problem:
                return self._message(request, Told(503, "Not now", str(problem), "Try again in a moment."))

        return telling

    def _message(self, request: web.Request, told: Told) -> web.Response:
        return self.page(request, "message.html", status=told.status, heading=told.heading, problems=told.problems)


def _theme(request: web.Request) -> str:
    chosen = request.cookies.get(THEME, "")
    return chosen if chosen in ("light", "dark") else "auto"


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # slow to load: soon enough with the first page

    environment = Environment(
        loader=PackageLoader("cas.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "ago": filters.ago,
        "codes": filters.codes,
        "left": filters.left,
        "num": filters.number,
        "percent": filters.percent,
        "plural": filters.plural,
        "seconds": filters.seconds,
        "summary": describing.summary,
        "tags": filters.tags,
        "when": words.moment,
        "segment": filters.segment,
    }
    return environment
