"""What stands before every page: who asks, whether a form is our own, and what the browser may do with the page.

A form carries the token that a cookie of the same site repeats, so that no page from elsewhere can send one. Pages run
no script and no style but our own files.
"""

import asyncio
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiohttp import web

from cas.console.principal import Authenticate, Principal, Right
from cas.security.errors import RequestDenied
from cas.store.errors import StoreError

COOKIE = "cas_token"
FIELD = "token"
PRINCIPAL = web.RequestKey("principal", Principal)
TOKEN = web.RequestKey("token", str)

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_SURROGATE = re.compile("[\ud800-\udfff]")
# Seconds in which a form must have come as a whole.
_FORM_WITHIN = 60.0
# Octets of a form: a list of some ten thousand devices.
_LARGEST_FORM = 1_000_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Wraps handlers."""

    def __init__(self, authenticate: Authenticate) -> None:
        self._authenticate = authenticate

    def __call__(self, handler: Handler, right: Right | None = None) -> Handler:
        """A handler that only those reach who are known, have the `right`, and send forms of our own."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                principal = await self._authenticate(request)
            except RequestDenied as problem:
                return _denied(problem)
            except StoreError as problem:
                return web.Response(status=503, text=f"{problem}\n", headers=HEADERS)
            if not principal.may(Right.LOOK) or (right is not None and not principal.may(right)):
                return _not_permitted(principal)
            _require_text((*request.match_info.values(), *request.query.values()))
            request[PRINCIPAL] = principal
            request[TOKEN] = request.cookies.get(COOKIE) or secrets.token_urlsafe(24)
            if request.method not in ("GET", "HEAD"):
                await _require_own_form(request)
            response = await handler(request)
            if not response.prepared:
                _finish(request, response)
            return response

        return guarded


def _denied(problem: RequestDenied) -> web.Response:
    return web.Response(status=problem.status, text=f"{problem}\n", headers={**HEADERS, **problem.headers})


def _not_permitted(principal: Principal) -> web.Response:
    text = f"{principal.name} may not see this: the console is for roles with `get` on all devices, and the directory\n"
    return web.Response(status=403, text=text, headers=HEADERS)


def principal_of(request: web.Request) -> Principal:
    """Who sends this request."""
    return request[PRINCIPAL]


async def _require_own_form(request: web.Request) -> None:
    if (request.content_length or 0) > _LARGEST_FORM:
        raise web.HTTPRequestEntityTooLarge(_LARGEST_FORM, request.content_length or 0)
    origin = request.headers.get("Origin")
    foreign = request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
    if foreign or (origin is not None and origin.partition("://")[2] != request.headers.get("Host")):
        raise web.HTTPForbidden(text="this form was sent by another site\n")
    try:
        async with asyncio.timeout(_FORM_WITHIN):
            form = await request.post()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text=f"the form did not come within {_FORM_WITHIN:g} s\n") from None
    except (web.RequestPayloadError, LookupError, ValueError):
        request.content.feed_eof()  # else aiohttp reads on, and logs the sender's fault as one of this program
        raise web.HTTPBadRequest(text="this is not a form that can be read\n") from None
    _require_text(form.values())
    given, known = str(form.get(FIELD, "")), request.cookies.get(COOKIE, "")
    if not known or not hmac.compare_digest(given.encode(), known.encode("utf-8", "surrogateescape")):
        raise web.HTTPForbidden(text="this form is out of date: load the page again\n")


def _require_text(values: Iterable[object]) -> None:
    """Refuse what no field of ours has and no database takes: NUL, octets that are not UTF-8, files."""
    for value in values:
        if not isinstance(value, str) or "\0" in value or _SURROGATE.search(value):
            raise web.HTTPBadRequest(text="the address or the form holds what is no text\n")


def _finish(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    if COOKIE not in request.cookies:
        response.set_cookie(
            COOKIE, request[TOKEN], httponly=True, samesite="Strict", secure=request.url.scheme == "https", path="/"
        )
