"""The main job against meters that we did not write, by a SOAP client that we did not write.

gurux-dlms meters in their own process (no security, LLS, HLS-GMAC with ciphering); zeep builds the requests from the
WSDL that the service serves, and reads the answers. Values are those that gurux_meter.py puts into its meters.
"""

import os
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import zeep
import zeep.plugins
from lxml import etree
from zeep import helpers

from cas.store.embedded import embedded_server
from tests.processes import cas, gurux_meter, run, running

METERS = {1: "GRX-none", 2: "GRX-lls", 3: "4752580000000003"}
"""How the devices are named in requests: two by an alias, one by its system title."""
ZEEP: Any = zeep  # not typed
HISTORY = ZEEP.plugins.HistoryPlugin()
PROFILE_START = datetime(2025, 1, 1, tzinfo=UTC)
ENERGY, VOLTAGE, PROFILE = "0100010800FF", "0100200700FF", "0100630100FF"
MESSAGE, RELAY = "0000600D00FF", "000060030AFF"


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on; another process looks elsewhere at the same time."""
    for first in range(20000 + 10 * os.getpid() % 30000, 60000, 97):
        probes = [socket.socket() for _ in range(count)]
        try:
            for offset, probe in enumerate(probes):
                probe.bind(("127.0.0.1", first + offset))
            return first
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise AssertionError("no free ports")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a service that knows three foreign meters and one that is off."""
    directory = tmp_path_factory.mktemp("first-light")
    port = free_ports(5)
    environment = {"CAS_DATA_DIR": str(directory), "CAS_PORT": "0", "CAS_LOG_LEVEL": "warning"}
    environment["CAS_ANYONE_SERVICES"] = "get,set,action"  # only reading is allowed by default
    devices = directory / "devices.toml"
    devices.write_text(registry(port))
    with (
        embedded_server(directory, durable=False),
        running(gurux_meter("--port", str(port), "--meters", "3", "--max-pdu", "600")),
    ):
        run(cas("device", "import", devices), environment)
        with running(cas("serve"), environment) as ready:
            yield ready.split()[1]


def registry(port: int) -> str:
    """What an operator writes of the meters."""
    address = "tcp://127.0.0.1:{}?client={}&server=1"
    return f"""
[[device]]
device_id = "GRX-none"
url = "{address.format(port, 16)}"
[[device]]
device_id = "GRX-lls"
url = "{address.format(port + 1, 17)}"
authentication = "lls"
secret = "Gurux"
[[device]]
device_id = "4752580000000003"
url = "{address.format(port + 2, 1)}"
authentication = "hls-gmac"
protection = "both"
encryption_key = "000102030405060708090A0B0C0D0E0F"
authentication_key = "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"
[[device]]
device_id = "off"
url = "{address.format(port + 4, 16)}"
[[device]]
device_id = "4752580000000001"
url = "{address.format(port, 1)}"
authentication = "hls-gmac"
protection = "both"
encryption_key = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
authentication_key = "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"
"""


@pytest.fixture(scope="module")
def client(service: str) -> Any:
    """A zeep client made from the WSDL that the service serves."""
    return ZEEP.Client(f"{service}?wsdl", plugins=[HISTORY])


def plain(answer: Any) -> Any:
    """The answer as dicts and lists."""
    serialize: Any = helpers.serialize_object
    return serialize(answer, dict)


def create(client: Any, devices: list[str], *descriptors: dict[str, Any]) -> Any:
    """Create a DeviceAccess on demand; the answer as plain dicts."""
    access = {
        "DevicesReferenceList": {"DeviceReference": [{"DeviceID": device} for device in devices]},
        "CosemAccessList": {
            "CosemAccess": [
                {"CosemAccessDescriptor": {"CosemXDLMSDescriptor": descriptor}} for descriptor in descriptors
            ]
        },
    }
    header = {"Verb": "create", "Noun": "DeviceAccess", "CorrelationID": "first light"}
    try:
        return plain(client.service.Request(Header=header, Payload={"DeviceAccess": [access]}))
    except zeep.exceptions.Fault as fault:
        raise AssertionError(etree.tostring(fault.detail, encoding="unicode")) from None


def results(answer: Any, access: int = 0) -> dict[str, Any]:
    """What each device answered to an access, by DeviceID."""
    found = answer["Payload"]["DeviceAccess"][0]["CosemAccessList"]["CosemAccess"][access]["CosemAccessResult"]
    return {result["DeviceID"]: result for result in found}


def values(answer: Any, access: int = 0) -> dict[str, Any]:
    """The Data that each device answered to a get-request-normal, by DeviceID."""
    return {
        device: result["CosemXDLMSResult"]["get-response"]["get-response-normal"]["result"]["data"]
        for device, result in results(answer, access).items()
    }


def attribute(class_id: int, name: str, number: int) -> dict[str, Any]:
    return {"class-id": class_id, "instance-id": name, "attribute-id": number}


def get(class_id: int, name: str, number: int, selection: Any = None) -> dict[str, Any]:
    normal = {"invoke-id-and-priority": 193, "cosem-attribute-descriptor": attribute(class_id, name, number)}
    if selection is not None:
        normal["access-selection"] = selection
    return {"get-request": {"get-request-normal": normal}}


@pytest.mark.clause("5.2.2", "8.2", "A.4", "4", "7.2.6", "7.3")
def test_zeep_reads_registers_of_every_foreign_meter(client: Any) -> None:
    answer = create(client, list(METERS.values()), get(3, ENERGY, 2), get(3, VOLTAGE, 2), get(3, VOLTAGE, 3))
    assert answer["Header"]["Verb"] == "reply"
    assert answer["Header"]["CorrelationID"] == "first light"
    assert answer["Reply"]["Result"] == "OK"
    read = {device: value["double-long-unsigned"] for device, value in values(answer).items()}
    assert read == {name: 1234567 + number for number, name in METERS.items()}
    assert {value["double-long-unsigned"] for value in values(answer, 1).values()} == {2301}
    for value in values(answer, 2).values():
        scaler, unit = value["structure"]["_value_1"]
        assert scaler["integer"] == -1
        assert unit["enum"] == 35  # volt


