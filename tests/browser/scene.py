"""A night at a utility: 12,480 meters, jobs that run, failed and wait. The same in every run, so that pictures are."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from math import exp, sin
from uuid import UUID

from cas.access.codes import Code
from cas.cosem.data import Data
from cas.devices.counters import counter_scope
from cas.devices.keys import KeyKind, Keyring, SealedKey, Secret
from cas.security.audit import GENESIS, chain
from cas.store.database import Connection, Pool, connected
from cas.system_events import Kind
from tests.job_rows import (
    Job,
    Row,
    Visit,
    activation,
    add_activations,
    add_chunks,
    add_jobs,
    add_visits,
    answer,
    disconnect,
    insert,
    notification,
    reads,
    success,
    synchronise,
    upgrade,
)

NOW = datetime(2026, 3, 10, 2, 15, 20, tzinfo=UTC)
METERS = 12_480
DISTRICTS = ("HARBOUR", "OLDTOWN", "MILL", "STATION", "NORTH", "PARK")
PER_DISTRICT = METERS // len(DISTRICTS)
PER_LINE = 260
"""Meters behind one concentrator."""
DOWN = 7
"""The concentrator that does not answer."""
ENERGY = "1.0.1.8.0.255"
PROFILE = "1.0.99.1.0.255 last 3 days"
OLDTOWN = range(PER_DISTRICT + 1, 2 * PER_DISTRICT + 1)
WITH_COUNTERS = 60

_NO_CONNECTION = (Code.TIMED_OUT, "no connection in time", "check that the device is on and its address")
_NO_ANSWER = (Code.TIMED_OUT, "no answer in time", "check SAP and keys; a slow device needs more time")
_REFUSED = (Code.FAILED, "connection refused", "another client may hold the device; else check its port")
_WRONG_KEY = (Code.AUTHENTICATION, "device not authentic", "check the device's keys in the registry")
_ALARMS = ("power failure, phase L2", "terminal cover opened", "clock adjusted", "strong magnetic field", "power back")


def identity(number: int) -> UUID:
    """The ID of a resource of this scene."""
    return UUID(int=0xCA5 << 116 | 0x4000_8000 << 48 | number)


REGISTERS, PROFILES, FIRMWARE, LINE, ALARMS, CURRENT = map(identity, range(1, 7))


def title(number: int) -> str:
    """The DeviceID of a meter; the first is 1."""
    return f"53494D{number:010X}"


PLOTTED = tuple(map(title, OLDTOWN[:3]))


def at(clock: str, *, days_ago: int = 0) -> datetime:
    """A time of this day, or of one before."""
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 3, 10, hour, minute, tzinfo=UTC) - timedelta(days=days_ago)


async def fill(pool: Pool, keyring: Keyring, client_title: bytes) -> None:
    """Make it night."""
    async with connected(pool) as connection, connection.transaction():
        await _register_devices(connection)
        await _give_keys(connection, keyring, client_title)
        await _read_all_registers(connection)
        await _read_profiles_of_the_old_town(connection)
        await _upgrade_the_mill(connection)
        await _lose_a_line(connection)
        await _do_smaller_jobs(connection)
        await _hear_alarms(connection)
        await _tell_of_the_service(connection)
        await _queue_work(connection)
        await _keep_an_audit_log(connection)


async def fill_more(pool: Pool, resources: int) -> None:
    """Resources of other days, each with an activation."""
    jobs = [
        Job(
            id=identity(10_000 + number),
            asked=reads(ENERGY),
            source="billing",
            made=at("00:00", days_ago=1) - timedelta(minutes=7 * number),
            devices=[title(number % METERS + 1)],
            state="finished",
        )
        for number in range(resources)
    ]
    async with connected(pool) as connection, connection.transaction():
        await add_jobs(connection, *jobs)
        await add_activations(connection, *(activation(job, 1, job.made, counts=(2, 0)) for job in jobs))


# ---------------------------------------------------------------- devices


async def _register_devices(connection: Connection) -> None:
    devices, statistics = [], []
    for number in range(1, METERS + 1):
        district = DISTRICTS[(number - 1) // PER_DISTRICT]
        device = {
            "device_id": title(number),
            "system_title": bytes.fromhex(title(number)),
            "alias": f"{district}-{number:05}",
            "url": f"tcp://{_address(number)}",
            "labels": json.dumps({"segment": f"DC-{_line(number):02}", "district": district.capitalize()}),
            "authentication": "hls-gmac",
            "suite": 0,
            "protection": "both",
            "max_pdu": 1024,
            "changed_at": at("09:00", days_ago=60),
        }
        devices.append(device)
        if number <= METERS - 60:  # the others have just been registered
            statistics.append(_statistic(number))
    await insert(connection, "device", devices)
    await insert(connection, "device_statistic", statistics)
    groups = [{"group_id": f"DG_{district}", "prefix": None} for district in DISTRICTS]
    await insert(connection, "device_group", [*groups, {"group_id": "DG_PILOT", "prefix": "53494D00000000"}])
    members = [
        {"group_id": f"DG_{DISTRICTS[(number - 1) // PER_DISTRICT]}", "device_id": title(number)}
        for number in range(1, METERS + 1)
    ]
    await insert(connection, "device_group_member", members)


def _statistic(number: int) -> Row:
    failure = _failure(number)
    last, before = at("02:01") + timedelta(seconds=number % 713), at("02:03", days_ago=number % 9 + 1)
    kind = "answered" if failure is None else "wrong-keys" if failure == _WRONG_KEY else "silent"
    return {
        "device_id": title(number),
        "successes": 6000 + number * 7 % 900,
        "failures": number * 13 % 40,
        "last_success": before if failure else last,
        "last_failure": last if failure else before,
        "last_kind": kind,
    }


async def _give_keys(connection: Connection, keyring: Keyring, client_title: bytes) -> None:
    """Every meter has keys; those of the first ones are real, so that their counters show."""
    keys, counters = [], []
    for number in range(1, METERS + 1):
        key = Secret(number.to_bytes(16, "big"))
        for kind in (KeyKind.AUTHENTICATION, KeyKind.ENCRYPTION):
            sealed = keyring.seal(title(number), kind, key) if number <= WITH_COUNTERS else SealedKey("lost", b"")
            keys.append({"device_id": title(number), "kind": kind, **asdict(sealed)})
        if number <= WITH_COUNTERS:
            used = 4_294_000_000 if number == 12 else 1_200_000 + number * 61_000_000 % 300_000_000
            counters.append({"scope": counter_scope(key, client_title), "next": used})
    await insert(connection, "device_key", keys)
    await insert(connection, "invocation_counter", counters)


def _line(number: int) -> int:
    return (number - 1) // PER_LINE + 1


def _address(number: int) -> str:
    return f"10.20.{_line(number)}.{(number - 1) % PER_LINE % 250 + 1}:4059"


def _failure(number: int) -> tuple[Code, str, str] | None:
    """Why a meter fails this night."""
    if _line(number) == DOWN and number % 8 == 0:
        return _NO_CONNECTION
    if number % 1093 == 0:
        return _WRONG_KEY
    if number % 587 == 0:
        return _REFUSED
    return _NO_ANSWER if number % 331 == 0 else None


def _told(number: int, failure: tuple[Code, str, str]) -> tuple[Code, str, str]:
    """A failure as the service tells it of a meter."""
    code, reason, advice = failure
    return code, reason, f"{_address(number)}: {advice}"


# ---------------------------------------------------------------- jobs


async def _read_all_registers(connection: Connection) -> None:
    job = Job(
        id=REGISTERS,
        asked=reads(f"{ENERGY}\n1.0.2.8.0.255"),
        source="mdm",
        made=at("11:20", days_ago=41),
        group="DG_ALL_METERS",
        activates=at("02:00"),
        every="P1D",
        within="PT4H",
        next_at=at("02:00", days_ago=-1),
        priority=20,
    )
    await add_jobs(connection, job)
    nights = [
        activation(
            job,
            41 - night,
            at("02:00", days_ago=night),
            minutes=21 + night % 5,
            counts=(METERS * 4, (60 + night * 37 % 90) * 4),
        )
        for night in range(1, 40)
    ]
    await add_activations(connection, *nights, activation(job, 41, at("02:00"), until=at("06:00")))
    await add_chunks(connection, job, 41, [title(number) for number in range(1, METERS + 1)])
    visited = range(1, 9_411)
    tried = [number for number in visited if _failure(number) not in (None, _WRONG_KEY)]
    done = sorted(set(visited).difference(tried))
    await add_visits(connection, job, 41, (_read_registers(number) for number in done))
    attempts = []
    for number in tried:
        code, reason, details = _told(number, _failure(number) or _NO_ANSWER)
        attempt = {"access_id": job.id, "number": 41, "device_id": title(number), "attempts": number % 3 + 1}
        attempts.append({**attempt, "code": code, "reason": reason, "details": details})
    await insert(connection, "activation_attempt", attempts)


def _read_registers(number: int) -> Visit:
    began = at("02:00") + timedelta(seconds=4 + number * 0.09)
    seconds = (3.1 if _line(number) % 11 == 4 else 0.4) + number % 17 / 10
    failure = _failure(number)
    if failure:
        return Visit(title(number), began, seconds, failure=_told(number, failure))
    scaler = Data.structure(Data.of("integer", 0), Data.of("enum", 30))
    values = (18_400_000 + number * 7919 % 9_000_000, number * 31 % 4000)
    answers = [answer(data) for value in values for data in (Data.of("double-long-unsigned", value), scaler)]
    return Visit(title(number), began, seconds, answers)


async def _read_profiles_of_the_old_town(connection: Connection) -> None:
    job = Job(
        id=PROFILES,
        asked=reads(f"{ENERGY}\n{PROFILE}"),
        source="mdm",
        made=at("09:41", days_ago=12),
        group="DG_OLDTOWN",
        activates=at("01:30"),
        every="P1D",
        within="PT30M",
        next_at=at("01:30", days_ago=-1),
        priority=40,
    )
    await add_jobs(connection, job)
    total = len(OLDTOWN) * 5
    for night in range(1, 12):
        counts = (total, night * 5 % 3 * 5)
        await add_activations(
            connection, activation(job, 12 - night, at("01:30", days_ago=night), minutes=6, counts=counts)
        )
    failed = sum(_failure(number) is not None for number in OLDTOWN)
    await add_activations(connection, activation(job, 12, at("01:30"), minutes=30, counts=(total, failed * 5)))
    await add_visits(connection, job, 12, _read_profiles())


def _read_profiles() -> Iterator[Visit]:
    columns = Data.array(
        Data.structure(
            Data.of("long-unsigned", class_id),
            Data.of("octet-string", bytes.fromhex(code)),
            Data.of("integer", 2),
            Data.of("long-unsigned", 0),
        )
        for class_id, code in ((8, "0000010000FF"), (3, "0100010800FF"))
    )
    scaler = Data.structure(Data.of("integer", 0), Data.of("enum", 30))
    energy, period = Data.of("double-long-unsigned", 21_000_000), Data.of("double-long-unsigned", 900)
    described = [answer(each) for each in (energy, scaler, columns, period)]
    nothing = answer(Data.array(()))
    for number in OLDTOWN:
        began = at("01:30") + timedelta(seconds=2 + number % 300)
        if failure := _failure(number):
            yield Visit(title(number), began, 12.5, failure=_told(number, failure), attempts=4)
        else:
            buffer = answer(_household(number)) if title(number) in PLOTTED else nothing
            yield Visit(title(number), began, 1.4, [*described, buffer])


def _household(number: int) -> Data:
    """Three days in quarters of an hour, ending at half past one."""
    register, rows, start = 21_000_000 + number * 1000, [], at("01:30", days_ago=3)
    for quarter in range(3 * 96 + 1):
        moment = start + timedelta(minutes=15 * quarter)
        hour = moment.hour + moment.minute / 60 - number % 3 * 0.7
        peaks = 260 * exp(-((hour - 7.6) ** 2) / 1.4) + 430 * exp(-((hour - 18.2) ** 2) / 3.5)
        restless = 16 * sin(quarter * 1.7 + number) + 12 * sin(quarter * 0.31)
        register += round((70 + peaks) * (0.7 + number % 3 * 0.22) + restless)
        rows.append((_clock(moment), register))
    return Data.table(("octet-string", "double-long-unsigned"), rows)


def _clock(moment: datetime) -> bytes:
    day = bytes((*moment.year.to_bytes(2, "big"), moment.month, moment.day, moment.isoweekday()))
    return day + bytes((moment.hour, moment.minute, 0, 0, 0, 0, 0))


async def _upgrade_the_mill(connection: Connection) -> None:
    first = 2 * PER_DISTRICT + 1
    devices = [title(number) for number in range(first, first + 640)]
    job = Job(
        id=FIRMWARE,
        asked=[upgrade("sim-4.2.1.bin", "SIM-4.2.1", 262_144)],
        source="field-service",
        made=at("22:05", days_ago=1),
        devices=devices,
        within="PT8H",
        activates=at("22:30", days_ago=1),
    )
    await add_jobs(connection, job)
    await add_activations(connection, activation(job, 1, at("22:30", days_ago=1), until=at("06:30")))
    await add_chunks(connection, job, 1, devices)
    begun = at("22:30", days_ago=1)
    visits = [
        Visit(device, begun + timedelta(seconds=5 + place * 31), 420 + place % 90, [success()])
        for place, device in enumerate(devices[:412])
    ]
    await add_visits(connection, job, 1, visits)


async def _lose_a_line(connection: Connection) -> None:
    numbers = range((DOWN - 1) * PER_LINE + 1, (DOWN - 1) * PER_LINE + 13)
    job = Job(
        id=LINE,
        asked=reads("1.0.32.7.0.255\n1.0.52.7.0.255\n1.0.72.7.0.255"),
        source="console",
        made=at("01:52"),
        devices=[title(number) for number in numbers],
        state="finished",
    )
    await add_jobs(connection, job)
    await add_activations(connection, activation(job, 1, at("01:52"), minutes=2, counts=(72, 72)))
    visits = [
        Visit(title(number), at("01:52"), 30.0, failure=_told(number, _NO_CONNECTION), attempts=3) for number in numbers
    ]
    await add_visits(connection, job, 1, visits)


async def _do_smaller_jobs(connection: Connection) -> None:
    """What gives a list its length; of these the results are not kept any more."""
    synchronised, billed, cut_off = at("03:00", days_ago=1), at("04:00", days_ago=9), at("16:42", days_ago=1)
    current, looked_up = at("20:17", days_ago=1), at("14:10", days_ago=2)
    everyone, pilot = "DG_ALL_METERS", "DG_PILOT"
    jobs = (
        (
            Job(
                id=identity(7),
                asked=[synchronise()],
                source="mdm",
                made=synchronised,
                group=everyone,
                activates=synchronised,
                every="P7D",
                within="PT3H",
            ),
            (METERS, 12),
        ),
        (
            Job(
                id=identity(8),
                asked=reads("1.0.98.1.0.255 last 31 days"),
                source="billing",
                made=billed,
                group=everyone,
                activates=billed,
                every="P1M",
                within="P1D",
            ),
            (METERS * 3, 216),
        ),
        (
            Job(
                id=identity(9),
                asked=[disconnect()],
                source="billing",
                made=cut_off,
                devices=[title(311)],
                state="finished",
            ),
            (1, 0),
        ),
        (
            Job(
                id=identity(10),
                asked=reads("1.0.31.7.0.255\n1.0.51.7.0.255"),
                source="console",
                made=current,
                devices=[title(5200), title(5201), title(5202)],
                state="finished",
            ),
            (12, 0),
        ),
        (
            Job(
                id=identity(11),
                asked=reads("0.0.96.1.0.255"),
                source="asset-register",
                made=looked_up,
                group=pilot,
                state="canceled",
            ),
            (90, 4),
        ),
    )
    await add_jobs(connection, *(job for job, _ in jobs))
    await add_activations(
        connection, *(activation(job, 1, job.made, minutes=counts[0] // 900, counts=counts) for job, counts in jobs)
    )
    hourly = Job(
        id=CURRENT,
        asked=reads("1.0.1.7.0.255"),
        source="grid-control",
        made=at("12:00", days_ago=3),
        group="DG_HARBOUR",
        activates=at("00:00"),
        every="PT1H",
        within="PT30M",
        next_at=at("03:00"),
        priority=10,
    )
    await add_jobs(connection, hourly)
    hours = []
    for hour in range(30):
        failed = 0 if hour == 0 else 2 + hour * 7 % 30 + (420 if hour in (9, 10) else 0)
        begun = at("02:00") - timedelta(hours=hour)
        counts = (PER_DISTRICT * (2 + hour % 5), failed * 2)
        hours.append(activation(hourly, 70 - hour, begun, minutes=4, counts=counts))
    await add_activations(connection, *hours)


async def _hear_alarms(connection: Connection) -> None:
    job = Job(
        id=ALARMS, asked=[], source="grid-control", made=at("12:00", days_ago=200), group="DG_ALL_METERS", listens=True
    )
    await add_jobs(connection, job)
    heard = [
        {
            "access_id": ALARMS,
            "device_id": title(number * 97 % PER_DISTRICT + 1),
            "received_at": NOW - timedelta(minutes=141 - number, seconds=number % 50),
            "apdu": notification("0000616200FF", _ALARMS[number * 3 % len(_ALARMS)]),
        }
        for number in range(140)
    ]
    await insert(connection, "notification", heard)
    told = {"target": "https://mdm.example:8443", "access_id": REGISTERS, "verb": "changed"}
    await insert(connection, "event", [{**told, "created_at": NOW - timedelta(seconds=60)}] * 18)


async def _tell_of_the_service(connection: Connection) -> None:
    told = (
        (Kind.COUNTER_NEAR_TOP, title(12), 190),
        (Kind.TOO_MANY_REQUESTS, "mdm", 75),
        (Kind.KEYS_REFUSED, title(1093), 13),
        (Kind.ACTIVATION_FAILED, str(LINE), 21),
        (Kind.RECEIVER_AWAY, "https://mdm.example:8443", 1),
    )
    rows = [
        {
            "at": NOW - timedelta(minutes=minutes),
            "number": kind.value.number,
            "subject": subject,
            "process": "cas-front-1",
            "details": "{}",
            "repeats": 0,
            "published": True,
        }
        for kind, subject, minutes in sorted(told, key=lambda each: -each[2])
    ]
    await insert(connection, "system_event", rows)


async def _queue_work(connection: Connection) -> None:
    jobs = [
        {"queue_name": "bulk", "task_name": "chunk", "status": "doing" if number < 4 else "todo"}
        for number in range(17)
    ]
    await insert(connection, "procrastinate_jobs", jobs)
    await insert(connection, "procrastinate_workers", [{"last_heartbeat": "infinity"}] * 2)


async def _keep_an_audit_log(connection: Connection) -> None:
    actors = ("client:mdm", "client:billing", "client:jo.visser", "client:grid-control")
    actions = ("create DeviceAccess", "get DeviceAccess", "change DeviceGroups", "cancel DeviceAccess")
    previous, rows = GENESIS, []
    for number in range(1, 121):
        entry = {
            "at": (NOW - timedelta(minutes=(121 - number) * 11)).isoformat(),
            "actor": actors[number * 5 % 4],
            "action": actions[number * 3 % 4],
            "outcome": "denied" if number % 17 == 5 else "done",
            "ids": [str(identity(number % 7 + 1))],
            "peer": "10.2.0.17",
        }
        text = json.dumps(entry)
        previous = chain(previous, number, text)
        rows.append({"number": number, "entry": text, "hash": previous})
    await insert(connection, "audit_entry", rows)
