"""CosemTimeSync against meters made of lists of answers; octets of the clock as the Blue Book writes them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cas.access.errors import OutcomeUnknown
from cas.access.exchange import Object
from cas.access.failures import describe
from cas.access.time_sync import TimeSync, check_time_sync, read_time_sync, synchronise
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.cosem.data import Data, Value
from cas.dlms.apdu import Request, Response, decode_apdu, encode_apdu
from cas.dlms.errors import AssociationLost
from transports.errors import LinkLost

NOON = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)
CLOCK = Object(8, bytes.fromhex("0000010000FF"))
# 2026-07-01, Wednesday, 14:00:00.00, deviation -120, daylight saving active: 12:00 UTC
SUMMER = "07EA0701030E000000FF8880"
SUCCESS = cos.DataAccessResult.SUCCESS


def order(least: int = 3, most: int = 3600) -> TimeSync:
    return TimeSync(CLOCK, least, most)


def got(value: Data) -> cos.GetResponse:
    result = cos.GetDataResult(data=value)
    return cos.GetResponse(get_response_normal=cos.GetResponseNormal(invoke_id_and_priority=0xC1, result=result))


def refused(result: cos.DataAccessResult) -> cos.GetResponse:
    given = cos.GetDataResult(data_access_result=result)
    return cos.GetResponse(get_response_normal=cos.GetResponseNormal(invoke_id_and_priority=0xC1, result=given))


def shown(octets: str) -> cos.GetResponse:
    return got(Data.of("octet-string", bytes.fromhex(octets)))


def put(result: cos.DataAccessResult = SUCCESS) -> cos.SetResponse:
    return cos.SetResponse(set_response_normal=cos.SetResponseNormal(invoke_id_and_priority=0xC1, result=result))


class Meter:
    """A session that answers with these, in order; every answer takes `trip`."""

    def __init__(self, *answers: Response | Exception, now: datetime = NOON, trip: float = 0.0) -> None:
        self.answers: Iterator[Response | Exception] = iter(answers)
        self.time = now
        self.trip = timedelta(seconds=trip)
        self.asked: list[Request] = []

    def now(self) -> datetime:
        return self.time

    async def request(self, request: Request) -> Response:
        self.asked.append(request)
        self.time += self.trip
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def written(self) -> str | None:
        """The octets of the new time, as hex."""
        sets = [request for request in self.asked if isinstance(request, cos.SetRequest)]
        assert len(sets) <= 1
        if not sets or sets[0].set_request_normal is None:
            return None
        return sets[0].set_request_normal.value.octets[2:].hex().upper()


async def outcome(meter: Meter, wanted: TimeSync) -> tuple[list[Value], list[str], str]:
    """Values of the answer, its results, and its date-time; the answer survives the wire's coding."""
    answer = await synchronise(meter, wanted, meter.now)
    assert decode_apdu(encode_apdu(answer)) == answer
    assert isinstance(answer, cos.AccessResponse)
    body = answer.access_response_body
    results = []
    for each in body.access_response_specification.access_response_specification:
        for name, chosen in (("get", each.access_response_get), ("set", each.access_response_set)):
            if chosen is not None:
                results.append(f"{name} {chosen.result.value}")
    values = [data.value for data in body.access_response_list_of_data.data]
    return values, results, answer.date_time.hex().upper()


async def test_a_clock_that_is_right_is_left() -> None:
    meter = Meter(shown(SUMMER))
    values, results, service = await outcome(meter, order())
    assert values == [bytes.fromhex(SUMMER), 0]
    assert results == ["get success", "get success"]
    assert service == "07EA0701FF0E000000FF88FF"  # noon UTC at the device's own deviation
    assert meter.written is None


@pytest.mark.parametrize(
    ("seconds", "is_set"), [(2.99, False), (3, True), (-3, True), (100, True), (3600, True), (-3601, False)]
)
async def test_it_is_set_between_the_bounds_and_only_there(seconds: float, is_set: bool) -> None:
    """The service is so much ahead of the meter."""
    meter = Meter(shown(SUMMER), put(), now=NOON + timedelta(seconds=seconds))
    values, results, _ = await outcome(meter, order())
    assert values[1] == round(-seconds)
    assert results == ["get success", "get success", *(["set success"] if is_set else [])]
    assert (meter.written is not None) is is_set


async def test_what_is_written_keeps_the_device_s_deviation_and_daylight_saving() -> None:
    meter = Meter(shown(SUMMER), put(), now=NOON + timedelta(minutes=10, seconds=1.25))
    await outcome(meter, order())
    assert meter.written == "07EA0701030E0A0119FF8880"


async def test_the_weekday_follows_and_what_the_meter_leaves_open_stays_open() -> None:
    # 2026-07-01 23:59:50, hundredths and weekday not specified, deviation 0, status not specified
    meter = Meter(shown("07EA0701FF173B32FF0000FF"), put(), now=datetime(2026, 7, 2, 0, 0, 20, 600_000, tzinfo=UTC))
    await outcome(meter, order())
    assert meter.written == "07EA0702FF000015FF0000FF"  # whole seconds, rounded
    meter = Meter(shown("07EA070103173B32000000FF"), put(), now=datetime(2026, 7, 2, 0, 0, 20, tzinfo=UTC))
    await outcome(meter, order())
    assert meter.written == "07EA070204000014000000FF"


