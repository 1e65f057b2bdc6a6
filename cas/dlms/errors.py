"""The errors of the DLMS application layer.

    DlmsError
    ├── LocalProtocolError          our side is at fault: nothing was sent, the association is as it was
    │   ├── NotAssociated           the state does not allow this
    │   ├── ServiceNotSupported     the service is outside the negotiated conformance
    │   ├── EncodeError             a value does not fit its type
    │   ├── RequestTooLong          a request exceeds the PDU size, and there is no service to split it
    │   ├── CounterExhausted        no invocation counter is left under this key
    │   └── KeyUnusable             a key or certificate is missing, or not one for this suite
    └── RemoteProtocolError         the other side is at fault, or refused
        ├── DecodeError             octets that are no APDU (also a ValueError)
        │   └── SurplusOctets       octets follow an APDU that is whole
        ├── UnexpectedApdu          a good APDU, but no answer to what was asked
        ├── InvokeIdMismatch        an answer to some other request
        ├── BlockError              block numbers, or the end of a block transfer, are wrong
        ├── AssociationRefused      AARE other than accepted
        ├── AssociationLost         the association ended before the answer
        ├── ExceptionResponse       exception-response
        ├── ConfirmedServiceError   confirmedServiceError
        └── SecurityError           refused, because it may be forged
            ├── DecipheringError        the tag is wrong: another key, or altered octets
            ├── ReplayedCounter         an invocation counter not greater than the last
            ├── PolicyViolation         less protected than the security policy asks for
            ├── WrongSystemTitle        protected by someone else
            ├── AuthenticationFailed    the peer did not prove that it knows the secret
            └── SignatureInvalid        the signature does not fit the content

A result that a meter may legitimately give (data-access-result, action-result) is a value and not in this tree.

Every error says, as attributes: `association_usable`, whether the association can serve the next request;
`retryable`, whether the same request may succeed later, without anybody changing anything, over a new association
if this one is not usable; `service_error`, what a server that meets this error puts into its exception-response.
"""

from typing import ClassVar


class DlmsError(Exception):
    """Any error of the DLMS application layer."""

    association_usable: bool = False
    retryable: bool = False
    service_error: ClassVar[str] = "other-reason"


class LocalProtocolError(DlmsError):
    """Our side asked for something that may not be sent; nothing was sent."""

    association_usable = True


class NotAssociated(LocalProtocolError):
    """The state of the association does not allow what was asked for."""

    def __init__(self, event: str, state: str) -> None:
        self.event = event
        self.state = state
        super().__init__(f"{event} is not possible while the association is {state}")


class ServiceNotSupported(LocalProtocolError):
    """The service is not part of the conformance that the association negotiated."""

    service_error = "service-not-supported"

    def __init__(self, service: str) -> None:
        self.service = service
        super().__init__(
            f"the device did not agree to the service {service}: choose another, or propose it in the conformance"
        )


class EncodeError(LocalProtocolError, ValueError):
    """A value does not fit the type of its field; `path` names the field."""

    def __init__(self, what: str, path: str = "") -> None:
        self.what = what
        self.path = path
        super().__init__(what)

    def __str__(self) -> str:
        return f"{self.path}: {self.what}" if self.path else self.what


class RequestTooLong(LocalProtocolError):
    """A request exceeds what the other side receives, in octets, and no negotiated service can split it."""

    service_error = "pdu-too-long"

    def __init__(self, length: int, limit: int) -> None:
        self.length = length
        self.limit = limit
        super().__init__(
            f"a request of {length} octets exceeds the {limit} that the device receives, without block transfer"
        )


class CounterExhausted(LocalProtocolError):
    """The invocation counter of a key has reached its end: the key must be replaced (Green Book 8.3, 9.2.3.3.7)."""

    def __init__(self, counter: int) -> None:
        self.counter = counter
        super().__init__(f"invocation counter {counter} does not fit 32 bits: replace the encryption key")


class KeyUnusable(LocalProtocolError):
    """A key or certificate that the operation needs is missing, or has not the size or curve of the suite."""


class RemoteProtocolError(DlmsError):
    """The other side broke the protocol, or refused."""


