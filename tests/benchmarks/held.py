"""Associations that stay open in a process of their own: `python -m tests.benchmarks.held KIND DEVICES`.

KIND `idle`: of our client, as the registry file DEVICES says; `socket`: the connection and a task only. Prints the
octets of each.
"""

import asyncio
import gc
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from cas.devices.model import Device
from cas.devices.settings import settings_of
from cas.dlms.client import Client
from tests.benchmarks.memory import resident
from tests.benchmarks.round_trips import Counters
from tests.benchmarks.site import entries_in
from transports.registry import open_transport


async def idle(device: Device) -> None:
    """An association on which nothing is asked."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            Client(open_transport(device.url), settings_of(device, {}, b"CAS\0\0\0\0\1"), Counters())
        )
        await asyncio.Event().wait()


async def socket(device: Device) -> None:
    """A connection on which nobody speaks."""
    parts = urlsplit(device.url)
    loop = asyncio.get_running_loop()
    await loop.create_connection(asyncio.Protocol, parts.hostname or "", parts.port or 0)
    await asyncio.Event().wait()


async def main(kind: str, devices: list[Device]) -> None:
    hold = {"idle": idle, "socket": socket}[kind]
    first, *others = devices
    tasks = [asyncio.create_task(hold(first))]
    await asyncio.sleep(0.5)
    gc.collect()
    before = resident()
    tasks += [asyncio.create_task(hold(device)) for device in others]
    await asyncio.sleep(3)
    gc.collect()
    assert not any(task.done() for task in tasks)
    print((resident() - before) / len(others))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], [each.device for each in entries_in(Path(sys.argv[2]))]))
