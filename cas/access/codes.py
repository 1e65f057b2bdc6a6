"""The error codes in use between a client and the service (IEC 61968-100), each with the reason that goes with it."""

from enum import StrEnum


class Code(StrEnum):
    """A code of an Error or a CosemErrorResult."""

    PARTIAL_MORE = "0.1"
    PARTIAL = "0.2"
    HEADER = "1.5"
    REQUEST = "1.6"
    PAYLOAD = "1.7"
    INVALID = "1.8"
    DEVICE = "2.4"
    NOUN = "2.5"
    VERB = "2.9"
    REQUEST_ID = "2.15"
    RELATIONSHIP = "2.29"
    TOO_MANY = "3.1"
    TOO_MANY_PENDING = "3.2"
    TIMED_OUT = "4.1"
    BUSY = "5.1"
    NOT_ATTEMPTED = "5.2"
    FAILED = "5.3"
    UNAVAILABLE = "5.7"
    MANDATORY = "5.8"
    CANCELED = "6.5"
    AUTHENTICATION_TEMPORARY = "7.1"
    MECHANISM = "7.3"
    AUTHENTICATION = "7.4"
    NOT_AUTHORISED = "7.5"
    ENCRYPTION = "7.6"
    POLICY = "7.7"

    @property
    def reason(self) -> str:
        """The meaning of the code, in words."""
        return _REASONS[self]


_REASONS = {
    Code.PARTIAL_MORE: "partial result, more follows",
    Code.PARTIAL: "partial result",
    Code.HEADER: "header element missing or invalid",
    Code.REQUEST: "request element missing or invalid",
    Code.PAYLOAD: "payload element missing or invalid",
    Code.INVALID: "not valid against the schema",
    Code.DEVICE: "unknown device",
    Code.NOUN: "unknown noun",
    Code.VERB: "unknown verb",
    Code.REQUEST_ID: "unknown resource ID",
    Code.RELATIONSHIP: "values contradict each other",
    Code.TOO_MANY: "too many items",
    Code.TOO_MANY_PENDING: "too many pending requests",
    Code.TIMED_OUT: "timed out",
    Code.BUSY: "high activity, try later",
    Code.NOT_ATTEMPTED: "not attempted",
    Code.FAILED: "attempted and failed",
    Code.UNAVAILABLE: "data unavailable",
    Code.MANDATORY: "mandatory elements missing",
    Code.CANCELED: "canceled by the client",
    Code.AUTHENTICATION_TEMPORARY: "temporary authentication failure",
    Code.MECHANISM: "authentication mechanism insufficient",
    Code.AUTHENTICATION: "authentication failed",
    Code.NOT_AUTHORISED: "not authorised",
    Code.ENCRYPTION: "encryption needed",
    Code.POLICY: "security policy violated",
}
