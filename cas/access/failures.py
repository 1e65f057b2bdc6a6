"""What a client is told when a device gave no answer: one table from errors to CosemErrorResult.

The reason is short and stable, for programs and statistics; the details say what happened and what an operator can do.
"""

import asyncio

from psycopg import OperationalError

from cas.access.codes import Code
from cas.access.errors import OutcomeUnknown, StepFailed
from cas.access.model import Failure
from cas.devices import errors as devices
from cas.dlms import errors as dlms
from cas.store.errors import StoreError
from transports import errors as transports

# The most specific class counts. Code, reason, what to do.
_TABLE: dict[type[BaseException], tuple[Code, str, str]] = {
    transports.Refused: (Code.FAILED, "connection refused", "another client may hold the device; else check its port"),
    transports.Unreachable: (Code.FAILED, "device unreachable", "check the network and the address of the device"),
    transports.NameNotFound: (Code.FAILED, "host name unknown", "correct the URL of the device in the registry"),
    transports.NameLookupFailed: (Code.FAILED, "host name not looked up", "check the name server"),
    transports.ConnectTimeout: (Code.TIMED_OUT, "no connection in time", "check that the device is on and its address"),
    transports.TLSError: (Code.AUTHENTICATION, "TLS handshake failed", "check certificates of both sides"),
    transports.PortUnavailable: (Code.FAILED, "port unavailable", "check that the port exists and nobody else uses it"),
    transports.NotDialledIn: (Code.TIMED_OUT, "device has not dialled in", "check the device's own connection"),
    transports.LinkRefused: (Code.FAILED, "link refused", "check addresses and the SAP of the device in the registry"),
    transports.ConnectError: (Code.FAILED, "connection failed", "check the address of the device"),
    transports.LinkLost: (Code.FAILED, "connection lost", "try again; if it stays, check SAP, keys and the line"),
    transports.NoAcknowledgement: (Code.TIMED_OUT, "no acknowledgement", "check the line and the device's address"),
    transports.FramingError: (
        Code.FAILED,
        "garbled answer",
        "check the line, and that the URL names the right framing",
    ),
    transports.ResponseTimeout: (
        Code.TIMED_OUT,
        "no answer in time",
        "check SAP and keys; a slow device needs more time",
    ),
    transports.ApduTooLong: (Code.NOT_ATTEMPTED, "request too long", "ask for less in one request"),
    transports.URLError: (Code.NOT_ATTEMPTED, "address unusable", "correct the URL of the device in the registry"),
    transports.TransportError: (Code.FAILED, "communication failed", "try again"),
    dlms.AssociationRefused: (Code.FAILED, "association refused", "check client SAP, authentication and keys"),
    dlms.AssociationLost: (Code.FAILED, "association lost", "try again"),
    dlms.ExceptionResponse: (Code.FAILED, "exception", "check that the association allows the service"),
    dlms.ConfirmedServiceError: (Code.FAILED, "service error", "check the DLMS version and conformance of the device"),
    dlms.AuthenticationFailed: (Code.AUTHENTICATION, "device not authentic", "check the device's keys in the registry"),
    dlms.DecipheringError: (Code.AUTHENTICATION, "deciphering failed", "check the device's keys and system titles"),
    dlms.PolicyViolation: (Code.POLICY, "less protected than agreed", "check the security policy of the device"),
    dlms.SecurityError: (
        Code.POLICY,
        "answer not trustworthy",
        "check system title and keys; look into it if it stays",
    ),
    dlms.KeyUnusable: (Code.NOT_ATTEMPTED, "key missing or unusable", "register the device's keys"),
    dlms.CounterExhausted: (Code.NOT_ATTEMPTED, "invocation counter used up", "replace the device's encryption key"),
    dlms.ServiceNotSupported: (Code.NOT_ATTEMPTED, "service not supported", "ask in another way"),
    dlms.RequestTooLong: (Code.NOT_ATTEMPTED, "request too long", "ask for less in one request"),
    dlms.LocalProtocolError: (Code.NOT_ATTEMPTED, "request not possible", "correct the request"),
    dlms.DlmsError: (Code.FAILED, "protocol error", "try again; if it stays, record the APDUs of this device"),
    devices.UnknownDevice: (Code.DEVICE, "device no longer registered", "register it again"),
    devices.KeyUnreadable: (
        Code.NOT_ATTEMPTED,
        "key unreadable",
        "give the service the master key of the device's keys",
    ),
    devices.KeyMissing: (Code.NOT_ATTEMPTED, "key missing or unusable", "register the device's keys"),
    devices.CounterUsedUp: (Code.NOT_ATTEMPTED, "invocation counter used up", "replace the device's encryption key"),
    devices.DeviceError: (Code.NOT_ATTEMPTED, "device not usable", "correct the device's registration"),
    StoreError: (Code.BUSY, "database unavailable", "look after the database, then ask again"),
    OperationalError: (Code.BUSY, "database unavailable", "look after the database, then ask again"),
    OutcomeUnknown: (Code.UNAVAILABLE, "outcome unknown", "read the state of the device before you repeat it"),
    asyncio.TimeoutError: (Code.TIMED_OUT, "no answer in time", "check SAP and keys; a slow device needs more time"),
}

# Diagnostics of an AARE that speak of authentication (Green Book 8.3, 9.4.2.2), by their XML names.
_AUTHENTICATION = {
    "authentication-mechanism-name-not-recognised": Code.MECHANISM,
    "authentication-mechanism-name-required": Code.MECHANISM,
    "authentication-failure": Code.AUTHENTICATION,
    "authentication-required": Code.AUTHENTICATION,
}

_NOT_AUTHENTICATED = ("authentication refused", "check the device's keys")
ADVICE = dict((*(row[1:] for row in _TABLE.values()), _NOT_AUTHENTICATED))
"""What an operator can do, by the reason of a failure."""

CANCELED = Failure(Code.CANCELED, Code.CANCELED.reason, "the resource was canceled before this device was asked")
LOST = Failure(
    Code.UNAVAILABLE,
    "outcome unknown",
    "the service stopped before the answer was stored; the request may have reached the device: read the state of the "
    "device before you repeat a set or an action",
)
UNSENT = Failure(
    Code.NOT_ATTEMPTED,
    Code.NOT_ATTEMPTED.reason,
    "the database broke off while it stored the resource; nothing was sent to the device: make another one",
)
INTERNAL = Failure(Code.FAILED, "internal error", "the service failed on this device; its log has the traceback")


def describe(error: BaseException) -> Failure | None:
    """What a client is told of an error; None for an error that no device causes: a fault of this program."""
    if isinstance(error, StepFailed):
        return error.failure
    for cls in type(error).__mro__:
        if cls in _TABLE:
            code, reason, advice = _TABLE[cls]
            break
    else:
        return None
    if isinstance(error, dlms.AssociationRefused) and error.diagnostic in _AUTHENTICATION:
        code, (reason, advice) = _AUTHENTICATION[error.diagnostic], _NOT_AUTHENTICATED
    return Failure(code, reason, f"{str(error) or type(error).__name__}: {advice}")


def not_attempted(cause: Failure) -> Failure:
    """What is told of the requests after one that ended the association."""
    return Failure(Code.NOT_ATTEMPTED, Code.NOT_ATTEMPTED.reason, f"an earlier request failed: {cause.reason}")
