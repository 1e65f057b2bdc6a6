"""Our side of round_trips.py and sessions.py with the core compiled, in a process that finds `.compiled` first.

Reads the name of a case and a port, answers its seconds, as the peers do.
"""

import json
import sys
import time

from cas.dlms import axdr
from cas.dlms.acse import Settings
from tests.benchmarks import round_trips, sessions


def main() -> None:
    """Run what is asked for, until nothing is."""
    assert not axdr.__file__.endswith(".py"), f"{axdr.__file__} is not compiled"
    for line in sys.stdin:
        name, port = line.split()
        public, management = (f"tcp://127.0.0.1:{port}?client={client}&server=1" for client in (16, 1))
        match name:
            case "one":
                case = round_trips.ours(public, Settings(), 1, round_trips.GETS, time.perf_counter)
            case "many":
                case = round_trips.many(public)
            case "gmac":
                case = round_trips.ciphered(management)
            case _:
                case = sessions.ours([(management, round_trips.gmac())] * sessions.FOREIGN, sessions.DAY)
        print(json.dumps({"seconds": case()}), flush=True)


if __name__ == "__main__":
    main()
