"""Global keys agreed by key_agreement of Security setup: the ephemeral unified model (Green Book 8.3, 9.2.3.4.6.2).

Each side draws an ephemeral key and sends its public half, signed together with the key_id; from both halves both
derive the key, which never travels. The client is party U. Ephemeral private keys are arguments, used once.
"""

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

from cas.dlms.errors import DecodeError, KeyUnusable, SecurityError
from cas.dlms.security.key_transport import KeyUse, agree, public_key_from, public_key_octets
from cas.dlms.security.signature import sign, verify
from cas.dlms.security.suites import Suite

_MASTER = 3
"""The key_id of the master key, which wraps keys and ciphers nothing."""


def key_data(key_id: int, ephemeral: EllipticCurvePrivateKey, signing: EllipticCurvePrivateKey) -> bytes:
    """What one side sends: its ephemeral public key, and the signature over the key_id and that."""
    point = public_key_octets(ephemeral.public_key())
    return point + sign(signing, bytes((key_id,)) + point)


def ephemeral_in(
    data: bytes, key_id: int, suite: Suite, peer_signing: EllipticCurvePublicKey
) -> EllipticCurvePublicKey:
    """The peer's ephemeral key. Raises SignatureInvalid, DecodeError, SecurityError for what is no point."""
    length = suite.signature_length
    if len(data) != 2 * length:
        raise DecodeError(f"{len(data)} octets, a key and its signature have {2 * length}", path="key_data")
    point, signature = data[:length], data[length:]
    verify(peer_signing, bytes((key_id,)) + point, signature)
    try:
        return public_key_from(point, suite)
    except KeyUnusable as error:
        raise SecurityError(f"the peer's ephemeral key: {error}") from None


def agreed_key(
    key_id: int, own: EllipticCurvePrivateKey, peer: EllipticCurvePublicKey, client_title: bytes, server_title: bytes
) -> bytes:
    """The key that both sides derive."""
    use = KeyUse.WRAPPING if key_id == _MASTER else KeyUse.CIPHERING
    return agree(own, peer, client_title, server_title, use)
