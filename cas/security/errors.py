"""Errors of this room. Those that a request meets say nothing of why: the log does.

SecurityError
├── RequestDenied               a request meets a closed door
│   ├── Unauthenticated         nobody knows who asks
│   ├── NotAuthorised           who asks may not
│   ├── TooManyRequests         who asks, asks too often
│   └── Replayed                the message came before, or is too old
├── TokenRefused                a bearer token that is not to be trusted; becomes Unauthenticated
├── ClientRefused               definitions of clients or roles that are not valid
└── AuditBroken                 the audit log is not what was written
"""

import math
from collections.abc import Mapping, Sequence

from cas.access.codes import Code
from cas.errors import CasError


class SecurityError(CasError):
    """Something is wrong with who asks, or with the record of what was done."""


class RequestDenied(SecurityError):
    """A request meets a closed door: `status` of HTTP, `code` of the envelope; the message is all that is told."""

    status = 403
    code = Code.NOT_AUTHORISED

    @property
    def headers(self) -> Mapping[str, str]:
        """What HTTP wants beside the status."""
        return {}


class Unauthenticated(RequestDenied):
    """Nobody knows who asks."""

    status = 401
    code = Code.AUTHENTICATION

    def __init__(self) -> None:
        super().__init__("authentication is needed")

    @property
    def headers(self) -> Mapping[str, str]:
        """What may be shown (RFC 9110, 11.6.1)."""
        return {"WWW-Authenticate": 'Basic realm="cas", charset="UTF-8", Bearer realm="cas"'}


class NotAuthorised(RequestDenied):
    """Who asks may not. It is the same for what does not exist, so that nothing can be found out."""

    status = 403
    code = Code.NOT_AUTHORISED

    def __init__(self) -> None:
        super().__init__("this is not permitted")


class TooManyRequests(RequestDenied):
    """Who asks, asks too often; `retry_after` seconds from now it may again."""

    status = 429
    code = Code.BUSY

    def __init__(self, retry_after: float) -> None:
        super().__init__("too many requests: wait")
        self.retry_after = retry_after

    @property
    def headers(self) -> Mapping[str, str]:
        """When to ask again (RFC 9110, 10.2.3)."""
        return {"Retry-After": str(math.ceil(self.retry_after))}


class Replayed(RequestDenied):
    """The message came before, is too old or too new, or lacks what would show that it is not."""

    status = 403
    code = Code.POLICY

    def __init__(self) -> None:
        super().__init__("ReplayDetection: a new Nonce and the present time as Created are needed")


class TokenRefused(SecurityError):
    """A bearer token is not to be trusted. The reason is for the log, never for who sent it."""


class ClientRefused(SecurityError):
    """Definitions of clients or roles are not valid; nothing was stored. `problems` are lines to print."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class AuditBroken(SecurityError):
    """The audit log is not what was written: an entry was changed, removed or put in."""
