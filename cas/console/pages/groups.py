"""Groups of devices: the list, one with its members, and making, changing and deleting them."""

from aiohttp import web

from cas.access.groups import (
    ALL_METERS,
    Group,
    change_groups,
    create_groups,
    delete_groups,
    get_group,
    group_noun,
    iterate_groups,
    members_after,
)
from cas.bindings import message as mes
from cas.console import glance
from cas.console.asking import message_about
from cas.console.filters import segment
from cas.console.principal import Right
from cas.console.site import Site
from cas.store.database import connected

_SHOWN = 1000
_MEMBERS = 200
_NOUN = "DeviceGroups"


def routes(site: Site) -> list[web.RouteDef]:
    """The pages and what their forms do."""
    pages = _Groups(site)
    return [
        site.get("/groups", pages.listing),
        site.post("/groups", pages.create, Right.MANAGE),
        site.get("/groups/{group}", pages.detail),
        site.post("/groups/{group}", pages.change, Right.MANAGE),
        site.post("/groups/{group}/delete", pages.delete, Right.MANAGE),
    ]


class _Groups:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def listing(self, request: web.Request) -> web.Response:
        groups = []
        async for group in iterate_groups(self._site.pool):
            groups.append(group)
            if len(groups) == _SHOWN:
                break
        counts = await glance.counts(self._site.pool)
        return self._site.page(request, "groups.html", groups=groups, most=_SHOWN, all_meters=ALL_METERS, counts=counts)

    async def detail(self, request: web.Request) -> web.Response:
        group = await get_group(self._site.pool, request.match_info["group"])
        async with connected(self._site.pool) as connection:
            after = request.query.get("after", "")
            members = await members_after(connection, group.group_id, after, page=_MEMBERS + 1)
        return self._site.page(
            request,
            "group.html",
            group=group,
            members=members[:_MEMBERS],
            following=members[_MEMBERS - 1] if len(members) > _MEMBERS else None,
            is_changeable=group.group_id != ALL_METERS,
            # what a form shows, it sends back: not a part of the members
            is_whole=not after and len(members) <= _MEMBERS,
        )

    async def create(self, request: web.Request) -> web.StreamResponse:
        group = await _read(request, None)
        message = _message(mes.Verb.CREATE, group)
        await self._site.perform(request, message, lambda _: create_groups(self._site.pool, [group]))
        raise web.HTTPSeeOther(f"/groups/{segment(group.group_id)}")

    async def change(self, request: web.Request) -> web.StreamResponse:
        group = await _read(request, request.match_info["group"])
        message = _message(mes.Verb.CHANGE, group)
        await self._site.perform(request, message, lambda _: change_groups(self._site.pool, [group]))
        raise web.HTTPSeeOther(f"/groups/{segment(group.group_id)}")

    async def delete(self, request: web.Request) -> web.StreamResponse:
        group_id = request.match_info["group"]
        message = message_about(mes.Verb.DELETE, [group_id], _NOUN)
        await self._site.perform(request, message, lambda _: delete_groups(self._site.pool, [group_id]))
        raise web.HTTPSeeOther("/groups")


async def _read(request: web.Request, group_id: str | None) -> Group:
    fields = await request.post()
    devices = tuple(dict.fromkeys(str(fields.get("devices", "")).replace(",", " ").split()))
    prefix = str(fields.get("prefix", "")).strip() or None
    return Group(group_id or str(fields.get("name", "")).strip(), prefix, devices)


def _message(verb: mes.Verb, group: Group) -> mes.RequestMessage:
    about = message_about(verb, [] if verb is mes.Verb.CREATE else [group.group_id], _NOUN)
    noun = group_noun(group.group_id, group.prefix, group.devices)
    payload = mes.PayloadType(device_groups=mes.DeviceGroups(device_group=(noun,)))
    return mes.RequestMessage(header=about.header, request=about.request, payload=payload)
