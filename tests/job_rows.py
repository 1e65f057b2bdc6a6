"""Rows of jobs and results, written as they stand in the database, with the times that a scene has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cas.access.steps import octets_of
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.console.asking import Plan, device_access, parse_lines
from cas.cosem.data import Data
from cas.dlms.apdu import encode_apdu
from cas.store.database import Connection
from tests.access_fakes import get_response

Row = Mapping[str, object]
_CONFIRMED = 0xC1


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A resource."""

    id: UUID
    asked: Sequence[bytes]
    source: str
    made: datetime
    group: str | None = None
    devices: Sequence[str] = ()
    state: str = "active"
    activates: datetime | None = None
    every: str | None = None
    within: str | None = None
    next_at: datetime | None = None
    priority: int = 255
    listens: bool = False


async def insert(connection: Connection, table: str, rows: Sequence[Row]) -> None:
    """Rows that have the same columns, at once."""
    if not rows:
        return
    statement = f"COPY {table} ({', '.join(rows[0])}) FROM STDIN".encode()
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            await copy.write_row(tuple(row.values()))


async def add_jobs(connection: Connection, *jobs: Job) -> None:
    """Resources with their requests and devices."""
    resources, requests, devices, groups = [], [], [], []
    for job in jobs:
        resource = {
            "id": job.id,
            "created_at": job.made,
            "state": job.state,
            "source": job.source,
            "correlation_id": str(job.id)[-12:],
            "async_reply": True,
            "dev_form": False,
            "priority": job.priority,
            "activates": job.activates,
            "repeating_interval": job.every,
            "duration": job.within,
            "next_at": job.next_at,
            "accept_data_notification": job.listens,
        }
        resources.append(resource)
        requests += [{"access_id": job.id, "position": place, "apdu": apdu} for place, apdu in enumerate(job.asked)]
        devices += [
            {"access_id": job.id, "position": place, "device_id": name, "name": name}
            for place, name in enumerate(job.devices)
        ]
        groups += [{"access_id": job.id, "position": 0, "group_id": job.group}] if job.group else []
    await insert(connection, "device_access", resources)
    await insert(connection, "access_request", requests)
    await insert(connection, "access_device", devices)
    await insert(connection, "access_group", groups)


def activation(
    job: Job,
    number: int,
    begun: datetime,
    *,
    minutes: int = 0,
    counts: tuple[int, int] | None = None,
    until: datetime | None = None,
) -> Row:
    """One that is over, with its numbers of results and failures; or one under way."""
    outcome = "executing"
    if counts:
        outcome = "ok" if not counts[1] else "failed" if counts[0] == counts[1] else "not-completed"
    return {
        "access_id": job.id,
        "number": number,
        "activated_at": begun + timedelta(seconds=2),
        "scheduled_at": begun if job.every else None,
        "finished_at": begun + timedelta(minutes=minutes, seconds=3) if counts else None,
        "deadline": until,
        "outcome": outcome,
        "result_count": counts[0] if counts else None,
        "failure_count": counts[1] if counts else None,
    }


async def add_activations(connection: Connection, *rows: Row) -> None:
    """Activations of resources that are there."""
    await insert(connection, "activation", rows)


async def add_chunks(connection: Connection, job: Job, number: int, devices: Sequence[str], size: int = 500) -> None:
    """The devices of an activation under way."""
    rows = [
        {"access_id": job.id, "number": number, "chunk": place, "device_ids": list(devices[first : first + size])}
        for place, first in enumerate(range(0, len(devices), size))
    ]
    await insert(connection, "activation_chunk", rows)


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of a device in an activation: an answer to each request, or a failure."""

    device_id: str
    began: datetime
    seconds: float
    answers: Sequence[bytes] = ()
    failure: tuple[str, str, str] | None = None
    attempts: int = 1


async def add_visits(connection: Connection, job: Job, activation: int, visits: Iterable[Visit]) -> None:
    """Results, in the partition of their activation."""
    cursor = await connection.execute(
        b"SELECT kept_until FROM activation WHERE access_id = %s AND number = %s", (job.id, activation)
    )
    (kept_until,) = await cursor.fetchone() or (None,)
    rows = []
    for visit in visits:
        code, reason, details = visit.failure or (None, None, None)
        for request in range(len(job.asked)):
            row = {
                "access_id": job.id,
                "activation": activation,
                "request": request,
                "device_id": visit.device_id,
                "activated": visit.began,
                "stored_at": visit.began + timedelta(seconds=visit.seconds),
                "attempts": visit.attempts,
                "kept_until": kept_until,
                "apdu": None if visit.failure else visit.answers[request],
                "code": code,
                "reason": reason,
                "details": details,
            }
            rows.append(row)
    await insert(connection, "result", rows)


# ---------------------------------------------------------------- APDUs


def reads(lines: str) -> list[bytes]:
    """The requests that lines of the console's form mean."""
    noun = device_access(Plan(asked=parse_lines(lines)))
    assert noun.cosem_access_list
    descriptors = [each.cosem_access_descriptor for each in noun.cosem_access_list.cosem_access]
    return [octets_of(each) for each in descriptors if each]


def upgrade(file: str, image: str, size: int) -> bytes:
    """An upgrade by the Image transfer object."""
    about = cos.CosemAttributeDescriptor(class_id=18, instance_id=bytes.fromhex("00002C0000FF"), attribute_id=1)
    wanted = dev.CosemUpgrade(upgrade_file=file, image_identifier=image, image_size=size, cosem_object=about)
    return octets_of(dev.CosemAccessDescriptor(cosem_upgrade=wanted))


def synchronise() -> bytes:
    """Setting the clock where it is 3 to 600 s off."""
    clock = cos.CosemAttributeDescriptor(class_id=8, instance_id=bytes.fromhex("0000010000FF"), attribute_id=2)
    wanted = dev.CosemTimeSync(cosem_object=clock, min_time_diff=3, max_time_diff=600)
    return octets_of(dev.CosemAccessDescriptor(cosem_time_sync=wanted))


def disconnect() -> bytes:
    """Opening the breaker."""
    method = cos.CosemMethodDescriptor(class_id=70, instance_id=bytes.fromhex("000060030AFF"), method_id=1)
    normal = cos.ActionRequestNormal(
        invoke_id_and_priority=_CONFIRMED,
        cosem_method_descriptor=method,
        method_invocation_parameters=Data.of("integer", 0),
    )
    return encode_apdu(cos.ActionRequest(action_request_normal=normal))


def answer(value: Data) -> bytes:
    """A value read."""
    return encode_apdu(get_response(value))


def success() -> bytes:
    """What a device says that has done something."""
    response = cos.ActionResponseWithOptionalData(result=cos.ActionResult.SUCCESS)
    normal = cos.ActionResponseNormal(invoke_id_and_priority=_CONFIRMED, single_response=response)
    return encode_apdu(cos.ActionResponse(action_response_normal=normal))


def notification(code: str, text: str) -> bytes:
    """What a device tells by itself: an object, and a text."""
    body = Data.structure(Data.of("octet-string", bytes.fromhex(code)), Data.of("visible-string", text))
    return encode_apdu(
        cos.DataNotification(
            long_invoke_id_and_priority=0, date_time=b"", notification_body=cos.NotificationBody(data_value=body)
        )
    )
