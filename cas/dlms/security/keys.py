"""The keys of a device, sized as its suite wants them and never shown (Green Book 8.3, 9.2.5)."""

from dataclasses import dataclass

from cas.dlms.errors import KeyUnusable
from cas.dlms.security.suites import Suite


def require_key(key: bytes, suite: Suite, name: str) -> bytes:
    """The key itself, if it has the length that the suite asks for. Raises KeyUnusable."""
    if len(key) != suite.key_length:
        raise KeyUnusable(f"{name} has {len(key)} octets, suite {suite.number} needs {suite.key_length}")
    return key


@dataclass(frozen=True, slots=True, repr=False)
class SymmetricKeys:
    """The symmetric keys shared with one device: global unicast encryption, authentication, broadcast, master (KEK).

    Raises KeyUnusable when a length does not fit the suite.
    """

    suite: Suite
    encryption: bytes
    authentication: bytes
    broadcast: bytes | None = None
    master: bytes | None = None

    def __post_init__(self) -> None:
        for name in ("encryption", "authentication", "broadcast", "master"):
            key: bytes | None = getattr(self, name)
            if key is not None:
                require_key(key, self.suite, f"{name} key")

    def __repr__(self) -> str:
        return f"SymmetricKeys(suite={self.suite.number}, keys hidden)"


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A password or HLS secret that does not show itself."""

    octets: bytes

    def __repr__(self) -> str:
        return "Secret(hidden)"
