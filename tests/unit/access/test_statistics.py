"""What results say of devices."""

from datetime import UTC, datetime

import pytest

from cas.access.failures import CANCELED, INTERNAL, LOST, describe, not_attempted
from cas.access.model import Octets
from cas.access.statistics import LOST_AFTER, Kind, Statistic, kind_of, state_of
from cas.bindings.message import MeterState
from cas.devices.errors import KeyMissing, KeyUnreadable
from cas.dlms import errors as dlms
from transports import errors as transports

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
ANSWER = Octets(b"\xc4")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (transports.Unreachable("x"), Kind.SILENT),
        (transports.ConnectTimeout("x"), Kind.SILENT),
        (transports.ResponseTimeout("x"), Kind.SILENT),
        (transports.LinkLost("x"), Kind.SILENT),
        (TimeoutError(), Kind.SILENT),
        (dlms.AuthenticationFailed("x"), Kind.WRONG_KEYS),
        (dlms.DecipheringError("x"), Kind.WRONG_KEYS),
        (dlms.AssociationRefused("rejected-permanent", "authentication-failure"), Kind.WRONG_KEYS),
        (dlms.WrongSystemTitle(b"a", b"b"), Kind.WRONG_KEYS),
        (dlms.AssociationRefused("rejected-permanent", "no-reason-given"), Kind.PRESENT),
        (dlms.ExceptionResponse("service-not-allowed", "operation-not-possible"), Kind.PRESENT),
        (dlms.DecodeError("x"), Kind.PRESENT),
        (KeyMissing("m", ["secret"]), Kind.NO_KEYS),
        (KeyUnreadable("x"), Kind.NO_KEYS),
        (dlms.KeyUnusable("x"), Kind.NO_KEYS),
        (dlms.ServiceNotSupported("get"), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_errors_show_something_of_the_device(error: Exception, kind: Kind | None) -> None:
    failure = describe(error)
    assert failure is not None
    assert kind_of(failure) is kind


def test_what_never_reached_the_device_counts_as_nothing() -> None:
    for failure in (CANCELED, INTERNAL, LOST, not_attempted(INTERNAL)):
        assert kind_of(failure) is None
    assert kind_of(ANSWER) is Kind.ANSWERED


@pytest.mark.parametrize(
    ("known", "state"),
    [
        (Statistic(), MeterState.METER_NOT_ACTIVE),
        (Statistic(1, 0, NOON, None, Kind.ANSWERED), MeterState.METER_ACTIVE),
        (Statistic(1, 1, NOON, NOON, Kind.PRESENT), MeterState.METER_ACTIVE),
        (Statistic(0, 1, None, NOON, Kind.PRESENT), MeterState.METER_JOINED),
        (Statistic(1, 1, NOON, NOON, Kind.WRONG_KEYS), MeterState.METER_WRONG_KEYS),
        (Statistic(1, 1, NOON, NOON, Kind.NO_KEYS), MeterState.METER_NO_KEYS),
        (Statistic(1, 1, NOON, NOON, Kind.SILENT), MeterState.METER_NOT_AVAILABLE),
        (Statistic(0, 1, None, NOON, Kind.SILENT), MeterState.METER_NOT_AVAILABLE),
        (Statistic(1, 1, NOON - LOST_AFTER, NOON, Kind.SILENT), MeterState.METER_LOST),
    ],
    ids=str,
)
def test_the_state_follows_from_the_last_communication(known: Statistic, state: MeterState) -> None:
    assert state_of(known, NOON, lacks_keys=False) is state
    assert state_of(known, NOON, lacks_keys=True) is MeterState.METER_NO_KEYS
