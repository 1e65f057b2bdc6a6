"""Every quirk of a device against a simulated meter that has it: with the quirk, and how it goes wrong without."""

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.obis import Obis
from cas.cosem.selection import CaptureObject, Range, selector_of
from cas.devices.browsing import CURRENT_ASSOCIATION, read_objects
from cas.devices.counters import Counters
from cas.devices.keys import KeyKind, Keyring, Secret
from cas.devices.model import Quirks
from cas.devices.opening import Means
from cas.devices.reading import Reader
from cas.devices.registration import Row, register_devices
from cas.devices.registry import get_device
from cas.devices.selection import SelectiveSession, ways_of
from cas.devices.sessions import Sessions
from cas.dlms.acse import Settings
from cas.dlms.apdu import Response
from cas.dlms.client import Client
from cas.dlms.errors import AssociationRefused, DlmsError, ExceptionResponse, ReplayedCounter, SurplusOctets
from cas.dlms.security.wrapping import Scope
from cas.simulator import Simulator
from cas.simulator.oddities import Oddity
from cas.store.database import Pool
from transports.errors import ConnectError, ResponseTimeout
from transports.registry import open_transport

KEYRING = Keyring([Secret(b"m" * 32)])
ENERGY, CLOCK = Obis.parse("1.0.1.8.0.255").octets, Obis.parse("0.0.1.0.0.255").octets
PROFILE = Obis.parse("1.0.99.1.0.255").octets
NOW = datetime(2026, 3, 1, 12, 7, 30, tzinfo=UTC)
TITLE = b"CAS\0\0\0\0\1"
RLRQ = cos.RlrqApdu(reason=cos.ReleaseRequestReason.NORMAL)


@asynccontextmanager
async def meter(
    pool: Pool, *oddities: str, model: str = "minimal", **entry: Any
) -> AsyncIterator[tuple[Simulator, Sessions]]:
    """A meter with these oddities, registered with these fields."""
    given = {"authentication": "hls-gmac"} if model in ("residential", "three-phase") else {}
    async with Simulator(model=model, oddities=oddities, clock=NOW.timestamp, **given) as simulator:  # type: ignore[arg-type]  # a word
        known = simulator.device(0)
        await register_devices(pool, KEYRING, [Row({**known, "url": f"{known['url']}&timeout=0.5", **entry})])
        yield simulator, Sessions(pool, KEYRING, Means(Counters(pool), TITLE))


@asynccontextmanager
async def opened(pool: Pool, *oddities: str, **given: Any) -> AsyncIterator[Client]:
    async with (
        meter(pool, *oddities, **given) as (simulator, sessions),
        sessions.open(simulator.meter(0).device_id) as client,
    ):
        yield client


def attribute(name: bytes = ENERGY, class_id: int = 3, number: int = 2) -> cos.CosemAttributeDescriptor:
    return cos.CosemAttributeDescriptor(class_id=class_id, instance_id=name, attribute_id=number)


def get(
    descriptor: cos.CosemAttributeDescriptor, access: cos.SelectiveAccessDescriptor | None = None
) -> cos.GetRequest:
    normal = cos.GetRequestNormal(
        invoke_id_and_priority=0xC1, cosem_attribute_descriptor=descriptor, access_selection=access
    )
    return cos.GetRequest(get_request_normal=normal)


def get_list(count: int) -> cos.GetRequest:
    item = cos.CosemAttributeDescriptorWithSelection(cosem_attribute_descriptor=attribute())
    listed = cos.ListOfCosemAttributeDescriptorWithSelection(cosem_attribute_descriptor_with_selection=(item,) * count)
    return cos.GetRequest(
        get_request_with_list=cos.GetRequestWithList(invoke_id_and_priority=0xC1, attribute_descriptor_list=listed)
    )


def value(answer: Response) -> Data:
    assert isinstance(answer, cos.GetResponse), answer
    assert answer.get_response_normal is not None
    found = answer.get_response_normal.result
    assert found.data is not None, found
    return found.data


def day(*columns: CaptureObject) -> cos.GetRequest:
    """A day of the profile, and these columns of it."""
    begin, end = (bytes.fromhex(f"07EA02{n:02X}FF000000FF800000") for n in (0x1B, 0x1C))
    selection = Range(CaptureObject(8, CLOCK, 2), Data.of("octet-string", begin), Data.of("octet-string", end), columns)
    access = cos.SelectiveAccessDescriptor(access_selector=selector_of(selection), access_parameters=selection.encode())
    return get(attribute(PROFILE, 7), access)


