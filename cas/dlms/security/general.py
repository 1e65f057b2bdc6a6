"""general-ciphering and general-signing: protection that names its parties and its key (Green Book 8.3, 9.2.7.2).

The header, transaction-id to other-information, is authenticated together with the content. How the receiver comes to
the key stands in key-info: identified (one that both hold), wrapped (under the master key) or agreed (ECDH). Agreed by
the one-pass model, the originator sends an ephemeral public key with its signature; by the static unified model,
nothing: the static keys of both sides and the transaction-id make the key.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

from cas.bindings.cosempdu import (
    AgreedKey,
    GeneralCiphering,
    GeneralSigning,
    IdentifiedKey,
    KekId,
    KeyId,
    KeyInfo,
    WrappedKey,
    XDlmsApdu,
)
from cas.dlms import axdr
from cas.dlms.errors import DecodeError, KeyUnusable, SecurityError
from cas.dlms.security.ciphering import Ciphering, Unprotected
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.key_transport import (
    agree,
    public_key_from,
    public_key_octets,
    static_party_u,
    unwrap_key,
    wrap_key,
)
from cas.dlms.security.keys import SymmetricKeys, require_key
from cas.dlms.security.signature import sign, suite_of, verify
from cas.dlms.security.wrapping import encode_octets

ONE_PASS, STATIC_UNIFIED = b"\x01", b"\x02"
"""key-parameters: C(1e, 1s) and C(0e, 2s)."""


@dataclass(frozen=True, slots=True)
class Header:
    """What general-ciphering and general-signing say of themselves; date_time and other_information may be empty."""

    transaction_id: bytes
    originator: bytes
    recipient: bytes
    date_time: bytes = b""
    other_information: bytes = b""

    @property
    def octets(self) -> bytes:
        """Each part with its length, as authenticated and signed."""
        parts = (self.transaction_id, self.originator, self.recipient, self.date_time, self.other_information)
        return b"".join(map(encode_octets, parts))


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """What one side needs to open general-ciphering of one peer; what is None is not used.

    `agreement` is our static private key, `peer_agreement` the peer's static public key, `peer_signing` the public key
    that the peer's ephemeral keys are signed with.
    """

    symmetric: SymmetricKeys
    agreement: EllipticCurvePrivateKey | None = None
    peer_agreement: EllipticCurvePublicKey | None = None
    peer_signing: EllipticCurvePublicKey | None = None

    def __repr__(self) -> str:
        return f"KeyRing(suite={self.symmetric.suite.number}, keys hidden)"


def identified(keys: SymmetricKeys, *, broadcast: bool = False) -> tuple[KeyInfo, bytes]:
    """key-info of a key that the recipient holds, and the key. Raises KeyUnusable without a broadcast key."""
    if broadcast:
        if keys.broadcast is None:
            raise KeyUnusable("no broadcast key is configured")
        return _info(KeyId.GLOBAL_BROADCAST_ENCRYPTION_KEY), keys.broadcast
    return _info(KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY), keys.encryption


def wrapped(keys: SymmetricKeys, fresh_key: bytes) -> tuple[KeyInfo, bytes]:
    """key-info that carries `fresh_key`, drawn by the caller, and the key. Raises KeyUnusable without a master key."""
    if keys.master is None:
        raise KeyUnusable("no master key is configured to wrap a key with")
    require_key(fresh_key, keys.suite, "wrapped key")
    data = wrap_key(keys.master, fresh_key)
    return KeyInfo(wrapped_key=WrappedKey(kek_id=KekId.MASTER_KEY, key_ciphered_data=data)), fresh_key


def agreed_one_pass(
    header: Header,
    ephemeral: EllipticCurvePrivateKey,
    signing: EllipticCurvePrivateKey,
    recipient: EllipticCurvePublicKey,
) -> tuple[KeyInfo, bytes]:
    """key-info of the one-pass model and the key; `ephemeral` is drawn by the caller and used once."""
    point = public_key_octets(ephemeral.public_key())
    info = AgreedKey(key_parameters=ONE_PASS, key_ciphered_data=point + sign(signing, point))
    return KeyInfo(agreed_key=info), agree(ephemeral, recipient, header.originator, header.recipient)


def agreed_static(
    header: Header, own: EllipticCurvePrivateKey, recipient: EllipticCurvePublicKey
) -> tuple[KeyInfo, bytes]:
    """key-info of the static unified model and the key; a transaction-id must never come twice."""
    party_u = static_party_u(header.originator, header.transaction_id)
    info = AgreedKey(key_parameters=STATIC_UNIFIED, key_ciphered_data=b"")
    return KeyInfo(agreed_key=info), agree(own, recipient, party_u, header.recipient)


def cipher(
    plain: bytes, header: Header, info: KeyInfo | None, ciphering: Ciphering, counter: int, control: SecurityControl
) -> bytes:
    """The general-ciphering APDU of `plain`. `ciphering` has the key that belongs to `info`. Errors as of `protect`."""
    content = ciphering.protect(plain, header.originator, counter, control, header.octets)
    return axdr.encode(
        XDlmsApdu(
            general_ciphering=GeneralCiphering(
                transaction_id=header.transaction_id,
                originator_system_title=header.originator,
                recipient_system_title=header.recipient,
                date_time=header.date_time,
                other_information=header.other_information,
                key_info=info,
                ciphered_content=content,
            )
        )
    )


def decipher(apdu: GeneralCiphering, ring: KeyRing) -> Unprotected:
    """Open a general-ciphering APDU. Neither counter, parties nor degree of protection are judged here.

    Raises SecurityError and DecodeError for the peer's faults, KeyUnusable when the ring lacks what key-info asks for.
    """
    header = header_of(apdu)
    suite = ring.symmetric.suite
    key = _key(apdu.key_info, header, ring)
    if len(key) != suite.key_length:
        raise SecurityError(f"the peer sent a key of {len(key)} octets, suite {suite.number} has {suite.key_length}")
    ciphering = Ciphering(suite, key, ring.symmetric.authentication)
    return ciphering.unprotect(apdu.ciphered_content, header.originator, header.octets)


def sign_apdu(content: bytes, header: Header, key: EllipticCurvePrivateKey) -> bytes:
    """The general-signing APDU of `content`, signed over header and content, each part with its length."""
    return axdr.encode(
        XDlmsApdu(
            general_signing=GeneralSigning(
                transaction_id=header.transaction_id,
                originator_system_title=header.originator,
                recipient_system_title=header.recipient,
                date_time=header.date_time,
                other_information=header.other_information,
                content=content,
                signature=sign(key, header.octets + encode_octets(content)),
            )
        )
    )


def verify_apdu(apdu: GeneralSigning, key: EllipticCurvePublicKey) -> bytes:
    """The content, if the originator's public key says that it is signed. Raises SignatureInvalid."""
    verify(key, header_of(apdu).octets + encode_octets(apdu.content), apdu.signature)
    return apdu.content


