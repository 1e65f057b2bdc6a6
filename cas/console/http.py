"""The console's routes: its pages, its own files, and the stream of what changes.

GET  /                   the overview; further pages under /access, /new, /devices, /groups, /plot, /events, /settings
GET  /live               server-sent events
GET  /console/NAME       style, scripts, fonts and the vendored plotting library, from this package
"""

from importlib.resources import files

from aiohttp import web

from cas.console.guard import HEADERS
from cas.console.pages import accesses, administration, create, devices, events, groups, overview, plot
from cas.console.site import Site

_PAGES = (overview, accesses, create, devices, groups, plot, events, administration)
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
_FILES = {
    name.rpartition("/")[2]: name
    for name in (
        "console.css",
        "console.js",
        "form.js",
        "picker.js",
        "plot.js",
        "icon.svg",
        "vendor/uPlot.iife.min.js",
        "vendor/uPlot.min.css",
        "vendor/Inter.woff2",
        "vendor/JetBrainsMono.woff2",
    )
}


def routes(site: Site) -> list[web.RouteDef]:
    """What is to be added to an aiohttp application; it calls `site.hub.stop` when it shuts down."""
    found = [route for page in _PAGES for route in page.routes(site)]
    return [*found, site.get("/live", site.hub.serve), web.get("/console/{name}", _file)]


async def _file(request: web.Request) -> web.Response:
    """A file of ours, which holds no secret: it needs no authentication."""
    name = request.match_info["name"]
    if name not in _FILES:
        raise web.HTTPNotFound(text="no such file\n")
    octets = (files("cas.console") / "static" / _FILES[name]).read_bytes()
    kind = _TYPES[name[name.rindex(".") :]]
    # the fonts stay as they are; of the others a browser asks each time whether they have changed
    headers = {**HEADERS, "Cache-Control": "max-age=604800" if kind.startswith("font/") else "no-cache"}
    charset = "utf-8" if kind.startswith("text/") else None
    return web.Response(body=octets, content_type=kind, charset=charset, headers=headers)
