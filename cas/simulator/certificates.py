"""Certificates of simulated meters, of their clients, and of the authority that signs them (Green Book 8.3, 9.2.6.4).

All are derived, as the keys are: the same seed has the same authority. They hold for ever, as those of meters may.
"""

from datetime import UTC, datetime
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

AUTHORITY = "CAS simulator authority"
_BEGIN, _END = datetime(2020, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_HARDWARE_MODULE_NAME = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.4")
SIGNING, AGREEMENT, TLS = range(3)
"""What a key pair is for."""
PublicKey: TypeAlias = EllipticCurvePublicKey


def authority_certificate(authority: EllipticCurvePrivateKey) -> x509.Certificate:
    """The authority's own certificate: the trust anchor."""
    name = _name(AUTHORITY)
    builder = _builder(name, authority.public_key()).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
    return builder.add_extension(_usage(key_cert_sign=True), True).sign(
        authority, _digest(authority), ecdsa_deterministic=True
    )


def certificate(authority: EllipticCurvePrivateKey, title: bytes, key: PublicKey, purpose: int) -> x509.Certificate:
    """What the authority signs for the one with this system title."""
    usage = _usage(digital_signature=purpose != AGREEMENT, key_agreement=purpose != SIGNING)
    builder = _builder(_name(title.hex().upper()), key).add_extension(usage, True)
    return builder.add_extension(_alternative(title), False).sign(
        authority, _digest(authority), ecdsa_deterministic=True
    )


def request(key: EllipticCurvePrivateKey, title: bytes) -> bytes:
    """The PKCS #10 request for a key pair of the meter with this title, in DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(title.hex().upper()))
    return builder.sign(key, _digest(key), ecdsa_deterministic=True).public_bytes(Encoding.DER)


def alternative_name(found: x509.Certificate) -> bytes:
    """subjectAltName as the list of certificates shows it."""
    try:
        return found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.public_bytes()
    except x509.ExtensionNotFound:
        return b""


def serial_octets(found: x509.Certificate) -> bytes:
    """The serial number: the contents of its INTEGER."""
    number = found.serial_number
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _builder(subject: x509.Name, key: PublicKey) -> x509.CertificateBuilder:
    point = key.public_numbers()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_name(AUTHORITY))
        .public_key(key)
        .serial_number(point.x % (1 << 64) + 1)
        .not_valid_before(_BEGIN)
        .not_valid_after(_END)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(title: bytes) -> x509.SubjectAlternativeName:
    """HardwareModuleName with the system title as serial number; the type is an arc for examples."""
    kind = x509.ObjectIdentifier("1.3.6.1.4.1.32473")
    body = _element(6, _arcs(kind)) + _element(4, title)
    return x509.SubjectAlternativeName([x509.OtherName(_HARDWARE_MODULE_NAME, _element(0x30, body))])


def _arcs(name: x509.ObjectIdentifier) -> bytes:
    first, second, *others = map(int, name.dotted_string.split("."))
    octets = bytes((first * 40 + second,))
    for arc in others:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        octets += bytes(reversed(groups))
    return octets


def _element(tag: int, content: bytes) -> bytes:
    return bytes((tag, len(content))) + content


def _digest(key: EllipticCurvePrivateKey) -> SHA256 | SHA384:
    return SHA256() if key.curve.key_size == 256 else SHA384()


def _usage(
    *, digital_signature: bool = False, key_agreement: bool = False, key_cert_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_agreement=key_agreement,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        encipher_only=False,
        decipher_only=False,
    )