def header_of(apdu: GeneralCiphering | GeneralSigning) -> Header:
    """The header of either APDU."""
    return Header(
        apdu.transaction_id,
        apdu.originator_system_title,
        apdu.recipient_system_title,
        apdu.date_time,
        apdu.other_information,
    )


def _info(key_id: KeyId) -> KeyInfo:
    return KeyInfo(identified_key=IdentifiedKey(key_id=key_id))


def _key(info: KeyInfo | None, header: Header, ring: KeyRing) -> bytes:
    if info is None:
        return ring.symmetric.encryption
    if info.identified_key:
        return identified(
            ring.symmetric, broadcast=info.identified_key.key_id is KeyId.GLOBAL_BROADCAST_ENCRYPTION_KEY
        )[1]
    if info.wrapped_key:
        if ring.symmetric.master is None:
            raise KeyUnusable("no master key is configured to unwrap a key with")
        return unwrap_key(ring.symmetric.master, info.wrapped_key.key_ciphered_data)
    if info.agreed_key:
        return _agreed_key(info.agreed_key, header, ring)
    raise DecodeError("no alternative is chosen", path="key-info")


def _agreed_key(info: AgreedKey, header: Header, ring: KeyRing) -> bytes:
    suite = ring.symmetric.suite
    if ring.agreement is None:
        raise KeyUnusable("no private key for key agreement is configured")
    if suite_of(ring.agreement) != suite:
        raise KeyUnusable(f"the private key for key agreement is not of suite {suite.number}")
    if info.key_parameters == STATIC_UNIFIED:
        if ring.peer_agreement is None:
            raise KeyUnusable("the public key agreement key of the peer is not configured")
        party_u = static_party_u(header.originator, header.transaction_id)
        return agree(ring.agreement, ring.peer_agreement, party_u, header.recipient)
    if info.key_parameters != ONE_PASS:
        raise DecodeError(f"key-parameters {info.key_parameters.hex().upper()} is no key agreement", path="agreed-key")
    if ring.peer_signing is None:
        raise KeyUnusable("the public signing key of the peer is not configured")
    length = suite.signature_length
    point, signature = info.key_ciphered_data[:length], info.key_ciphered_data[length:]
    verify(ring.peer_signing, point, signature)
    try:
        ephemeral = public_key_from(point, suite)
    except KeyUnusable as error:
        raise SecurityError(f"the peer's ephemeral key: {error}") from None
    return agree(ring.agreement, ephemeral, header.originator, header.recipient)
