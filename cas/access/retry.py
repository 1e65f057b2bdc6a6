"""Whether, when and what to try again after a failure.

The errors themselves say whether the same attempt may succeed later: `retryable` of a DlmsError, `retry` of a
TransportError. The time between attempts doubles from 30 s on to an hour (D), with jitter, so that a thousand meters
behind one modem do not come back in step. The last attempt begins before the window of the activation ends.
"""

from dataclasses import dataclass
from datetime import timedelta

from psycopg import OperationalError

from cas.access.model import Failure
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.dlms.errors import DlmsError, ExceptionResponse, LocalProtocolError
from cas.store.errors import StoreError
from transports.errors import ApduTooLong, TransportError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The times between attempts."""

    first: timedelta = timedelta(seconds=30)
    factor: float = 2.0
    longest: timedelta = timedelta(hours=1)
    jitter: float = 0.2
    """The part of the time by which it is lengthened at most."""

    def pause(self, attempts: int, entropy: float) -> timedelta:
        """The time after the `attempts`-th attempt (from 1); `entropy` lies between 0 and 1."""
        # 2.0 ** 64 is far beyond the longest, and no float overflows on the way.
        seconds = self.first.total_seconds() * self.factor ** min(attempts - 1, 64)
        plain = timedelta(seconds=min(seconds, self.longest.total_seconds()))
        return plain * (1 + self.jitter * entropy)


def is_retryable(error: BaseException) -> bool:
    """Whether the same attempt may succeed later, without anybody changing anything."""
    match error:
        case DlmsError():
            return error.retryable
        case TransportError():
            return error.retry
        case _:
            return isinstance(error, TimeoutError | StoreError | OperationalError)


def is_change(step: object) -> bool:
    """Whether a step changes the device, so that it may not be sent twice by itself.

    A read with parameters on short names may be the call of a method (Green Book 8.3, 9.3.14), and counts as one (D).
    An upgrade is none: it goes on where the device and what was noted say, and may be begun as often as it takes.
    """
    match step:
        case cos.GetRequest() | cos.AarqApdu() | cos.RlrqApdu() | dev.CosemUpgrade():
            return False
        case cos.ReadRequest():
            return any(part.parameterized_access is not None for part in step.variable_access_specification)
        case cos.AccessRequest():
            wanted = step.access_request_body.access_request_specification.access_request_specification
            return any(
                one.access_request_get is None and one.access_request_get_with_selection is None for one in wanted
            )
        case _:
            return True


def may_have_been_done(error: BaseException) -> bool:
    """Whether a device may have carried out the request that ended in this error."""
    # Nothing was sent, or the device said that it did not. An error of the database tells neither: counters are also
    # reserved when an answer has come.
    return not isinstance(error, LocalProtocolError | ExceptionResponse | ApduTooLong)


def doubtful(failure: Failure) -> Failure:
    """The failure of a request that changes a device, and that the device may have carried out all the same."""
    advice = "the device may have carried it out: read its state before you repeat it"
    return Failure(failure.code, failure.reason, f"{failure.details}; {advice}")


def after_attempts(failure: Failure, attempts: int) -> Failure:
    """The failure as it is told when nothing more is tried."""
    return (
        failure if attempts < 2 else Failure(failure.code, failure.reason, f"{failure.details} ({attempts} attempts)")
    )