async def test_invalid_and_doubtful_are_not_written_back() -> None:
    meter = Meter(shown(SUMMER[:-2] + "83"), put(), now=NOON + timedelta(seconds=10))
    await outcome(meter, order())
    assert (meter.written or "")[-2:] == "80"


async def test_half_of_the_round_trip_is_on_the_way() -> None:
    """The meter's clock is right, and the line takes 4 s for a request and its answer."""
    meter = Meter(shown(SUMMER), now=NOON - timedelta(seconds=2), trip=4)
    values, _, service = await outcome(meter, order(1))
    assert values[1] == 0
    assert service == "07EA0701FF0E000000FF88FF"
    # and where it is set, the time is right when it arrives: 12:01:02 + 2 s more on the way
    meter = Meter(shown(SUMMER), put(), now=NOON + timedelta(seconds=58), trip=4)
    values, _, _ = await outcome(meter, order())
    assert values[1] == -60
    assert meter.written == "07EA0701030E010400FF8880"


async def test_a_clock_without_deviation_is_read_by_the_meter_s_zone() -> None:
    open_deviation = SUMMER[:18] + "800080"
    zone, summer = got(Data.of("long", -60)), got(Data.of("integer", 60))
    meter = Meter(shown(open_deviation), zone, summer, put(), now=NOON + timedelta(seconds=10))
    values, results, _ = await outcome(meter, order())
    assert values[1] == -10
    assert results[-1] == "set success"
    assert meter.written == "07EA0701030E000A00800080"
    winter = "07EA010104" + "0D000000" + "800000"
    meter = Meter(shown(winter), zone, now=datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert (await outcome(meter, order()))[0][1] == 0


@pytest.mark.parametrize(
    "answers",
    [
        [shown("FFFFFFFFFFFFFFFFFFFFFFFF")],  # a clock that was never set
        [shown("07EA0701")],
        [got(Data.of("long", 5))],
        [shown(SUMMER[:18] + "800080"), refused(cos.DataAccessResult.OBJECT_UNDEFINED)],
    ],
)
async def test_a_clock_that_shows_no_moment_is_told_and_left(answers: list[Response]) -> None:
    meter = Meter(*answers)
    values, results, _ = await outcome(meter, order(0, 1 << 31))
    assert values[1] is None
    assert results == ["get success", "get other-reason"]
    assert meter.written is None


async def test_answers_of_the_device_are_the_answer() -> None:
    denied = Meter(refused(cos.DataAccessResult.READ_WRITE_DENIED))
    assert (await outcome(denied, order()))[:2] == ([None], ["get read-write-denied"])

    unwilling = Meter(shown(SUMMER), put(cos.DataAccessResult.READ_WRITE_DENIED), now=NOON + timedelta(minutes=1))
    assert (await outcome(unwilling, order()))[1] == ["get success", "get success", "set read-write-denied"]

    exception = decode_apdu(bytes.fromhex("D80102"))
    assert isinstance(exception, cos.ExceptionResponse)
    assert await synchronise(Meter(exception), order(), lambda: NOON) is exception
    late = Meter(shown(SUMMER), exception, now=NOON + timedelta(minutes=1))
    assert await synchronise(late, order(), late.now) is exception


@pytest.mark.parametrize("error", [LinkLost("gone"), TimeoutError(), AssociationLost("gone")])
async def test_a_set_without_answer_is_never_repeated(error: Exception) -> None:
    meter = Meter(shown(SUMMER), error, put(), now=NOON + timedelta(minutes=1))
    with pytest.raises(OutcomeUnknown) as unknown:
        await synchronise(meter, order(), meter.now)
    assert len(meter.asked) == 2
    failure = describe(unknown.value)
    assert failure is not None
    assert (failure.code.value, failure.reason) == ("5.7", "outcome unknown")
    with pytest.raises(LinkLost):  # before the set nothing is in doubt
        await synchronise(Meter(LinkLost("gone")), order(), meter.now)


def test_the_descriptor_is_read_and_checked() -> None:
    clock = cos.CosemAttributeDescriptor(class_id=8, instance_id=CLOCK.instance_id, attribute_id=2)
    good = dev.CosemTimeSync(cosem_object=clock, min_time_diff=3, max_time_diff=60)
    assert list(check_time_sync(good)) == []
    assert read_time_sync(good) == TimeSync(CLOCK, 3, 60)
    other = cos.CosemAttributeDescriptor(class_id=3, instance_id=CLOCK.instance_id, attribute_id=2)
    bad = dev.CosemTimeSync(cosem_object=other, min_time_diff=61, max_time_diff=60)
    assert [name for name, _ in check_time_sync(bad)] == ["cosem-object", "min-time-diff"]
