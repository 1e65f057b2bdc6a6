"""ACSE: what AARQ and RLRQ carry, and what AARE says (Green Book 8.3, 9.4.2)."""

from dataclasses import dataclass, field, replace
from functools import lru_cache

from cas.bindings import cosempdu as cos
from cas.dlms.apdu import decode_apdu
from cas.dlms.conformance import LOGICAL_NAME, Conformance
from cas.dlms.errors import AssociationRefused, DecodeError, UnexpectedApdu
from cas.dlms.security.authentication import Credentials, Mechanism
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.keys import Secret
from cas.dlms.security.parties import Parties
from cas.dlms.security.policy import Protection

CONTEXT = "2.16.756.5.8.1."
MECHANISM = "2.16.756.5.8.2."
DLMS_VERSION = 6
VAA_NAME = 0x0007
"""The virtual application association with logical names."""
_LN, _SN, _LN_CIPHERED, _SN_CIPHERED = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Settings:
    """How the client associates with one device; none of the keys is shown.

    `control` None: requests go out in the clear. `required` is the least protection of answers.
    """

    mechanism: Mechanism = Mechanism.LOWEST
    password: Secret | None = None
    """For low level security."""
    credentials: Credentials = field(default_factory=Credentials)
    """For high level security."""
    client_title: bytes = b""
    server_title: bytes | None = None
    ciphering: Ciphering | None = None
    control: SecurityControl | None = None
    required: Protection = field(default_factory=Protection)
    general: bool = False
    """Use general-glo-ciphering in place of glo-."""
    conformance: Conformance = LOGICAL_NAME
    max_pdu: int = 0xFFFF
    """Octets of the longest APDU that the client receives."""
    release: bool = True
    """Release by RLRQ before the link is closed; some devices do not know it."""
    release_refused: bool = False
    """Take an exception-response to RLRQ as the end of the association all the same."""
    pre_established: bool = False
    """The association is open as soon as the link is: no AARQ, no RLRQ. It has the conformance that is proposed."""
    surplus_octets: bool = False
    """Take an answer that more octets follow."""
    list_size: int | None = None
    """The most items of one request; 1 for none but single ones, None for any number."""
    short_names: bool = False
    """Refer to objects by short names; requests by logical names are mapped onto them."""
    general_blocks: bool = False
    """Use general block transfer also for services that have blocks of their own."""
    block_window: int = 16
    """Blocks of general block transfer that the client takes in a row, 1 to 63."""
    dedicated_key: bool = False
    """Propose a fresh dedicated key in each association, for what follows the AARQ."""
    parties: Parties | None = None
    """Keys for general-ciphering and general-signing, and which of the two are used."""
    last_counter: int | None = None
    """The device's last invocation counter that was accepted in an earlier association."""
    dedicated: Ciphering | None = None
    """The dedicated key, with the authentication key, for what follows the AARQ."""
    asked: cos.AarqApdu | None = None
    """The AARQ as somebody else wants it, and with it `initiate`; see `cas.dlms.requested`."""
    initiate: cos.InitiateRequest | None = None

    @property
    def names_titles(self) -> bool:
        """Whether AARQ tells the client's system title."""
        return self.control is not None or self.mechanism.is_high


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What the device agreed to. `max_pdu`: octets of the longest APDU that it receives, None for no limit."""

    conformance: Conformance
    max_pdu: int | None
    vaa_name: int


def aarq(settings: Settings, challenge: bytes, user_information: bytes) -> cos.AarqApdu:
    """The request for an association; `user_information` is the initiateRequest, sealed where that is asked for."""
    value: bytes | None = None
    if settings.mechanism is Mechanism.LOW:
        value = settings.password.octets if settings.password else b""
    elif settings.mechanism.is_high:
        value = challenge
    plain, ciphered = (_SN, _SN_CIPHERED) if settings.short_names else (_LN, _LN_CIPHERED)
    context = plain if settings.control is None else ciphered
    authenticated = settings.mechanism is not Mechanism.LOWEST
    ours = cos.AarqApdu(
        application_context_name=f"{CONTEXT}{context}",
        calling_ap_title=(settings.client_title or None) if settings.names_titles else None,
        # the certificate of our signing key (Green Book 8.3, 9.2.6.6.5)
        calling_ae_qualifier=settings.credentials.certificate if settings.mechanism is Mechanism.HIGH_ECDSA else None,
        sender_acse_requirements="1" if authenticated else None,
        mechanism_name=f"{MECHANISM}{settings.mechanism:d}" if authenticated else None,
        calling_authentication_value=None if value is None else cos.AuthenticationValue(charstring=value),
        user_information=user_information,
    )
    if (asked := settings.asked) is None:
        return ours
    return replace(
        asked,
        calling_ap_title=asked.calling_ap_title or ours.calling_ap_title,
        calling_ae_qualifier=asked.calling_ae_qualifier or ours.calling_ae_qualifier,
        sender_acse_requirements=asked.sender_acse_requirements or ours.sender_acse_requirements,
        calling_authentication_value=asked.calling_authentication_value or ours.calling_authentication_value,
        user_information=user_information,
    )


def challenge_of(settings: Settings, challenge: bytes) -> bytes:
    """The challenge that the AARQ carries: this one, or that of the AARQ that was asked for."""
    value = settings.asked.calling_authentication_value if settings.asked else None
    return (value.charstring if value else None) or challenge


def initiate_request(settings: Settings) -> cos.InitiateRequest:
    """The xDLMS context that the client proposes."""
    return settings.initiate or _proposal(settings.conformance, settings.max_pdu)


@lru_cache
def _proposal(conformance: Conformance, max_pdu: int) -> cos.InitiateRequest:
    """One object for all devices that are asked the same, so that it is coded once."""
    return cos.InitiateRequest(
        proposed_dlms_version_number=DLMS_VERSION,
        proposed_conformance=conformance.bits,
        client_max_receive_pdu_size=max_pdu,
    )


def negotiated(initiate: object, proposed: Conformance) -> Negotiated:
    """What an initiateResponse settles. Raises AssociationRefused, DecodeError."""
    if isinstance(initiate, cos.ConfirmedServiceError):
        raise AssociationRefused("rejected-permanent", _reason(initiate))
    if not isinstance(initiate, cos.InitiateResponse):
        raise DecodeError(f"{type(initiate).__name__} where an initiateResponse is due", path="user-information")
    if initiate.negotiated_dlms_version_number != DLMS_VERSION:
        raise AssociationRefused("accepted", f"DLMS version {initiate.negotiated_dlms_version_number}, not 6")
    # a device may agree to what was proposed, not to more (Green Book 8.3, 9.4.6.1)
    conformance = proposed.among(initiate.negotiated_conformance)
    size = initiate.server_max_receive_pdu_size or None  # 0: no limit
    return Negotiated(conformance, size, initiate.vaa_name)


def check_accepted(aare: cos.AareApdu) -> None:
    """Raise AssociationRefused with the result and diagnostic of an AARE that does not accept.

    Where it is the xDLMS context that is refused, the reason stands in the user-information, and the diagnostic says
    no-reason-given (Green Book 8.3, 9.4.4.1).
    """
    if aare.result is cos.AssociationResult.ACCEPTED:
        return
    source = aare.result_source_diagnostic
    diagnostic = source.acse_service_user or source.acse_service_provider
    reason = diagnostic.value if diagnostic else "no diagnostic"
    try:
        error = decode_apdu(aare.user_information or b"")
    except DecodeError:
        error = None
    raise AssociationRefused(
        aare.result.value, _reason(error) if isinstance(error, cos.ConfirmedServiceError) else reason
    )


def check_as_asked(aare: cos.AareApdu, aarq: cos.AarqApdu) -> None:
    """Refuse an AARE that accepts something else than was asked for. Raises UnexpectedApdu.

    A mechanism that it does not name is that of the AARQ.
    """
    if aare.application_context_name != aarq.application_context_name:
        raise UnexpectedApdu(
            f"an AARE of the application context {aare.application_context_name}", aarq.application_context_name
        )
    if aare.mechanism_name not in (None, aarq.mechanism_name):
        raise UnexpectedApdu(
            f"an AARE of the mechanism {aare.mechanism_name}", aarq.mechanism_name or "no authentication"
        )


def _reason(error: cos.ConfirmedServiceError) -> str:
    """Why the xDLMS context is refused, by its XML name."""
    initiate = error.initiate_error.initiate if error.initiate_error else None
    return initiate.value if initiate else "no-reason-given"
