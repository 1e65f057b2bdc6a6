"""The security suites and their parameters (Green Book 8.3, 9.2.3.7)."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Curve: TypeAlias = Literal["P-256", "P-384"]
Hash: TypeAlias = Literal["SHA-256", "SHA-384"]


@dataclass(frozen=True, slots=True)
class Suite:
    """One security suite; lengths in octets. `curve` and `digest` are None where the suite has no public keys."""

    number: int
    name: str
    key_length: int
    curve: Curve | None = None
    digest: Hash | None = None

    @property
    def signature_length(self) -> int:
        """Octets of an ECDSA signature, r and s side by side: 0 without a curve, 64 or 96."""
        return {None: 0, "P-256": 64, "P-384": 96}[self.curve]


SUITES = (
    Suite(0, "AES-GCM-128", 16),
    Suite(1, "ECDH-ECDSA-AES-GCM-128-SHA-256", 16, "P-256", "SHA-256"),
    Suite(2, "ECDH-ECDSA-AES-GCM-256-SHA-384", 32, "P-384", "SHA-384"),
)
"""The suites by their number."""

TAG_LENGTH = 12
"""Octets of the authentication tag, in every suite."""

TITLE_LENGTH = 8
"""Octets of a system title (Green Book 8.3, 4.3.4)."""
