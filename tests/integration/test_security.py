"""The closed door end to end: TLS, every method, roles on real devices, replays, rates, and the audit log of it all."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from pydantic import SecretStr

from cas.access.groups import Group, create_groups
from cas.app import open_service
from cas.config import Settings
from cas.devices.master_key import load_keyring
from cas.devices.registration import Row, register_devices
from cas.errors import ConfigurationError
from cas.security.audit import newest, verify
from cas.security.clients import put_definitions
from cas.security.model import read_definitions
from cas.security.passwords import hash_password
from cas.simulator import Simulator
from cas.store.database import Pool
from tests.soap_messages import GET_ENERGY, SOAP11, SOAP12, Answer, by_id, create
from tests.unit.security.keys_and_tokens import AUDIENCE, ISSUER, jwks, token
from tests.unit.transports.certificates import Authority

PASSWORD = "correct horse"
ACTION = (
    "<cos:action-request><cos:action-request-normal><cos:invoke-id-and-priority>193</cos:invoke-id-and-priority>"
    "<cos:cosem-method-descriptor><cos:class-id>70</cos:class-id><cos:instance-id>000060030AFF</cos:instance-id>"
    "<cos:method-id>1</cos:method-id></cos:cosem-method-descriptor><cos:method-invocation-parameters>"
    "<cos:integer>0</cos:integer></cos:method-invocation-parameters></cos:action-request-normal></cos:action-request>"
)
ROLES = [
    {"name": "reader", "verbs": ["create", "get", "cancel"], "groups": ["MINE"]},
    {"name": "switcher", "verbs": ["create", "get"], "services": ["get", "action"], "groups": ["DG_ALL_METERS"]},
]


def clients() -> dict[str, Any]:
    return {
        "role": ROLES,
        "client": [
            {"name": "mdm", "roles": ["reader"], "password": hash_password(PASSWORD, n=2**4), "rate": 50, "burst": 50},
            {"name": "switch", "roles": ["switcher"], "certificates": ["CN=switch"]},
            {"name": "portal", "roles": ["reader"], "subjects": ["portal"], "rate": 0.001, "burst": 2},
        ],
    }


@dataclass
class Door:
    url: str
    pool: Pool
    authority: Authority
    meters: list[str]
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    def context(self, certificate: str | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority.path)
        if certificate is not None:
            context.load_cert_chain(self.authority.issue(certificate))
        return context

    async def post(
        self, octets: bytes, *, certificate: str | None = None, media_type: str = "application/soap+xml", **headers: str
    ) -> Answer:
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self.context(certificate))) as session,
            session.post(self.url, data=octets, headers={"Content-Type": media_type, **headers}) as response,
        ):
            self.status, self.headers = response.status, response.headers
            return Answer(await response.read())

    async def audit(self) -> list[Mapping[str, Any]]:
        await verify(self.pool)
        return [entry.content for entry in await newest(self.pool, 100)]


def basic(name: str = "mdm", password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"}


def bearer(**more: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(**{'sub': 'portal', 'exp': datetime.now().timestamp() + 60, **more})}"}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path)


@pytest.fixture
def settings(dsn: str, tmp_path: Path, authority: Authority) -> Settings:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps(jwks()))
    return Settings(
        dsn=SecretStr(dsn),
        port=0,
        master_key=SecretStr("5A" * 32),
        sync_wait=20,
        stop_grace=1,
        authentication=("certificate", "basic", "bearer"),
        tls_certificate=authority.issue("server"),
        tls_client_ca=authority.path,
        token_keys=keys,
        token_issuer=ISSUER,
        token_audience=AUDIENCE,
    )


@asynccontextmanager
async def opened(settings: Settings, pool: Pool, authority: Authority) -> AsyncIterator[Door]:
    async with Simulator(3) as simulator:
        rows = [Row(simulator.device(index)) for index in range(3)]
        await register_devices(pool, load_keyring(settings), rows)
        meters = [meter.device_id for meter in simulator.meters]
        await create_groups(pool, [Group("MINE", devices=(meters[0], meters[1]))])
        await put_definitions(pool, read_definitions(clients()))
        async with open_service(settings, work=False) as url:
            yield Door(url, pool, authority, meters)


@pytest.fixture
async def door(settings: Settings, pool: Pool, authority: Authority) -> AsyncIterator[Door]:
    async with opened(settings, pool, authority) as door:
        yield door


async def test_who_is_known_and_may_is_served_by_every_method(door: Door) -> None:
    assert door.url.startswith("https://")
    for more in (basic(), bearer(), {"certificate": "switch"}):
        answer = await door.post(create([door.meters[0]]), **more)
        assert (door.status, answer.result) == (200, "OK")
    assert door.headers["Server"] == "cas"


@pytest.mark.parametrize(("media_type", "soap"), [("application/soap+xml", SOAP12), ("text/xml", SOAP11)])
async def test_who_is_not_known_is_asked_who_it_is_and_told_no_more(door: Door, media_type: str, soap: str) -> None:
    told = set()
    wrong: list[dict[str, Any]] = [
        {},
        basic(password="wrong"),
        basic("nobody"),
        bearer(aud="other"),
        {"certificate": "mallory"},
        {"Authorization": "Negotiate abc"},
    ]
    for more in wrong:
        answer = await door.post(create(["NO-SUCH-DEVICE"], soap=soap), media_type=media_type, **more)
        assert (door.status, answer.codes) == (401, ["7.4"])
        assert door.headers["WWW-Authenticate"].startswith("Basic realm=")
        told.add(answer.octets)
    assert len(told) == 1
    assert not await door.audit()


async def test_a_stranger_makes_the_service_read_nothing(door: Door) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=door.context())) as session:

        async def endless() -> AsyncIterator[bytes]:
            yield b"<a>"
            await asyncio.Event().wait()

        headers = {"Content-Type": "application/soap+xml"}
        async with asyncio.timeout(10), session.post(door.url, data=endless(), headers=headers) as response:
            assert response.status == 401


async def test_not_xml_is_told_to_nobody_unknown(door: Door) -> None:
    for octets in (b"<", b"<!DOCTYPE a><a/>", b"\0" * 100):
        await door.post(octets)
        assert door.status == 401


async def test_metrics_are_for_who_may_read_the_directory(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.security.clients.FRESH", 0.0)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=door.context())) as session:
        watcher = {"name": "watcher", "verbs": ["get"], "directory": True}
        monitor = {"name": "monitor", "roles": ["watcher"], "password": hash_password(PASSWORD, n=2**4)}
        await put_definitions(door.pool, read_definitions({"role": [watcher], "client": [monitor]}))
        for more, status in (({}, 401), (basic(), 403), (basic("monitor"), 200)):
            async with session.get(door.url.replace("/cas", "/metrics"), headers=more) as response:
                assert response.status == status
                assert (b"cas_links_open" in await response.read()) is (status == 200)


async def test_a_web_page_asks_for_nothing(door: Door) -> None:
    answer = await door.post(create([door.meters[0]]), Origin="https://elsewhere.example", **basic())
    assert (door.status, answer.is_fault) == (403, True)
    assert not await door.audit()


async def test_roles_hold_on_devices_after_groups_are_resolved(door: Door) -> None:
    mine, _, foreign = door.meters
    for octets, is_granted in (
        (create([mine]), True),
        (create([foreign]), False),
        (create([mine, foreign]), False),
        (create(["NO-SUCH-DEVICE"]), False),
        (create([mine], [GET_ENERGY, ACTION]), False),
        (by_id("get", str(uuid4())), False),
        (by_id("delete", str(uuid4())), False),
    ):
        answer = await door.post(octets, **basic())
        if is_granted:
            assert (door.status, answer.result) == (200, "OK"), answer.octets
        else:
            assert (door.status, answer.codes) == (403, ["7.5"]), answer.octets
            assert answer.texts("//mes:Error/mes:details") == ["this is not permitted"]
    made = await door.post(create([foreign], [ACTION]), certificate="switch")
    assert made.result == "OK"
    for verb in ("get", "cancel"):
        assert (await door.post(by_id(verb, made.id), **basic())).codes == ["7.5"]


async def test_soap_11_keeps_the_status_that_says_no(door: Door) -> None:
    answer = await door.post(create([door.meters[2]], soap=SOAP11), media_type="text/xml", **basic())
    assert (door.status, answer.codes) == (403, ["7.5"])


async def test_a_client_that_asks_too_often_waits(door: Door) -> None:
    await door.post(create([door.meters[0]]), **bearer())
    await door.post(create([door.meters[0]]), **bearer())
    answer = await door.post(create([door.meters[0]]), **bearer())
    assert (door.status, answer.codes) == (429, ["5.1"])
    assert int(door.headers["Retry-After"]) > 1
    assert (await door.post(create([door.meters[0]]), **basic())).result == "OK"


async def test_guessing_passwords_ends_soon(door: Door) -> None:
    statuses = []
    for number in range(12):
        await door.post(create(["M1"]), **basic(password=f"guess {number}"))
        statuses.append(door.status)
    assert statuses == [401] * 10 + [429] * 2


def replay(nonce: str, created: datetime) -> str:
    return (
        f"<mes:ReplayDetection><mes:Nonce>{nonce}</mes:Nonce><mes:Created>{created.isoformat()}</mes:Created>"
        "</mes:ReplayDetection>"
    )


async def test_a_message_is_taken_once(door: Door) -> None:
    now = datetime.now(UTC)
    octets = create([door.meters[0]], header=replay("n-1", now))
    assert (await door.post(octets, **basic())).result == "OK"
    answer = await door.post(octets, **basic())
    assert (door.status, answer.codes) == (403, ["7.7"])
    # another client has nonces of its own
    assert (await door.post(octets, certificate="switch")).result == "OK"
    for nonce, created in (("n-2", now - timedelta(minutes=6)), ("n-3", now + timedelta(minutes=6)), ("", now)):
        assert (await door.post(create([door.meters[0]], header=replay(nonce, created)), **basic())).codes == ["7.7"]


async def test_replay_detection_may_be_required(settings: Settings, pool: Pool, authority: Authority) -> None:
    async with opened(settings.model_copy(update={"replay_required": True}), pool, authority) as door:
        assert (await door.post(create([door.meters[0]]), **basic())).codes == ["7.7"]
        header = replay("n", datetime.now(UTC))
        made = await door.post(create([door.meters[0]], header=header), **basic())
        assert made.result == "OK"
        assert (await door.post(by_id("get", made.id), **basic())).result == "OK"


async def test_what_changes_something_is_in_the_audit_log_and_no_value_is(door: Door) -> None:
    made = await door.post(create([door.meters[1]], [ACTION]), certificate="switch")
    await door.post(by_id("get", made.id), certificate="switch")
    await door.post(create([door.meters[1]], [ACTION]), **basic())
    begun, ended, denied = await door.audit()
    assert {name: begun[name] for name in ("actor", "action", "phase", "method", "peer")} == {
        "actor": "client:switch",
        "action": "create DeviceAccess",
        "phase": "begun",
        "method": "certificate",
        "peer": "127.0.0.1",
    }
    assert begun["device_names"] == [door.meters[1]]
    assert begun["objects"] == ["method 70 000060030AFF 1"]
    assert (ended["outcome"], ended["result"], ended["ids"], ended["of"]) == ("done", "OK", [made.id], 1)
    assert (denied["actor"], denied["outcome"], denied["services"]) == ("client:mdm", "denied", ["action"])


async def test_a_removed_client_is_out_within_seconds(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await door.post(create([door.meters[0]]), **basic())).result == "OK"
    monkeypatch.setattr("cas.security.clients.FRESH", 0.0)
    disabled = clients()
    disabled["client"][0]["enabled"] = False
    await put_definitions(door.pool, read_definitions(disabled))
    await door.post(create([door.meters[0]]), **basic())
    assert door.status == 401


async def test_without_the_audit_log_nothing_is_changed(door: Door) -> None:
    async with door.pool.connection() as connection:
        await connection.execute(b"ALTER TABLE audit_entry RENAME TO gone")
    await door.post(create([door.meters[0]]), **basic())
    assert door.status == 500
    async with door.pool.connection() as connection:
        assert await (await connection.execute(b"SELECT count(*) FROM device_access")).fetchone() == (0,)


# ---------------------------------------------------------------- TLS


async def _handshake(door: Door, context: ssl.SSLContext) -> str | None:
    host, port = door.url.removeprefix("https://").partition("/")[0].split(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    version: str | None = writer.get_extra_info("ssl_object").version()
    writer.close()
    return version


async def test_old_tls_is_not_spoken(door: Door) -> None:
    modern = door.context()
    assert await _handshake(door, modern) == "TLSv1.3"
    older = door.context()
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    assert await _handshake(door, older) == "TLSv1.2"
    old = door.context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError):
        await _handshake(door, old)
    weak = door.context()
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("AES128-SHA:AES256-GCM-SHA384")
    with pytest.raises(OSError):
        await _handshake(door, weak)


async def test_a_certificate_of_another_authority_is_refused(door: Door, tmp_path: Path) -> None:
    (tmp_path / "evil").mkdir()
    evil = Authority.make(tmp_path / "evil", "tests")
    context = door.context()
    context.load_cert_chain(evil.issue("switch"))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        with pytest.raises(aiohttp.ClientError):
            async with session.post(door.url, data=create([door.meters[0]])) as response:
                await response.read()


async def test_plain_http_gets_nothing_from_a_tls_port(door: Door) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            async with session.post(door.url.replace("https", "http"), data=create([door.meters[0]])):
                pass


async def test_with_certificates_alone_nobody_else_gets_a_connection(
    settings: Settings, pool: Pool, authority: Authority
) -> None:
    only = settings.model_copy(
        update={"authentication": ("certificate",), "token_keys": None, "token_issuer": None, "token_audience": None}
    )
    async with opened(only, pool, authority) as door:
        assert (await door.post(create([door.meters[0]]), certificate="switch")).result == "OK"
        with pytest.raises(aiohttp.ClientError):
            await door.post(create([door.meters[0]]), **basic())


# ---------------------------------------------------------------- settings


NO_TOKENS = {"token_keys": None, "token_issuer": None, "token_audience": None}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"host": "0.0.0.0", "authentication": (), **NO_TOKENS}, "can be reached from other machines"),
        (
            {
                "host": "0.0.0.0",
                "authentication": ("basic",),
                "tls_certificate": None,
                "tls_client_ca": None,
                **NO_TOKENS,
            },
            "can be reached from other machines",
        ),
        ({"tls_client_ca": None}, "certificate needs tls_certificate and tls_client_ca"),
        ({"token_keys": None}, "bearer needs token_keys"),
        ({"authentication": ("basic",)}, "mean nothing without bearer"),
        ({"tls_certificate": None}, "mean nothing without tls_certificate"),
        ({"tls_certificate": Path("none.pem")}, r"none\.pem: No such file"),
        ({"tls_client_ca": Path("none.pem")}, r"none\.pem: No such file"),
    ],
)
async def test_settings_that_leave_the_door_open_are_refused(
    settings: Settings, changed: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        async with open_service(settings.model_copy(update=changed), work=False):
            pass


async def test_it_listens_elsewhere_when_it_is_guarded(settings: Settings, pool: Pool, authority: Authority) -> None:
    async with opened(settings.model_copy(update={"host": "0.0.0.0"}), pool, authority) as door:
        door.url = door.url.replace("0.0.0.0", "127.0.0.1")
        assert (await door.post(create([door.meters[0]]), **basic())).result == "OK"


async def test_anyone_on_this_machine_may_read_and_no_more(dsn: str, pool: Pool, authority: Authority) -> None:
    settings = Settings(dsn=SecretStr(dsn), port=0, master_key=SecretStr("5A" * 32), sync_wait=20, stop_grace=1)
    async with opened(settings, pool, authority) as door:
        assert door.url.startswith("http://")
        assert (await door.post(create([door.meters[2]]))).result == "OK"
        assert (await door.post(create([door.meters[2]], [ACTION]))).codes == ["7.5"]
        assert [entry.get("outcome") for entry in await door.audit()] == [None, "done", "denied"]


async def test_clients_of_a_file_are_seen_when_it_changes(
    settings: Settings, pool: Pool, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cas.security.clients.FRESH", 0.0)
    file = tmp_path / "clients.toml"
    client = (
        '[[role]]\nname = "r"\nverbs = ["create"]\ngroups = ["DG_ALL_METERS"]\n'
        f'[[client]]\nname = "file"\nroles = ["r"]\npassword = "{hash_password("a", n=2**4)}"\n'
    )
    file.write_text(client)
    async with opened(settings.model_copy(update={"clients_file": file}), pool, authority) as door:
        assert (await door.post(create([door.meters[2]]), **basic("file", "a"))).result == "OK"
        await door.post(create([door.meters[0]]), **basic())
        assert door.status == 401
        file.write_text("not TOML")
        assert (await door.post(create([door.meters[2]]), **basic("file", "a"))).result == "OK"
        file.write_text(client.replace('name = "file"', 'name = "new"'))
        await door.post(create([door.meters[2]]), **basic("file", "a"))
        assert door.status == 401
