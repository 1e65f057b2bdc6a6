"""`cas certificate` and `cas device rekey --agree` as a person calls them, on a simulated meter of suite 1."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from cas.simulator import Simulator, certificates, identity
from tests.integration.cli.test_device import Cas, cas
from tests.integration.devices.test_security_setup import MODEL
from tests.threaded_simulator import in_thread

__all__ = ["cas"]  # the fixture


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    model = tmp_path / "model.toml"
    model.write_text(MODEL.format(suite=1, authentication="hls-ecdsa", certified="false"))
    with in_thread(Simulator(model=str(model))) as running:
        yield running


@pytest.mark.clause("Green Book 8.3, 9.2.6.6")
def test_a_key_pair_is_renewed_and_keys_are_agreed(cas: Cas, simulator: Simulator, tmp_path: Path) -> None:
    simulator.export(tmp_path / "meters.toml")
    meter, anchor = simulator.meter(0), identity.authority(0, 1)
    name = meter.device_id
    assert cas("device", "import", "meters.toml").code == 0
    Path("ca.pem").write_bytes(certificates.authority_certificate(anchor).public_bytes(Encoding.PEM))

    listed = [json.loads(line) for line in cas("certificate", "list", name, "--json").out.splitlines()]
    assert [(one["entity"], one["purpose"], one["subject"]) for one in listed] == [
        ("authority", "other", certificates.AUTHORITY),
        ("server", "signing", name),
        ("server", "agreement", name),
    ]
    assert name in cas("certificate", "list", name).out

    assert cas("certificate", "generate", name, "signing").code == 0
    assert cas("certificate", "request", name, "signing", "-o", "new.csr").code == 0
    request = x509.load_pem_x509_csr(Path("new.csr").read_bytes())
    key = request.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    signed = certificates.certificate(anchor, meter.system_title, key, certificates.SIGNING)
    Path("new.pem").write_bytes(signed.public_bytes(Encoding.PEM))

    done = cas("certificate", "import", name, "new.pem", "--authority", "ca.pem")
    assert (done.code, done.out) == (
        0, f"{name} has taken the certificate of CN={name}; its device-signing key is registered\n"
    )  # fmt: skip
    done = cas("certificate", "export", name, "--register", "--authority", "ca.pem")
    assert x509.load_pem_x509_certificate(done.out.encode()) == signed
    assert "registered as the device-signing key" in done.err

    done = cas("device", "rekey", name, "--key", "encryption", "--key", "master", "--agree")
    assert (done.code, done.out) == (0, "changed: encryption, master\n")
    assert cas("read", name, "1.0.1.8.0.255").code == 0


def test_what_goes_wrong_is_told(cas: Cas, simulator: Simulator, tmp_path: Path) -> None:
    simulator.export(tmp_path / "meters.toml")
    meter = simulator.meter(0)
    name = meter.device_id
    assert cas("device", "import", "meters.toml").code == 0
    stranger = identity.authority(9, 1)
    Path("ca.pem").write_bytes(certificates.authority_certificate(stranger).public_bytes(Encoding.PEM))
    forged = certificates.certificate(stranger, meter.system_title, stranger.public_key(), certificates.SIGNING)
    Path("forged.der").write_bytes(forged.public_bytes(Encoding.DER))
    for arguments, told in [
        (("import", name, "ca.pem", "--authority", "forged.der"), "is not signed by"),
        (("import", name, "forged.der"), "has it made this key pair"),
        (("import", name, "absent.pem"), "No such file"),
        (("export", name, "--authority", "ca.pem"), "is not signed by"),
        (("export", name, "--purpose", "tls"), "the device refuses export_certificate: object-undefined"),
        (("export", name, "--entity", "authority", "--register"), "only signing and agreement keys"),
        (("remove", name, "--yes", "--entity", "authority"), "remove_certificate: read-write-denied"),
        (("export", name, "--title", "xyz"), "must be hex digits"),
        (("list", "nobody"), "not registered"),
    ]:
        done = cas("certificate", *arguments)
        assert done.code in (1, 2), arguments
        assert told in " ".join(done.err.replace("│", " ").split()), (arguments, done.err)
    assert cas("read", name, "1.0.1.8.0.255").code == 0
