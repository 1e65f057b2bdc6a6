"""Errors of the use cases.

AccessError
├── Refused             the request cannot be accepted: a list of problems; nothing was stored or done
├── NotNow              nothing new is taken at this moment; the same request may be taken later
│   ├── Stopping        the service is stopping
│   └── TooManyPending  as many accesses are under way as are allowed
├── NotStored           the database takes no results
├── Left                a step was left at an APDU boundary, because it was to stop; it can be gone on with
├── OutcomeUnknown      what changes a device was sent and not answered: never sent again by itself
└── StepFailed          a procedure on a device came to a failure; the association is as it was
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cas.access.codes import Code
from cas.access.model import Failure
from cas.errors import CasError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a request."""

    code: Code
    details: str
    """What is wrong and what to do, for the person who made the request."""
    element: str = ""
    """Path from DeviceAccess on, as in `DevicesReferenceList/DeviceReference[2]`, or with a leading slash from the
    message on, as in `/Request/ID`; "": no single element."""
    reason: str = ""
    """The code's own reason where this is empty."""
    id: str | None = None
    """The resource that the problem is about."""


class AccessError(CasError):
    """A DeviceAccess cannot be served."""


class Refused(AccessError):
    """The request cannot be accepted; nothing was stored or done."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.details for problem in problems))
        self.problems = tuple(problems)


class NotNow(AccessError):
    """Nothing new is taken at this moment; the same request may be taken later."""

    code = Code.BUSY


class Stopping(NotNow):
    """The service is stopping."""


class TooManyPending(NotNow):
    """As many accesses are under way in this process as are allowed."""

    code = Code.TOO_MANY_PENDING


class NotStored(AccessError):
    """The database takes no results: what devices answered is lost unless it comes back."""


class Left(AccessError):
    """A step was left at an APDU boundary, because it was to stop; another time it goes on from there."""


class OutcomeUnknown(AccessError):
    """A request that changes the device was sent and not answered; the association is gone."""


class StepFailed(AccessError):
    """A procedure on a device came to a failure; the association can serve the next request."""

    association_usable = True

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.reason}: {failure.details}")
        self.failure = failure
