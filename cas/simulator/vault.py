"""The key pairs and certificates of one meter of suite 1 or 2, as its Security setup manages them.

Green Book 8.3, 9.2.6.6: a new pair is used once its certificate is imported; a certificate must be signed by the trust
anchor, which can be exported and neither imported nor removed; with a certificate of its own goes the private key.
"""

import secrets
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from cas.bindings.cosempdu import DataAccessResult as Result
from cas.dlms.security.key_forms import drawn_private_key
from cas.dlms.security.suites import Suite
from cas.simulator import certificates
from cas.simulator.certificates import AGREEMENT, SIGNING, TLS
from cas.simulator.errors import Refused
from cas.simulator.identity import Pairs

SERVER, CLIENT, AUTHORITY = range(3)


class Vault:
    """What the meter holds; `title` is its own. Each method raises Refused for what a meter would not do."""

    def __init__(self, pairs: Pairs, title: bytes, authority: EllipticCurvePrivateKey, suite: Suite) -> None:
        self._title = title
        self._suite = suite
        self._own: dict[int, EllipticCurvePrivateKey] = {SIGNING: pairs.signing, AGREEMENT: pairs.agreement}
        self._fresh: dict[int, EllipticCurvePrivateKey] = {}
        self._peers: dict[int, EllipticCurvePublicKey] = {
            SIGNING: pairs.client_signing.public_key(),
            AGREEMENT: pairs.client_agreement.public_key(),
        }
        self._anchor = certificates.authority_certificate(authority)
        self._held: dict[tuple[int, int, bytes], x509.Certificate] = {
            (SERVER, purpose, title): certificates.certificate(authority, title, key.public_key(), purpose)
            for purpose, key in self._own.items()
        }

    def own(self, purpose: int) -> EllipticCurvePrivateKey | None:
        """The meter's private key in use; None when its certificate was removed."""
        return self._own.get(purpose)

    def peer(self, purpose: int) -> EllipticCurvePublicKey | None:
        """The client's public key."""
        return self._peers.get(purpose)

    @property
    def anchor(self) -> x509.Certificate:
        """The trust anchor."""
        return self._anchor

    def shown(self) -> bytes | None:
        """The certificate of its signing key, in DER, as the AARE has it."""
        found = self._held.get((SERVER, SIGNING, self._title))
        return found.public_bytes(Encoding.DER) if found else None

    def listed(self) -> Iterator[tuple[int, int, x509.Certificate]]:
        """Every certificate, with whose it is and what for."""
        yield AUTHORITY, 3, self._anchor
        for (entity, purpose, _), found in self._held.items():
            yield entity, purpose, found

    def generate(self, purpose: int) -> None:
        """Make a new key pair."""
        if purpose not in (SIGNING, AGREEMENT, TLS):
            raise Refused(Result.OTHER_REASON)
        self._fresh[purpose] = drawn_private_key(self._suite, secrets.token_bytes)

    def request(self, purpose: int) -> bytes:
        """The certificate request for the newest key pair, in DER."""
        key = self._fresh.get(purpose) or self._own.get(purpose)
        if key is None:
            raise Refused(Result.OTHER_REASON)
        return certificates.request(key, self._title)

    def take(self, der: bytes) -> None:
        """Import a certificate: of one of its own key pairs, or of a client."""
        try:
            found = x509.load_der_x509_certificate(der)
            found.verify_directly_issued_by(self._anchor)
            usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
            name = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
            title = bytes.fromhex(str(name))
        except (ValueError, TypeError, IndexError, InvalidSignature, x509.ExtensionNotFound):
            raise Refused(Result.OTHER_REASON) from None
        key = found.public_key()
        purpose = {(True, False): SIGNING, (False, True): AGREEMENT}.get(
            (usage.digital_signature, usage.key_agreement), TLS
        )
        if not isinstance(key, EllipticCurvePublicKey) or found.subject == self._anchor.subject:
            raise Refused(Result.OTHER_REASON)
        if title != self._title:
            self._peers[purpose] = key
            self._held[CLIENT, purpose, title] = found
            return
        pair = self._fresh.get(purpose) or self._own.get(purpose)
        if pair is None or pair.public_key() != key:
            raise Refused(Result.OTHER_REASON)
        self._own[purpose] = pair
        self._fresh.pop(purpose, None)
        self._held[SERVER, purpose, title] = found

    def export(self, *, entity: int, purpose: int, title: bytes) -> bytes:
        """The certificate of this one, in DER."""
        if entity == AUTHORITY:
            return self._anchor.public_bytes(Encoding.DER)
        return self._found(entity, purpose, title).public_bytes(Encoding.DER)

    def remove(self, *, entity: int, purpose: int, title: bytes) -> None:
        """Remove it, and destroy what it was the certificate of."""
        self._found(entity, purpose, title)
        del self._held[entity, purpose, title]
        (self._own if entity == SERVER else self._peers).pop(purpose, None)

    def numbered(self, serial: bytes, issuer: bytes) -> tuple[int, int, bytes]:
        """Whose it is, what for and its subject's title, from serial number and issuer as they are listed."""
        for (entity, purpose, title), found in self._held.items():
            if (certificates.serial_octets(found), found.issuer.public_bytes()) == (serial, issuer):
                return entity, purpose, title
        if (certificates.serial_octets(self._anchor), self._anchor.issuer.public_bytes()) == (serial, issuer):
            return AUTHORITY, 3, b""
        raise Refused(Result.OBJECT_UNDEFINED)

    def _found(self, entity: int, purpose: int, title: bytes) -> x509.Certificate:
        if entity == AUTHORITY:
            raise Refused(Result.READ_WRITE_DENIED)
        if (found := self._held.get((entity, purpose, title))) is None:
            raise Refused(Result.OBJECT_UNDEFINED)
        return found
