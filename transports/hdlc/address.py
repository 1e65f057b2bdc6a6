"""HDLC addresses (IEC 62056-46, 6.4.2.3): a client's of 1 octet, a server's of 1, 2 or 4.

Seven bits of each octet count; the lowest is set in the last octet only. A server's address has an upper part, the
logical device, and from 2 octets on a lower part, the physical device.
"""

from dataclasses import dataclass, field

NO_STATION = 0x00
ALL_STATIONS = {1: 0x7F, 2: 0x7F, 4: 0x3FFF}
"""The broadcast value of each part, by the length of the address in octets."""


@dataclass(frozen=True, slots=True)
class Address:
    """One address. Two addresses are equal when their parts are, however many octets they take on the wire.

    `size` is 1, 2 or 4 octets; 0 chooses the smallest that fits. Raises ValueError for what does not fit.
    """

    logical: int
    physical: int | None = None
    size: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        size = self.size
        if size == 0:
            small = self.logical <= 0x7F and (self.physical or 0) <= 0x7F
            size = (1 if self.physical is None else 2) if small else 4
            object.__setattr__(self, "size", size)
        if size not in ALL_STATIONS:
            raise ValueError(f"an HDLC address has 1, 2 or 4 octets, not {size}")
        if (self.physical is None) != (size == 1):
            raise ValueError(f"an HDLC address of {size} octets has {'no' if size == 1 else 'a'} physical part")
        limit = ALL_STATIONS[size]
        for name, part in (("logical", self.logical), ("physical", self.physical or 0)):
            if not 0 <= part <= limit:
                raise ValueError(f"{name} address {part} does not fit: 0 to {limit} in an address of {size} octets")

    def __str__(self) -> str:
        return f"{self.logical}" if self.physical is None else f"{self.logical}/{self.physical}"

    def encode(self) -> bytes:
        """Return the octets on the wire."""
        physical = self.physical or 0
        if self.size == 1:
            return bytes((self.logical << 1 | 1,))
        if self.size == 2:
            return bytes((self.logical << 1, physical << 1 | 1))
        return bytes(
            (self.logical >> 6 & 0xFE, self.logical << 1 & 0xFE, physical >> 6 & 0xFE, physical << 1 & 0xFE | 1)
        )

    @property
    def is_broadcast(self) -> bool:
        """Whether every station is meant."""
        return ALL_STATIONS[self.size] in {self.logical, self.physical}

    def covers(self, other: "Address") -> bool:
        """Whether a frame to this address is for the station `other`: equal, or a part of it is the broadcast value."""
        every = ALL_STATIONS[self.size]
        return self.logical in {other.logical, every} and self.physical in {other.physical, every}


def decode(octets: bytes, start: int) -> Address | None:
    """Read the address at `start`; its `size` tells where the next field begins.

    Returns None when the octets end within the address. Raises ValueError for a length that does not exist.
    """
    for size in (1, 2, 3, 4):
        if start + size > len(octets):
            return None
        if octets[start + size - 1] & 1:
            break
    else:
        raise ValueError("an HDLC address of more than 4 octets")
    part = [octet >> 1 for octet in octets[start : start + size]]
    if size == 1:
        return Address(part[0], None, 1)
    if size == 2:
        return Address(part[0], part[1], 2)
    if size == 4:
        return Address(part[0] << 7 | part[1], part[2] << 7 | part[3], 4)
    raise ValueError("an HDLC address of 3 octets")
