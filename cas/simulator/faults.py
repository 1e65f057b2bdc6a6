"""What can be wrong with a simulated meter, on purpose.

    dead        takes connections, never answers
    off         closes a connection as soon as it is asked something
    hang        opens an association, and then never answers a service
    slow        answers after SECONDS
    garble      answers services with octets that are no APDU
    cut         sends half of an answer to a service, and nothing more
    close       sends half of an answer to a service, and closes the connection
    wrong-tag   answers services with an APDU of another kind
    late        does not answer the first service until the next request has come: the answer is an old one
    lie         answers services under the invoke-id of another request; ciphered: with a false authentication tag
    replay      answers every service after the first with the octets of that first answer

As text: `dead`, `slow=2.5`, and with meters (counted from 0) `dead:0`, `cut:3,7-9`; without them all meters have it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cas.simulator.errors import SimulatorError


class Kind(StrEnum):
    """The kinds of faults."""

    DEAD = "dead"
    OFF = "off"
    HANG = "hang"
    SLOW = "slow"
    GARBLE = "garble"
    CUT = "cut"
    CLOSE = "close"
    WRONG_TAG = "wrong-tag"
    LATE = "late"
    LIE = "lie"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault; `seconds` only with `slow`."""

    kind: Kind
    seconds: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """From text, without the meters. Raises SimulatorError."""
        name, given, seconds = text.partition("=")
        try:
            kind = Kind(name)
            delay = float(seconds) if given else 0.0
        except ValueError:
            raise SimulatorError(f"{text!r} is no fault; known are {', '.join(Kind)}, slow with =SECONDS") from None
        if (kind is Kind.SLOW) != bool(given) or delay < 0:
            raise SimulatorError(f"{text!r}: seconds go with slow, as slow=2.5, and with nothing else")
        return cls(kind, delay)


def parse_faults(text: str, meters: int) -> Mapping[int, Fault]:
    """A fault and the meters that have it, by index. Raises SimulatorError."""
    fault = Fault.parse(text.partition(":")[0])
    return dict.fromkeys(indices(text, meters), fault)


def indices(text: str, meters: int) -> list[int]:
    """The meters that stand behind the colon of a text, as `0,3,5-9`; without one, all. Raises SimulatorError."""
    _, given, which = text.partition(":")
    if not given:
        return list(range(meters))
    try:
        found = [*_indices(which)]
    except ValueError:
        raise SimulatorError(f"{text!r}: write the meters as 0,3,5-9") from None
    if not found or max(found) >= meters:
        raise SimulatorError(f"{text!r}: meters are numbered from 0 to {meters - 1}")
    return found


def _indices(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, dash, last = part.partition("-")
        yield from range(int(first), int(last if dash else first) + 1)
