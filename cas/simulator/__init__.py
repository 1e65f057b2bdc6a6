"""Simulated meters: the other side of the wire, with values that a test can compute and faults on purpose."""

from cas.simulator.errors import ModelError, SimulatorError
from cas.simulator.faults import Fault
from cas.simulator.faults import Kind as FaultKind
from cas.simulator.meter import Meter
from cas.simulator.reading import builtin_models, load_model
from cas.simulator.simulator import Simulator

__all__ = ["Fault", "FaultKind", "Meter", "ModelError", "Simulator", "SimulatorError", "builtin_models", "load_model"]
