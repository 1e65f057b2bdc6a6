"""ACSE as a server sees it: what an AARQ asks for, whether it may have it, and what AARE and RLRE say.

Green Book 8.3, 9.4.2 and 9.4.4.1.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from cas.bindings import cosempdu as cos
from cas.dlms.acse import CONTEXT, DLMS_VERSION, MECHANISM
from cas.dlms.apdu import encode_apdu
from cas.dlms.conformance import LOGICAL_NAME, Conformance
from cas.dlms.errors import AssociationRefused, ConfirmedServiceError
from cas.dlms.security.authentication import Credentials, Mechanism
from cas.dlms.security.keys import Secret, SymmetricKeys
from cas.dlms.security.parties import Parties
from cas.dlms.security.policy import Protection
from cas.dlms.security.suites import TITLE_LENGTH

_CONTEXTS = {False: ("1", "3"), True: ("2", "4")}
"""Last arcs of the contexts, plain and ciphered, with logical and with short names."""
_UNPROTECTED = Protection()
_VAA_NAMES = {False: 0x0007, True: 0xFA00 - 0x1_0000}
MIN_PDU = 12
"""Octets: less than this a client may not propose (Green Book 8.3, 9.4.6.1)."""
_KINDS = 64
"""Answers that are remembered as encoded: in the clear, all devices of a kind give the same one."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """One association that a logical device offers to one client; none of the keys is shown.

    `required` is the least protection of requests; where that or `response` asks for any, the plain application context
    is refused. `max_pdu`: octets of the longest APDU that the server receives.
    """

    own_title: bytes
    mechanism: Mechanism = Mechanism.LOWEST
    password: Secret | None = None
    """For low level security."""
    credentials: Credentials = field(default_factory=Credentials)
    """For high level security by other means than `keys`, which GMAC uses."""
    keys: SymmetricKeys | None = None
    required: Protection = field(default_factory=Protection)
    response: Protection = field(default_factory=Protection)
    """The least protection of answers, which have at least that of their requests."""
    answers: Protection | None = None
    """The protection of every ciphered answer, whatever its request has: for devices that depart from the standard."""
    parties: Parties | None = None
    """Keys for general-ciphering and general-signing."""
    random: Callable[[int], bytes] | None = None
    """Fresh entropy, for keys that answers come under."""
    conformance: Conformance = LOGICAL_NAME
    max_pdu: int = 0xFFFF
    short_names: bool = False
    """Objects are referred to by short names."""
    general_blocks: bool = False
    """Long answers go in blocks of general block transfer even where the service has blocks of its own."""


class Proposal(NamedTuple):
    """What an AARQ asks for, once it is found acceptable. `challenge` is the client's, for high level security."""

    ciphered: bool
    client_title: bytes
    challenge: bytes
    user_information: bytes
    certificate: bytes | None = None
    """That of the client's key for signatures."""


def proposal(aarq: cos.AarqApdu, settings: ServerSettings) -> Proposal:
    """Judge all of an AARQ but its initiateRequest. Raises AssociationRefused with the diagnostic to answer."""
    if not aarq.protocol_version.startswith("1"):
        raise _refuse(cos.AcseServiceProvider.NO_COMMON_ACSE_VERSION.value)
    name = aarq.application_context_name
    in_clear, under_keys = _CONTEXTS[settings.short_names]
    ciphered = name == CONTEXT + under_keys
    plain_allowed = settings.required == settings.response == _UNPROTECTED
    if not (ciphered and settings.keys) and not (name == CONTEXT + in_clear and plain_allowed):
        raise _refuse("application-context-name-not-supported")
    _check_mechanism(aarq.mechanism_name, settings.mechanism)
    value = (aarq.calling_authentication_value.charstring if aarq.calling_authentication_value else None) or b""
    if settings.mechanism is not Mechanism.LOWEST and not value:
        raise _refuse("authentication-required")
    if settings.mechanism is Mechanism.LOW:
        password = settings.password.octets if settings.password else b""
        if not hmac.compare_digest(value, password):
            raise _refuse("authentication-failure")
    title = aarq.calling_ap_title or b""
    if (ciphered or settings.mechanism is Mechanism.HIGH_GMAC) and len(title) != TITLE_LENGTH:
        raise _refuse("calling-AP-title-not-recognized")
    if aarq.user_information is None:
        raise _refuse("no-reason-given")
    return Proposal(ciphered, title, value, aarq.user_information, aarq.calling_ae_qualifier)


