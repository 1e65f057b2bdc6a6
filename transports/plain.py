"""No framing: each message of the medium is one APDU. For media that keep messages apart, as MQTT does. Sans-IO."""

from transports.base import Event, LinkDown, LinkUp


class PlainFraming:
    """Passes APDUs as they are."""

    def __init__(self) -> None:
        self._out = b""
        self.ignored = 0
        self.pending = b""

    def connect(self, now: float) -> list[Event]:
        """Need no handshake."""
        return [LinkUp()]

    def send(self, apdu: bytes, now: float) -> None:
        """Send one APDU as one message."""
        self._out = apdu

    def receive(self, octets: bytes, now: float) -> list[Event]:
        """Take one message."""
        return [octets] if octets else []

    def disconnect(self, now: float) -> list[Event]:
        """Need no handshake."""
        return [LinkDown(None)]

    def data_to_send(self) -> bytes:
        """Take the message to be written."""
        octets, self._out = self._out, b""
        return octets
