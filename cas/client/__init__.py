"""A typed async client of a COSEM Access Service (IEC TS 62056-9-1), over its SOAP interface.

    import asyncio
    from cas.client import CasClient, CasFault, attribute

    async def main(url: str, meter: str) -> None:
        async with CasClient(url, source="MDM") as cas:
            access = await cas.create([meter], [attribute("1-0:1.8.0"), attribute("0-0:96.1.0")])
            for reading in access.readings:
                print(reading.device, reading.obis, reading.value if reading.ok else reading.error)
            try:
                await cas.create(["unknown"], [attribute("1-0:1.8.0")])
            except CasFault as fault:
                print(fault.code, fault.element)
            await cas.delete(access.id)

What a client sends and gets are the classes of `cas.bindings`; `Access` and `Reading` are views of them.
"""

from cas.client.client import CasClient
from cas.client.descriptors import attribute, invoke, time_sync, write_attribute
from cas.client.errors import CasFault, CasUnreachable, ClientError, FaultError, NotUnderstood
from cas.client.readings import Access, Reading, readings_of

__all__ = [
    "Access",
    "CasClient",
    "CasFault",
    "CasUnreachable",
    "ClientError",
    "FaultError",
    "NotUnderstood",
    "Reading",
    "attribute",
    "invoke",
    "readings_of",
    "time_sync",
    "write_attribute",
]