class TestAssociation:
    @pytest.mark.quirk("release")
    async def test_release(self, pool: Pool) -> None:
        async with opened(pool, "silent-release", quirk={"release": "no"}) as client:
            value(await client.request(get(attribute())))
        async with opened(pool, "silent-release") as client:
            with pytest.raises(ResponseTimeout):
                await client.release(RLRQ)

    @pytest.mark.quirk("release_refused")
    async def test_release_refused(self, pool: Pool) -> None:
        async with opened(pool, "release-exception", quirk={"release_refused": "yes"}) as client:
            assert (await client.release(RLRQ)).reason is None
        async with opened(pool, "release-exception") as client:
            with pytest.raises(ExceptionResponse):
                await client.release(RLRQ)

    @pytest.mark.quirk("pre_established")
    async def test_pre_established(self, pool: Pool) -> None:
        async with opened(pool, "pre-established", quirk={"pre_established": "yes"}) as client:
            assert client.aare is None
            value(await client.request(get(attribute())))

    @pytest.mark.quirk("pause")
    async def test_pause(self, pool: Pool) -> None:
        async with meter(pool, "pause=0.2", quirk={"pause": "0.25"}) as (simulator, sessions):
            for _ in range(2):
                async with sessions.open(simulator.meter(0).device_id) as client:
                    value(await client.request(get(attribute())))
        async with meter(pool, "pause=30") as (simulator, sessions):
            async with sessions.open(simulator.meter(0).device_id):
                pass
            with pytest.raises(AssociationRefused):
                async with sessions.open(simulator.meter(0).device_id):
                    pass

    @pytest.mark.quirk("short_names")
    async def test_short_names(self, pool: Pool) -> None:
        async with opened(pool, "short-names", quirk={"short_names": "yes"}) as client:
            assert isinstance(value(await client.request(get(attribute()))).value, int)
        async with meter(pool, "short-names") as (simulator, sessions):
            with pytest.raises(AssociationRefused):
                async with sessions.open(simulator.meter(0).device_id):
                    pass

    async def test_the_objects_of_a_device_with_short_names(self, pool: Pool) -> None:
        async with opened(pool) as client:
            expected = {found.logical_name: found for found in await read_objects(Reader(client))}
        async with opened(pool, "short-names", quirk={"short_names": "yes"}) as client:
            found = {found.logical_name: found for found in await read_objects(Reader(client))}
        assert list(found) == list(expected)
        own = found.pop(CURRENT_ASSOCIATION)
        assert (own.class_id, own.attributes[2].text) == (12, "not told")
        assert all(expected[name] == one for name, one in found.items())

    @pytest.mark.quirk("counter_associates")
    async def test_counter_associates(self, pool: Pool) -> None:
        quirk = {"counter_associates": "no", "read_counter": "always"}
        async with opened(pool, "public-unassociated", model="three-phase", quirk=quirk) as client:
            value(await client.request(get(attribute())))

    @pytest.mark.quirk("counter_restarts")
    @pytest.mark.parametrize(("quirk", "error"), [({"counter_restarts": "yes"}, None), ({}, ReplayedCounter)])
    async def test_counter_restarts(self, pool: Pool, quirk: dict[str, str], error: type[DlmsError] | None) -> None:
        async with meter(pool, "counter-restarts", model="three-phase", quirk=quirk) as (simulator, sessions):
            for again in (False, True):
                try:
                    async with sessions.open(simulator.meter(0).device_id) as client:
                        value(await client.request(get(attribute())))
                except ReplayedCounter:
                    assert again
                    assert error


class TestLists:
    @pytest.mark.quirk("list_size")
    @pytest.mark.parametrize("size", [1, 2, 5])
    async def test_list_size(self, pool: Pool, size: int) -> None:
        async with opened(pool, f"list-size={size}", quirk={"list_size": str(size)}) as client:
            answer = await client.request(get_list(5))
            assert isinstance(answer, cos.GetResponse)
            assert answer.get_response_with_list is not None
            assert len(answer.get_response_with_list.result.get_data_result) == 5
        async with opened(pool, "list-size=2") as client:
            assert isinstance(await client.request(get_list(5)), cos.ExceptionResponse)

    async def test_no_lists_takes_no_quirk(self, pool: Pool) -> None:
        async with opened(pool, "no-lists") as client:
            answer = await client.request(get_list(3))
            assert isinstance(answer, cos.GetResponse)
            assert answer.get_response_with_list is not None


