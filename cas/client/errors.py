"""Errors of a client.

ClientError
├── CasUnreachable      the service does not answer: it may or may not have got the request
├── NotUnderstood       what it answers is no message of the interface
└── CasFault            it refuses the request, and did nothing; `errors` says why
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cas.bindings import message as mes
from cas.errors import CasError
from cas.xml import PREFIX


class ClientError(CasError):
    """A request failed."""


class CasUnreachable(ClientError):
    """The service does not answer; repeat the request with the same MessageID to be safe."""


class NotUnderstood(ClientError):
    """What came is no message of the interface; `status` is that of HTTP."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(f"HTTP {status}: {reason}")
        self.status = status


@dataclass(frozen=True, slots=True)
class FaultError:
    """One thing that is wrong with a request (IEC 61968-100, Error)."""

    code: str
    reason: str
    details: str
    element: str
    """Path of the element that it is about, or its name where no path is told; "": none."""

    @staticmethod
    def of(error: mes.ErrorType) -> "FaultError":
        """From the Error of a reply."""
        details = error.details or ""
        path, colon, said = details.partition(": ")
        if colon and path.startswith("/"):
            return FaultError(error.code, error.reason or "", said, path)
        return FaultError(error.code, error.reason or "", details, _shown(error.xpath.text) if error.xpath else "")

    def __str__(self) -> str:
        where = f"{self.element}: " if self.element else ""
        return f"{self.code} {where}{self.details or self.reason}"


class CasFault(ClientError):
    """The service refuses a request."""

    def __init__(self, errors: Sequence[FaultError], status: int, reason: str = "") -> None:
        super().__init__("; ".join(map(str, errors)) or reason)
        self.errors = tuple(errors)
        self.status = status
        """Of HTTP."""

    @property
    def code(self) -> str:
        """The code of the first error; "": a SOAP fault without one."""
        return self.errors[0].code if self.errors else ""

    @property
    def reason(self) -> str:
        """What the first error says."""
        return self.errors[0].reason if self.errors else str(self)

    @property
    def element(self) -> str:
        """The element that the first error is about."""
        return self.errors[0].element if self.errors else ""


def _shown(name: str) -> str:
    """A qualified name with our prefix."""
    namespace, brace, local = name.removeprefix("{").partition("}")
    return f"{PREFIX[namespace]}:{local}" if brace and namespace in PREFIX else name
