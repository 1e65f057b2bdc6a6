"""Scenarios: fleets of simulated meters as data files; the built-in ones lie in `cas/simulator/scenarios/`.

    about = "what it shows"
    framing, one_port, authentication, latency (milliseconds), seed: as the options of `cas simulate`

    [[meters]]                      # each a kind of meter
    count = 3                       # how many of them in one round; default 1
    model = "residential"           # a name or a file
    fault = "slow=2.5"              # cas.simulator.faults
    oddities = ["list-size=3"]      # cas.simulator.oddities
    entry = {quirk = {list_size = "3"}}   # what the registry must know besides
    expect = "value"                # what becomes of a read: a value, or the reason of the error result

More meters than one round has go round again, so that a scenario has the same mixture in any size.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cas.simulator.errors import SimulatorError
from cas.simulator.faults import Fault
from cas.simulator.simulator import Simulator

VALUE = "value"


class Kind(BaseModel):
    """A kind of meter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: Annotated[int, Field(ge=1)] = 1
    model: str = "residential"
    fault: str | None = None
    oddities: tuple[str, ...] = ()
    entry: dict[str, Any] = {}
    expect: str = VALUE


class Scenario(BaseModel):
    """A fleet."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str
    framing: Literal["wrapper", "hdlc"] = "wrapper"
    one_port: bool = False
    authentication: str | None = None
    latency: Annotated[float, Field(ge=0)] = 0.0
    seed: Annotated[int, Field(ge=0)] = 0
    meters: Annotated[tuple[Kind, ...], Field(min_length=1)]

    @property
    def round(self) -> tuple[Kind, ...]:
        """The kind of each meter of one round."""
        return tuple(kind for kind in self.meters for _ in range(kind.count))

    def kinds(self, meters: int | None = None) -> list[Kind]:
        """The kind of each meter, of so many (default: one round)."""
        each = self.round
        return [each[index % len(each)] for index in range(meters or len(each))]

    def simulator(self, meters: int | None = None, **changed: Any) -> Simulator:
        """The fleet, with what is to be otherwise than here. Raises SimulatorError."""
        kinds = self.kinds(meters)
        given: dict[str, Any] = {
            "model": [kind.model for kind in kinds],
            "framing": self.framing,
            "one_port": self.one_port,
            "authentication": self.authentication,
            "latency": self.latency / 1000,
            "seed": self.seed,
            "faults": {index: Fault.parse(kind.fault) for index, kind in enumerate(kinds) if kind.fault is not None},
            "oddities": [f"{oddity}:{index}" for index, kind in enumerate(kinds) for oddity in kind.oddities],
            "entries": {index: kind.entry for index, kind in enumerate(kinds) if kind.entry},
        }
        return Simulator(len(kinds), **given | changed)


@cache
def builtin_scenarios() -> Mapping[str, Scenario]:
    """The built-in scenarios by name."""
    folder = resources.files("cas.simulator") / "scenarios"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {file.name.removesuffix(".toml"): read_scenario(file.name, file.read_text("utf-8")) for file in files}


def load_scenario(name: str) -> Scenario:
    """A built-in scenario by its name, or one from a file. Raises SimulatorError, naming file, table and field."""
    if found := builtin_scenarios().get(name):
        return found
    file = Path(name)
    if file.suffix != ".toml":
        known = ", ".join(builtin_scenarios())
        raise SimulatorError(f"no scenario {name!r}; built in are {known}, others are files NAME.toml")
    try:
        return read_scenario(name, file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as problem:
        raise SimulatorError(f"{file}: {problem}") from None


def read_scenario(name: str, text: str) -> Scenario:
    """A scenario from TOML. Raises SimulatorError."""
    try:
        return Scenario.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as problem:
        raise SimulatorError(f"{name}: {problem}") from None
    except ValidationError as problem:
        lines = [
            f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
            for error in problem.errors(include_url=False)
            if error["type"] != "too_short" or problem.error_count() == 1  # of a list in which nothing is right
        ]
        raise SimulatorError(f"{name}: {'; '.join(lines)}") from None
