"""Who did what, and the settings; read-only, secrets hidden."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import SecretBytes, SecretStr

from cas.config import PREFIX, Settings
from cas.console import records
from cas.console.principal import Right
from cas.console.rows import PAGE
from cas.console.site import Site
from cas.devices.model import without_password

_SECRET_WORDS = ("password", "secret", "token", "key")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as it may be shown."""

    name: str
    variable: str
    value: str
    description: str
    is_default: bool
    is_hidden: bool


def routes(site: Site) -> list[web.RouteDef]:
    """The pages."""

    async def audit(request: web.Request) -> web.Response:
        actor = request.query.get("actor", "").strip()
        text = request.query.get("q", "").strip()
        before = request.query.get("before", "")
        number = int(before) if before.isdecimal() and len(before) < 19 else records.LAST
        found = await records.audit(site.pool, number, actor or None, text or None, PAGE + 1)
        page = found[:PAGE]
        return site.page(
            request,
            "audit.html",
            entries=page,
            actor=actor,
            text=text,
            following=page[-1].number if len(found) > len(page) else None,
        )

    async def settings(request: web.Request) -> web.Response:
        return site.page(request, "settings.html", settings=describe_settings(site.settings))

    return [site.get("/audit", audit, Right.AUDIT), site.get("/settings", settings, Right.AUDIT)]


def describe_settings(settings: Settings) -> list[Setting]:
    """Every setting; of a secret only whether it is set."""
    found = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        hidden = isinstance(value, SecretStr | SecretBytes) or (isinstance(value, str) and _is_secret(name))
        found.append(
            Setting(
                name=name,
                variable=f"{PREFIX}{name.upper()}",
                value="set, hidden" if hidden else _shown(value),
                description=field.description or "",
                is_default=value == field.default,
                is_hidden=hidden,
            )
        )
    return found


def _is_secret(name: str) -> bool:
    return any(word in name.split("_") for word in _SECRET_WORDS)


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items()) or "none"
    if isinstance(value, tuple | list | set | frozenset):
        return ", ".join(map(_shown, value)) or "none"
    text = str(value)
    return without_password(text) if urlsplit(text).scheme and "@" in text else text
