"""Every mechanism, suite and form of ciphering that the foreign meter's codec knows, by registered devices.

gurux-dlms in its own process: HLS by its digests, GMAC and ECDSA, suites 0 to 2, glo-, ded- and their general forms,
logical and short names. Values are those that gurux_meter.py puts into its meters.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.obis import Obis
from cas.devices.counters import Counters
from cas.devices.keys import Keyring, Secret
from cas.devices.opening import Means
from cas.devices.registration import Row, register_devices
from cas.devices.sessions import Sessions
from cas.dlms.errors import AuthenticationFailed, DlmsError
from cas.store.database import Pool
from tests.processes import gurux_meter, running

KEYRING = Keyring([Secret(b"m" * 32)])
TITLE = "4752580000000001"
CLIENTS = {
    "none": 16,
    "lls": 17,
    "hls-gmac": 1,
    "hls": 2,
    "hls-md5": 3,
    "hls-sha1": 4,
    "hls-sha256": 6,
    "hls-ecdsa": 7,
}
ENERGY, CLOCK = Obis.parse("1.0.1.8.0.255").octets, Obis.parse("0.0.1.0.0.255").octets
MESSAGE, RELAY = Obis.parse("0.0.96.13.0.255").octets, Obis.parse("0.0.96.3.10.255").octets
METERS, OURS = bytes(range(1, 33)), bytes(range(2, 34))
"""Private signing keys."""
NAMES = {"ln": (), "sn": ("--short-names",)}
Meters = dict[tuple[int, str], int]


@pytest.fixture(scope="module")
def meters() -> Iterator[Meters]:
    """Ports of meters by suite and kind of names."""
    with ExitStack() as stack:
        ports = {}
        for suite, names in [(0, "ln"), (1, "ln"), (2, "ln"), (0, "sn"), (1, "sn")]:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                ports[suite, names] = port = probe.getsockname()[1]
            stack.enter_context(
                running(gurux_meter("--port", str(port), "--suite", str(suite), "--rows", "10", *NAMES[names]))
            )
        yield ports


def row(port: int, suite: int, authentication: str, **changes: Any) -> Row:
    size = 32 if suite == 2 else 16
    fields: dict[str, Any] = {
        "device_id": TITLE,
        "url": f"tcp://127.0.0.1:{port}?server=1&client={CLIENTS[authentication]}",
        "authentication": authentication,
        "suite": suite,
        "encryption_key": bytes(range(size)).hex(),
        "authentication_key": bytes(range(0xD0, 0xD0 + size)).hex(),
        **changes,
    }
    if authentication == "hls-ecdsa":
        fields |= {"signing_key": OURS.hex(), "device_signing_key": public_of(METERS)}
    elif authentication not in ("none", "hls-gmac"):
        fields.setdefault("secret", "Gurux")
    return Row(fields)


def public_of(private: bytes) -> str:
    key = ec.derive_private_key(int.from_bytes(private), ec.SECP256R1())
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:].hex()


def get(class_id: int, name: bytes, number: int = 2) -> cos.GetRequest:
    attribute = cos.CosemAttributeDescriptor(class_id=class_id, instance_id=name, attribute_id=number)
    normal = cos.GetRequestNormal(invoke_id_and_priority=0xC1, cosem_attribute_descriptor=attribute)
    return cos.GetRequest(get_request_normal=normal)


def put(name: bytes, value: bytes) -> cos.SetRequest:
    attribute = cos.CosemAttributeDescriptor(class_id=1, instance_id=name, attribute_id=2)
    data = Data.of("octet-string", value)
    normal = cos.SetRequestNormal(invoke_id_and_priority=0xC1, cosem_attribute_descriptor=attribute, value=data)
    return cos.SetRequest(set_request_normal=normal)


def act(method: int) -> cos.ActionRequest:
    descriptor = cos.CosemMethodDescriptor(class_id=70, instance_id=RELAY, method_id=method)
    normal = cos.ActionRequestNormal(
        invoke_id_and_priority=0xC1,
        cosem_method_descriptor=descriptor,
        method_invocation_parameters=Data.of("integer", 0),
    )
    return cos.ActionRequest(action_request_normal=normal)


async def use(pool: Pool, given: Row) -> None:
    """Read, write and act over one association, and read in a second one."""
    await register_devices(pool, KEYRING, [given])
    sessions = Sessions(pool, KEYRING, Means(Counters(pool), b"CAS\0\0\0\0\1"))
    text = given.fields["url"].encode()
    async with sessions.open(TITLE) as client:
        assert await value(client, get(3, ENERGY)) == 1234568
        written = await client.request(put(MESSAGE, text))
        assert isinstance(written, cos.SetResponse)
        assert await value(client, get(1, MESSAGE)) == text
        for method, state in [(1, False), (2, True)]:
            assert isinstance(await client.request(act(method)), cos.ActionResponse)
            assert await value(client, get(70, RELAY)) is state
    async with sessions.open(TITLE) as client:
        assert await value(client, get(1, MESSAGE)) == text


async def value(client: Any, request: cos.GetRequest) -> Any:
    answer = await client.request(request)
    assert isinstance(answer, cos.GetResponse), answer
    assert answer.get_response_normal is not None
    data = answer.get_response_normal.result.data
    assert data is not None, answer
    return data.value


@pytest.mark.clause("Green Book 8.3, 9.2.7.4")
@pytest.mark.parametrize(("names", "protection"), [("ln", "none"), ("ln", "both"), ("sn", "both")])
@pytest.mark.parametrize("authentication", CLIENTS)
async def test_every_mechanism(pool: Pool, meters: Meters, authentication: str, names: str, protection: str) -> None:
    suite = 1 if authentication == "hls-ecdsa" else 0
    quirk = {"short_names": "yes"} if names == "sn" else {}
    await use(pool, row(meters[suite, names], suite, authentication, protection=protection, quirk=quirk))


@pytest.mark.clause("Green Book 8.3, 9.2.3.7", "Green Book 8.3, 9.2.7.2")
@pytest.mark.parametrize("suite", [0, 1, 2])
@pytest.mark.parametrize(
    ("protection", "quirk"),
    [
        ("both", {"ciphering": "general"}),
        ("both", {"dedicated_key": "yes"}),
        ("both", {"ciphering": "general", "dedicated_key": "yes"}),
        ("authenticated", {}),
        ("authenticated", {"dedicated_key": "yes"}),
        ("encrypted", {}),
    ],
)
async def test_every_suite_and_form(
    pool: Pool, meters: Meters, suite: int, protection: str, quirk: dict[str, str]
) -> None:
    await use(pool, row(meters[suite, "ln"], suite, "hls-gmac", protection=protection, quirk=quirk))


@pytest.mark.clause("Green Book 8.3, 9.2.7.4")
@pytest.mark.parametrize("authentication", ["hls", "hls-md5", "hls-sha1", "hls-sha256"])
async def test_a_wrong_secret(pool: Pool, meters: Meters, authentication: str) -> None:
    with pytest.raises(AuthenticationFailed, match="refused our proof"):
        await use(pool, row(meters[0, "ln"], 0, authentication, secret="gurux"))


@pytest.mark.clause("Green Book 8.3, 9.2.7.4")
async def test_a_device_that_is_not_whom_it_should_be(pool: Pool, meters: Meters) -> None:
    given = row(meters[1, "ln"], 1, "hls-ecdsa")
    with pytest.raises(AuthenticationFailed):
        await use(pool, Row({**given.fields, "device_signing_key": public_of(OURS)}))
    with pytest.raises(DlmsError):
        await use(pool, row(meters[2, "ln"], 2, "hls-gmac", encryption_key="00" * 32))
