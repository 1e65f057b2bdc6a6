"""CosemDeviceStatistic: how communication with each device went, and what that says of the device's state.

What counts is a result: an answer of the device is a success, also when it tells of an error; a failure that came
without talking to the device (not attempted, canceled) is none. The meter-state follows from the last one (D):

| state | the device |
|---|---|
| METER-ACTIVE | answered, or is there and has answered before |
| METER-JOINED | is there, but refuses or misunderstands, and never answered |
| METER-NOT-ACTIVE | was never asked |
| METER-NO-KEYS | lacks keys in the registry that its association needs, or they are unusable |
| METER-WRONG-KEYS | does not accept our keys, or we not its |
| METER-NOT-AVAILABLE | cannot be reached, or is silent |
| METER-LOST | has been so for `LOST_AFTER` |
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from psycopg.rows import TupleRow
from xsdata.models.datatype import XmlDateTime

from cas.access.codes import Code
from cas.access.model import Failure
from cas.bindings import message as mes
from cas.devices.counters import Counters, counter_scope
from cas.devices.keys import KeyKind, Keyring, Secret
from cas.devices.model import without_password
from cas.devices.registry import Registered, iterate_devices
from cas.store.database import Pool
from cas.store.queries import query

LOST_AFTER = timedelta(days=7)
PAGE = 1000

_BY_ID = query("statistics_by_id")


class Kind(StrEnum):
    """What a result shows of a device."""

    ANSWERED = "answered"
    PRESENT = "present"
    SILENT = "silent"
    WRONG_KEYS = "wrong-keys"
    NO_KEYS = "no-keys"


@dataclass(frozen=True, slots=True)
class Statistic:
    """What is known of the communication with one device."""

    successes: int = 0
    failures: int = 0
    last_success: datetime | None = None
    last_failure: datetime | None = None
    last_kind: Kind | None = None


# By the reason of a failure, where the code does not tell enough.
_BY_REASON = {
    "key missing or unusable": Kind.NO_KEYS,
    "key unreadable": Kind.NO_KEYS,
    "answer not trustworthy": Kind.WRONG_KEYS,
    "association refused": Kind.PRESENT,
    "exception": Kind.PRESENT,
    "service error": Kind.PRESENT,
    "protocol error": Kind.PRESENT,
    "device too slow": Kind.ANSWERED,
    "answer of the wrong type": Kind.ANSWERED,
}
_BY_CODE = {
    Code.TIMED_OUT: Kind.SILENT,
    Code.AUTHENTICATION: Kind.WRONG_KEYS,
    Code.AUTHENTICATION_TEMPORARY: Kind.WRONG_KEYS,
    Code.MECHANISM: Kind.WRONG_KEYS,
    Code.ENCRYPTION: Kind.WRONG_KEYS,
    Code.FAILED: Kind.SILENT,
    Code.POLICY: Kind.PRESENT,
}
# Failures of the service, or of a procedure in which the device did answer.
_NO_COMMUNICATION = frozenset({"internal error", "upgrade superseded"})
_PROCEDURE = "image "


def kind_of(answer: object) -> Kind | None:
    """What an answer shows of the device; None for a failure without communication."""
    if not isinstance(answer, Failure):
        return Kind.ANSWERED
    if answer.reason in _NO_COMMUNICATION:
        return None
    if answer.reason.startswith(_PROCEDURE):
        return Kind.ANSWERED
    return _BY_REASON.get(answer.reason) or _BY_CODE.get(answer.code)


async def iterate_statistics(
    pool: Pool, keyring: Keyring, client_title: bytes, now: datetime, *, page: int = PAGE
) -> AsyncGenerator[mes.CosemDeviceStatistics]:
    """The statistics of every registered device by DeviceID, in constant memory.

    `client_title` is the system title of the service, which counters belong to.
    """
    devices: list[Registered] = []
    async for registered in iterate_devices(pool, page=page):
        devices.append(registered)
        if len(devices) == page:
            for noun in await _page(pool, keyring, client_title, now, devices):
                yield noun
            devices.clear()
    for noun in await _page(pool, keyring, client_title, now, devices):
        yield noun


async def _page(
    pool: Pool, keyring: Keyring, client_title: bytes, now: datetime, devices: Sequence[Registered]
) -> list[mes.CosemDeviceStatistics]:
    if not devices:
        return []
    async with pool.connection() as connection:
        cursor = await connection.execute(_BY_ID, {"device_ids": [each.device.device_id for each in devices]})
        known = {row[0]: _statistic(row) for row in await cursor.fetchall()}
    scopes = {each.device.device_id: _scope(keyring, client_title, each) for each in devices}
    counters = await Counters(pool).read({scope for scope in scopes.values() if scope is not None})
    return [
        _noun(each, known.get(each.device.device_id, Statistic()), _last_counter(counters, scopes, each), now)
        for each in devices
    ]


def _statistic(row: TupleRow) -> Statistic:
    return Statistic(row[1], row[2], row[3], row[4], Kind(row[5]))


def _scope(keyring: Keyring, client_title: bytes, registered: Registered) -> bytes | None:
    sealed = registered.sealed_keys.get(KeyKind.ENCRYPTION)
    if sealed is None:
        return None
    key: Secret | None = keyring.unseal_or_none(registered.device.device_id, KeyKind.ENCRYPTION, sealed)
    return None if key is None else counter_scope(key, registered.device.client_system_title or client_title)


def _last_counter(
    counters: Mapping[bytes, int], scopes: Mapping[str, bytes | None], registered: Registered
) -> int | None:
    """The last invocation counter handed out; None where there are none."""
    scope = scopes[registered.device.device_id]
    return None if scope is None else counters.get(scope, 1) - 1


def _noun(registered: Registered, known: Statistic, counter: int | None, now: datetime) -> mes.CosemDeviceStatistics:
    return mes.CosemDeviceStatistics(
        mac_address=without_password(registered.device.url),
        meter_id=registered.device.device_id,
        commissioned=not registered.missing_keys,
        meter_state=state_of(known, now, lacks_keys=bool(registered.missing_keys)),
        successful_communications=known.successes,
        unsuccessful_communications=known.failures,
        last_successful_communication=_xml(known.last_success),
        last_unsuccessful_communication=_xml(known.last_failure),
        security_counter=counter,
    )


def state_of(known: Statistic, now: datetime, *, lacks_keys: bool) -> mes.MeterState:
    """The meter-state that follows from what is known."""
    if lacks_keys or known.last_kind is Kind.NO_KEYS:
        return mes.MeterState.METER_NO_KEYS
    match known.last_kind:
        case None:
            return mes.MeterState.METER_NOT_ACTIVE
        case Kind.ANSWERED:
            return mes.MeterState.METER_ACTIVE
        case Kind.PRESENT:
            return mes.MeterState.METER_ACTIVE if known.successes else mes.MeterState.METER_JOINED
        case Kind.WRONG_KEYS:
            return mes.MeterState.METER_WRONG_KEYS
        case _:
            lost = known.last_success is not None and now - known.last_success >= LOST_AFTER
            return mes.MeterState.METER_LOST if lost else mes.MeterState.METER_NOT_AVAILABLE


def _xml(moment: datetime | None) -> XmlDateTime | None:
    return None if moment is None else XmlDateTime.from_datetime(moment.astimezone(UTC))
