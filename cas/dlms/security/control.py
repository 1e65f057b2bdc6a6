"""The security control octet SC (Green Book 8.3, 9.2.7.2)."""

from dataclasses import dataclass, field
from functools import cache

from cas.dlms.errors import DecodeError
from cas.dlms.security.suites import SUITES


@dataclass(frozen=True, slots=True)
class SecurityControl:
    """How an APDU is protected: suite, authenticated, encrypted, under the broadcast key, compressed."""

    suite: int = 0
    authentication: bool = True
    encryption: bool = True
    broadcast: bool = False
    compression: bool = False
    octet: int = field(init=False, repr=False, compare=False)
    """The octet as it stands on the wire; kept, as every APDU needs it."""

    def __post_init__(self) -> None:
        octet = (
            self.suite | self.authentication << 4 | self.encryption << 5 | self.broadcast << 6 | self.compression << 7
        )
        object.__setattr__(self, "octet", octet)

    @classmethod
    @cache  # one of few stands in every APDU
    def parse(cls, octet: int) -> "SecurityControl":
        """Take the octet apart. Raises DecodeError for a suite that is not defined."""
        suite = octet & 0x0F
        if suite >= len(SUITES):
            raise DecodeError(f"security suite {suite} is not defined", path="security-control")
        return cls(suite, bool(octet & 0x10), bool(octet & 0x20), bool(octet & 0x40), bool(octet & 0x80))