@pytest.mark.clause("5.2.2")
def test_zeep_reads_a_day_of_load_profile_by_range(client: Any) -> None:
    first, last = PROFILE_START + timedelta(days=3), PROFILE_START + timedelta(days=4)
    stamps = [
        f"{t.year:04X}{t.month:02X}{t.day:02X}FF{t.hour:02X}{t.minute:02X}{t.second:02X}FF800000" for t in (first, last)
    ]
    clock = [{"long-unsigned": 8}, {"octet-string": "0000010000FF"}, {"integer": 2}, {"long-unsigned": 0}]
    selection = {
        "access-selector": 1,
        "access-parameters": {
            "structure": {
                "_value_1": [
                    {"structure": {"_value_1": clock}},
                    {"octet-string": stamps[0]},
                    {"octet-string": stamps[1]},
                    {"array": {"_value_1": []}},
                ]
            }
        },
    }
    answer = create(client, list(METERS.values()), get(7, PROFILE, 2, selection))
    assert answer["Reply"]["Result"] == "OK"
    for value in values(answer).values():
        rows = [row["structure"]["_value_1"] for row in value["array"]["_value_1"]]
        assert len(rows) in (96, 97)  # the last moment belongs to the range, where the meter takes it so
        # row i of the profile, from its beginning
        assert [row[3]["double-long-unsigned"] for row in rows] == [2000 + 3 * 96 + i for i in range(len(rows))]
        assert [row[2]["double-long-unsigned"] for row in rows][:2] == [1000000 + 37 * 288, 1000000 + 37 * 289]


@pytest.mark.clause("5.2.2", "7.2.6")
def test_zeep_sets_acts_and_reads_back_in_one_association(client: Any) -> None:
    text = (b"set over SOAP, long enough for block transfer " * 40).hex().upper()
    put = {
        "set-request": {
            "set-request-normal": {
                "invoke-id-and-priority": 193,
                "cosem-attribute-descriptor": attribute(1, MESSAGE, 2),
                "value": {"octet-string": text},
            }
        }
    }

    def act(method: int) -> dict[str, Any]:
        return {
            "action-request": {
                "action-request-normal": {
                    "invoke-id-and-priority": 193,
                    "cosem-method-descriptor": {"class-id": 70, "instance-id": RELAY, "method-id": method},
                    "method-invocation-parameters": {"integer": "0"},  # zeep drops a 0 in a choice
                }
            }
        }

    state = get(70, RELAY, 2)
    answer = create(client, list(METERS.values()), put, get(1, MESSAGE, 2), act(1), state, act(2), state)
    assert answer["Reply"]["Result"] == "OK"
    for device, result in results(answer, 0).items():
        assert result["CosemXDLMSResult"]["set-response"]["set-response-normal"]["result"] == "success", device
    assert {
        value["octet-string"].hex().upper() if isinstance(value["octet-string"], bytes) else value["octet-string"]
        for value in values(answer, 1).values()
    } == {text}
    # zeep takes <boolean>false</boolean> in a choice for nothing: here what it received is looked at
    received = etree.tostring(HISTORY.last_received["envelope"], encoding="unicode")
    states = re.findall("<cos:boolean>([a-z]+)</cos:boolean>", received)
    assert states == ["false"] * len(METERS) + ["true"] * len(METERS)


@pytest.mark.clause("7.2.6", "5.2.2")
def test_devices_that_fail_do_not_disturb_the_others(client: Any) -> None:
    answer = create(client, ["GRX-none", "off", "4752580000000001"], get(3, ENERGY, 2), get(1, "FFFFFFFFFFFF", 2))
    assert answer["Reply"]["Result"] == "PARTIAL"
    found = results(answer)
    assert found["GRX-none"]["CosemXDLMSResult"]["get-response"]["get-response-normal"]["result"]["data"]
    assert found["off"]["CosemErrorResult"]["reason"] == "connection refused"
    wrong_key = found["4752580000000001"]["CosemErrorResult"]
    assert wrong_key["code"].startswith("7.") or "key" in wrong_key["details"]
    absent = results(answer, 1)["GRX-none"]["CosemXDLMSResult"]["get-response"]["get-response-normal"]["result"]
    assert absent["data-access-result"] == "object-undefined"  # what the meter says is a result


@pytest.mark.clause("7.2.3")
def test_a_resource_can_be_got_closed_and_deleted(client: Any) -> None:
    made = create(client, ["GRX-none"], get(3, ENERGY, 2))
    identity = made["Reply"]["ID"][0]["_value_1"]

    second = create(client, ["GRX-lls"], get(3, ENERGY, 2))["Reply"]["ID"][0]["_value_1"]

    def ask(verb: str, *more: str) -> Any:
        header = {"Verb": verb, "Noun": "DeviceAccess"}
        return plain(client.service.Request(Header=header, Request={"ID": [identity, *more]}))

    assert values(ask("get")) == values(made)
    assert [access["ID"] for access in ask("get", second)["Payload"]["DeviceAccess"]] == [identity, second]
    assert ask("close")["Reply"]["Result"] == "OK"
    assert ask("cancel")["Reply"]["Result"] == "OK"
    assert ask("delete")["Reply"]["Result"] == "OK"
    with pytest.raises(zeep.exceptions.Fault):
        ask("get")
