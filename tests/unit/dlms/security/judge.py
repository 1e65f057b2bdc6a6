"""A second implementation of ciphering, general-ciphering and general-signing, to judge ours by; it shares no code.

Written from the ASN.1 of the APDUs and Green Book 8.3, 9.2.3 and 9.2.7, over the primitives of `cryptography`, octet by
octet. It holds the keys of one side as plain numbers and octets, and knows nothing of associations.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVES = {1: ec.SECP256R1(), 2: ec.SECP384R1()}
COORDINATE = {1: 32, 2: 48}


@dataclass(frozen=True)
class Side:
    """One side: its suite, title, symmetric keys, private keys, and the public keys of the other."""

    suite: int
    title: bytes
    encryption: bytes
    authentication: bytes
    master: bytes
    signing: ec.EllipticCurvePrivateKey
    agreement: ec.EllipticCurvePrivateKey
    peer_signing: ec.EllipticCurvePublicKey
    peer_agreement: ec.EllipticCurvePublicKey


def protect(plain: bytes, control: int, key: bytes, authentication: bytes, title: bytes, counter: int) -> bytes:
    """SC, counter, content and tag, as the bits of SC for authentication (10) and encryption (20) say."""
    head = bytes((control,)) + counter.to_bytes(4, "big")
    content = _counter_mode(plain, key, title + head[1:]) if control & 0x20 else plain
    if not control & 0x10:
        return head + content
    return head + content + _tag(plain, control, key, authentication, title + head[1:])


def unprotect(protected: bytes, key: bytes, authentication: bytes, title: bytes) -> bytes:
    """What stands under SC and counter; its tag is good, where there is one."""
    control, nonce, content = protected[0], title + protected[1:5], protected[5:]
    tag = b""
    if control & 0x10:
        content, tag = content[:-12], content[-12:]
    plain = _counter_mode(content, key, nonce) if control & 0x20 else content
    assert tag == (_tag(plain, control, key, authentication, nonce) if control & 0x10 else b"")
    return plain


def _counter_mode(octets: bytes, key: bytes, nonce: bytes) -> bytes:
    """GCM's key stream begins with counter block 2 (NIST SP 800-38D, 7.1)."""
    return Cipher(algorithms.AES(key), modes.CTR(nonce + b"\0\0\0\x02")).encryptor().update(octets)


def _tag(plain: bytes, control: int, key: bytes, authentication: bytes, nonce: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.GCM(nonce)).encryptor()
    covered = bytes((control,)) + authentication
    encryptor.authenticate_additional_data(covered if control & 0x20 else covered + plain)
    if control & 0x20:
        encryptor.update(plain)
    encryptor.finalize()
    return encryptor.tag[:12]


def cipher(
    side: Side, recipient: bytes, plain: bytes, kind: str, counter: int, transaction: bytes, other: bytes = b""
) -> bytes:
    """A general-ciphering APDU, authenticated and encrypted."""
    header = string(transaction) + string(side.title) + string(recipient) + string(b"") + string(other)
    match kind:
        case "identified":
            info, key = b"\x01\x00\x00", side.encryption
        case "wrapped":
            key = bytes(range(len(side.encryption)))
            info = b"\x01\x01\x00" + string(aes_key_wrap(side.master, key))
        case "one-pass":
            ephemeral = ec.generate_private_key(CURVES[side.suite])
            point = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
            info = b"\x01\x02" + string(b"\x01") + string(point + signature(side, point))
            key = derive(side.suite, ephemeral.exchange(ec.ECDH(), side.peer_agreement), side.title + recipient)
        case _:
            info = b"\x01\x02" + string(b"\x02") + string(b"")
            secret = side.agreement.exchange(ec.ECDH(), side.peer_agreement)
            key = derive(side.suite, secret, side.title + string(transaction) + recipient)
    control = bytes((0x30 | side.suite,))
    head = control + counter.to_bytes(4, "big")
    encryptor = Cipher(algorithms.AES(key), modes.GCM(side.title + head[1:])).encryptor()
    encryptor.authenticate_additional_data(control + side.authentication + header)
    content = encryptor.update(plain) + encryptor.finalize()
    return b"\xdd" + header + info + string(head + content + encryptor.tag[:12])


