"""Class 64, Security setup (Blue Book 12, 4.4.7): policy, suite, titles, and the transfer of new keys."""

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from cas.bindings.cosempdu import DataAccessResult as Result
from cas.cosem.data import Data
from cas.simulator.errors import Refused
from cas.simulator.objects import READ, CosemObject, members_of, number_of, octets_of

if TYPE_CHECKING:
    from cas.simulator.meter import Meter

POLICY, SUITE, CLIENT_TITLE, SERVER_TITLE, CERTIFICATES = range(2, 7)
ACTIVATE, KEY_TRANSFER = 1, 2
_KEYS = ("encryption", "broadcast", "authentication", "master")
"""Names by key_id."""


class SecuritySetup(CosemObject):
    """The object, version 1. `policy`: its bits, what requests and responses need."""

    class_id = 64
    version = 1
    methods = 2

    def __init__(self, logical_name: bytes, policy: int) -> None:
        super().__init__(logical_name, dict.fromkeys(range(POLICY, CERTIFICATES + 1), READ))
        self._policy = Data.of("enum", policy)

    def get(self, meter: "Meter", attribute: int, at: int) -> Data:
        """Policy and suite, the title of the client last seen, our own, no certificates."""
        if attribute == POLICY:
            return self._policy
        if attribute == SUITE:
            return Data.of("enum", meter.keys.suite.number)
        if attribute == CLIENT_TITLE:
            return Data.of("octet-string", next(reversed(meter.counters), b""))
        if attribute == SERVER_TITLE:
            return Data.of("octet-string", meter.system_title)
        return Data.array([])

    def call(self, meter: "Meter", method: int, parameters: Data | None) -> Data | None:
        """Make the policy stricter; take new keys, wrapped with the master key. Raises Refused."""
        if method == ACTIVATE:
            policy = number_of(parameters)
            if policy & number_of(self.read(meter, POLICY, 0)) != number_of(self.read(meter, POLICY, 0)):
                raise Refused(Result.READ_WRITE_DENIED)  # a policy can only be strengthened
            meter.set_own(self.logical_name, POLICY, Data.of("enum", policy))
        elif method == KEY_TRANSFER:
            meter.replace_keys(**dict(_unwrapped(meter, item) for item in members_of(parameters)))
        else:
            raise Refused(Result.OBJECT_UNDEFINED)
        return None


def _unwrapped(meter: "Meter", item: Data) -> tuple[str, bytes]:
    number, wrapped = members_of(item, 2)
    master = meter.keys.master
    if number_of(number) not in range(len(_KEYS)) or master is None:
        raise Refused(Result.OTHER_REASON)
    try:
        key = aes_key_unwrap(master, octets_of(wrapped))
    except (InvalidUnwrap, ValueError):
        raise Refused(Result.OTHER_REASON) from None
    if len(key) != meter.keys.suite.key_length:
        raise Refused(Result.OTHER_REASON)
    return _KEYS[number_of(number)], key
