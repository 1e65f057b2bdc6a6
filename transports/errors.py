"""Errors of the transports: one tree, each class saying whether the same attempt may succeed later.

TransportError
├── ConnectError                  the link could not be opened
│   ├── Refused                   the peer answered with a refusal; meters do so while another client holds them
│   ├── Unreachable               no route to the network or host
│   ├── NameNotFound              the host name does not exist
│   ├── NameLookupFailed          the name server did not answer
│   ├── ConnectTimeout            nobody answered in time
│   ├── TLSError                  the handshake failed; CertificateError when a certificate is at fault
│   ├── NotAuthorised             the broker does not accept our credentials, or what we ask for
│   ├── PortUnavailable           a serial port or a local address cannot be opened; PortBusy while another has it
│   ├── NotDialledIn              a meter that dials in has not (yet) done so
│   └── LinkRefused               the meter's link layer declined (HDLC DM to SNRM, mode E without HDLC)
├── LinkLost                      an open link has gone
│   ├── ClosedByPeer              in order; `partial` holds the octets of an unfinished frame
│   ├── ConnectionBroken          reset or time-out of the network below
│   ├── Disconnected              the peer's link layer left (HDLC DISC, DM)
│   ├── FrameRejected             HDLC FRMR
│   └── NoAcknowledgement         frames stayed unacknowledged after every repetition
├── FramingError                  what came is no frame, and the stream cannot be followed any more
├── ResponseTimeout               nothing came in time; the link still stands, a late answer may follow
├── NotConnected                  local: used before `connect` or after `close`
├── ApduTooLong                   local: the framing cannot carry so many octets
└── URLError                      local: the URL of a transport is wrong (also a ValueError)
"""

from typing import ClassVar


class TransportError(Exception):
    """Base of everything the transports raise; `retry` tells whether the same attempt may succeed later."""

    retry: ClassVar[bool] = True
    usable: ClassVar[bool] = False
    """Whether the link can still be used after this error; otherwise close it."""


class ConnectError(TransportError):
    """The link could not be opened."""


class Refused(ConnectError):
    """The peer refused the connection."""


class Unreachable(ConnectError):
    """No route leads to the host."""


class NameNotFound(ConnectError):
    """The host name does not exist."""

    retry = False


class NameLookupFailed(ConnectError):
    """The name could not be looked up at present."""


class ConnectTimeout(ConnectError):
    """The link was not established in time."""


class TLSError(ConnectError):
    """The TLS handshake failed."""

    retry = False


class CertificateError(TLSError):
    """A certificate was not accepted, by us or by the peer."""


class NotAuthorised(ConnectError):
    """A broker does not accept our credentials, or does not let us have what we ask for."""

    retry = False


class PortUnavailable(ConnectError):
    """A serial port or local address cannot be opened: absent or forbidden."""

    retry = False


class PortBusy(PortUnavailable):
    """Another process has the serial port."""

    retry = True


class NotDialledIn(ConnectError):
    """The meter is to dial in and has not done so in time."""


class LinkRefused(ConnectError):
    """The meter answered, and its link layer declined."""


class LinkLost(TransportError):
    """An open link has gone."""


class ClosedByPeer(LinkLost):
    """The peer closed the link; `partial` holds what had come of an unfinished frame."""

    def __init__(self, message: str, partial: bytes = b""):
        if partial:
            message = f"{message} after {len(partial)} octets of an unfinished frame"
        super().__init__(message)
        self.partial = partial


class ConnectionBroken(LinkLost):
    """The network below broke the connection."""


class Disconnected(LinkLost):
    """The peer's link layer disconnected."""


class FrameRejected(LinkLost):
    """The peer rejected a frame for good (HDLC FRMR)."""


class NoAcknowledgement(LinkLost):
    """Frames stayed unacknowledged after every repetition."""


class FramingError(TransportError):
    """What came is no frame, and the stream cannot be followed any more."""


class ResponseTimeout(TransportError):
    """Nothing came in time. The link still stands; a late answer may follow."""

    usable = True


class NotConnected(TransportError):
    """The link was used before `connect` or after `close`."""

    retry = False


class ApduTooLong(TransportError):
    """The framing cannot carry an APDU of this length."""

    retry = False
    usable = True


class URLError(TransportError, ValueError):
    """The URL of a transport is wrong; the message names the part."""

    retry = False
