"""The other side of an association as lists of octets: what a device sends, and what it was sent."""

from collections.abc import Sequence
from typing import Any, TypeVar

from cas.bindings import cosempdu as cos
from cas.dlms.acse import Settings
from cas.dlms.association import Association
from cas.dlms.conformance import Conformance
from cas.dlms.security.authentication import Credentials, Mechanism
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.policy import Protection
from cas.dlms.security.suites import SUITES
from cas.dlms.security.wrapping import unwrap, wrap, wrap_general
from cas.dlms.xdlms.exchange import Exchange, Outgoing

R = TypeVar("R")

# the keys, titles and challenges of the Green Book's worked example (tests/vectors/security.json)
ENCRYPTION_KEY = bytes.fromhex("000102030405060708090A0B0C0D0E0F")
AUTHENTICATION_KEY = bytes.fromhex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")
CLIENT_TITLE = bytes.fromhex("4D4D4D0000000001")
SERVER_TITLE = bytes.fromhex("4D4D4D0000BC614E")
C_TO_S = bytes.fromhex("4B35366956616759")
S_TO_C = bytes.fromhex("503677524A323146")
PASS_3 = bytes.fromhex("10000000011A52FE7DD3E72748973C1E28")
PASS_4 = bytes.fromhex("1001234567FE1466AFB3DBCD4F9389E2B7")
KEYS = Ciphering(SUITES[0], ENCRYPTION_KEY, AUTHENTICATION_KEY)
BOTH = SecurityControl()

# initiateRequest and -Response of the Green Book's examples: conformance 007E1F, 1200 octets; 00501F, 500 octets
PROPOSED = Conformance(0x007E1F)
INITIATE_REQUEST = "01000000065F1F0400007E1F04B0"
INITIATE_RESPONSE = "0800065F1F040000501F01F40007"
AARE = "6129A109060760857405080101A203020100A305A103020100BE10040E" + INITIATE_RESPONSE
AARE_HLS = (
    "6142A109060760857405080101A203020100A305A10302010E88020780890760857405080205AA0A8008503677524A323146BE10040E"
    + INITIATE_RESPONSE
)
CLOCK = cos.CosemAttributeDescriptor(class_id=8, instance_id=bytes((0, 0, 1, 0, 0, 255)), attribute_id=2)


def plain(**changes: Any) -> Settings:
    """No security, as in the Green Book's first example."""
    return Settings(**{"conformance": PROPOSED, "max_pdu": 1200, **changes})


def gmac(**changes: Any) -> Settings:
    """HLS with GMAC; the APDUs are not ciphered."""
    credentials = Credentials(ciphering=KEYS)
    given: dict[str, Any] = {
        "mechanism": Mechanism.HIGH_GMAC,
        "credentials": credentials,
        "client_title": CLIENT_TITLE,
        "server_title": SERVER_TITLE,
    }
    return plain(**{**given, **changes})


def ciphered(**changes: Any) -> Settings:
    """All APDUs authenticated and encrypted, both ways; no authentication of the peer besides."""
    given: dict[str, Any] = {
        "client_title": CLIENT_TITLE,
        "server_title": SERVER_TITLE,
        "ciphering": KEYS,
        "control": BOTH,
        "required": Protection(authentication=True, encryption=True),
    }
    return plain(**{**given, **changes})


class Counter:
    """Invocation counters from a number on."""

    def __init__(self, first: int = 1) -> None:
        self.next = first

    def __call__(self) -> int:
        self.next += 1
        return self.next - 1


def apdus(outgoing: Outgoing) -> Sequence[bytes]:
    """What a procedure wants to be sent, one by one."""
    return (outgoing,) if isinstance(outgoing, bytes) else outgoing or ()


def drive(exchange: Exchange[R], *answers: str | bytes) -> tuple[R, list[str]]:
    """Run a procedure against these answers: what it returns, and what it sent, in hex.

    All answers must be asked for. What the procedure raises carries what was sent as a note.
    """
    sent: list[str] = []
    left = [bytes.fromhex(answer) if isinstance(answer, str) else answer for answer in answers]
    try:
        outgoing = next(exchange)
        while True:
            sent += [apdu.hex().upper() for apdu in apdus(outgoing)]
            outgoing = exchange.send(left.pop(0))
    except StopIteration as stop:
        assert not left, f"{len(left)} answers were not asked for"
        return stop.value, sent
    except Exception as error:
        error.__notes__ = sent
        raise


def opened(settings: Settings | None = None, counter: Counter | None = None, size: int | None = None) -> Association:
    """An association that is open with a device which takes `size` octets (500 unless told)."""
    settings = settings or plain()
    association = Association(settings, counter or Counter())
    answer = AARE if size is None else AARE.replace("01F40007", f"{size:04X}0007")
    if settings.conformance != PROPOSED:
        answer = answer.replace("00501F", settings.conformance.to_bytes(3, "big").hex().upper())
    if settings.control is not None:
        initiate = answer[-28:]
        information = seal(initiate, 0)
        body = (
            bytes.fromhex("A109060760857405080103A203020100A305A103020100A40A0408")
            + SERVER_TITLE
            + bytes((0xBE, len(information) + 2, 0x04, len(information)))
            + information
        )
        answer = (bytes((0x61, len(body))) + body).hex()
    drive(association.associate(C_TO_S), answer)
    return association


def seal(
    apdu: str, counter: int, *, title: bytes = SERVER_TITLE, general: bool = False, keys: Ciphering = KEYS
) -> bytes:
    """An APDU as the device ciphers it."""
    octets = bytes.fromhex(apdu)
    protected = keys.protect(octets, title, counter, BOTH)
    return wrap_general(title, protected) if general else wrap(octets[0], protected)


def unseal(apdu: str, title: bytes = CLIENT_TITLE) -> str:
    """What the client sent ciphered."""
    return KEYS.unprotect(unwrap(bytes.fromhex(apdu)).content, title).plain.hex().upper()


def get(attribute: cos.CosemAttributeDescriptor = CLOCK, ip: int = 0xC1) -> cos.GetRequest:
    return cos.GetRequest(
        get_request_normal=cos.GetRequestNormal(invoke_id_and_priority=ip, cosem_attribute_descriptor=attribute)
    )
