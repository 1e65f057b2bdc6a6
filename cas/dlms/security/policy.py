"""What protection is asked for, and whether an APDU has it (Green Book 8.3, 9.2.7.2)."""

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
