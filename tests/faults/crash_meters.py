"""Simulated meters in a process of their own that keep account: what was set and invoked how often, and by whom twice.

    python -m tests.faults.crash_meters 60 0.02 meters.toml

`report` on stdin is answered with one line of JSON; the end of stdin ends it.
"""

import asyncio
import json
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import uvloop

from cas.bindings import cosempdu as cos
from cas.cli.simulate import _allow_files
from cas.cosem.data import Data
from cas.simulator import Simulator
from cas.simulator.meter import Meter
from cas.simulator.view import View

SPARE_FILES = 2048


class Account:
    """What the meters were made to do, by DeviceID and the value that was written or passed."""

    def __init__(self) -> None:
        self.changes: Counter[tuple[str, str]] = Counter()
        self.reads = 0
        self.refused = 0

    def keep(self, stack: ExitStack) -> None:
        """Count from now on."""
        write, invoke, read, admit = View.write, View.invoke, View.read, Meter.admit

        def counted_write(
            view: View,
            attribute: cos.CosemAttributeDescriptor,
            selection: cos.SelectiveAccessDescriptor | None,
            value: Data,
        ) -> cos.DataAccessResult:
            self._count(view, value)
            return write(view, attribute, selection, value)

        def counted_invoke(
            view: View, method: cos.CosemMethodDescriptor, parameters: Data | None
        ) -> tuple[cos.ActionResult, Data | None]:
            self._count(view, parameters)
            return invoke(view, method, parameters)

        def counted_read(
            view: View, attribute: cos.CosemAttributeDescriptor, selection: cos.SelectiveAccessDescriptor | None
        ) -> Data | cos.DataAccessResult:
            self.reads += 1
            return read(view, attribute, selection)

        def counted_admit(meter: Meter) -> bool:
            admitted = admit(meter)
            self.refused += not admitted
            return admitted

        stack.enter_context(patch.object(View, "write", counted_write))
        stack.enter_context(patch.object(View, "invoke", counted_invoke))
        stack.enter_context(patch.object(View, "read", counted_read))
        stack.enter_context(patch.object(Meter, "admit", counted_admit))

    def _count(self, view: View, value: Data | None) -> None:
        told = None if value is None else value.value
        text = told.decode() if isinstance(told, bytes) else str(told)
        self.changes[view.meter.device_id, text] += 1


def _report(account: Account, simulator: Simulator) -> str:
    return json.dumps(
        {
            "changes": [[device, value, count] for (device, value), count in account.changes.items()],
            "reads": account.reads,
            "refused": account.refused,
            "connections": simulator.counts.connections,
            "requests": simulator.counts.requests,
            "violations": [f"{meter.device_id}: {error}" for meter, error in simulator.violations()],
        }
    )


async def _serve(meters: int, latency: float, export: Path) -> None:
    account = Account()
    with ExitStack() as stack:
        account.keep(stack)
        async with Simulator(meters, authentication="hls-gmac", latency=latency) as simulator:
            await asyncio.to_thread(simulator.export, export)
            print("READY", flush=True)
            while (await asyncio.to_thread(sys.stdin.readline)).strip() == "report":
                print(_report(account, simulator), flush=True)


if __name__ == "__main__":
    # Each listens at a port of its own; the workers talk to a few hundred of them at a time.
    _allow_files(SPARE_FILES + int(sys.argv[1]))
    uvloop.run(_serve(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])))
