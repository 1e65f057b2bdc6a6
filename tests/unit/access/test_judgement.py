"""What is told and what is tried again, for every way in which a visit can go wrong."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import OperationalError

from cas.access.bulk import WINDOW_OVER
from cas.access.codes import Code
from cas.access.failures import CANCELED, LOST
from cas.access.judgement import Attempted, Verdict, judge, judge_lost
from cas.access.model import Failure
from cas.access.retry import RetryPolicy, is_change, is_retryable, may_have_been_done
from cas.access.visit import Visit
from cas.bindings import cosempdu as cos
from cas.devices.errors import KeyMissing, UnknownDevice
from cas.dlms.apdu import decode_apdu
from cas.dlms.errors import AssociationRefused, DecipheringError, ExceptionResponse, ServiceNotSupported
from cas.store.errors import DatabaseUnavailable
from tests.access_fakes import get_request
from tests.engine_bench import SET
from transports.errors import ClosedByPeer, ConnectTimeout, NameNotFound, ResponseTimeout

CHANGES = {1, 3}
BUSY = ExceptionResponse("service-unknown", "operation-not-possible")
ERRORS = [
    ResponseTimeout("silence"),
    ClosedByPeer("gone"),
    DecipheringError("bad tag"),
    ServiceNotSupported("access"),
    BUSY,
    KeyMissing("M1", ["encryption"]),
    DatabaseUnavailable("down"),
    RuntimeError("a bug"),
]
BEFORE = Attempted(2, Failure(Code.FAILED, "connection refused", "busy"))


def verdict(made: Visit, *, last: Attempted | None = None, leave: Failure | None = None, retry: bool = True) -> Verdict:
    return judge(made, changes=CHANGES.__contains__, last=last, leave=leave, may_retry=retry)


@st.composite
def visits(draw: st.DrawFn) -> Visit:
    numbers = list(range(draw(st.integers(1, 6))))
    reached = draw(st.integers(0, len(numbers)))
    errors = {n: draw(st.sampled_from(ERRORS)) for n in numbers[:reached] if draw(st.booleans())}
    broken = draw(st.none() | st.sampled_from(ERRORS))
    at = reached if broken is not None and reached < len(numbers) and draw(st.booleans()) else None
    unsent = tuple(numbers[reached + (at is not None) :])
    return Visit(errors=errors, broken=broken, broken_at=at, unsent=unsent)


@given(visits(), st.none() | st.just(BEFORE), st.sampled_from([None, CANCELED, WINDOW_OVER]), st.booleans())
def test_every_request_is_told_or_kept_and_no_doubtful_change_is_kept(
    made: Visit, last: Attempted | None, leave: Failure | None, retry: bool
) -> None:
    made_of = verdict(made, last=last, leave=leave, retry=retry)
    without = {*made.errors, *made.lost}
    assert set(made_of.final) | made_of.kept == without
    assert not set(made_of.final) & made_of.kept
    for number, error in made.causes.items():
        if number in CHANGES and may_have_been_done(error):
            assert number not in made_of.kept
            assert number not in made_of.released
        if not is_retryable(error):
            assert number not in made_of.kept
    if leave is not None:
        assert not made_of.kept
    assert made_of.attempts == (last.attempts if last else 0) + bool(made.errors or made.broken)


def test_a_device_that_was_not_reached_is_tried_again() -> None:
    made = Visit(broken=ConnectTimeout("nobody"), unsent=(0, 1, 2))
    assert verdict(made).kept == {0, 1, 2}
    assert verdict(made).last == Attempted(1, verdict(made, retry=False).final[0])
    final = verdict(made, last=BEFORE, retry=False).final
    assert [failure.code for failure in final.values()] == [Code.TIMED_OUT, Code.NOT_ATTEMPTED, Code.NOT_ATTEMPTED]
    assert final[0].details.endswith("(3 attempts)")


def test_after_a_doubtful_change_nothing_is_sent_by_itself() -> None:
    made = verdict(Visit(broken=ResponseTimeout("silence"), broken_at=1, unsent=(2,)))
    assert not made.kept
    assert "read its state" in made.final[1].details
    assert made.final[2].code is Code.NOT_ATTEMPTED


def test_a_read_before_a_change_is_tried_again_with_it() -> None:
    made = verdict(Visit(broken=ResponseTimeout("silence"), broken_at=0, unsent=(1,)))
    assert made.kept == {0, 1}


def test_a_change_that_was_refused_may_be_sent_again() -> None:
    made = verdict(Visit(errors={1: BUSY}))
    assert made.kept == made.released == {1}


@pytest.mark.parametrize(
    ("leave", "last", "reasons", "left_out"),
    [
        (CANCELED, None, ["canceled by the client"] * 2, True),
        (CANCELED, BEFORE, ["canceled by the client"] * 2, True),
        (WINDOW_OVER, None, ["window over"] * 2, True),
        (WINDOW_OVER, BEFORE, ["connection refused", "not attempted"], False),
    ],
)
def test_what_is_left_is_told_why(leave: Failure, last: Attempted | None, reasons: list[str], left_out: bool) -> None:
    made = verdict(Visit(unsent=(0, 1)), leave=leave, last=last)
    assert [failure.reason for failure in made.final.values()] == reasons
    assert made.left_out is left_out


def test_who_hands_back_keeps_everything() -> None:
    made = verdict(Visit(unsent=(0, 1)), last=BEFORE, retry=False)
    assert made.kept == {0, 1}
    assert not made.final
    assert made.last == BEFORE


def test_what_may_have_been_sent_by_the_dead_is_unknown() -> None:
    assert judge_lost((0, 1, 2), (1,))[1] is LOST
    assert judge_lost((0, 1, 2), (1,))[2].code is Code.NOT_ATTEMPTED


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (ResponseTimeout(""), True),
        (ConnectTimeout(""), True),
        (NameNotFound(""), False),
        (TimeoutError(), True),
        (DatabaseUnavailable(""), True),
        (OperationalError(), True),
        (AssociationRefused("rejected-transient", "no-reason-given"), True),
        (AssociationRefused("rejected-permanent", "no-reason-given"), False),
        (DecipheringError(""), False),
        (BUSY, True),
        (UnknownDevice(["M1"]), False),
        (RuntimeError(), False),
    ],
)
def test_errors_say_whether_to_try_again(error: Exception, retryable: bool) -> None:
    assert is_retryable(error) is retryable


def test_what_changes_a_device() -> None:
    assert not is_change(get_request())
    assert is_change(decode_apdu(SET))

    def access(**chosen: object) -> cos.AccessRequest:
        wanted = cos.AccessRequestSpecification(**chosen)  # type: ignore[arg-type]  # the tests give what it takes
        return cos.AccessRequest(
            long_invoke_id_and_priority=0,
            date_time=b"",
            access_request_body=cos.AccessRequestBody(
                access_request_specification=cos.ListOfAccessRequestSpecification(
                    access_request_specification=(wanted,)
                ),
                access_request_list_of_data=cos.ListOfData(),
            ),
        )

    attribute = cos.CosemAttributeDescriptor(class_id=3, instance_id=bytes(6), attribute_id=2)
    assert not is_change(access(access_request_get=cos.AccessRequestGet(cosem_attribute_descriptor=attribute)))
    assert is_change(access(access_request_set=cos.AccessRequestSet(cosem_attribute_descriptor=attribute)))
    assert is_change(object()), "what is not known to be harmless"


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_double_up_to_the_longest_with_jitter(attempts: int, entropy: float) -> None:
    policy = RetryPolicy()
    plain = min(timedelta(seconds=30) * 2 ** min(attempts - 1, 20), timedelta(hours=1))
    assert plain <= policy.pause(attempts, entropy) <= plain * 1.2 + timedelta.resolution
    assert policy.pause(attempts, 0) == plain
