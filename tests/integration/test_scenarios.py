"""The built-in scenarios: a service reads their meters, and each comes to what its kind says."""

import re
from pathlib import Path

import pytest

from cas.simulator import SimulatorError
from cas.simulator.scenario import VALUE, builtin_scenarios, load_scenario
from tests.integration.soap.conftest import Service, service, settings
from tests.soap_messages import GET_ENERGY, create

SLOWEST = 0.8
"""Seconds that these tests give a meter, in place of its own time-out."""


@pytest.mark.parametrize("name", ["dead", "lying", "replaying", "quirky"])
async def test_each_meter_comes_to_what_its_kind_says(name: str, service: Service) -> None:
    scenario = builtin_scenarios()[name]
    kinds = scenario.kinds()
    async with scenario.simulator() as simulator:
        entries = [simulator.entry(index) for index in range(len(kinds))]
        await service.register(*({**entry, "url": f"{entry['url']}&timeout={SLOWEST}"} for entry in entries))
        await service.post(create([str(entry["device_id"]) for entry in entries], [GET_ENERGY]))
        # twice: what repeats old answers has one to repeat
        answer = await service.post(create([str(entry["device_id"]) for entry in entries], [GET_ENERGY] * 2))
    for entry, kind in zip(entries, kinds, strict=True):
        told = [
            VALUE if result.find(".//{*}data") is not None else result.findtext(".//{*}reason")
            for result in answer.root.iter("{http://iec.ch/TC13/2014/schema/DeviceAccess}CosemAccessResult")
            if result.get("DeviceID") == entry["device_id"]
        ]
        assert kind.expect in told, (entry["device_id"], kind, told)
        assert kind.expect == VALUE or told[-1] != VALUE, (entry["device_id"], kind, told)


def test_every_scenario_says_what_it_is_about() -> None:
    for name, scenario in builtin_scenarios().items():
        assert re.fullmatch(r"[a-z-]+", name)
        assert scenario.about
        scenario.simulator(2 * len(scenario.round))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('about = "x"', "own.toml: meters: Field required"),
        ('about = "x"\n[[meters]]\ncount = 0', "own.toml: meters.0.count: Input should be greater than or equal to 1"),
        ('about = "x"\n[[meters]]\nfault = "ill"', "'ill' is no fault"),
        ('about = "x"\n[[meters]]\nodd = "y"', "own.toml: meters.0.odd: Extra inputs are not permitted"),
    ],
)
def test_a_mistake_in_a_scenario_is_named(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.toml").write_text(text)
    with pytest.raises(SimulatorError) as problem:
        load_scenario("own.toml").simulator()
    assert str(problem.value).startswith(told)


__all__ = ["service", "settings"]  # the fixtures
