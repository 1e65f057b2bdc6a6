"""OBIS codes: the six value groups that name a COSEM object (Blue Book 12, 7; IEC 62056-6-1)."""

import re
from dataclasses import dataclass

_DOTTED = re.compile(r"\d{1,3}(?:\.\d{1,3}){5}", re.ASCII)
_GROUPED = re.compile(r"(\d{1,3})-(\d{1,3}):(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:[*.](\d{1,3}))?", re.ASCII)
_HEX = re.compile(r"[0-9A-Fa-f]{12}")


@dataclass(frozen=True, slots=True, order=True)
class Obis:
    """A logical name: groups A to F, one octet each."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != 6:
            raise ValueError(f"an OBIS code has 6 octets, not {len(self.octets)}")

    @classmethod
    def parse(cls, text: str) -> "Obis":
        """Read `1.0.1.8.0.255`, `1-0:1.8.0*255` (F may be absent: 255) or `0100010800FF`. Raises ValueError."""
        stripped = text.strip()
        if _HEX.fullmatch(stripped):
            return cls(bytes.fromhex(stripped))
        if _DOTTED.fullmatch(stripped):
            groups = stripped.split(".")
        elif match := _GROUPED.fullmatch(stripped):
            groups = list(match.groups("255"))
        else:
            raise ValueError(f"{text!r} is no OBIS code: write it as 1.0.1.8.0.255, 1-0:1.8.0*255 or 0100010800FF")
        try:
            return cls(bytes(map(int, groups)))
        except ValueError:
            raise ValueError(f"{text!r} is no OBIS code: each group is 0 to 255") from None

    def __str__(self) -> str:
        return ".".join(map(str, self.octets))

    @property
    def grouped(self) -> str:
        """The notation of IEC 62056-6-1, `1-0:1.8.0*255`."""
        a, b, c, d, e, f = self.octets
        return f"{a}-{b}:{c}.{d}.{e}*{f}"

    @property
    def hex(self) -> str:
        """As an instance-id stands in XML, `0100010800FF`."""
        return self.octets.hex().upper()