class TestSelection:
    @pytest.mark.quirk("selective_access", "selected_values")
    @pytest.mark.parametrize(
        ("oddity", "quirk"),
        [
            ("no-selection", {"selective_access": "no"}),
            ("no-selection", {}),  # it says so when it associates
            ("no-columns", {"selected_values": "no"}),
        ],
    )
    async def test_what_the_device_cannot_select_is_selected_here(
        self, pool: Pool, oddity: str, quirk: dict[str, str]
    ) -> None:
        async with self.session(pool) as session:
            expected = value(await session.request(day(CaptureObject(3, ENERGY, 2))))
        async with self.session(pool, oddity, quirk=quirk) as session:
            assert value(await session.request(day(CaptureObject(3, ENERGY, 2)))) == expected
        assert len(expected.children()) == 25
        assert len(expected.children()[0].children()) == 1

    async def test_a_device_that_takes_no_columns_refuses_them(self, pool: Pool) -> None:
        async with self.session(pool, "no-columns") as session:
            answer = await session.request(day(CaptureObject(3, ENERGY, 2)))
        assert isinstance(answer, cos.GetResponse)
        assert answer.get_response_normal is not None
        assert answer.get_response_normal.result.data is None

    @pytest.mark.quirk("reversed_deviation")
    async def test_reversed_deviation(self, pool: Pool) -> None:
        again = {"counter_restarts": "yes"}  # the clock of the simulated meters stands still
        quirk = {"reversed_deviation": "yes", **again}
        async with self.session(pool, "reversed-deviation", model="residential", quirk=quirk) as session:
            found = value(await session.request(day()))
        async with self.session(pool, model="residential", quirk=again) as session:
            expected = value(await session.request(day()))
        assert len(found.children()) == len(expected.children())

    @pytest.mark.quirk("sort_object")
    async def test_sort_object(self, pool: Pool) -> None:
        async with self.session(pool) as session:
            expected = value(await session.request(day()))
        async with self.session(pool, "sort-object", quirk={"sort_object": "yes"}) as session:
            assert value(await session.request(day())) == expected
        async with self.session(pool, "sort-object") as session:
            answer = await session.request(day())
        assert isinstance(answer, cos.GetResponse)
        assert answer.get_response_normal is not None
        assert answer.get_response_normal.result.data is None

    @asynccontextmanager
    async def session(self, pool: Pool, *oddities: str, **given: Any) -> AsyncIterator[SelectiveSession]:
        async with meter(pool, *oddities, **given) as (simulator, sessions):
            device_id = simulator.meter(0).device_id
            quirks = (await get_device(pool, device_id)).device.quirks
            async with sessions.open(device_id) as client:
                yield SelectiveSession(client, ways_of(quirks), lambda: NOW)