def decipher(side: Side, apdu: bytes) -> tuple[str, bytes, bytes]:
    """How a general-ciphering APDU of the other side names its key, its transaction-id, and what stands under it."""
    assert apdu[0] == 0xDD
    fields, at = [], 1
    for _ in range(5):
        field, at = taken(apdu, at)
        fields.append(field)
    header = apdu[1:at]
    transaction, originator, recipient = fields[:3]
    assert recipient == side.title
    assert apdu[at] == 1  # key-info is present
    kind, at = apdu[at + 1], at + 2
    if kind == 0:
        name, key, at = ("identified", side.encryption, at + 1) if apdu[at] == 0 else ("broadcast", b"", at + 1)
    elif kind == 1:
        assert apdu[at] == 0
        wrapped, at = taken(apdu, at + 1)
        name, key = "wrapped", aes_key_unwrap(side.master, wrapped)
    else:
        parameters, at = taken(apdu, at)
        data, at = taken(apdu, at)
        if parameters == b"\x01":
            size = 2 * COORDINATE[side.suite]
            check_signature(side, data[:size], data[size:])
            point = ec.EllipticCurvePublicKey.from_encoded_point(CURVES[side.suite], b"\x04" + data[:size])
            name, key = (
                "one-pass",
                derive(side.suite, side.agreement.exchange(ec.ECDH(), point), originator + recipient),
            )
        else:
            assert (parameters, data) == (b"\x02", b"")
            secret = side.agreement.exchange(ec.ECDH(), side.peer_agreement)
            name, key = "static", derive(side.suite, secret, originator + string(transaction) + recipient)
    content, at = taken(apdu, at)
    assert at == len(apdu)
    assert content[0] == 0x30 | side.suite
    mode = modes.GCM(originator + content[1:5], content[-12:], min_tag_length=12)
    decryptor = Cipher(algorithms.AES(key), mode).decryptor()
    decryptor.authenticate_additional_data(content[:1] + side.authentication + header)
    return name, transaction, decryptor.update(content[5:-12]) + decryptor.finalize()


def sign(side: Side, recipient: bytes, plain: bytes, transaction: bytes) -> bytes:
    """A general-signing APDU."""
    covered = string(transaction) + string(side.title) + string(recipient) + string(b"") + string(b"") + string(plain)
    return b"\xdf" + covered + string(signature(side, covered))


def check(side: Side, apdu: bytes) -> tuple[bytes, bytes]:
    """The transaction-id of a general-signing APDU of the other side, and what it holds; its signature is good."""
    assert apdu[0] == 0xDF
    fields, at = [], 1
    for _ in range(6):
        field, at = taken(apdu, at)
        fields.append(field)
    assert fields[2] == side.title
    covered = apdu[1:at]
    given, at = taken(apdu, at)
    assert at == len(apdu)
    check_signature(side, covered, given)
    return fields[0], fields[5]


def key_agreement(side: Side, key_id: int, ephemeral: ec.EllipticCurvePrivateKey) -> bytes:
    """key_data of key_agreement."""
    point = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
    return point + signature(side, bytes((key_id,)) + point)


def derive(suite: int, secret: bytes, parties: bytes, *, wrapping: bool = False) -> bytes:
    """The key from a shared secret: NIST SP 800-56A, 5.8.1, with the object identifier of the algorithm before."""
    number = {1: 0, 2: 1}[suite] + 2 * wrapping
    digest = hashes.SHA256() if suite == 1 else hashes.SHA384()
    info = bytes((0x60, 0x85, 0x74, 0x05, 0x08, 0x03, number)) + parties
    return ConcatKDFHash(digest, 16 if suite == 1 else 32, info).derive(secret)


def signature(side: Side, content: bytes) -> bytes:
    digest = hashes.SHA256() if side.suite == 1 else hashes.SHA384()
    return b"".join(
        number.to_bytes(COORDINATE[side.suite], "big")
        for number in decode_dss_signature(side.signing.sign(content, ec.ECDSA(digest)))
    )


def check_signature(side: Side, content: bytes, given: bytes) -> None:
    size = COORDINATE[side.suite]
    assert len(given) == 2 * size
    r, s = int.from_bytes(given[:size], "big"), int.from_bytes(given[size:], "big")
    digest = hashes.SHA256() if side.suite == 1 else hashes.SHA384()
    side.peer_signing.verify(encode_dss_signature(r, s), content, ec.ECDSA(digest))


def string(octets: bytes) -> bytes:
    """OCTET STRING of variable length, with its length in the fewest octets."""
    size = len(octets)
    if size < 0x80:
        return bytes((size,)) + octets
    return (bytes((0x81, size)) if size < 0x100 else b"\x82" + size.to_bytes(2, "big")) + octets


def taken(octets: bytes, at: int) -> tuple[bytes, int]:
    size, at = octets[at], at + 1
    if size & 0x80:
        more = size & 0x7F
        size, at = int.from_bytes(octets[at : at + more], "big"), at + more
    assert at + size <= len(octets)
    return octets[at : at + size], at + size
