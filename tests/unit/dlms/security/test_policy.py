"""The security policy: what it refuses."""

import pytest

from cas.dlms.errors import PolicyViolation
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.policy import Protection


def test_less_protected_than_required_is_refused() -> None:
    both = Protection(True, True)
    both.require(SecurityControl())
    Protection().require(None)
    with pytest.raises(PolicyViolation, match="not authenticated and not encrypted"):
        both.require(None)
    with pytest.raises(PolicyViolation, match="not encrypted"):
        both.require(SecurityControl(encryption=False))
    with pytest.raises(PolicyViolation, match="not signed"):
        Protection(signature=True).require(SecurityControl())
    Protection(signature=True).require(None, signed=True)
