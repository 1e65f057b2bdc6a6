"""Certificates of devices and clients: read, and judged as what they are to be used for (Green Book 8.3, 9.2.6.4)."""

import ssl
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from cas.devices.errors import CertificateUnfit
from cas.devices.keys import KeyKind
from cas.devices.model import Device
from cas.dlms.errors import KeyUnusable
from cas.dlms.security.certificates import title_of
from cas.dlms.security.key_forms import public_key
from cas.dlms.security.suites import SUITES

_PEM = b"-----BEGIN"


def read_certificate(octets: bytes) -> x509.Certificate:
    """A certificate from PEM or DER. Raises CertificateUnfit."""
    try:
        if octets.lstrip().startswith(_PEM):
            return x509.load_pem_x509_certificate(octets)
        return x509.load_der_x509_certificate(octets)
    except ValueError:
        raise CertificateUnfit("not a certificate in PEM or DER") from None


def der(certificate: x509.Certificate) -> bytes:
    """The certificate as it goes to a device."""
    return certificate.public_bytes(Encoding.DER)


def pem(label: str, octets: bytes) -> str:
    """DER as people pass it on (RFC 7468)."""
    return ssl.DER_cert_to_PEM_cert(octets).replace("CERTIFICATE", label)


def name_text(octets: bytes) -> str:
    """A distinguished name as a device lists it: the strings in its DER, or the text that it is; else hex."""
    strings = [octets] if octets.isascii() else []
    if octets[:1] == b"\x30":
        strings = list(_strings(octets))
    text = ", ".join(string.decode("ascii", "replace") for string in strings)
    return text if text and text.isprintable() else octets.hex().upper()


def _strings(octets: bytes) -> Iterator[bytes]:
    """The contents of UTF8String, PrintableString and IA5String, however deep; nothing of what is no DER."""
    at = 0
    while at + 1 < len(octets):
        tag, length, at = octets[at], octets[at + 1], at + 2
        if length & 0x80:
            more = length & 0x7F
            length, at = int.from_bytes(octets[at : at + more], "big"), at + more
        if tag in (0x0C, 0x13, 0x16):
            yield octets[at : at + length]
        if not tag & 0x20:  # what is in a constructed one comes next
            at += length


def kind_of(certificate: x509.Certificate) -> KeyKind | None:
    """What its key is for, by its key usage; None for TLS, which needs both, and for authorities."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return None
    match (usage.digital_signature, usage.key_agreement):
        case (True, False):
            return KeyKind.DEVICE_SIGNING
        case (False, True):
            return KeyKind.DEVICE_AGREEMENT
    return None


def check_fits(certificate: x509.Certificate, device: Device, kind: KeyKind) -> None:
    """Raise CertificateUnfit unless it is of this device, for this use, and of the curve of its suite."""
    who = f"device {device.device_id}: the certificate of {certificate.subject.rfc4514_string()}"
    title = title_of(certificate)
    if device.system_title is None or title != device.system_title:
        found = title.hex().upper() if title else "no system title"
        raise CertificateUnfit(f"{who} names {found}, not that of the device")
    if kind_of(certificate) is not kind:
        raise CertificateUnfit(f"{who} is not for the {kind} key: its key usage says otherwise")
    try:
        public_key(der(certificate), SUITES[device.suite], "its key")
    except KeyUnusable as problem:
        raise CertificateUnfit(f"{who}: {problem}") from None


def check_issued(certificate: x509.Certificate, authority: x509.Certificate) -> None:
    """Raise CertificateUnfit unless this authority has signed it."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        raise CertificateUnfit(
            f"the certificate of {certificate.subject.rfc4514_string()} is not signed by "
            f"{authority.subject.rfc4514_string()}"
        ) from None
