"""No framing: each message of the medium is one APDU. For media that keep messages apart, as MQTT does. Sans-IO."""

from transports.base import Event, LinkDown, LinkUp


class PlainFraming:
    """Passes APDUs as they are."""

    def __init__(self) -> None:
        self.ignored = 0
        self.pending = b""

    def connect(self, now: float) -> list[Event]:
        """Need no handshake."""
        return [LinkUp()]

    def send(self, apdu: bytes, now: float) -> bytes:
        """Send one APDU as one message."""
        return apdu

    def receive(self, octets: bytes, now: float) -> list[Event]:
        """Take one message."""
        return [octets] if octets else []

    def disconnect(self, now: float) -> list[Event]:
        """Need no handshake."""
        return [LinkDown(None)]