def _check_mechanism(name: str | None, wanted: Mechanism) -> None:
    if name is None and wanted is not Mechanism.LOWEST:
        raise _refuse("authentication-mechanism-name-required")
    if name is not None and name != f"{MECHANISM}{wanted:d}":
        raise _refuse("authentication-mechanism-name-not-recognised")


def negotiate(initiate: object, settings: ServerSettings, overhead: int) -> tuple[Conformance, int]:
    """The services agreed upon, and the longest answer in octets that the client takes (0: no limit).

    `overhead` is what protection adds to an answer. Raises AssociationRefused, ConfirmedServiceError.
    """
    if not isinstance(initiate, cos.InitiateRequest):
        raise _refuse("no-reason-given")
    if initiate.proposed_dlms_version_number < DLMS_VERSION:
        raise _initiate_error("dlms-version-too-low")
    agreed = Conformance.from_bits(initiate.proposed_conformance) & settings.conformance
    if not agreed:
        raise _initiate_error("incompatible-conformance")
    size = initiate.client_max_receive_pdu_size
    if size and size < MIN_PDU + overhead:
        raise _initiate_error("pdu-size-too-short")
    return agreed, size


@lru_cache(_KINDS)
def initiate_response(agreed: Conformance, max_pdu: int, *, short_names: bool) -> bytes:
    """The initiateResponse that agrees to these services."""
    response = cos.InitiateResponse(
        negotiated_dlms_version_number=DLMS_VERSION,
        negotiated_conformance=agreed.bits,
        server_max_receive_pdu_size=max_pdu,
        vaa_name=_VAA_NAMES[short_names],
    )
    return encode_apdu(response)


def aare_accepted(
    proposed: Proposal, settings: ServerSettings, challenge: bytes | None, user_information: bytes
) -> bytes:
    """The AARE that accepts; with a challenge, authentication is still to be done."""
    context = CONTEXT + _CONTEXTS[settings.short_names][proposed.ciphered]
    if challenge is None and not proposed.ciphered:  # a device that proves nothing names itself as little
        return _aare_in_clear(context, user_information)
    certificate = settings.credentials.certificate if settings.mechanism is Mechanism.HIGH_ECDSA else None
    mechanism = None if challenge is None else f"{MECHANISM}{settings.mechanism:d}"
    return _aare(context, user_information, settings.own_title, certificate, mechanism, challenge)


def _aare(
    context: str,
    user_information: bytes,
    title: bytes | None = None,
    certificate: bytes | None = None,
    mechanism: str | None = None,
    challenge: bytes | None = None,
) -> bytes:
    source = cos.AcseServiceUser.NULL if challenge is None else cos.AcseServiceUser.AUTHENTICATION_REQUIRED
    aare = cos.AareApdu(
        application_context_name=context,
        result=cos.AssociationResult.ACCEPTED,
        result_source_diagnostic=cos.AssociateSourceDiagnostic(acse_service_user=source),
        responding_ap_title=title,
        responding_ae_qualifier=certificate,
        responder_acse_requirements=None if challenge is None else "1",
        mechanism_name=mechanism,
        responding_authentication_value=None if challenge is None else cos.AuthenticationValue(charstring=challenge),
        user_information=user_information,
    )
    return encode_apdu(aare)


_aare_in_clear = lru_cache(_KINDS)(_aare)


def aare_refused(context: str, error: AssociationRefused, user_information: bytes | None = None) -> cos.AareApdu:
    """The AARE that refuses, for the reason that the error has."""
    if error.diagnostic == cos.AcseServiceProvider.NO_COMMON_ACSE_VERSION.value:
        source = cos.AssociateSourceDiagnostic(acse_service_provider=cos.AcseServiceProvider(error.diagnostic))
    else:
        source = cos.AssociateSourceDiagnostic(acse_service_user=cos.AcseServiceUser(error.diagnostic))
    return cos.AareApdu(
        application_context_name=context,
        result=cos.AssociationResult(error.result),
        result_source_diagnostic=source,
        user_information=user_information,
    )


def initiate_error(error: ConfirmedServiceError) -> cos.ConfirmedServiceError:
    """What stands in the user-information of an AARE that refuses the xDLMS context."""
    return cos.ConfirmedServiceError(initiate_error=cos.ServiceError(initiate=cos.ServiceErrorInitiate(error.error)))


def _refuse(diagnostic: str) -> AssociationRefused:
    return AssociationRefused("rejected-permanent", diagnostic)


def _initiate_error(reason: str) -> ConfirmedServiceError:
    return ConfirmedServiceError("initiateError", "initiate", reason)