class TestTransfer:
    @pytest.mark.quirk("surplus_octets")
    async def test_surplus_octets(self, pool: Pool) -> None:
        async with opened(pool, "surplus-octets", quirk={"surplus_octets": "yes"}) as client:
            assert isinstance(value(await client.request(get(attribute()))).value, int)
        async with opened(pool, "surplus-octets") as client:
            with pytest.raises(SurplusOctets):
                await client.request(get(attribute()))

    @pytest.mark.quirk("general_block_transfer", "general_blocks")
    @pytest.mark.parametrize(
        ("oddities", "quirk"),
        [
            (("no-general-blocks",), {}),
            ((), {"general_block_transfer": "no"}),
            (("general-blocks",), {"general_blocks": "yes", "block_window": "4"}),
            (("general-blocks",), {"block_window": "1"}),
        ],
    )
    async def test_general_blocks(self, pool: Pool, oddities: tuple[str, ...], quirk: dict[str, str]) -> None:
        async with opened(pool, *oddities, quirk=quirk, max_pdu=200) as client:
            assert len(value(await client.request(get(attribute(PROFILE, 7)))).children()) == 240

    @pytest.mark.quirk("block_window")
    async def test_block_window(self, pool: Pool) -> None:
        odd = ("general-blocks", "block-window=4")
        async with opened(pool, *odd, quirk={"block_window": "4"}, max_pdu=200) as client:
            assert len(value(await client.request(get(attribute(PROFILE, 7)))).children()) == 240
        async with opened(pool, *odd, max_pdu=200) as client:
            assert isinstance(await client.request(get(attribute(PROFILE, 7))), cos.ExceptionResponse)


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
class TestProtection:
    @pytest.mark.parametrize(
        "quirk",
        [
            {"ciphering": "general"},
            {"dedicated_key": "yes"},
            {"dedicated_key": "yes", "ciphering": "general"},
            {"response_protection": "encrypted"},
        ],
    )
    async def test_forms_of_ciphering(self, pool: Pool, quirk: dict[str, str]) -> None:
        async with opened(pool, model="three-phase", quirk=quirk) as client:
            assert isinstance(value(await client.request(get(attribute()))).value, int)

    @pytest.mark.quirk("ciphering", "dedicated_key", "response_protection")
    @pytest.mark.parametrize(
        ("oddity", "quirk"),
        [
            ("general-only", {"ciphering": "general"}),
            ("dedicated-only", {"dedicated_key": "yes"}),
            ("encrypted-answers", {"response_protection": "encrypted"}),
        ],
    )
    async def test_a_device_that_takes_or_gives_no_other(self, pool: Pool, oddity: str, quirk: dict[str, str]) -> None:
        again = {"counter_restarts": "yes"}  # the clock of the simulated meters stands still
        async with opened(pool, oddity, model="three-phase", quirk=quirk | again) as client:
            assert isinstance(value(await client.request(get(attribute()))).value, int)
        with pytest.raises(DlmsError):
            async with opened(pool, oddity, model="three-phase", quirk=again):
                pass

    @pytest.mark.quirk("read_counter")
    async def test_read_counter(self, pool: Pool) -> None:
        for when in ("on-error", "always"):
            quirk = {"read_counter": when, "counter_restarts": "yes"}
            async with meter(pool, "silent-counter", model="three-phase", quirk=quirk) as (simulator, sessions):
                one = simulator.meter(0)
                one.counters[TITLE] = {Scope.GLOBAL: 5000}
                if when == "on-error":  # there is no error
                    with pytest.raises(ResponseTimeout):
                        async with sessions.open(one.device_id):
                            pass
                else:
                    async with sessions.open(one.device_id) as client:
                        value(await client.request(get(attribute())))

    @pytest.mark.quirk("counter_object", "counter_client")
    async def test_where_the_counter_is_read(self, pool: Pool, tmp_path: Path) -> None:
        model = tmp_path / "meter.toml"
        model.write_text(MODEL.format(suite=0, authentication="hls-gmac") + COUNTER)
        quirk = {"counter_object": "0.0.43.1.7.255", "counter_client": "18", "read_counter": "always"}
        async with opened(pool, model=str(model), quirk=quirk) as client:
            value(await client.request(get(attribute())))
        del quirk["counter_client"]
        with pytest.raises(DlmsError):
            async with opened(pool, model=str(model), quirk=quirk):
                pass

    @pytest.mark.quirk("security_setup")
    async def test_where_keys_are_changed(self, pool: Pool, tmp_path: Path) -> None:
        model = tmp_path / "meter.toml"
        model.write_text(MODEL.format(suite=0, authentication="hls-gmac") + SECURITY)
        quirk = {"security_setup": "0.0.43.0.5.255", "counter_restarts": "yes"}
        async with meter(pool, model=str(model), quirk=quirk) as (simulator, sessions):
            one = simulator.meter(0)
            before = one.keys
            await sessions.change_keys(one.device_id, [KeyKind.AUTHENTICATION])
            assert one.keys.authentication != before.authentication


MODEL = """
[model]
suite = {suite}
installed = 2024-01-01T00:00:00Z
[[association]]
client = 1
authentication = "{authentication}"
protection = "both"
rights = "full"
[[object]]
class = "register"
logical_name = "1.0.1.8.0.255"
measures = "energy"
power = 300
unit = 30
"""