class DecodeError(RemoteProtocolError, ValueError):
    """Octets that are not what they should be.

    `offset` counts octets from the start of the APDU, `path` names the field.
    """

    def __init__(self, what: str, offset: int | None = None, path: str = "") -> None:
        self.what = what
        self.offset = offset
        self.path = path
        super().__init__(what)

    def __str__(self) -> str:
        place = f"octet {self.offset}: " if self.offset is not None else ""
        return f"{place}{self.path}: {self.what}" if self.path else f"{place}{self.what}"


class SurplusOctets(DecodeError):
    """Octets follow an APDU that is whole; `offset` is where it ends."""


class UnexpectedApdu(RemoteProtocolError):
    """An APDU that is no answer to what was asked."""

    retryable = True

    def __init__(self, received: str, expected: str) -> None:
        self.received = received
        self.expected = expected
        super().__init__(f"received {received} where {expected} was expected")


class InvokeIdMismatch(RemoteProtocolError):
    """The answer carries another invoke-id than the request: it belongs to an earlier one."""

    retryable = True

    def __init__(self, received: int | None, expected: int | None) -> None:
        self.received = received
        self.expected = expected
        super().__init__(f"the answer has invoke-id {received}, the request had {expected}")


class BlockError(RemoteProtocolError):
    """A block transfer went wrong: a block number out of order, or an end that does not fit."""

    retryable = True


class AssociationRefused(RemoteProtocolError):
    """The device answered with an AARE that does not accept; result and diagnostic by their XML names."""

    def __init__(self, result: str, diagnostic: str) -> None:
        self.result = result
        self.diagnostic = diagnostic
        self.retryable = result == "rejected-transient"
        super().__init__(f"the device refused the association: {result}, {diagnostic}")


class AssociationLost(RemoteProtocolError):
    """The association ended (released, aborted, connection gone) before the answer came."""

    retryable = True


class ExceptionResponse(RemoteProtocolError):
    """The device answered exception-response; errors by their XML names.

    `counter` is the invocation counter that the device expects as the least one, with invocation-counter-error only.
    """

    def __init__(self, state_error: str, service_error: str, counter: int | None = None) -> None:
        self.state_error = state_error
        self.error = service_error
        self.counter = counter
        # service-not-allowed: the device knows of no association that allows it
        self.association_usable = state_error != "service-not-allowed" and counter is None
        self.retryable = service_error in {"invocation-counter-error", "operation-not-possible"}
        more = f", its counter is {counter}" if counter is not None else ""
        super().__init__(f"the device answered with an exception: {state_error}, {service_error}{more}")


class ConfirmedServiceError(RemoteProtocolError):
    """The device answered confirmedServiceError; names as in XML: initiateError, initiate, dlms-version-too-low."""

    def __init__(self, service: str, kind: str, error: str) -> None:
        self.service = service
        self.kind = kind
        self.error = error
        self.association_usable = service != "initiateError"
        super().__init__(f"the device answered {service} with {kind}: {error}")


class SecurityError(RemoteProtocolError):
    """Refused, because it may be forged, replayed or read by others."""


class DecipheringError(SecurityError):
    """The authentication tag is wrong: another key, another counter or title, or altered octets."""

    service_error = "deciphering-error"


class ReplayedCounter(SecurityError):
    """An invocation counter that is not greater than the last one accepted under the same key."""

    service_error = "invocation-counter-error"

    def __init__(self, received: int, last: int) -> None:
        self.received = received
        self.last = last
        super().__init__(f"invocation counter {received} is not greater than {last}, the last one accepted: a replay")


class PolicyViolation(SecurityError):
    """An APDU is less protected than the security policy requires, or its suite is another."""


class WrongSystemTitle(SecurityError):
    """An APDU names another system title than that of the peer in this association."""

    def __init__(self, received: bytes, expected: bytes) -> None:
        self.received = received
        self.expected = expected
        super().__init__(f"system title {received.hex().upper()} where {expected.hex().upper()} was expected")


class AuthenticationFailed(SecurityError):
    """The peer did not prove that it knows the secret, or reflected our challenge (Green Book 8.3, 9.2.7.4)."""


class SignatureInvalid(SecurityError):
    """A digital signature does not fit the content or the key."""
