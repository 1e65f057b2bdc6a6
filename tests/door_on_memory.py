"""The service behind its real door, on memory, with three meters; for what stands on the other side of the door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from cas.access.service import AccessService
from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.soap.http import SoapHttp
from cas.soap.service import SoapService
from tests.access_fakes import FakeDevices, MemoryStore, get_response
from tests.open_door import NO_INVENTORY, OpenDoor
from transports.errors import Refused

VALUE = get_response(Data.of("double-long-unsigned", 1234))
ERROR = cos.GetResponse(
    get_response_normal=cos.GetResponseNormal(
        invoke_id_and_priority=0xC1,
        result=cos.GetDataResult(data_access_result=cos.DataAccessResult.OBJECT_UNDEFINED),
    )
)


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    """A service with the meters M1, M2 (which has no energy), and M3 (which does not answer)."""
    devices = FakeDevices({"M1": [VALUE], "M2": [ERROR]}, {"M3": Refused("nobody listens")})
    access = AccessService(MemoryStore(), devices, sync_wait=5)
    await access.start()

    async def ready() -> bool:
        return True

    application = web.Application()
    application.add_routes(
        SoapHttp(SoapService(access, NO_INVENTORY, OpenDoor(), limit=1_000_000), ready, limit=1_000_000).routes()
    )
    async with TestServer(application) as server:
        yield str(server.make_url("/cas"))
    await access.stop(1)
