"""Class 64, Security setup (Blue Book 12, 4.4.7): policy, suite, titles, new keys; certificates in suites 1 and 2."""

import secrets
from enum import IntEnum
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from cas.bindings.cosempdu import DataAccessResult as Result
from cas.cosem.data import Data
from cas.dlms.errors import DlmsError
from cas.dlms.security.key_forms import drawn_private_key
from cas.dlms.security.rekeying import agreed_key, ephemeral_in, key_data
from cas.simulator.certificates import SIGNING, alternative_name, serial_octets
from cas.simulator.errors import Refused
from cas.simulator.objects import READ, CosemObject, members_of, number_of, octets_of
from cas.simulator.vault import Vault

if TYPE_CHECKING:
    from cas.simulator.meter import Meter

POLICY, SUITE, CLIENT_TITLE, SERVER_TITLE, CERTIFICATES = range(2, 7)
_KEYS = ("encryption", "broadcast", "authentication", "master")
"""Names by key_id."""
_BY_ENTITY = 0


class Method(IntEnum):
    """The methods."""

    ACTIVATE = 1
    KEY_TRANSFER = 2
    KEY_AGREEMENT = 3
    GENERATE_KEY_PAIR = 4
    REQUEST = 5
    IMPORT = 6
    EXPORT = 7
    REMOVE = 8


class SecuritySetup(CosemObject):
    """The object, version 1. `policy`: its bits, what requests and responses need."""

    class_id = 64
    version = 1
    methods = len(Method)

    def __init__(self, logical_name: bytes, policy: int) -> None:
        super().__init__(logical_name, dict.fromkeys(range(POLICY, CERTIFICATES + 1), READ))
        self._policy = Data.of("enum", policy)

    def get(self, meter: "Meter", attribute: int, at: int) -> Data:
        """Policy and suite, the title of the client last seen, our own, the certificates."""
        if attribute == POLICY:
            return self._policy
        if attribute == SUITE:
            return Data.of("enum", meter.keys.suite.number)
        if attribute == CLIENT_TITLE:
            return Data.of("octet-string", meter.client_title)
        if attribute == SERVER_TITLE:
            return Data.of("octet-string", meter.system_title)
        return Data.array(_listed(meter.vault) if meter.vault else [])

    def call(self, meter: "Meter", method: int, parameters: Data | None) -> Data | None:
        """Make the policy stricter; take new keys or agree on them; manage certificates. Raises Refused."""
        if method == Method.ACTIVATE:
            policy = number_of(parameters)
            if policy & number_of(self.read(meter, POLICY, 0)) != number_of(self.read(meter, POLICY, 0)):
                raise Refused(Result.READ_WRITE_DENIED)  # a policy can only be strengthened
            meter.set_own(self.logical_name, POLICY, Data.of("enum", policy))
            return None
        if method == Method.KEY_TRANSFER:
            meter.replace_keys(**dict(_unwrapped(meter, item) for item in members_of(parameters)))
            return None
        if meter.vault is None:
            raise Refused(Result.OBJECT_UNAVAILABLE)  # suite 0 has no public keys
        if method == Method.KEY_AGREEMENT:
            return _agreed(meter, meter.vault, members_of(parameters))
        return _managed(meter.vault, method, parameters)


def _agreed(meter: "Meter", vault: Vault, items: list[Data]) -> Data:
    """Agree on keys, all or none, and answer with ephemeral keys of our own."""
    signing, peer, suite = vault.own(SIGNING), vault.peer(SIGNING), meter.keys.suite
    keys, answers = {}, []
    for item in items:
        number, data = members_of(item, 2)
        key_id = number_of(number)
        if key_id not in range(len(_KEYS)) or signing is None or peer is None:
            raise Refused(Result.OTHER_REASON)
        own = drawn_private_key(suite, secrets.token_bytes)
        try:
            theirs = ephemeral_in(octets_of(data), key_id, suite, peer)
        except DlmsError:
            raise Refused(Result.OTHER_REASON) from None
        keys[_KEYS[key_id]] = agreed_key(key_id, own, theirs, meter.client_title, meter.system_title)
        answers.append(Data.structure(number, Data.of("octet-string", key_data(key_id, own, signing))))
    meter.replace_keys(**keys)
    return Data.array(answers)


def _managed(vault: Vault, method: int, parameters: Data | None) -> Data | None:
    """The methods for key pairs and certificates."""
    match method:
        case Method.GENERATE_KEY_PAIR:
            vault.generate(number_of(parameters))
        case Method.REQUEST:
            return Data.of("octet-string", vault.request(number_of(parameters)))
        case Method.IMPORT:
            vault.take(octets_of(parameters))
        case Method.EXPORT:
            entity, purpose, title = _identified(vault, parameters)
            return Data.of("octet-string", vault.export(entity=entity, purpose=purpose, title=title))
        case _:
            entity, purpose, title = _identified(vault, parameters)
            vault.remove(entity=entity, purpose=purpose, title=title)
    return None


def _identified(vault: Vault, parameters: Data | None) -> tuple[int, int, bytes]:
    """Whose certificate, what for, and the title of its subject, from a certificate_identification."""
    kind, options = members_of(parameters, 2)
    if number_of(kind) == _BY_ENTITY:
        entity, purpose, title = members_of(options, 3)
        return number_of(entity), number_of(purpose), octets_of(title)
    serial, issuer = members_of(options, 2)
    return vault.numbered(octets_of(serial), octets_of(issuer))


def _listed(vault: Vault) -> list[Data]:
    return [
        Data.structure(
            Data.of("enum", entity),
            Data.of("enum", purpose),
            Data.of("octet-string", serial_octets(found)),
            Data.of("octet-string", found.issuer.public_bytes()),
            Data.of("octet-string", found.subject.public_bytes()),
            Data.of("octet-string", alternative_name(found)),
        )
        for entity, purpose, found in vault.listed()
    ]


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
