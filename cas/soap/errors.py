"""How a request fails at the door.

SoapError
├── NotSoap             what came cannot be read as a message: a SOAP fault without a FaultMessage
└── MessageRefused      a message that cannot be served: a FaultMessage in the SOAP fault's detail
    └── Denied          one that who asks may not have served; it says no more than that
"""

from collections.abc import Mapping, Sequence

from cas.bindings import message as mes
from cas.errors import CasError


class SoapError(CasError):
    """A request that gets a SOAP fault; `status` is the HTTP status code of SOAP 1.2."""

    status = 400


class NotSoap(SoapError):
    """What came cannot be read as a message: no XML, no SOAP, too large, or of a kind that is not accepted.

    `code` is the fault's code in the words of SOAP 1.2.
    """

    def __init__(self, reason: str, status: int = 400, code: str = "Sender") -> None:
        super().__init__(reason)
        self.status = status
        self.code = code


class MessageRefused(SoapError):
    """A message that cannot be served, with one Error for each problem."""

    def __init__(self, errors: Sequence[mes.ErrorType], status: int = 400) -> None:
        super().__init__("; ".join(error.details or error.reason or error.code for error in errors))
        self.errors = tuple(errors)
        self.status = status


class Denied(MessageRefused):
    """A request that who asks may not have served; `headers` are those that HTTP wants beside the status."""

    def __init__(self, errors: Sequence[mes.ErrorType], status: int, headers: Mapping[str, str]) -> None:
        super().__init__(errors, status)
        self.headers = headers
