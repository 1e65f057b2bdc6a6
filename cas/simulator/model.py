"""An object model: what all meters of a kind have in common. Read from a TOML file (`cas.simulator.reading`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cas.dlms.conformance import Conformance
from cas.dlms.security.authentication import Mechanism
from cas.dlms.security.policy import Protection
from cas.simulator.objects import CosemObject
from cas.simulator.zone import Zone

CURRENT_ASSOCIATION = bytes((0, 0, 40, 0, 0, 255))


@dataclass(frozen=True, slots=True)
class Offer:
    """An association that a meter offers to the client with this SAP.

    `full`: the client may write and run methods, else only read. `objects`: logical names it sees, None for all.
    `certified`: with ECDSA the client must show a certificate of the authority.
    """

    client: int
    mechanism: Mechanism
    protection: Protection
    full: bool
    objects: frozenset[bytes] | None = None
    certified: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A kind of meter; two are the same when they are one object.

    `installed`: when the profiles begin; `max_pdu`: octets of the longest APDU that it receives.
    """

    name: str
    suite: int
    max_pdu: int
    installed: int
    zone: Zone
    conformance: Conformance
    offers: Mapping[int, Offer]
    """By client SAP; the first one is what an exported registry entry uses."""
    objects: Mapping[tuple[int, bytes], CosemObject] = field(repr=False)
    """By class and logical name."""

    def find(self, logical_name: bytes) -> CosemObject | None:
        """The object of that logical name."""
        return next((found for (_, name), found in self.objects.items() if name == logical_name), None)
