"""How to associate with a device: its profile, keys and quirks, as the protocol layer wants them."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

from cas.devices.keys import KeyKind, Secret
from cas.devices.model import Authentication, Device, Protection
from cas.dlms.acse import Settings
from cas.dlms.conformance import LOGICAL_NAME, SHORT_NAME, Conformance
from cas.dlms.security.authentication import Credentials, Mechanism
from cas.dlms.security.certificates import authority_in
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.general import KeyRing
from cas.dlms.security.key_forms import private_key, public_key
from cas.dlms.security.keys import Secret as Password
from cas.dlms.security.keys import SymmetricKeys
from cas.dlms.security.parties import KeyChoice, Parties
from cas.dlms.security.policy import Protection as Required
from cas.dlms.security.suites import SUITES, Suite

_MECHANISMS = {
    Authentication.NONE: Mechanism.LOWEST,
    Authentication.LLS: Mechanism.LOW,
    Authentication.HLS: Mechanism.HIGH,
    Authentication.HLS_MD5: Mechanism.HIGH_MD5,
    Authentication.HLS_SHA1: Mechanism.HIGH_SHA1,
    Authentication.HLS_GMAC: Mechanism.HIGH_GMAC,
    Authentication.HLS_SHA256: Mechanism.HIGH_SHA256,
    Authentication.HLS_ECDSA: Mechanism.HIGH_ECDSA,
}
_PROTECTIONS = {
    Protection.NONE: Required(),
    Protection.AUTHENTICATED: Required(authentication=True),
    Protection.ENCRYPTED: Required(encryption=True),
    Protection.BOTH: Required(authentication=True, encryption=True),
}
_CHOICES = {choice.value: choice for choice in KeyChoice}


def settings_of(device: Device, keys: Mapping[KeyKind, Secret], client_title: bytes) -> Settings:
    """How to associate with a device. Raises KeyUnusable when a key is not one that the suite asks for."""
    suite, quirks = SUITES[device.suite], device.quirks
    ciphering: Ciphering | None = None
    if KeyKind.ENCRYPTION in keys and KeyKind.AUTHENTICATION in keys:
        ciphering = _ciphering(device.suite, keys[KeyKind.ENCRYPTION], keys[KeyKind.AUTHENTICATION])
    secret = Password(keys[KeyKind.SECRET].reveal()) if KeyKind.SECRET in keys else None
    protection = _PROTECTIONS[device.protection]
    control = None
    if device.protection is not Protection.NONE:
        control = SecurityControl(device.suite, protection.authentication, protection.encryption)
    # the answer must be protected as the request is, unless told: what comes in the clear may be anybody's
    answers = _PROTECTIONS[Protection(quirks.response_protection or device.protection)]
    conformance = SHORT_NAME if quirks.short_names else LOGICAL_NAME
    if not quirks.general_block_transfer:
        conformance &= ~Conformance.GENERAL_BLOCK_TRANSFER
    return Settings(
        mechanism=_MECHANISMS[device.authentication],
        password=secret,
        credentials=_credentials(device, keys, secret, ciphering),
        client_title=client_title,
        server_title=device.system_title,
        ciphering=ciphering,
        control=control,
        required=replace(answers, signature=True) if quirks.signing else answers,
        general=quirks.ciphering == "general",
        parties=_parties(device, keys, suite),
        dedicated_key=quirks.dedicated_key,
        conformance=conformance,
        max_pdu=device.max_pdu,
        release=quirks.release,
        release_refused=quirks.release_refused,
        pre_established=quirks.pre_established,
        surplus_octets=quirks.surplus_octets,
        short_names=quirks.short_names,
        list_size=quirks.list_size,
        general_blocks=quirks.general_blocks,
        block_window=quirks.block_window,
    )


def _credentials(
    device: Device, keys: Mapping[KeyKind, Secret], secret: Password | None, ciphering: Ciphering | None
) -> Credentials:
    if device.authentication is not Authentication.HLS_ECDSA:
        return Credentials(secret=secret, ciphering=ciphering)
    suite = SUITES[device.suite]
    theirs = keys[KeyKind.DEVICE_SIGNING].reveal()
    authority = authority_in(theirs)
    shown = keys.get(KeyKind.CERTIFICATE)
    return Credentials(
        private_key=private_key(keys[KeyKind.SIGNING].reveal(), suite, "our signing key"),
        public_key=None if authority else public_key(theirs, suite, "the device's signing key"),
        authority=authority,
        certificate=shown.reveal() if shown else None,
    )


def _parties(device: Device, keys: Mapping[KeyKind, Secret], suite: Suite) -> Parties | None:
    """What general-ciphering and general-signing need; None where neither is used."""
    choice = _CHOICES.get(device.quirks.ciphering)
    if not (choice or device.quirks.signing):
        return None
    octets = {kind: key.reveal() for kind, key in keys.items()}
    none = bytes(suite.key_length)  # for signing alone
    symmetric = SymmetricKeys(
        suite,
        octets.get(KeyKind.ENCRYPTION, none),
        octets.get(KeyKind.AUTHENTICATION, none),
        octets.get(KeyKind.BROADCAST),
        octets.get(KeyKind.MASTER),
    )

    def private(kind: KeyKind) -> EllipticCurvePrivateKey | None:
        return private_key(octets[kind], suite, f"our {kind} key") if kind in octets else None

    def public(kind: KeyKind) -> EllipticCurvePublicKey | None:
        if kind not in octets or authority_in(octets[kind]):
            return None  # of an authority, the device's own comes with its certificate
        return public_key(octets[kind], suite, f"the {kind} key")

    ring = KeyRing(
        symmetric,
        private(KeyKind.AGREEMENT),
        public(KeyKind.DEVICE_AGREEMENT),
        public(KeyKind.DEVICE_SIGNING),
    )
    return Parties(ring, private(KeyKind.SIGNING), choice, device.quirks.signing)


@lru_cache(maxsize=10_000)
def _ciphering(suite: int, encryption: Secret, authentication: Secret) -> Ciphering:
    """Setting up AES costs more than an APDU; a device that is read often keeps its own."""
    return Ciphering(SUITES[suite], encryption.reveal(), authentication.reveal())
