"""The conformance block: which services the two sides of an association use (Green Book 8.3, 9.4.6.1)."""

from enum import IntFlag
from functools import lru_cache


class Conformance(IntFlag):
    """The 24 bits of xDLMS conformance; bit 0 of the BIT STRING is the highest."""

    GENERAL_PROTECTION = 1 << 22
    GENERAL_BLOCK_TRANSFER = 1 << 21
    READ = 1 << 20
    WRITE = 1 << 19
    UNCONFIRMED_WRITE = 1 << 18
    DELTA_VALUE_ENCODING = 1 << 17
    ATTRIBUTE0_SUPPORTED_WITH_SET = 1 << 15
    PRIORITY_MGMT_SUPPORTED = 1 << 14
    ATTRIBUTE0_SUPPORTED_WITH_GET = 1 << 13
    BLOCK_TRANSFER_WITH_GET_OR_READ = 1 << 12
    BLOCK_TRANSFER_WITH_SET_OR_WRITE = 1 << 11
    BLOCK_TRANSFER_WITH_ACTION = 1 << 10
    MULTIPLE_REFERENCES = 1 << 9
    INFORMATION_REPORT = 1 << 8
    DATA_NOTIFICATION = 1 << 7
    ACCESS = 1 << 6
    PARAMETERIZED_ACCESS = 1 << 5
    GET = 1 << 4
    SET = 1 << 3
    SELECTIVE_ACCESS = 1 << 2
    EVENT_NOTIFICATION = 1 << 1
    ACTION = 1 << 0

    @property
    def bits(self) -> str:
        """The BIT STRING as it stands in XML: 0 and 1, bit 0 first."""
        return f"{int(self):024b}"

    @classmethod
    @lru_cache(64)  # devices of a kind propose and agree to the same
    def from_bits(cls, bits: str) -> "Conformance":
        """Take the BIT STRING; bits that are reserved are dropped."""
        return cls(int(bits, 2) & _DEFINED)

    def among(self, bits: str) -> "Conformance":
        """What of the BIT STRING is among these."""
        return Conformance(int(bits, 2) & int(self))  # numbers: each operation on flags takes several times as long

    def names(self) -> list[str]:
        """The names of the services, as the standard writes them."""
        return [member.name.lower().replace("_", "-") for member in Conformance if member in self and member.name]


_DEFINED = sum(Conformance)
"""The bits that are not reserved."""

LOGICAL_NAME = (
    Conformance.GENERAL_PROTECTION
    | Conformance.GENERAL_BLOCK_TRANSFER
    | Conformance.PRIORITY_MGMT_SUPPORTED
    | Conformance.ATTRIBUTE0_SUPPORTED_WITH_GET
    | Conformance.ATTRIBUTE0_SUPPORTED_WITH_SET
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.ACCESS
    | Conformance.GET
    | Conformance.SET
    | Conformance.SELECTIVE_ACCESS
    | Conformance.ACTION
)
"""What this client proposes for logical name referencing."""

SHORT_NAME = (
    Conformance.GENERAL_PROTECTION
    | Conformance.GENERAL_BLOCK_TRANSFER
    | Conformance.READ
    | Conformance.WRITE
    | Conformance.UNCONFIRMED_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.INFORMATION_REPORT
    | Conformance.PARAMETERIZED_ACCESS
)
"""What this client proposes for short name referencing."""