COUNTER = """
[[association]]
client = 18
authentication = "none"
rights = "read"
[[object]]
class = "invocation-counter"
logical_name = "0.0.43.1.7.255"
"""
SECURITY = """
[[object]]
class = "security-setup"
logical_name = "0.0.43.0.5.255"
"""


@pytest.mark.clause("Green Book 8.3, 9.2.3.7")
class TestSuites:
    @pytest.mark.parametrize("suite", [1, 2])
    @pytest.mark.parametrize(
        ("authentication", "quirk"),
        [
            ("hls-ecdsa", {}),
            ("hls-ecdsa", {"signing": "yes"}),
            ("hls-gmac", {"ciphering": "identified"}),
            ("hls-gmac", {"ciphering": "wrapped"}),
            ("hls-gmac", {"ciphering": "agreed-one-pass"}),
            ("hls-gmac", {"ciphering": "agreed-static", "signing": "yes"}),
        ],
    )
    async def test_registered_keys_of_every_kind(
        self, pool: Pool, tmp_path: Path, suite: int, authentication: str, quirk: dict[str, str]
    ) -> None:
        model = tmp_path / "meter.toml"
        model.write_text(MODEL.format(suite=suite, authentication=authentication))
        async with Simulator(model=str(model)) as simulator:
            await register_devices(pool, KEYRING, [Row({**simulator.device(0), "quirk": quirk})])
            sessions = Sessions(pool, KEYRING, Means(Counters(pool), TITLE))
            async with sessions.open(simulator.meter(0).device_id) as client:
                for _ in range(2):
                    assert isinstance(value(await client.request(get(attribute()))).value, int)

    @pytest.mark.quirk("signing")
    async def test_signing(self, pool: Pool, tmp_path: Path) -> None:
        model = tmp_path / "meter.toml"
        model.write_text(MODEL.format(suite=1, authentication="hls-ecdsa"))
        async with opened(pool, "signed-only", model=str(model), quirk={"signing": "yes"}) as client:
            value(await client.request(get(attribute())))
        with pytest.raises(DlmsError):
            async with opened(pool, "signed-only", model=str(model)):
                pass


@pytest.mark.clause("Green Book 8.3, 9.2.7.4")
@pytest.mark.parametrize("short", ["no", "yes"])
@pytest.mark.parametrize("authentication", ["lls", "hls", "hls-md5", "hls-sha1", "hls-gmac", "hls-sha256", "hls-ecdsa"])
async def test_every_mechanism_with_both_kinds_of_names(
    pool: Pool, tmp_path: Path, authentication: str, short: str
) -> None:
    model = tmp_path / "meter.toml"
    model.write_text(MODEL.format(suite=1, authentication=authentication))
    async with Simulator(model=str(model), oddities=["short-names"] if short == "yes" else []) as simulator:
        await register_devices(pool, KEYRING, [Row({**simulator.device(0), "quirk": {"short_names": short}})])
        sessions = Sessions(pool, KEYRING, Means(Counters(pool), TITLE))
        async with sessions.open(simulator.meter(0).device_id) as client:
            assert isinstance(value(await client.request(get(attribute()))).value, int)


@pytest.mark.clause("IEC 62056-46, 6.4.2.3")
async def test_size_of_an_hdlc_address() -> None:
    async with Simulator(framing="hdlc", model="minimal", oddities=["address-size=4"]) as simulator:
        url = f"{simulator.url(0)}&frame-timeout=0.2&retries=0"
        async with Client(open_transport(f"{url}&address-size=4"), Settings()) as client:
            value(await client.request(get(attribute())))
        with pytest.raises(ConnectError, match="no answer to SNRM"):
            async with Client(open_transport(url), Settings()):
                pass


def test_every_quirk_says_what_it_means_and_is_shown_with_a_meter_that_has_it() -> None:
    shown: dict[str, str] = {}
    for scope in (TestAssociation, TestLists, TestSelection, TestTransfer, TestProtection, TestSuites):
        for test in vars(scope).values():
            for mark in getattr(test, "pytestmark", ()):
                if mark.name == "quirk":
                    shown |= dict.fromkeys(mark.args, inspect.getsource(test))
    for quirk in fields(Quirks):
        assert quirk.metadata["meaning"], quirk.name
        assert quirk.metadata["simulated"] in {"model", *Oddity}, quirk.name
        assert quirk.metadata["simulated"] in shown[quirk.name], quirk.name
