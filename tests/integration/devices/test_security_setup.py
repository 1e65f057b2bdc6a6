"""Keys agreed with a device, and its certificates: the methods of Security setup of suites 1 and 2, both sides real."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from cas.cosem.obis import Obis
from cas.devices import key_change, security_setup
from cas.devices.certificates import check_fits, check_issued, kind_of, read_certificate
from cas.devices.counters import Counters
from cas.devices.errors import CertificateUnfit, KeyChangeFailed, KeyMissing, SetupRefused
from cas.devices.keys import CANDIDATE_OF, KeyKind, Keyring, Secret
from cas.devices.opening import Means
from cas.devices.registration import Row, register_devices
from cas.devices.registry import get_device
from cas.devices.security_setup import Entity, Named, Numbered, Purpose
from cas.devices.sessions import Sessions
from cas.dlms.client import Client
from cas.dlms.errors import AssociationRefused
from cas.dlms.security import rekeying
from cas.dlms.security.certificates import title_of
from cas.dlms.security.key_forms import public_key
from cas.simulator import Fault, FaultKind, Simulator, certificates, identity
from cas.simulator.meter import Meter
from cas.store.database import Pool
from tests.integration.devices.test_opening import GET

KEYRING = Keyring([Secret(b"m" * 32)])
TITLE = b"CAS\0\0\0\0\1"
SETUP = Obis.parse("0.0.43.0.0.255")
BOTH = [KeyKind.ENCRYPTION, KeyKind.AUTHENTICATION]
ALL = [*BOTH, KeyKind.BROADCAST, KeyKind.MASTER]
SYMMETRIC = {
    KeyKind.ENCRYPTION: "encryption",
    KeyKind.AUTHENTICATION: "authentication",
    KeyKind.BROADCAST: "broadcast",
    KeyKind.MASTER: "master",
}
MODEL = """
[model]
suite = {suite}
installed = 2024-01-01T00:00:00Z
[[association]]
client = 1
authentication = "{authentication}"
protection = "both"
rights = "full"
certified = {certified}
[[object]]
class = "register"
logical_name = "1.0.1.8.0.255"
measures = "energy"
power = 300
unit = 30
[[object]]
class = "security-setup"
logical_name = "0.0.43.0.0.255"
"""


@dataclass
class Bench:
    pool: Pool
    simulator: Simulator
    sessions: Sessions

    @property
    def meter(self) -> Meter:
        return self.simulator.meter(0)

    async def change(self, kinds: list[KeyKind]) -> None:
        await self.sessions.change_keys(self.meter.device_id, kinds, agree=True)

    async def stored(self) -> dict[KeyKind, bytes]:
        keys = (await get_device(self.pool, self.meter.device_id)).unseal(KEYRING)
        return {kind: key.reveal() for kind, key in keys.items()}

    async def works(self) -> None:
        """The registered keys are the meter's, none is a candidate, and a value is read with them."""
        async with self.sessions.open(self.meter.device_id) as client:
            await client.request(GET)
        stored = await self.stored()
        assert not set(stored) & set(CANDIDATE_OF.values())
        for kind, name in SYMMETRIC.items():
            if kind in stored:
                assert stored[kind] == getattr(self.meter.keys, name), kind

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        async with self.sessions.open(self.meter.device_id) as client:
            yield client

    def signed(self, request: bytes, purpose: Purpose) -> bytes:
        """What the authority makes of a certificate request."""
        found = x509.load_der_x509_csr(request)
        assert found.is_signature_valid
        key = found.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        return self.issued(self.meter.system_title, key, purpose)

    def issued(self, title: bytes, key: ec.EllipticCurvePublicKey, purpose: Purpose) -> bytes:
        authority = identity.authority(0, self.meter.keys.suite.number)
        return certificates.certificate(authority, title, key, purpose).public_bytes(Encoding.DER)


Benches = Callable[..., Any]


