"""Devices: the list, one with how communication went, its objects as it shows them now, and values read now."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from cas.console import glance, inventory
from cas.console.asking import Asked, AskingError, parse_lines
from cas.console.describing import scaled_text, show
from cas.console.inventory import DeviceRow
from cas.console.principal import Right
from cas.console.reading import ask
from cas.console.rows import PAGE
from cas.console.site import Site, Told
from cas.cosem.interface_classes import attribute_of, class_name
from cas.cosem.obis import Obis
from cas.cosem.obis_names import obis_name
from cas.cosem.readable import readable
from cas.devices.browsing import CosemObject, read_objects
from cas.devices.counters import HIGHEST, NEAR_TOP, Counters, counter_scope
from cas.devices.keys import KeyKind
from cas.devices.model import normalise_name
from cas.devices.reading import Attribute, Reader, Reading
from cas.devices.registry import Registered, find_devices

KINDS = {
    "troubled": "in trouble",
    "silent": "silent",
    "wrong-keys": "wrong keys",
    "no-keys": "no keys",
    "present": "refusing",
    "answered": "answering",
    "never": "never asked",
}
"""How the list can be narrowed, by what the last communication showed."""

_OBJECT_LIST = (Asked(15, Obis(bytes((0, 0, 40, 0, 0, 255))), 2),)


@dataclass(frozen=True, slots=True)
class Counter:
    """The invocation counter under a device's key."""

    value: int

    @property
    def share(self) -> float:
        """How much of the range is used."""
        return self.value / HIGHEST

    @property
    def is_near_top(self) -> bool:
        """Whether the key is to be replaced."""
        return self.value > NEAR_TOP


@dataclass(frozen=True, slots=True)
class Read:
    """A value that was read now."""

    code: str
    name: str
    member: str
    value: str
    is_error: bool


def routes(site: Site) -> list[web.RouteDef]:
    """The pages and what their forms do."""
    pages = _Devices(site)
    return [
        site.get("/devices", pages.listing),
        site.get("/devices/{device}", pages.detail),
        site.post("/devices/{device}/objects", pages.objects, Right.ACCESS),
        site.post("/devices/{device}/read", pages.read, Right.ACCESS),
    ]


class _Devices:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def listing(self, request: web.Request) -> web.Response:
        search = request.query.get("q", "").strip()
        kind = request.query.get("state", "")
        kind = kind if kind in KINDS else ""
        after = request.query.get("after", "")
        found = await inventory.devices(
            self._site.pool, normalise_name(search) or None, kind or None, after, limit=PAGE + 1
        )
        page = found[:PAGE]
        return self._site.page(
            request,
            "devices.html",
            devices=page,
            counters=await self._counters([each.device_id for each in page]),
            search=search,
            kind=kind,
            kinds=KINDS,
            after=after,
            following=page[-1].device_id if len(found) > len(page) else None,
            counts=await glance.counts(self._site.pool),
        )

    async def detail(self, request: web.Request) -> web.Response:
        return await self._page(request, await self._find(request))

    async def objects(self, request: web.Request) -> web.Response:
        """What the device shows of itself, in an association of now."""
        device = await self._find(request)
        found = await ask(self._site, request, device.device_id, _OBJECT_LIST, read_objects)
        rows = [(each, obis_name(each.logical_name) or "", class_name(each.class_id, each.version)) for each in found]
        return await self._page(request, device, objects=rows)

    async def read(self, request: web.Request) -> web.Response:
        """Values, read in an association of now."""
        device = await self._find(request)
        text = str((await request.post()).get("objects", ""))
        try:
            asked = parse_lines(text)
        except AskingError as error:
            raise Told(400, "Not understood", str(error)) from None
        if not asked:
            raise Told(400, "Nothing to read", "Write the code of an object, such as 1.0.1.8.0.255.")
        values = await ask(self._site, request, device.device_id, asked, lambda reader: _read(reader, asked))
        return await self._page(request, device, values=values, asked=text)

    async def _page(
        self,
        request: web.Request,
        device: DeviceRow,
        *,
        objects: Sequence[tuple[CosemObject, str, str]] | None = None,
        values: Sequence[Read] | None = None,
        asked: str = "",
    ) -> web.Response:
        pool = self._site.pool
        return self._site.page(
            request,
            "device.html",
            device=device,
            state=device.state(self._site.clock()),
            counter=(await self._counters([device.device_id])).get(device.device_id),
            groups=await inventory.device_groups(pool, device.device_id),
            accesses=await inventory.device_accesses(pool, device.device_id),
            objects=objects,
            values=values,
            asked=asked,
        )

    async def _find(self, request: web.Request) -> DeviceRow:
        name = normalise_name(request.match_info["device"])
        found = await inventory.device(self._site.pool, name)
        if found is None:
            raise Told(404, "No such device", f"{name!r} is not registered; `cas device add` registers devices.")
        return found

    async def _counters(self, device_ids: Sequence[str]) -> dict[str, Counter]:
        """The counters of those devices that have one and whose keys can be read."""
        registered = (await find_devices(self._site.pool, device_ids)).values()
        scopes = {each.device.device_id: self._scope(each) for each in registered}
        values = await Counters(self._site.pool).read([scope for scope in scopes.values() if scope is not None])
        return {
            device_id: Counter(values[scope] - 1)
            for device_id, scope in scopes.items()
            if scope is not None and scope in values
        }

    def _scope(self, registered: Registered) -> bytes | None:
        sealed = registered.sealed_keys.get(KeyKind.ENCRYPTION)
        if sealed is None:
            return None
        key = self._site.keyring.unseal_or_none(registered.device.device_id, KeyKind.ENCRYPTION, sealed)
        title = registered.device.client_system_title or self._site.settings.client_title
        return None if key is None else counter_scope(key, title)


async def _read(reader: Reader, asked: Sequence[Asked]) -> list[Read]:
    attributes = [Attribute(each.class_id, each.code, each.attribute, each.selection) for each in asked]
    readings = [await reader.complete(reading) for reading in await reader.read(attributes)]
    return [_shown(reading) for reading in readings]


def _shown(reading: Reading) -> Read:
    attribute = reading.attribute
    member = attribute_of(attribute.class_id, attribute.number)
    name = obis_name(attribute.logical_name) or class_name(attribute.class_id)
    if reading.data is None:
        text = reading.error or "no value"
    elif reading.table is not None:
        text = f"{len(reading.table.rows)} rows of {len(reading.table.columns)} columns"
    elif reading.scaler_unit is not None:
        text = scaled_text(reading.data, reading.scaler_unit)
    else:
        text = show(readable(reading.data, member.type))
    return Read(str(attribute.logical_name), name, member.name, text, reading.data is None)
