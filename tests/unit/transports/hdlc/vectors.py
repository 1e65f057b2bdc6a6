"""HDLC frames from elsewhere: who made each stands beside it. None was made by the code under test."""

from transports.hdlc.address import Address
from transports.hdlc.frame import Kind

# "Examples for DLMS/COSEM information exchange", prepared by G. Kmethy, DLMS User Association: SNRM, UA, AARQ to
# logical device 1 of physical device 17.
METER = Address(1, 17, 4)
EXAMPLES: dict[str, tuple[str, Kind, Address, Address]] = {
    "example SNRM": ("7EA00A00020023219318717E", Kind.SNRM, METER, Address(16)),
    "example UA": (
        "7EA023210002002373F6C58180140502008006020080070400000001080400000001CE6A7E",
        Kind.UA,
        Address(16),
        METER,
    ),
    "example AARQ": (
        "7EA02E0002002321107ECBE6E600601DA109060760857405080101BE10040E01000000065F1F040000301DFFFFD4C57E",
        Kind.I,
        METER,
        Address(16),
    ),
    # gurux-dlms 1.0.203, GXDLMSClient.snrmRequest, aarqRequest and disconnectRequest.
    "gurux SNRM, 1 octet": ("7ea0070321930f017e", Kind.SNRM, Address(1), Address(16)),
    "gurux AARQ, 1 octet": (
        "7ea02b032110fbafe6e600601da109060760857405080101be10040e01000000065f1f0400401e5dffff91237e",
        Kind.I,
        Address(1),
        Address(16),
    ),
    "gurux DISC, 1 octet": ("7ea00703215303c77e", Kind.DISC, Address(1), Address(16)),
    "gurux SNRM, 2 octets": ("7ea00802232193bd647e", Kind.SNRM, Address(1, 17), Address(16)),
    "gurux DISC, 2 octets": ("7ea00802232153b1a27e", Kind.DISC, Address(1, 17), Address(16)),
    "gurux SNRM, 4 octets": ("7ea00a000248690393f8e77e", Kind.SNRM, Address(1, 0x1234), Address(1)),
    "gurux AARQ, 4 octets": (
        "7ea02e0002486903109e5de6e600601da109060760857405080101be10040e01000000065f1f0400401e5dffff91237e",
        Kind.I,
        Address(1, 0x1234),
        Address(1),
    ),
    # A frame of a real meter, as its user posted it in the forum of gurux.fi.
    "meter DM": ("7EA00A21000204011FC43D7E", Kind.DM, Address(16), Address(1, 256)),
}

WIRE_FRAMES = [bytes.fromhex(EXAMPLES[f"example {name}"][0]) for name in ("SNRM", "UA", "AARQ")]
