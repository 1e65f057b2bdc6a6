"""Simulated meters over HDLC: the same values as over the wrapper, several on one line, faults on purpose."""

import itertools

import pytest

from cas.bindings import cosempdu as cos
from cas.cosem.obis import Obis
from cas.devices.entry import parse_entry
from cas.devices.keys import KeyKind, Secret
from cas.devices.settings import settings_of
from cas.dlms.client import Client
from cas.simulator import Fault, FaultKind, Simulator
from cas.simulator.reading import builtin_models
from transports import TransportError, open_transport

NOW = 1_772_366_850.0


class Counters:
    def __init__(self) -> None:
        self._values = itertools.count(1)

    def take(self) -> int:
        return next(self._values)

    async def ensure(self, count: int = 1) -> None:
        """There are always enough."""


def client(simulator: Simulator, index: int, query: str = "") -> Client:
    entry = parse_entry({**simulator.device(index)})
    assert not isinstance(entry, list), entry
    keys = {KeyKind(kind): Secret(key.reveal()) for kind, key in entry.keys.items()}
    return Client(
        open_transport(simulator.url(index) + query), settings_of(entry.device, keys, b"CAS\0\0\0\0\1"), Counters()
    )


def get(name: str, class_id: int = 3) -> cos.GetRequest:
    attribute = cos.CosemAttributeDescriptor(class_id=class_id, instance_id=Obis.parse(name).octets, attribute_id=2)
    return cos.GetRequest(
        get_request_normal=cos.GetRequestNormal(invoke_id_and_priority=193, cosem_attribute_descriptor=attribute)
    )


async def value(reader: Client, name: str, class_id: int = 3) -> bytes:
    answer = await reader.request(get(name, class_id))
    assert isinstance(answer, cos.GetResponse)
    assert answer.get_response_normal
    assert answer.get_response_normal.result.data
    return answer.get_response_normal.result.data.octets


@pytest.mark.clause("4.2")
@pytest.mark.parametrize("model", builtin_models())
@pytest.mark.parametrize("query", ["", "&info=64&window=1", "&info=512&window=4"])
async def test_every_model_is_read_and_long_answers_come_in_segments(model: str, query: str) -> None:
    async with (
        Simulator(1, model=model, framing="hdlc", clock=lambda: NOW) as simulator,
        client(simulator, 0, query) as reader,
    ):
        assert await value(reader, "1.0.1.8.0.255") == simulator.meter(0).data("1.0.1.8.0.255").octets
        objects = await value(reader, "0.0.40.0.0.255", 15)
        assert len(objects) > 200
        assert await value(reader, "1.0.1.8.0.255") == simulator.meter(0).data("1.0.1.8.0.255").octets


async def test_meters_on_one_line_answer_for_themselves() -> None:
    async with Simulator(150, model="minimal", framing="hdlc", one_port=True, clock=lambda: NOW) as simulator:
        for index in (0, 1, 110, 149):  # beyond 127 a physical address takes four octets
            async with client(simulator, index) as reader:
                assert await value(reader, "1.0.1.8.0.255") == simulator.meter(index).data("1.0.1.8.0.255").octets


async def test_a_new_link_begins_without_an_association() -> None:
    async with Simulator(1, model="minimal", framing="hdlc") as simulator:
        transport = open_transport(simulator.url(0))
        async with client(simulator, 0):
            pass
        await transport.connect()
        await transport.send(bytes.fromhex("C001C100030100010800FF0200"))
        assert await transport.receive() == bytes.fromhex("D80101")
        await transport.close()


@pytest.mark.parametrize("kind", [FaultKind.GARBLE, FaultKind.CUT])
async def test_a_frame_that_is_spoilt_is_sent_again(kind: FaultKind) -> None:
    async with (
        Simulator(1, model="minimal", framing="hdlc", faults={0: Fault(kind)}, clock=lambda: NOW) as simulator,
        client(simulator, 0, "&frame-timeout=0.1") as reader,
    ):
        assert await value(reader, "1.0.1.8.0.255") == simulator.meter(0).data("1.0.1.8.0.255").octets


@pytest.mark.parametrize("kind", [FaultKind.CLOSE, FaultKind.OFF, FaultKind.DEAD])
async def test_a_fault_on_the_line_is_an_error_within_the_time(kind: FaultKind) -> None:
    async with Simulator(1, model="minimal", framing="hdlc", faults={0: Fault(kind)}) as simulator:
        with pytest.raises(TransportError):
            async with client(simulator, 0, "&timeout=0.5&connect-timeout=0.5&frame-timeout=0.1&retries=1") as reader:
                await value(reader, "1.0.1.8.0.255")
        simulator.meter(0).fault = None
        async with client(simulator, 0) as reader:
            assert await value(reader, "1.0.1.8.0.255")
