"""A custom framing, whole: the LLC sublayer of IEC 61334-4-32, as the S-FSK profile uses it (Green Book 8.3, 10.4.4).

A plug-in of one module, to show how little it takes: a sans-IO framing, and a factory that an entry point names:

    [project.entry-points."cas.transports"]
    "sfsk+udp" = "my_package.sfsk_llc:factory"

The gateway of this example takes and gives one LLC PDU per UDP datagram: control octet of DL_Data, destination L-SAP,
source L-SAP, and the APDU. It runs our contract suite in test_sfsk_llc.py.
"""

from transports.base import Event, LinkDown, LinkUp, Transport
from transports.errors import ApduTooLong
from transports.link import Link
from transports.media.udp import UdpMedium
from transports.registry import Target

DL_DATA = 0x90
MAX_APDU = 239
"""242 octets are the most that seven MAC subframes carry; three are the LLC's."""


class LlcFraming:
    """One link between two L-SAPs. It keeps no state, needs no handshake and sets no timer."""

    def __init__(self, *, local: int, remote: int) -> None:
        self._send_header = bytes((DL_DATA, remote, local))
        self._receive_header = bytes((DL_DATA, local, remote))
        self.pending = b""
        self.ignored = 0

    def connect(self, now: float) -> list[Event]:
        return [LinkUp()]

    def send(self, apdu: bytes, now: float) -> bytes:
        if len(apdu) > MAX_APDU:
            raise ApduTooLong(f"the LLC carries at most {MAX_APDU} octets, the APDU has {len(apdu)}")
        return self._send_header + apdu

    def receive(self, octets: bytes, now: float) -> list[Event]:
        if octets.startswith(self._receive_header) and len(octets) > len(self._receive_header):
            return [octets[3:]]
        self.ignored += 1
        return []

    def disconnect(self, now: float) -> list[Event]:
        return [LinkDown(None)]


def factory(target: Target) -> Transport:
    """`sfsk+udp://gateway:port?client=16&server=1&timeout=30`."""
    client = target.integer("client", 16, 0, 0xFF)
    server = target.integer("server", 1, 0, 0xFF)
    timeout = target.seconds("timeout", 30.0)
    medium = UdpMedium(target.host(), target.port(4059))
    target.no_path()
    target.finish()
    return Link(medium, lambda: LlcFraming(local=client, remote=server), response_timeout=timeout)
