"""A register read on demand through SOAP, end to end with the database, beside the bare client and one INSERT.

Simulated meters without security, a durable PostgreSQL, the service and the clients in a process each; every request
has a MessageID, as those of clients do. For one client the cost is the median of its waits, for fifty the time a
request.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import count
from urllib.parse import urlsplit

import psycopg
import uvloop

from cas.devices.model import Device
from cas.devices.settings import settings_of
from cas.dlms.client import Client
from tests.benchmarks.machine import allowed, here
from tests.benchmarks.measure import Case, Row, compare
from tests.benchmarks.round_trips import GET, Counters
from tests.benchmarks.site import entries_in, site
from tests.soap_messages import create
from transports.registry import open_transport

CLIENTS, READS, READS_OF_MANY = 50, 100, 10
HEAD = b"POST /cas HTTP/1.1\r\nHost: cas\r\nContent-Type: application/soap+xml\r\nContent-Length: %d\r\n\r\n"
TITLE = b"CAS\0\0\0\0\1"
MESSAGES = count()

Reader = Callable[[Device], Awaitable[None]]
"""Reads a device once."""


async def soap_client(url: str) -> Reader:
    """A client that costs little: a connection that stays, and text that is not parsed."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)

    async def read(device: Device) -> None:
        header = f"<mes:MessageID>{next(MESSAGES)}</mes:MessageID>"
        body = create([device.device_id], header=header)
        writer.write(HEAD % len(body) + body)
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        assert b"double-long-unsigned" in await reader.readexactly(size)

    return read


async def bare_client(dsn: str) -> Reader:
    """Ours alone: connect, associate, GET, release, close; then one INSERT, durable as the service's."""
    connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)

    async def read(device: Device) -> None:
        async with Client(open_transport(device.url), settings_of(device, {}, TITLE), Counters()) as client:
            answer = await client.request(GET)
        await connection.execute("INSERT INTO bare_result VALUES (%s, %s)", [device.device_id, repr(answer)])

    return read


def waits(devices: Sequence[Device], client: Callable[[], Awaitable[Reader]]) -> Case:
    """One client: the median of what it waits."""

    async def main() -> float:
        read = await client()
        seen = []
        for number in range(READS):
            began = time.perf_counter()
            await read(devices[number % len(devices)])
            seen.append(time.perf_counter() - began)
        return statistics.median(seen)

    return lambda: uvloop.run(main())


def rate(devices: Sequence[Device], client: Callable[[], Awaitable[Reader]]) -> Case:
    """Many clients: the time a request, each on a device of its own."""

    async def work(read: Reader, device: Device) -> None:
        for _ in range(READS_OF_MANY):
            await read(device)

    async def main() -> float:
        clients = [await client() for _ in range(CLIENTS)]
        began = time.perf_counter()
        await asyncio.gather(*(work(read, device) for read, device in zip(clients, devices, strict=True)))
        return (time.perf_counter() - began) / (CLIENTS * READS_OF_MANY)

    return lambda: uvloop.run(main())


def rows(rounds: int) -> Iterable[Row]:
    """Every measurement of this module."""
    with site(("--meters", str(CLIENTS), "--authentication", "none")) as opened, opened.serving() as service:
        with psycopg.connect(opened.dsn) as connection:
            connection.execute("CREATE TABLE bare_result (device_id text, answer text)")
        devices = [entry.device for entry in entries_in(opened.devices)]
        ours, bare = (lambda: soap_client(service.url)), (lambda: bare_client(opened.dsn))
        floor = waits(devices, bare)
        yield compare(
            "SOAP read on demand, 1 client (median)",
            {
                "ours": waits(devices, ours),
                "floor: bare read, one INSERT": floor,
                "allowed: 3 floors and 5 ms": lambda: 3 * floor() + here(0.005),
            },
            {"allowed: 3 floors and 5 ms": 1.0},
            rounds,
        )
        yield compare(
            f"SOAP read on demand, {CLIENTS} clients (time a request)",
            {
                "ours": rate(devices, ours),
                "floor: bare read, one INSERT": rate(devices, bare),
                "allowed: 3.33 ms": allowed(1 / 300),
            },
            {"allowed: 3.33 ms": 1.0},
            rounds,
        )
