"""Certificates that the two sides of an association show each other (Green Book 8.3, 9.2.6.4 and 9.2.6.6).

With HLS by ECDSA the client's stands in calling-AE-qualifier of the AARQ, the server's in responding-AE-qualifier of
the AARE. One is believed when a trusted authority has signed it for the system title that goes with it. Whether it has
expired or was revoked is for whoever registers the authority: meters need not know the time.
"""

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.x509.oid import NameOID

from cas.dlms.errors import AuthenticationFailed, KeyUnusable
from cas.dlms.security.key_forms import public_key
from cas.dlms.security.suites import TITLE_LENGTH, Suite

_HARDWARE_MODULE_NAME = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.4")
"""id-on-hardwareModuleName (RFC 4108): its serial number is the system title."""
_OCTET_STRING = bytes((0x04, TITLE_LENGTH))


def title_of(certificate: x509.Certificate) -> bytes | None:
    """The system title of its subject: in subjectAltName as the standard wants it, else its common name."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for name in names.get_values_for_type(x509.OtherName):
            at = -TITLE_LENGTH - len(_OCTET_STRING)
            if name.type_id == _HARDWARE_MODULE_NAME and name.value[at:-TITLE_LENGTH] == _OCTET_STRING:
                return name.value[-TITLE_LENGTH:]
    except (x509.ExtensionNotFound, ValueError):
        pass
    common = [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        title = bytes.fromhex(common[0]) if common else b""
    except ValueError:
        return None
    return title if len(title) == TITLE_LENGTH else None


def authority_in(octets: bytes) -> x509.Certificate | None:
    """The certificate (DER), if it is that of an authority; None for any other, and for a bare key."""
    try:
        certificate = x509.load_der_x509_certificate(octets)
        is_authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return None
    return certificate if is_authority else None


def key_in(octets: bytes) -> object:
    """The key in a certificate; None for what is no certificate, as the field may hold other things."""
    try:
        return x509.load_der_x509_certificate(octets).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None


def certified_signing_key(
    octets: bytes | None, authority: x509.Certificate, title: bytes, suite: Suite
) -> EllipticCurvePublicKey:
    """The key for signatures in the certificate that the peer with this title shows. Raises AuthenticationFailed."""
    if not octets:
        raise AuthenticationFailed("the peer shows no certificate, and of its keys only their authority is known")
    try:
        certificate = x509.load_der_x509_certificate(octets)
        certificate.verify_directly_issued_by(authority)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        key = public_key(octets, suite, "the key in the peer's certificate")
    except InvalidSignature:
        raise AuthenticationFailed("the peer's certificate is not signed by the authority that is registered") from None
    except (ValueError, TypeError, KeyUnusable, UnsupportedAlgorithm, x509.ExtensionNotFound) as problem:
        raise AuthenticationFailed(f"the peer's certificate cannot be used: {problem}") from None
    if not usage.digital_signature:
        raise AuthenticationFailed("the peer's certificate is not one for signatures")
    if title_of(certificate) != title:
        found = title_of(certificate)
        named = found.hex().upper() if found else "no system title"
        raise AuthenticationFailed(f"the peer's certificate names {named}, the peer {title.hex().upper()}")
    return key
