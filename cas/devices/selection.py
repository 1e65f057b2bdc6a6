"""Selective access in a session with a device: what the device's clock and its quirks make of a selection.

    session = SelectiveSession(client, ways_of(device.quirks), clock)
    answer = await session.request(get_request)

Used wherever requests of others are sent: relative ranges, loose descriptors and devices that cannot select are dealt
with here, and nobody above needs to know.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.date_time import CosemDateTime
from cas.cosem.kinds import DataError
from cas.cosem.selecting import Layout
from cas.cosem.selection import PROFILE_GENERIC, CaptureObject, SelectionError
from cas.devices.model import Quirks
from cas.dlms.apdu import Request, Response
from cas.dlms.errors import DecodeError, ServiceNotSupported
from cas.dlms.selection import (
    Layouts,
    Left,
    Ways,
    capture_objects,
    complete,
    needs_deviation,
    ranges_of_time,
    resolve_request,
)
from cas.dlms.xdlms.exchange import raise_for_error

_CLOCK, _CLOCK_NAME, _TIME, _TIME_ZONE = 8, bytes((0, 0, 1, 0, 0, 255)), 2, 3
_CAPTURE_OBJECTS, _CAPTURE_PERIOD, _SORT_OBJECT = 3, 4, 6
_CONFIRMED = 0xC1
_USUAL = Ways()


class Session(Protocol):
    """An association with a device."""

    async def request(self, body: Request) -> Response:
        """Ask the device. Raises DlmsError, TransportError."""
        ...


def ways_of(quirks: Quirks) -> Ways:
    """How a device with these quirks takes selective access."""
    return Ways(quirks.selective_access, quirks.selected_values, quirks.reversed_deviation, quirks.sort_object)


class SelectiveSession:
    """A session whose requests are resolved for its device; what it learns of the device, it learns once."""

    def __init__(self, session: Session, ways: Ways, clock: Callable[[], datetime]) -> None:
        self._session = session
        self._ways = ways
        self._clock = clock
        self._deviation: int | None = None
        self._layouts: dict[bytes, Layout] = {}
        self._sort_objects: dict[bytes, CaptureObject] = {}

    async def request(self, body: Request) -> Response:
        """Ask the device what this means for it, and answer as if it had understood.

        Raises EncodeError for a relative time that does not exist or a column that the profile has not; else what the
        session raises.
        """
        try:
            return await self._request(body)
        except ServiceNotSupported:
            if not self._ways.selective_access:
                raise
        # nothing was sent: the device did not agree to selective access, as some tell only when they associate
        self._ways = replace(self._ways, selective_access=False)
        return await self._request(body)

    async def _request(self, body: Request) -> Response:
        if self._ways == _USUAL and not needs_deviation(body):
            return await self._session.request(resolve_request(body, self._clock(), 0, _USUAL).request)
        deviation = await self.deviation()
        sort_objects = {name: await self._sort_object(name) for name in self._by_sort_object(body)}
        resolved = resolve_request(body, self._clock(), deviation, self._ways, sort_objects)
        layouts: Layouts = {left.profile: await self._layout(left) for left in resolved.left.values()}
        return complete(await self._session.request(resolved.request), resolved.left, layouts, deviation)

    async def deviation(self) -> int:
        """What the device's clock says of its deviation, in minutes; 0 where it does not say."""
        if self._deviation is None:
            self._deviation = await self._read_deviation()
        return self._deviation

    async def _read_deviation(self) -> int:
        time = await self._get(_CLOCK, _CLOCK_NAME, _TIME)
        octets = time.simple if time else None
        if isinstance(octets, bytes):
            try:
                at = CosemDateTime.decode(octets)
            except ValueError:
                return 0
            if at.deviation is not None:
                return at.deviation
        zone = await self._get(_CLOCK, _CLOCK_NAME, _TIME_ZONE)
        value = zone.simple if zone else None
        return value if isinstance(value, int) and abs(value) <= 720 else 0

    async def _layout(self, left: Left) -> Layout:
        if left.profile not in self._layouts:
            columns = await self._get(PROFILE_GENERIC, left.profile, _CAPTURE_OBJECTS)
            period = await self._get(PROFILE_GENERIC, left.profile, _CAPTURE_PERIOD)
            seconds = period.simple if period else None
            try:
                found = capture_objects(columns) if columns else ()
            except (SelectionError, DataError) as error:
                raise DecodeError(str(error), path="capture_objects") from None
            self._layouts[left.profile] = Layout(found, seconds if isinstance(seconds, int) else 0)
        return self._layouts[left.profile]

    def _by_sort_object(self, body: Request) -> set[bytes]:
        """The profiles whose sort objects matter to this request."""
        return ranges_of_time(body) if self._ways.sort_object and self._ways.selective_access else set()

    async def _sort_object(self, profile: bytes) -> CaptureObject:
        if profile not in self._sort_objects:
            found = await self._get(PROFILE_GENERIC, profile, _SORT_OBJECT)
            if found is None:
                raise DecodeError("the device does not tell it", path="sort_object")
            try:
                self._sort_objects[profile] = CaptureObject.decode(found)
            except (SelectionError, DataError) as error:
                raise DecodeError(str(error), path="sort_object") from None
        return self._sort_objects[profile]

    async def _get(self, class_id: int, name: bytes, attribute: int) -> Data | None:
        descriptor = cos.CosemAttributeDescriptor(class_id=class_id, instance_id=name, attribute_id=attribute)
        normal = cos.GetRequestNormal(invoke_id_and_priority=_CONFIRMED, cosem_attribute_descriptor=descriptor)
        answer = await self._session.request(cos.GetRequest(get_request_normal=normal))
        raise_for_error(answer)
        if isinstance(answer, cos.GetResponse) and answer.get_response_normal:
            return answer.get_response_normal.result.data
        return None
