"""The errors of the simulator.

CasError
└── SimulatorError          a model, fault or address that cannot be used
    └── ModelError          an object model that is wrong; the message names file and object

`Refused` is no error of the program: it is how an object says no, and becomes a data-access-result or action-result.
"""

from cas.bindings.cosempdu import ActionResult, DataAccessResult
from cas.errors import CasError


class SimulatorError(CasError):
    """A model, fault or address that cannot be used."""


class ModelError(SimulatorError):
    """An object model that is wrong."""


class Refused(Exception):
    """An object does not do what was asked."""

    def __init__(self, result: DataAccessResult) -> None:
        self.result = result
        super().__init__(result.value)

    @property
    def action_result(self) -> ActionResult:
        """The same reason as an answer to ACTION."""
        return ActionResult(self.result.value)
