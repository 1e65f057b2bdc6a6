"""Our client on simulated meters, over TCP: what both sides do of the protocol's rarer parts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.obis import Obis
from cas.dlms.acse import Settings
from cas.dlms.client import Client
from cas.dlms.conformance import LOGICAL_NAME, Conformance
from cas.dlms.errors import ServiceNotSupported
from cas.simulator import Simulator
from transports.registry import open_transport

ENERGY = Obis.parse("1.0.1.8.0.255").octets


@asynccontextmanager
async def simulated(**changes: Any) -> AsyncIterator[tuple[Simulator, Client]]:
    async with Simulator(model="minimal", port=0) as simulator:
        settings = replace(Settings(conformance=LOGICAL_NAME), **changes)
        async with Client(open_transport(simulator.url(0)), settings) as client:
            yield simulator, client


def attribute(name: bytes, class_id: int, number: int) -> cos.CosemAttributeDescriptor:
    return cos.CosemAttributeDescriptor(class_id=class_id, instance_id=name, attribute_id=number)


def get(descriptor: cos.CosemAttributeDescriptor) -> cos.GetRequest:
    return cos.GetRequest(
        get_request_normal=cos.GetRequestNormal(invoke_id_and_priority=0xC1, cosem_attribute_descriptor=descriptor)
    )


def value(answer: object) -> Data | None:
    assert isinstance(answer, cos.GetResponse)
    assert answer.get_response_normal is not None
    return answer.get_response_normal.result.data


@pytest.mark.clause("Green Book 8.3, 9.3.4")
async def test_attribute_0_is_the_whole_object() -> None:
    async with simulated() as (simulator, client):
        found = value(await client.request(get(attribute(ENERGY, 3, 0))))
        assert found is not None
        name, energy, scaler_unit = found.children()
        assert name.value == ENERGY
        assert energy.value == simulator.meter(0).value("1.0.1.8.0.255")
        assert scaler_unit.value == (0, 30)


async def test_attribute_0_is_not_asked_for_where_it_was_not_agreed() -> None:
    async with simulated(conformance=LOGICAL_NAME & ~Conformance.ATTRIBUTE0_SUPPORTED_WITH_GET) as (_, client):
        with pytest.raises(ServiceNotSupported):
            await client.request(get(attribute(ENERGY, 3, 0)))


@pytest.mark.clause("Green Book 8.3, 9.4.6.13")
async def test_a_long_profile_in_streamed_blocks() -> None:
    """The same octets by general block transfer and by blocks of GET."""
    without = LOGICAL_NAME & ~Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    profile = get(attribute(Obis.parse("1.0.99.1.0.255").octets, 7, 2))
    found = []
    for conformance in (without, LOGICAL_NAME):
        async with simulated(conformance=conformance, max_pdu=200) as (_, client), asyncio.timeout(10):
            found.append(value(await client.request(profile)))
    assert found[0] == found[1]
    assert found[0] is not None
    assert len(found[0].children()) == 240
