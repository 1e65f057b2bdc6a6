"""zeep, a SOAP client that is not ours, against the service: it knows nothing but the address of the WSDL."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
import zeep
from lxml import etree

from cas.simulator import Simulator
from tests.integration.soap.conftest import Service
from tests.integration.soap.test_meters import entry

T = TypeVar("T")
ENERGY = "0100010800FF"


class Foreign:
    """A zeep client on one port of the WSDL, in a thread of its own for each call."""

    def __init__(self, url: str, port: str) -> None:
        self._url = url
        self._port = port

    async def call(self, work: Callable[[Any], T]) -> T:
        return await asyncio.to_thread(self._call, work)

    def _call(self, work: Callable[[Any], T]) -> T:
        client = zeep.Client(f"{self._url}?wsdl", port_name=self._port)  # type: ignore[no-untyped-call]  # zeep has no types
        with client.transport.session:
            return work(client.service)


def header(verb: str) -> dict[str, Any]:
    return {"Verb": verb, "Noun": "DeviceAccess", "MessageID": "m-1"}


def order(*devices: str) -> dict[str, Any]:
    descriptor = {"class-id": 3, "instance-id": ENERGY, "attribute-id": 2}
    normal = {"invoke-id-and-priority": 193, "cosem-attribute-descriptor": descriptor}
    xdlms = {"get-request": {"get-request-normal": normal}}
    return {
        "DevicesReferenceList": {"DeviceReference": [{"DeviceID": device} for device in devices]},
        "CosemAccessList": {"CosemAccess": [{"CosemAccessDescriptor": {"CosemXDLMSDescriptor": xdlms}}]},
    }


@pytest.mark.clause("8.2")
@pytest.mark.parametrize("port", ["CAS12", "CAS11"])
async def test_a_resource_lives_and_dies(service: Service, port: str) -> None:
    foreign = Foreign(service.url, port)
    async with Simulator(2) as simulator:
        await service.register(entry(simulator, 0), entry(simulator, 1))
        names = [meter.device_id for meter in simulator.meters]
        payload = {"DeviceAccess": order(*names)}
        made = await foreign.call(lambda cas: cas.Request(Header=header("create"), Payload=payload))
    assert (made.Header.Verb, made.Header.CorrelationID, made.Reply.Result) == ("reply", "m-1", "OK")
    access_id = made.Reply.ID[0]["_value_1"]

    def values(answer: Any) -> dict[str, object]:
        (noun,) = (
            answer.Payload.DeviceAccess
            if isinstance(answer.Payload.DeviceAccess, list)
            else [answer.Payload.DeviceAccess]
        )
        assert access_id == noun.ID
        (access,) = noun.CosemAccessList.CosemAccess
        return {
            result.DeviceID: result.CosemXDLMSResult["get-response"]["get-response-normal"]["result"]["data"]
            for result in access.CosemAccessResult
        }

    assert list(values(made)) == names
    by_id = {"ID": [access_id]}
    again = await foreign.call(lambda cas: cas.Request(Header=header("get"), Request=by_id))
    assert str(values(again)) == str(values(made))
    for verb in ("cancel", "close", "delete"):
        ended = await foreign.call(lambda cas, verb=verb: cas.Request(Header=header(verb), Request=by_id))  # type: ignore[misc]  # bound now
        assert ended.Reply.Result == "OK"
    with pytest.raises(zeep.exceptions.Fault):
        await foreign.call(lambda cas: cas.Request(Header=header("get"), Request=by_id))


@pytest.mark.parametrize("port", ["CAS12", "CAS11"])
async def test_a_fault_tells_what_is_wrong(service: Service, port: str) -> None:
    payload = {"DeviceAccess": order("nobody")}
    with pytest.raises(zeep.exceptions.Fault) as caught:
        await Foreign(service.url, port).call(lambda cas: cas.Request(Header=header("create"), Payload=payload))
    detail = caught.value.detail
    text = detail if isinstance(detail, str) else etree.tostring(detail, encoding="unicode")
    assert "<mes:code>2.4</mes:code>" in text
    assert "nobody" in text
