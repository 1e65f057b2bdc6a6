"""Errors of the reception of notifications, and of the delivery of events.

PushError
├── NotificationRefused   what came was not taken; `refusal` says why, and is what is counted
├── TargetRefused         an address that the operator does not allow
├── TargetUnreachable     nothing can be delivered to a target for now
├── NotAcknowledged       an event was not taken; others may be
└── EventGone             there is nothing left to tell: the resource was deleted, or another process has told it
"""

from enum import StrEnum

from cas.errors import CasError


class Refusal(StrEnum):
    """Why something that came was not taken."""

    FRAMING = "framing"
    """Octets that are no frame."""
    NO_NOTIFICATION = "no-notification"
    """An APDU of another kind."""
    MALFORMED = "malformed"
    BLOCKS = "blocks"
    """A block transfer that went wrong."""
    UNKNOWN_SENDER = "unknown-sender"
    """No registered device has this title or address."""
    NOT_PROVEN = "not-proven"
    """Not authenticated, and not from the address of the device that it is said to come from."""
    NO_KEY = "no-key"
    """The keys that it takes are not registered, or cannot be read."""
    WRONG_TAG = "wrong-tag"
    WRONG_TITLE = "wrong-title"
    LESS_PROTECTED = "less-protected"
    """Protected less than registered for the device, or in a way that proves nothing."""
    REPLAYED = "replayed"
    CROWDED = "crowded"
    """More came than could be looked at; the device may send it again."""
    NOT_STORED = "not-stored"
    """Nobody took it; the device may send it again."""
    FAULT = "fault"
    """A mistake of this service, or of what it depends on; the log has it."""


class PushError(CasError):
    """Something is wrong with a notification."""


class NotificationRefused(PushError):
    """What came was not taken."""

    def __init__(self, refusal: Refusal, why: str) -> None:
        super().__init__(f"{refusal}: {why}")
        self.refusal = refusal


class TargetRefused(PushError):
    """An address that the operator does not allow."""


class TargetUnreachable(PushError):
    """Nothing can be delivered to a target for now."""


class NotAcknowledged(PushError):
    """An event was not taken by its receiver; other events may be."""


class EventGone(PushError):
    """There is nothing left to tell: the resource of an event was deleted, or another process has told it."""
