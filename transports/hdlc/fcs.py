"""Frame and header check sequence: CRC-16/X-25 (IEC 62056-46, 6.4.2.5 and annex A)."""

from binascii import crc_hqx

_MIRROR = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))
_MIRROR_INVERTED = bytes(octet ^ 0xFF for octet in _MIRROR)


def fcs(octets: bytes) -> bytes:
    """Return the two octets that follow `octets` on the wire, low octet first."""
    # The standard library computes the same polynomial with the bits of each octet the other way round.
    return crc_hqx(octets.translate(_MIRROR), 0xFFFF).to_bytes(2, "big").translate(_MIRROR_INVERTED)
