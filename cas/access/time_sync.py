"""CosemTimeSync: read a clock, and set it when it is off by more than a little and less than a lot.

The answer is one access-response (D), as if the client had asked in one: its date-time is the service's time at the
moment that the device read its clock, at the device's deviation; then come, each as data and result,

1. a get: the clock as it was read;
2. a get: the difference in whole seconds (long64), positive when the device is ahead; other-reason when the clock
   shows no single moment, which is then left as it is;
3. a set, only if the clock was set, with what the device answered.

An answer of another kind, such as an exception-response, is given as it is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cas.access.codes import Code
from cas.access.errors import OutcomeUnknown, Problem
from cas.access.exchange import Object, data_of, get, write
from cas.access.ports import Session
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.cosem.data import Data
from cas.cosem.date_time import ClockStatus, CosemDateTime, at_deviation
from cas.cosem.kinds import OCTET_STRING
from cas.dlms.apdu import Response
from cas.dlms.errors import DlmsError
from transports.errors import TransportError

CLOCK, TIME, TIME_ZONE, SUMMER_DEVIATION = 8, 2, 3, 7
"""The class Clock, and its attributes time, time_zone and daylight_savings_deviation (Blue Book 12, 4.5.1)."""

_DATE_TIME = 25
_SECOND = timedelta(seconds=1)
_LONG_INVOKE_ID = 0x4000_0001
_Result = cos.DataAccessResult


@dataclass(frozen=True, slots=True)
class TimeSync:
    """Which clock to set, and the least and most difference, in seconds, at which it is set."""

    clock: Object
    least: int
    most: int


def check_time_sync(descriptor: dev.CosemTimeSync) -> Iterator[tuple[str, Problem]]:
    """What is wrong with a descriptor, each with the name of the child element that it is about."""
    wanted = descriptor.cosem_object
    if (wanted.class_id, wanted.attribute_id) != (CLOCK, TIME):
        details = (
            f"the object must be a clock: class 8 and attribute 2, not {wanted.class_id} and {wanted.attribute_id}"
        )
        yield "cosem-object", Problem(Code.PAYLOAD, details)
    if descriptor.min_time_diff > descriptor.max_time_diff:
        details = f"min-time-diff {descriptor.min_time_diff} is greater than max-time-diff {descriptor.max_time_diff}"
        yield "min-time-diff", Problem(Code.RELATIONSHIP, details)


def read_time_sync(descriptor: dev.CosemTimeSync) -> TimeSync:
    """The descriptor of a request that has been checked."""
    wanted = descriptor.cosem_object
    clock = Object(wanted.class_id, wanted.instance_id)
    return TimeSync(clock, descriptor.min_time_diff, descriptor.max_time_diff)


async def synchronise(session: Session, order: TimeSync, now: Callable[[], datetime]) -> Response:
    """Read the clock, compare it with `now()`, set it if the difference lies between the bounds.

    The device is taken to read its clock in the middle between request and answer. Raises OutcomeUnknown when a set
    was sent and its answer did not come, and what `Session.request` raises.
    """
    asked = now()
    response = await get(session, order.clock, TIME)
    trip = now() - asked
    value = data_of(response)
    if value is None:
        refusal = _refusal(response)
        return _answer(asked + trip / 2, 0, [_got(_NULL, refusal)]) if refusal else response
    service = asked + trip / 2
    try:
        shown = CosemDateTime.decode(_octets(value))
        deviation = shown.deviation if shown.deviation is not None else await _deviation(session, order, shown)
        moment = replace(shown, deviation=deviation).to_datetime()
    except ValueError:
        return _answer(service, 0, [_got(value), _got(_NULL, _Result.OTHER_REASON)])
    difference = moment - service
    items = [_got(value), _got(Data.of("long64", round(difference / _SECOND)))]
    if not order.least <= abs(difference / _SECOND) <= order.most:
        return _answer(service, deviation, items)
    corrected = _corrected(shown, moment, now() + trip / 2)
    answered = await _set(session, order, _like(value, corrected.encode()))
    if not isinstance(answered, cos.SetResponse) or answered.set_response_normal is None:
        return answered
    put = cos.AccessResponseSet(result=answered.set_response_normal.result)
    items.append((_NULL, cos.AccessResponseSpecification(access_response_set=put)))
    return _answer(service, deviation, items)


async def _deviation(session: Session, order: TimeSync, shown: CosemDateTime) -> int:
    """The deviation, in minutes, of a clock whose time has none. Raises ValueError when the device does not tell it."""
    zone = _number(await get(session, order.clock, TIME_ZONE))
    if shown.status is not None and shown.status & ClockStatus.DAYLIGHT_SAVING_ACTIVE:
        zone -= _number(await get(session, order.clock, SUMMER_DEVIATION))
    return zone


def _number(response: Response) -> int:
    value = data_of(response)
    number = None if value is None else value.simple
    if isinstance(number, int):
        return number
    raise ValueError("the clock has no deviation")


def _corrected(shown: CosemDateTime, moment: datetime, target: datetime) -> CosemDateTime:
    """The time to write: what the clock shows, moved to the target; deviation and daylight saving stay the device's."""
    delta = target - moment
    if shown.time.hundredths is None:
        delta = round(delta / _SECOND) * _SECOND
    moved = replace(shown, time=replace(shown.time, second=shown.time.second or 0)).plus(delta)
    # that the value was doubtful or invalid is no longer so
    status = None if shown.status is None else shown.status & ClockStatus.DAYLIGHT_SAVING_ACTIVE
    return replace(moved, status=status)


async def _set(session: Session, order: TimeSync, value: Data) -> Response:
    try:
        return await write(session, order.clock, TIME, value)
    except DlmsError as error:
        if error.association_usable:
            raise
        raise _unknown(error) from error
    except (TransportError, TimeoutError) as error:
        raise _unknown(error) from error


def _unknown(error: Exception) -> OutcomeUnknown:
    return OutcomeUnknown(f"the clock was sent a new time and gave no answer ({str(error) or type(error).__name__})")


def _octets(value: Data) -> bytes:
    octets = value.simple
    if value.tag not in (OCTET_STRING, _DATE_TIME) or not isinstance(octets, bytes):
        raise ValueError(f"{value.kind} is no date-time")
    return octets


def _like(value: Data, octets: bytes) -> Data:
    """A date-time in the type that the device itself uses."""
    return Data.of("date-time" if value.tag == _DATE_TIME else "octet-string", octets)


_NULL = Data.of("null-data")
_Item = tuple[Data, cos.AccessResponseSpecification]


def _got(value: Data, result: cos.DataAccessResult = _Result.SUCCESS) -> _Item:
    return value, cos.AccessResponseSpecification(access_response_get=cos.AccessResponseGet(result=result))


def _refusal(response: Response) -> cos.DataAccessResult | None:
    if isinstance(response, cos.GetResponse) and response.get_response_normal is not None:
        return response.get_response_normal.result.data_access_result
    return None


def _answer(service: datetime, deviation: int, items: list[_Item]) -> cos.AccessResponse:
    return cos.AccessResponse(
        long_invoke_id_and_priority=_LONG_INVOKE_ID,
        date_time=at_deviation(service, deviation),
        access_response_body=cos.AccessResponseBody(
            access_response_list_of_data=cos.ListOfData(data=tuple(data for data, _ in items)),
            access_response_specification=cos.ListOfAccessResponseSpecification(
                access_response_specification=tuple(result for _, result in items)
            ),
        ),
    )
