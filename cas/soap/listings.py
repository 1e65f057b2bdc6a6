"""The extensions that list everything: the noun ResourceDirectory, and CosemDeviceStatisticRequest."""

from collections.abc import AsyncIterator, Mapping

from cas.bindings import message as mes
from cas.soap.answer import Answer
from cas.soap.desk import Desk, Handler
from cas.soap.message import Message
from cas.xml import write


async def get_directory(desk: Desk, _message: Message) -> Answer:
    """A summary of every DeviceAccess, whatever WithData says (D)."""
    return Answer(mes.ReplyType(result=mes.Result.OK), _directory(desk))


HANDLERS: Mapping[str, Handler] = {"get": get_directory}
"""What each verb of ResourceDirectory does."""


async def statistics(desk: Desk) -> AsyncIterator[str]:
    """The GetCosemDeviceStatisticResponse, in pieces."""
    yield "<mes:GetCosemDeviceStatisticResponse>"
    async for statistic in desk.inventory.statistics():
        yield write(statistic, "mes:cosem-device-statistics")
    yield "</mes:GetCosemDeviceStatisticResponse>"


async def _directory(desk: Desk) -> AsyncIterator[str]:
    yield "<mes:ResourceDirectory>"
    async for resource in desk.inventory.directory():
        yield write(resource, "mes:Resource")
    yield "</mes:ResourceDirectory>"
