"""Who asks: every method, every way to fail, and that failing tells nothing."""

import base64
import datetime as dt
import json
from collections import Counter
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from cas.security.authentication import GUESSES, Credentials, Method, NotKnown, Passwords, authenticate
from cas.security.errors import ClientRefused, TooManyRequests, Unauthenticated
from cas.security.model import Client, Directory, directory_of, read_definitions
from cas.security.passwords import hash_password
from cas.security.rates import Rate
from cas.security.tls import names_of
from cas.security.tokens import Issuer, read_issuer
from tests.unit.security.keys_and_tokens import AUDIENCE, ISSUER, NOW, jwks, token

ALL = frozenset(Method)
CHEAP = 2**4
PASSWORD = "correct: hörse"


def directory(**more: object) -> Directory:
    mdm = {
        "name": "mdm",
        "roles": ["reader"],
        "password": hash_password(PASSWORD, n=CHEAP),
        "certificates": ["CN=mdm,O=Utility", "DNS:mdm.example"],
        "subjects": ["mdm"],
        **more,
    }
    other = {"name": "other", "certificates": ["DNS:other.example"]}
    return directory_of(read_definitions({"role": [{"name": "reader", "verbs": ["get"]}], "client": [mdm, other]}))


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    file = tmp_path_factory.mktemp("jwks") / "jwks.json"
    file.write_text(json.dumps(jwks()))
    return read_issuer(file, ISSUER, AUDIENCE)


def basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def certificate(common_name: str = "mdm", *names: x509.GeneralName) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    attributes = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Utility"),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(attributes))
        .issuer_name(x509.Name(attributes))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(hours=1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


class Tokens(Counter[str]):
    """`cas.security.rates.Take` without a database, for which no time passes."""

    async def __call__(self, name: str, limit: Rate) -> float:
        self[name] += 1
        return 0.0 if self[name] <= limit.burst else 1 / limit.rate


async def known(
    credentials: Credentials, issuer: Issuer | None, methods: frozenset[Method] = ALL, found: Directory | None = None
) -> tuple[Client, Method]:
    return await authenticate(credentials, methods, found or directory(), Passwords(Tokens()), issuer, NOW)


async def test_each_method_finds_its_client(issuer: Issuer) -> None:
    for credentials, method in (
        (Credentials("a", (basic("mdm", PASSWORD),)), Method.BASIC),
        (Credentials("a", (f"bearer {token()}",)), Method.BEARER),
        (Credentials("a", certificate=certificate()), Method.CERTIFICATE),
        (Credentials("a", certificate=certificate("x", x509.DNSName("mdm.example"))), Method.CERTIFICATE),
    ):
        client, used = await known(credentials, issuer)
        assert (client.name, used) == ("mdm", method)
        with pytest.raises(NotKnown):
            await known(credentials, issuer, ALL - {method})
        with pytest.raises(NotKnown, match="authentication is needed"):
            await known(credentials, issuer, found=directory(enabled=False))


WRONG = {
    "wrong password": (basic("mdm", "wrong"),),
    "no password": (basic("mdm", ""),),
    "unknown name": (basic("nobody", PASSWORD),),
    "a client without a password": (basic("other", ""),),
    "no colon": (f"Basic {base64.b64encode(b'mdm').decode()}",),
    "no base64": ("Basic %%%",),
    "no UTF-8": (f"Basic {base64.b64encode(bytes([0xFF, 0x3A])).decode()}",),
    "no token": ("Bearer ",),
    "a wrong token": (f"Bearer {token(iss='x')}",),
    "a token of nobody": (f"Bearer {token(sub='nobody')}",),
    "another scheme": ("Digest username=mdm",),
    "nothing in it": ("",),
    "two at once": (basic("mdm", PASSWORD), basic("mdm", PASSWORD)),
}


@pytest.mark.parametrize("name", WRONG)
async def test_who_is_not_known_is_told_nothing(issuer: Issuer, name: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await known(Credentials("a", WRONG[name]), issuer)
    assert str(caught.value) == str(Unauthenticated())


async def test_a_certificate_of_nobody_or_of_two_is_refused(issuer: Issuer) -> None:
    for der in (
        certificate("nobody"),
        certificate("mdm", x509.DNSName("other.example")),
        b"no certificate",
        certificate("nobody", x509.DNSName("mdm.example.evil"), x509.RFC822Name("mdm.example")),
    ):
        with pytest.raises(NotKnown):
            await known(Credentials("a", certificate=der), issuer)


async def test_a_wrong_header_is_not_saved_by_a_good_certificate(issuer: Issuer) -> None:
    with pytest.raises(NotKnown):
        await known(Credentials("a", (basic("mdm", "wrong"),), certificate()), issuer)


def test_the_names_of_a_certificate() -> None:
    import ipaddress

    der = certificate(
        "a, b",
        x509.DNSName("d.example"),
        x509.UniformResourceIdentifier("urn:x"),
        x509.RFC822Name("m@example"),
        x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
    )
    assert names_of(der) == (r"CN=a\, b,O=Utility", "DNS:d.example", "URI:urn:x", "email:m@example", "IP:192.0.2.1")


async def test_guesses_are_few_but_who_was_let_in_goes_on() -> None:
    tokens = Tokens()
    passwords = Passwords(tokens)
    client = directory().clients["mdm"]
    assert await passwords.check(client, PASSWORD, "192.0.2.1")
    for _ in range(GUESSES.burst - 1):
        assert not await passwords.check(client, "wrong", "192.0.2.1")
    with pytest.raises(TooManyRequests):
        await passwords.check(client, "wrong", "192.0.2.1")
    with pytest.raises(TooManyRequests):
        await passwords.check(None, "wrong", "192.0.2.1")
    assert await passwords.check(client, PASSWORD, "192.0.2.1")
    assert not await passwords.check(client, "wrong", "192.0.2.2")
    tokens.clear()
    assert not await passwords.check(client, "wrong", "192.0.2.1")


async def test_an_ipv6_network_counts_as_one_address() -> None:
    passwords = Passwords(Tokens())
    client = directory().clients["mdm"]
    for number in range(GUESSES.burst):
        assert not await passwords.check(client, "wrong", f"2001:db8::{number + 1:x}")
    with pytest.raises(TooManyRequests):
        await passwords.check(client, "wrong", "2001:db8::ffff")


async def test_a_password_that_changed_is_not_remembered() -> None:
    passwords = Passwords(Tokens())
    client = directory().clients["mdm"]
    assert await passwords.check(client, PASSWORD, "a")
    changed = client.model_copy(update={"password": hash_password("new", n=CHEAP)})
    assert not await passwords.check(changed, PASSWORD, "a")
    assert await passwords.check(changed, "new", "a")


def test_secrets_show_in_no_repr() -> None:
    kept = hash_password(PASSWORD, n=CHEAP)
    assert kept not in repr(directory(password=kept).clients["mdm"])
    assert PASSWORD not in repr(Credentials("a", (basic("mdm", PASSWORD),)))
    assert base64.b64encode(f"mdm:{PASSWORD}".encode()).decode() not in repr(
        Credentials("a", (basic("mdm", PASSWORD),))
    )


@pytest.mark.parametrize(
    ("definitions", "says"),
    [
        ({"client": [{"name": "a", "password": "secret"}]}, "client a: password: must be a scrypt hash"),
        ({"client": [{"name": "a"}]}, "client a: needs a password, certificates or subjects"),
        ({"client": [{"name": "a", "subjects": ["a"], "role": ["x"]}]}, "client a: role: Extra inputs"),
        ({"client": [{"name": "", "subjects": ["a"]}]}, "name: String should match"),
        ({"role": [{"name": "a", "verbs": ["execute"]}]}, "role a: verbs.0: Input should be"),
        ({"role": [{"name": "a", "services": ["all"]}]}, "role a: services.0"),
        ({"role": [{"name": "a", "prefixes": [""]}]}, "role a: prefixes.0"),
        ({"roles": []}, "roles"),
        ({"role": "a"}, "role"),
        ({"role": [{"name": "a"}, {"name": "a"}]}, "role a is given twice"),
        ({"client": [{"name": "a", "subjects": ["a"], "roles": ["r"]}]}, "client a: no role r"),
        (
            {"client": [{"name": "a", "subjects": ["s"]}, {"name": "b", "subjects": ["s"]}]},
            "client b: subject s is that of client a",
        ),
    ],
)
def test_definitions_that_are_no_good_are_told(definitions: dict[str, object], says: str) -> None:
    with pytest.raises(ClientRefused, match=says):
        directory_of(read_definitions(definitions))


def test_a_password_in_the_clear_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ClientRefused) as caught:
        read_definitions({"client": [{"name": "a", "password": "hunter2"}]})
    assert "hunter2" not in str(caught.value)
