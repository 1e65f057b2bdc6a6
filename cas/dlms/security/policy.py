"""What protection is asked for, and whether an APDU has it (Green Book 8.3, 9.2.7.2; Blue Book 12, Security setup)."""

from dataclasses import dataclass
from itertools import compress

from cas.dlms.errors import PolicyViolation
from cas.dlms.security.control import SecurityControl

_WORDS = ("authenticated", "encrypted", "signed")


@dataclass(frozen=True, slots=True)
class Protection:
    """The least protection of an APDU."""

    authentication: bool = False
    encryption: bool = False
    signature: bool = False

    def require(self, control: SecurityControl | None, signed: bool = False) -> None:
        """Refuse what is protected less than this; `control` is None for a plain APDU. Raises PolicyViolation."""
        not_authenticated = self.authentication and not (control is not None and control.authentication)
        not_encrypted = self.encryption and not (control is not None and control.encryption)
        not_signed = self.signature and not signed
        if not_authenticated or not_encrypted or not_signed:
            missing = " and not ".join(compress(_WORDS, (not_authenticated, not_encrypted, not_signed)))
            raise PolicyViolation(f"an APDU came that is not {missing}, which the policy requires")


@dataclass(frozen=True, slots=True)
class SecurityPolicy:
    """The security_policy attribute of Security setup: what requests and what responses need."""

    request: Protection = Protection()
    response: Protection = Protection()

    @classmethod
    def from_octet(cls, value: int, version: int = 1) -> "SecurityPolicy":
        """Take the attribute apart: version 0 counts 0 to 3, version 1 has a bit for each. Raises ValueError."""
        if not 0 <= value <= (3 if version == 0 else 0xFF):
            raise ValueError(f"security policy {value} is not defined in version {version} of Security setup")
        if version == 0:
            both = Protection(bool(value & 1), bool(value & 2))
            return cls(both, both)
        return cls(
            Protection(bool(value & 0x04), bool(value & 0x08), bool(value & 0x10)),
            Protection(bool(value & 0x20), bool(value & 0x40), bool(value & 0x80)),
        )
