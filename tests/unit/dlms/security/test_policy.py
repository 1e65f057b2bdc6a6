"""The security policy: what the attribute says, and what it refuses."""

import pytest

from cas.dlms.errors import PolicyViolation
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.policy import Protection, SecurityPolicy


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
def test_version_0_counts() -> None:
    for value, (authentication, encryption) in enumerate([(False, False), (True, False), (False, True), (True, True)]):
        policy = SecurityPolicy.from_octet(value, version=0)
        assert policy.request == policy.response == Protection(authentication, encryption)
    with pytest.raises(ValueError, match="security policy 4"):
        SecurityPolicy.from_octet(4, version=0)


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
def test_version_1_has_bits() -> None:
    assert SecurityPolicy.from_octet(0x0C) == SecurityPolicy(request=Protection(True, True))
    assert SecurityPolicy.from_octet(0xF0) == SecurityPolicy(Protection(signature=True), Protection(True, True, True))


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
