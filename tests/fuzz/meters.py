"""What a hostile meter can say: whole conversations, made of the octets of one input."""

from collections.abc import Callable, Iterator

from cas.bindings import cosempdu as cos
from cas.dlms.association import Association
from cas.dlms.errors import DlmsError
from cas.dlms.notification import open_notification
from cas.dlms.security.policy import Protection
from cas.dlms.translate import Keys, Translator
from cas.dlms.xdlms.gbt import Transfer
from tests.unit.dlms.device import KEYS, SERVER_TITLE, Counter, ciphered, get, opened, plain
from transports.hdlc.address import Address
from transports.hdlc.connection import Connection
from transports.hdlc.frame import FrameDecoder
from transports.hdlc.states import Role

MOST_FRAMES = 20
"""Frames that one of the station makes us send."""
MOST_APDU = 1 << 16


def pieces(octets: bytes) -> Iterator[bytes]:
    """The APDUs that an input stands for: each with a length before it."""
    while octets:
        size = octets[0]
        yield octets[1 : 1 + size]
        octets = octets[1 + size :]


def joined(*apdus: bytes) -> bytes:
    """The input that stands for these APDUs."""
    return b"".join(bytes((len(apdu),)) + apdu for apdu in apdus)


def _converse(procedure: Iterator[object], octets: bytes) -> None:
    next(procedure)
    try:
        for apdu in pieces(octets):
            procedure.send(apdu)  # type: ignore[attr-defined]  # a generator
    except (StopIteration, DlmsError):
        pass


def request(*, secure: bool) -> Callable[[bytes], None]:
    """Answers to a GET, in an association without security or under GMAC and ciphering."""

    def run(octets: bytes) -> None:
        _converse(opened(ciphered() if secure else plain()).request(get()), octets)

    return run


def association(octets: bytes) -> None:
    """Answers to an AARQ, with HLS by GMAC."""
    _converse(Association(ciphered(), Counter(1)).associate(bytes(16)), octets)


def hdlc_link(octets: bytes) -> None:
    """Frames that a station sends to us, whatever their addresses and numbers."""
    link = Connection(Role.CLIENT, Address(0x10), Address(1), max_apdu=MOST_APDU)
    now = 0.0
    link.connect(now)
    for frame in FrameDecoder().feed(octets):
        now += 1.0
        link.receive(frame, now)
        assert len(link.outgoing()) <= MOST_FRAMES
        if (due := link.next_timeout()) is not None and due <= now:
            link.handle_timeout(now)


def notification(octets: bytes) -> None:
    """What a device pushes."""
    open_notification(octets, SERVER_TITLE, KEYS, Protection())


def translate(octets: bytes) -> None:
    """What somebody recorded; nothing of it may raise."""
    translator = Translator(Keys(bytes(16), bytes(16), None, SERVER_TITLE, SERVER_TITLE))
    for apdu in pieces(octets):
        translator.translate(apdu)


def blocks(octets: bytes) -> None:
    """General blocks in any order."""
    transfer = Transfer(window=octets[0] % 64 if octets else 1, limit=MOST_APDU)
    for piece in pieces(octets[1:]):
        if len(piece) < 5:
            continue
        block = cos.GeneralBlockTransfer(
            block_control=piece[0],
            block_number=int.from_bytes(piece[1:3]),
            block_number_ack=int.from_bytes(piece[3:5]),
            block_data=piece[5:],
        )
        transfer.receive(block)
        assert transfer.size <= MOST_APDU