@pytest.fixture
def bench(pool: Pool, tmp_path: Path) -> Benches:
    @asynccontextmanager
    async def made(
        suite: int = 1, authentication: str = "hls-gmac", *, certified: bool = False, **entry: Any
    ) -> AsyncIterator[Bench]:
        model = tmp_path / "meter.toml"
        given = {"suite": suite, "authentication": authentication, "certified": str(certified).lower()}
        model.write_text(MODEL.format_map(given))
        async with Simulator(model=str(model)) as simulator:
            known = simulator.device(0)
            await register_devices(pool, KEYRING, [Row({**known, "url": f"{known['url']}&timeout=2", **entry})])
            yield Bench(pool, simulator, Sessions(pool, KEYRING, Means(Counters(pool), TITLE)))

    return made


@pytest.mark.clause("Green Book 8.3, 9.2.3.4.6", "Blue Book 12, 4.4.7")
class TestAgreement:
    @pytest.mark.parametrize("suite", [1, 2])
    @pytest.mark.parametrize("kinds", [[KeyKind.ENCRYPTION], [KeyKind.MASTER], ALL])
    async def test_both_sides_have_the_same_new_keys(self, bench: Benches, suite: int, kinds: list[KeyKind]) -> None:
        async with bench(suite) as its:
            before = await its.stored()
            await its.change(kinds)
            await its.works()
            after = await its.stored()
            assert {kind for kind in after if after[kind] != before.get(kind)} == set(kinds)
            await its.change(kinds)
            await its.works()
            await its.sessions.change_keys(its.meter.device_id, BOTH)  # under the master key that was agreed
            await its.works()

    async def test_suite_0_has_none(self, bench: Benches) -> None:
        async with bench(0) as its:
            with pytest.raises(KeyMissing, match="signing"):
                await its.change(BOTH)

    async def test_a_meter_that_does_not_know_our_signing_key_refuses(self, bench: Benches) -> None:
        async with bench(1, signing_key="11" * 32) as its:
            with pytest.raises(KeyChangeFailed, match="does it know"):
                await its.change(BOTH)
            await its.works()

    async def test_an_answer_signed_by_somebody_else_makes_no_key(
        self, bench: Benches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with bench() as its:
            other = identity.pairs(7, 7, 1)
            assert other is not None
            monkeypatch.setattr(
                "cas.simulator.security.key_data", lambda key_id, own, _: rekeying.key_data(key_id, own, other.signing)
            )
            monkeypatch.setattr(Meter, "replace_keys", lambda *_, **__: None)  # an attacker changes nothing there
            with pytest.raises(KeyChangeFailed, match=r"signature.*still has the old keys"):
                await its.change(BOTH)
            await its.works()

    async def test_a_lost_answer_is_told_and_what_is_to_be_done(self, bench: Benches) -> None:
        async with bench() as its:
            its.meter.fault = Fault(FaultKind.CLOSE)
            with pytest.raises(KeyChangeFailed, match="by one that does without them"):
                await its.change(BOTH)
            its.meter.fault = None
            assert not set(await its.stored()) & set(CANDIDATE_OF.values())

    async def test_a_lost_answer_about_keys_that_no_association_shows(self, bench: Benches) -> None:
        async with bench() as its:
            its.meter.fault = Fault(FaultKind.CLOSE)
            with pytest.raises(KeyChangeFailed, match="agree again"):
                await its.change([KeyKind.MASTER])
            its.meter.fault = None
            await its.change([KeyKind.MASTER])
            await its.works()

    async def test_a_crash_before_it_is_known_that_they_work(
        self, bench: Benches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def crash(*_: object) -> None:
            raise KeyboardInterrupt

        async with bench() as its:
            with monkeypatch.context() as patch:
                patch.setattr(key_change.KeyChange, "_keep", crash)
                with pytest.raises(KeyboardInterrupt):
                    await its.change(ALL)
            await its.works()


@pytest.mark.clause("Green Book 8.3, 9.2.6.6", "Blue Book 12, 4.4.7")
class TestCertificates:
    @pytest.mark.parametrize("suite", [1, 2])
    @pytest.mark.parametrize(
        ("authentication", "quirk", "purpose"),
        [
            ("hls-ecdsa", {}, Purpose.SIGNING),
            ("hls-gmac", {"signing": "yes"}, Purpose.SIGNING),
            ("hls-gmac", {}, Purpose.SIGNING),
            ("hls-gmac", {"ciphering": "agreed-static"}, Purpose.AGREEMENT),
            ("hls-gmac", {}, Purpose.AGREEMENT),
        ],
    )
    async def test_a_device_gets_a_new_key_pair(
        self, bench: Benches, suite: int, authentication: str, quirk: dict[str, str], purpose: Purpose
    ) -> None:
        kind = KeyKind.DEVICE_SIGNING if purpose is Purpose.SIGNING else KeyKind.DEVICE_AGREEMENT
        async with bench(suite, authentication, quirk=quirk) as its:
            certificate = await self.renewed(its, purpose)
            await its.sessions.give_certificate(its.meter.device_id, kind, certificate)
            assert (await its.stored())[kind] == certificate
            assert its.meter.vault is not None
            own = its.meter.vault.own(purpose)
            assert own is not None
            assert own.public_key() == public_key(certificate, its.meter.keys.suite, "new")
            await its.works()

    async def renewed(self, its: Bench, purpose: Purpose) -> bytes:
        async with its.client() as client:
            await security_setup.generate_key_pair(client, SETUP, purpose)
            request = await security_setup.certificate_request(client, SETUP, purpose)
        await its.works()  # the old pair is in use until the certificate is there
        return its.signed(request, purpose)

    @pytest.mark.parametrize("authentication", ["hls-ecdsa", "hls-gmac"])
    @pytest.mark.parametrize("fault", [FaultKind.CLOSE, FaultKind.CUT])
    async def test_a_lost_answer_is_cleared_up(self, bench: Benches, authentication: str, fault: FaultKind) -> None:
        async with bench(1, authentication) as its:
            certificate = await self.renewed(its, Purpose.SIGNING)
            device_id = its.meter.device_id
            its.meter.fault = Fault(fault)
            with pytest.raises(Exception):  # noqa: B017 - whatever the fault makes of finding out
                await its.sessions.give_certificate(device_id, KeyKind.DEVICE_SIGNING, certificate)
            its.meter.fault = None
            await its.works()
            assert (await its.stored())[KeyKind.DEVICE_SIGNING] == certificate

    async def test_one_that_the_device_refuses(self, bench: Benches) -> None:
        async with bench() as its:
            stranger = its.issued(its.meter.system_title, identity.authority(3, 1).public_key(), Purpose.SIGNING)
            before = await its.stored()
            with pytest.raises(KeyChangeFailed, match="has it made this key pair"):
                await its.sessions.give_certificate(its.meter.device_id, KeyKind.DEVICE_SIGNING, stranger)
            assert await its.stored() == before
            await its.works()

    async def test_list_export_import_and_remove(self, bench: Benches) -> None:
        async with bench() as its:
            device = (await get_device(its.pool, its.meter.device_id)).device
            key = identity.authority(5, 1).public_key()
            ours = its.issued(TITLE, key, Purpose.SIGNING)
            async with its.client() as client:
                listed = await security_setup.list_certificates(client, SETUP)
                assert [(one.entity, one.purpose) for one in listed] == [
                    (Entity.AUTHORITY, Purpose.OTHER),
                    (Entity.SERVER, Purpose.SIGNING),
                    (Entity.SERVER, Purpose.AGREEMENT),
                ]
                anchor = await security_setup.export_certificate(
                    client, SETUP, Named(Entity.AUTHORITY, Purpose.OTHER, b"")
                )
                own = Named(Entity.SERVER, Purpose.SIGNING, its.meter.system_title)
                by_name = await security_setup.export_certificate(client, SETUP, own)
                by_number = await security_setup.export_certificate(
                    client, SETUP, Numbered(listed[1].serial, listed[1].issuer)
                )
                assert by_name == by_number
                check_issued(read_certificate(by_name), read_certificate(anchor))
                check_fits(read_certificate(by_name), device, KeyKind.DEVICE_SIGNING)
                await security_setup.import_certificate(client, SETUP, ours)
                assert its.meter.vault is not None
                assert its.meter.vault.peer(Purpose.SIGNING) == key
                theirs = Named(Entity.CLIENT, Purpose.SIGNING, TITLE)
                assert await security_setup.export_certificate(client, SETUP, theirs) == ours
                await security_setup.remove_certificate(client, SETUP, theirs)
                assert its.meter.vault.peer(Purpose.SIGNING) is None
                with pytest.raises(SetupRefused, match="export_certificate: object-undefined"):
                    await security_setup.export_certificate(client, SETUP, theirs)
                with pytest.raises(SetupRefused, match="remove_certificate: read-write-denied"):
                    await security_setup.remove_certificate(client, SETUP, Named(Entity.AUTHORITY, Purpose.OTHER, b""))
                await security_setup.remove_certificate(client, SETUP, own)
                assert its.meter.vault.own(Purpose.SIGNING) is None


@pytest.mark.clause("Green Book 8.3, 9.2.6.6")
class TestAuthority:
    """The device is known by the authority that signs its certificate, and is shown one of ours."""

    @pytest.mark.parametrize("suite", [1, 2])
    @pytest.mark.parametrize("quirk", [{}, {"signing": "yes"}, {"ciphering": "agreed-one-pass"}], ids=str)
    async def test_certificates_are_shown_and_believed(self, bench: Benches, suite: int, quirk: dict[str, str]) -> None:
        async with bench(suite, "hls-ecdsa", certified=True, quirk=quirk, **self.entry(suite)) as its:
            await its.works()
            await its.change([KeyKind.ENCRYPTION, KeyKind.MASTER])
            await its.works()
            async with its.client() as client:
                await security_setup.generate_key_pair(client, SETUP, Purpose.SIGNING)
                request = await security_setup.certificate_request(client, SETUP, Purpose.SIGNING)
            before = (await its.stored())[KeyKind.DEVICE_SIGNING]
            signed = its.signed(request, Purpose.SIGNING)
            await its.sessions.give_certificate(its.meter.device_id, KeyKind.DEVICE_SIGNING, signed)
            assert (await its.stored())[KeyKind.DEVICE_SIGNING] == before  # the authority, still
            await its.works()

    async def test_a_meter_that_does_not_believe_ours(self, bench: Benches) -> None:
        entry = self.entry(1, by=3)
        async with bench(1, "hls-ecdsa", certified=True, **entry) as its:
            with pytest.raises(AssociationRefused, match="authentication-failure"):
                await its.works()

    def entry(self, suite: int, *, by: int = 0) -> dict[str, str]:
        pairs = identity.pairs(0, 1, suite)
        assert pairs is not None
        ours = certificates.certificate(identity.authority(by, suite), TITLE, pairs.client_signing.public_key(), 0)
        anchor = certificates.authority_certificate(identity.authority(0, suite))
        return {
            "signing_certificate": ours.public_bytes(Encoding.PEM).decode(),
            "device_signing_key": anchor.public_bytes(Encoding.PEM).decode(),
        }


class TestJudgement:
    """What a certificate must be to be registered."""

    def made(self, title: bytes = b"SIM\0\0\0\0\1", suite: int = 1, purpose: int = 0) -> x509.Certificate:
        authority = identity.authority(0, suite)
        return certificates.certificate(authority, title, authority.public_key(), purpose)

    async def test_of_whom_for_what_and_on_which_curve(self, bench: Benches) -> None:
        async with bench() as its:
            device = (await get_device(its.pool, its.meter.device_id)).device
        check_fits(self.made(), device, KeyKind.DEVICE_SIGNING)
        for certificate, why in [
            (self.made(title=TITLE), "names 4341530000000001"),
            (self.made(purpose=1), "key usage"),
            (self.made(purpose=2), "key usage"),
            (self.made(suite=2), "P-256"),
            (certificates.authority_certificate(identity.authority(0, 1)), "no system title"),
        ]:
            with pytest.raises(CertificateUnfit, match=why):
                check_fits(certificate, device, KeyKind.DEVICE_SIGNING)

    def test_signed_by_somebody_else(self) -> None:
        with pytest.raises(CertificateUnfit, match="not signed by"):
            check_issued(self.made(), certificates.authority_certificate(identity.authority(1, 1)))

    def test_read_from_either_form(self) -> None:
        certificate = self.made()
        for encoding in (Encoding.PEM, Encoding.DER):
            found = read_certificate(certificate.public_bytes(encoding))
            assert title_of(found) == b"SIM\0\0\0\0\1"
            assert kind_of(found) is KeyKind.DEVICE_SIGNING
        for junk in (b"", b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", bytes(40)):
            with pytest.raises(CertificateUnfit):
                read_certificate(junk)
