"""APDUs in HDLC UI frames: the LLC header, and segments put together."""

from transports.hdlc.frame import Frame

COMMAND_LLC = bytes.fromhex("e6e600")
RESPONSE_LLC = bytes.fromhex("e6e700")
"""LLC headers (IEC 62056-46, 5.3): destination LSAP, source LSAP with the command/response bit, quality."""
MAX_APDU = 1 << 20


class UiAssembler:
    """Puts together the APDU that one station spreads over UI frames by their segmentation bit."""

    def __init__(self) -> None:
        self._partial = bytearray()

    def take(self, frame: Frame) -> bytes:
        """Take the next frame; return the APDU when it is whole, else nothing. What has no LLC header is dropped."""
        if frame.information[:3] in {COMMAND_LLC, RESPONSE_LLC}:
            self._partial.clear()
        if len(self._partial) < MAX_APDU:
            self._partial += frame.information
        if frame.segmented:
            return b""
        octets = bytes(self._partial)
        self._partial.clear()
        return octets[3:] if octets[:3] in {COMMAND_LLC, RESPONSE_LLC} else b""
