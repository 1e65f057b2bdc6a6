"""A device in the hands of one caller, who says which associations are opened on it, one after another.

async with lines.hold(device_id) as line:
    aare = await line.open()
    answer = await line.request(get_request)
    rlre = await line.release(rlrq)
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager

from cas.bindings import cosempdu as cos
from cas.devices.errors import KeyMissing
from cas.devices.keys import KeyKind, Secret
from cas.devices.model import Device
from cas.devices.opening import Means, Opener
from cas.devices.registry import Registered
from cas.devices.selection import ways_of
from cas.devices.sessions import Alone, Sessions
from cas.dlms.acse import CONTEXT
from cas.dlms.apdu import Request, Response
from cas.dlms.client import Client
from cas.dlms.errors import AssociationRefused, NotAssociated
from cas.dlms.selection import Ways

_PRE_ESTABLISHED = cos.AareApdu(
    application_context_name=f"{CONTEXT}1",
    result=cos.AssociationResult.ACCEPTED,
    result_source_diagnostic=cos.AssociateSourceDiagnostic(acse_service_user=cos.AcseServiceUser.NULL),
)
"""What is said of an association that was never asked for."""


class Line:
    """One device, and at the most one association with it. Each association has a link of its own."""

    def __init__(self, device: Device, keys: Mapping[KeyKind, Secret], means: Means) -> None:
        self._device = device
        self._keys = keys
        self._opener = Opener(device, keys, means)
        self._client: Client | None = None

    @property
    def is_open(self) -> bool:
        """Whether an association is open, as far as is known here."""
        return self._client is not None and self._client.is_open

    @property
    def ways(self) -> Ways:
        """How the device takes selective access."""
        return ways_of(self._device.quirks)

    async def open(self, aarq: cos.AarqApdu | None = None) -> cos.AareApdu:
        """Associate, as the registry says or as `aarq` does, after closing what was open, and return the AARE.

        An AARE that refuses is returned to who gave an `aarq`, and else raised as AssociationRefused. Raises
        DeviceError, TransportError, DlmsError.
        """
        await self.close()
        missing = self._device.needed_keys.difference(self._keys)
        if missing and aarq is None:
            raise KeyMissing(self._device.device_id, sorted(missing))
        try:
            self._client = client = await self._opener.open(aarq)
        except AssociationRefused:
            refusing = self._opener.tried.aare if self._opener.tried else None
            if aarq is None or refusing is None:
                raise
            return refusing
        return client.aare or _PRE_ESTABLISHED

    async def request(self, request: Request) -> Response:
        """Ask one service. Raises NotAssociated, DlmsError, TransportError."""
        return await self._associated("a service").request(request)

    async def release(self, rlrq: cos.RlrqApdu) -> cos.RlreApdu:
        """Release the association and return the RLRE; it is closed in any case."""
        try:
            return await self._associated("RLRQ").release(rlrq)
        finally:
            await self.close()

    async def close(self) -> None:
        """Release what is open, and close the link. Never raises."""
        client, self._client = self._client, None
        if client is not None:
            await self._opener.close(client)

    def _associated(self, what: str) -> Client:
        if self._client is None:
            raise NotAssociated(what, "not open")
        return self._client


class Lines(Sessions):
    """Hands out devices, one caller at a time for each, as `Sessions` does associations."""

    def hold(self, device_id: str) -> AbstractAsyncContextManager[Line]:
        """Have the device once nobody else does; what is open on it in the end is closed. Raises DeviceError."""
        return _Held(self.alone(device_id), self._line)

    async def _line(self, found: Registered) -> Line:
        registered = await self.settled(found)
        return Line(registered.device, registered.unseal(self._keyring), self._means)


class _Held(AbstractAsyncContextManager[Line]):
    """The line of a device that nobody else has, closed in the end. A class for the reason that `Alone` is one."""

    __slots__ = ("_alone", "_line", "_make")

    def __init__(self, alone: Alone, make: Callable[[Registered], Awaitable[Line]]) -> None:
        self._alone = alone
        self._make = make

    async def __aenter__(self) -> Line:
        registered = await self._alone.__aenter__()
        try:
            self._line = await self._make(registered)
        except BaseException:
            await self._alone.__aexit__()
            raise
        return self._line

    async def __aexit__(self, *_error: object) -> None:
        try:
            await self._line.close()
        finally:
            await self._alone.__aexit__()
