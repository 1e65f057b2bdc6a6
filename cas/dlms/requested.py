"""An association with the parameters of an AARQ that somebody else wrote (Green Book 8.3, 9.4.2).

What the AARQ says goes out as it is. What it cannot say comes from the configured settings: the keys, the invocation
counters, a password or challenge that it leaves out, and passes 3 and 4 of high level security. Its user-information
is an initiateRequest in the clear, or absent; where the context is ciphered it is protected here.
"""

from dataclasses import replace

from cas.bindings import cosempdu as cos
from cas.dlms.acse import CONTEXT, MECHANISM, Settings
from cas.dlms.apdu import decode_apdu
from cas.dlms.conformance import Conformance
from cas.dlms.errors import DecodeError, EncodeError, KeyUnusable
from cas.dlms.security.authentication import Mechanism
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.policy import Protection

_CONTEXTS = {1: False, 2: False, 3: True, 4: True}
"""Application contexts by their last arc, and whether they are ciphered: LN, SN, LN and SN with ciphering."""
_SHORT_NAMES = (2, 4)


def requested(asked: cos.AarqApdu, configured: Settings) -> Settings:
    """The settings of the association that is asked for.

    Raises EncodeError for an AARQ that asks for what there is not, KeyUnusable where it needs keys that are not
    configured.
    """
    is_ciphered, mechanism, initiate = _read(asked)
    control, required = _protection(configured, is_ciphered=is_ciphered)
    proposed = configured.conformance if initiate is None else Conformance.from_bits(initiate.proposed_conformance)
    size = configured.max_pdu if initiate is None else initiate.client_max_receive_pdu_size
    return replace(
        configured,
        mechanism=mechanism,
        client_title=asked.calling_ap_title or configured.client_title,
        control=control,
        required=required,
        conformance=proposed,
        max_pdu=size,
        short_names=_last_arc(asked.application_context_name, CONTEXT, "application-context-name") in _SHORT_NAMES,
        dedicated=_dedicated(initiate, configured, control),
        asked=asked,
        initiate=initiate,
    )


def check_requested(asked: cos.AarqApdu) -> None:
    """Raise EncodeError for an AARQ with which no association can be asked for."""
    _read(asked)


def _read(asked: cos.AarqApdu) -> tuple[bool, Mechanism, cos.InitiateRequest | None]:
    """Whether the context is ciphered, the mechanism, and the context that is proposed."""
    context = _last_arc(asked.application_context_name, CONTEXT, "application-context-name")
    if context not in _CONTEXTS:
        raise EncodeError(f"no application context has the number {context}", "application-context-name")
    mechanism = _mechanism(asked)
    return _CONTEXTS[context], mechanism, _initiate(asked)


def _mechanism(asked: cos.AarqApdu) -> Mechanism:
    if asked.mechanism_name is None:
        return Mechanism.LOWEST
    number = _last_arc(asked.mechanism_name, MECHANISM, "mechanism-name")
    try:
        return Mechanism(number)
    except ValueError:
        raise EncodeError(f"no authentication mechanism has the number {number}", "mechanism-name") from None


def _last_arc(name: str, prefix: str, path: str) -> int:
    last = name.removeprefix(prefix)
    if last == name or not last.isdecimal():
        raise EncodeError(f"{name} does not begin with {prefix}", path)
    return int(last)


def _initiate(asked: cos.AarqApdu) -> cos.InitiateRequest | None:
    if asked.user_information is None:
        return None
    try:
        initiate = decode_apdu(asked.user_information)
    except DecodeError as error:
        raise EncodeError(str(error), "user-information") from None
    if not isinstance(initiate, cos.InitiateRequest):
        raise EncodeError("must be an initiateRequest in the clear: it is ciphered here", "user-information")
    return initiate


def _protection(configured: Settings, *, is_ciphered: bool) -> tuple[SecurityControl | None, Protection]:
    if not is_ciphered:
        return None, Protection()
    if configured.control is not None:
        return configured.control, configured.required
    if configured.ciphering is None:
        raise KeyUnusable("a ciphered application context needs an encryption key and an authentication key")
    suite = configured.ciphering.suite.number
    return SecurityControl(suite, authentication=True, encryption=True), Protection(
        authentication=True, encryption=True
    )


def _dedicated(
    initiate: cos.InitiateRequest | None, configured: Settings, control: SecurityControl | None
) -> Ciphering | None:
    if initiate is None or initiate.dedicated_key is None:
        return None
    if control is None or configured.ciphering is None:
        raise KeyUnusable("a dedicated key needs a ciphered application context and the keys of the device")
    return configured.ciphering.with_key(initiate.dedicated_key)
