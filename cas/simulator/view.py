"""A meter as one client sees it, in the association that it opened: the objects, the rights, the association itself.

Class 15, Association LN, version 1 (Blue Book 12, 4.4.4), and class 17, SAP assignment (4.4.5), are served here: they
speak of the association and its addresses, and of no meter.
"""

import secrets
from dataclasses import replace

from cas.bindings import cosempdu as cos
from cas.bindings.cosempdu import ActionResult
from cas.bindings.cosempdu import DataAccessResult as Result
from cas.cosem.data import Data
from cas.dlms.errors import DlmsError
from cas.dlms.security.authentication import Credentials, Mechanism
from cas.dlms.security.general import KeyRing
from cas.dlms.security.parties import Parties
from cas.dlms.security.policy import Protection
from cas.dlms.server import ServerSettings
from cas.simulator.certificates import AGREEMENT, SIGNING
from cas.simulator.errors import Refused
from cas.simulator.meter import Meter
from cas.simulator.model import CURRENT_ASSOCIATION, Model, Offer
from cas.simulator.object_list import object_list
from cas.simulator.objects import NULL, READ, WRITE, CosemObject, members_of
from cas.simulator.oddities import Oddity, conformance
from cas.simulator.security import SecuritySetup

_ASSOCIATION = 15
_ALL, _SECRET = 0, 7
_SAPS, _SAP_NAME = 17, bytes((0, 0, 41, 0, 0, 255))
_CONTEXT, _MECHANISM = 1, 2
_LN, _LN_CIPHERED = 1, 3
_ASSOCIATED = 2
_DLMS_VERSION = 6


def server_settings(meter: Meter, offer: Offer) -> ServerSettings:
    """What the meter demands of the client that opens this association."""
    needs_keys = (
        offer.mechanism is Mechanism.HIGH_GMAC or offer.protection.authentication or offer.protection.encryption
    )
    credentials = Credentials(secret=meter.secret)
    parties = None
    if (vault := meter.vault) is not None:
        signing, peer = vault.own(SIGNING), vault.peer(SIGNING)
        # a client that shows a certificate is believed for its authority, any other for its registered key
        credentials = replace(
            credentials,
            private_key=signing,
            public_key=None if offer.certified else peer,
            authority=vault.anchor if offer.certified else None,
            certificate=vault.shown(),
        )
        parties = Parties(KeyRing(meter.keys, vault.own(AGREEMENT), vault.peer(AGREEMENT), peer), signing)
    required = offer.protection
    if Oddity.SIGNED_ONLY in meter.oddities:
        required = replace(required, signature=True)
    return ServerSettings(
        own_title=meter.system_title,
        mechanism=offer.mechanism,
        password=meter.secret,
        credentials=credentials,
        parties=parties,
        random=secrets.token_bytes,
        keys=meter.keys if needs_keys else None,
        required=required,
        conformance=conformance(meter.model.conformance, meter.oddities),
        short_names=Oddity.SHORT_NAMES in meter.oddities,
        answers=Protection(encryption=True) if Oddity.ENCRYPTED_ANSWERS in meter.oddities else None,
        general_blocks=Oddity.GENERAL_BLOCKS in meter.oddities,
        max_pdu=meter.model.max_pdu,
    )


class View:
    """The application behind one association (`cas.dlms.server.Application`). `sap`: the meter's own address."""

    __slots__ = ("meter", "offer", "sap")

    def __init__(self, meter: Meter, offer: Offer, sap: int) -> None:
        self.meter = meter
        self.offer = offer
        self.sap = sap

    @property
    def is_pre_established(self) -> bool:
        """Whether this client is served without an AARQ."""
        public = Oddity.PUBLIC_UNASSOCIATED in self.meter.oddities and self.offer.mechanism is Mechanism.LOWEST
        return public or Oddity.PRE_ESTABLISHED in self.meter.oddities

    def admit(self) -> bool:
        """Whether the meter opens an association now."""
        return self.meter.admit()

    def closed(self) -> None:
        """The association has ended."""
        self.meter.closed()

    def refused(self, error: DlmsError) -> None:
        """An APDU was refused."""
        self.meter.refused(error)

    def read(
        self, attribute: cos.CosemAttributeDescriptor, selection: cos.SelectiveAccessDescriptor | None
    ) -> Data | Result:
        """The value of an attribute, now."""
        try:
            own = self._own(attribute)
            if own is not None:
                return own
            found = self._find(attribute.class_id, attribute.instance_id)
            if attribute.attribute_id == _ALL and selection is None:
                return self._all(found)
            if not found.rights.get(attribute.attribute_id, READ) & READ:
                return Result.READ_WRITE_DENIED
            now = self.meter.now()
            if selection is None:
                return found.read(self.meter, attribute.attribute_id, now)
            return found.select(self.meter, attribute.attribute_id, selection, now)
        except Refused as refused:
            return refused.result

    def _all(self, found: CosemObject) -> Data:
        """All attributes in their order; null-data where this client may not read."""
        now = self.meter.now()
        values = []
        for number in range(1, max(found.rights) + 1):
            readable = found.rights.get(number, 0) & READ
            values.append(found.read(self.meter, number, now) if readable else NULL)
        return Data.structure(*values)

    def write(
        self, attribute: cos.CosemAttributeDescriptor, selection: cos.SelectiveAccessDescriptor | None, value: Data
    ) -> Result:
        """Set an attribute."""
        try:
            if self._own(attribute) is not None:
                return Result.READ_WRITE_DENIED
            found = self._find(attribute.class_id, attribute.instance_id)
            if selection is not None:
                return Result.SCOPE_OF_ACCESS_VIOLATED
            if attribute.attribute_id == _ALL:
                self._put_all(found, value)
            else:
                self._check_writable(found, attribute.attribute_id)
                found.put(self.meter, attribute.attribute_id, value)
            return Result.SUCCESS
        except Refused as refused:
            return refused.result

    def _put_all(self, found: CosemObject, value: Data) -> None:
        """Set all attributes that are given; null-data leaves one as it is. Raises Refused before any is set."""
        values = members_of(value, max(found.rights))
        given = [(number, one) for number, one in enumerate(values, 1) if one != NULL]
        for number, one in given:
            self._check_writable(found, number)
            if one.tag != found.read(self.meter, number, self.meter.now()).tag:
                raise Refused(Result.TYPE_UNMATCHED)
        for number, one in given:
            found.put(self.meter, number, one)

    def _check_writable(self, found: CosemObject, number: int) -> None:
        mode = found.rights.get(number)
        if mode is None:
            raise Refused(Result.OBJECT_UNDEFINED)
        if not (mode & WRITE and self.offer.full):
            raise Refused(Result.READ_WRITE_DENIED)

    def invoke(self, method: cos.CosemMethodDescriptor, parameters: Data | None) -> tuple[ActionResult, Data | None]:
        """Run a method."""
        try:
            if (method.class_id, method.instance_id) == (_ASSOCIATION, CURRENT_ASSOCIATION):
                return ActionResult.READ_WRITE_DENIED, None
            found = self._find(method.class_id, method.instance_id)
            if not 1 <= method.method_id <= found.methods:
                return ActionResult.OBJECT_UNDEFINED, None
            if not self.offer.full:
                return ActionResult.READ_WRITE_DENIED, None
            return ActionResult.SUCCESS, found.call(self.meter, method.method_id, parameters)
        except Refused as refused:
            return refused.action_result, None

    def _find(self, class_id: int, logical_name: bytes) -> CosemObject:
        offer, model = self.offer, self.meter.model
        if offer.objects is not None and logical_name not in offer.objects:
            raise Refused(Result.OBJECT_UNDEFINED)
        found = model.objects.get((class_id, logical_name))
        if found is None:
            other = model.find(logical_name) is not None
            raise Refused(Result.OBJECT_CLASS_INCONSISTENT if other else Result.OBJECT_UNDEFINED)
        return found

    def _own(self, attribute: cos.CosemAttributeDescriptor) -> Data | None:
        """An attribute of the association or of SAP assignment; None for other objects. Raises Refused."""
        name = attribute.instance_id
        if attribute.class_id == _ASSOCIATION and name == CURRENT_ASSOCIATION:
            return self._association(attribute.attribute_id)
        if attribute.class_id == _SAPS and name == _SAP_NAME:
            if attribute.attribute_id == 1:
                return Data.of("octet-string", name)
            if attribute.attribute_id == 2:
                device = Data.of("octet-string", self.meter.logical_device_name)
                return Data.array([Data.structure(Data.of("long-unsigned", self.sap), device)])
            raise Refused(Result.OBJECT_UNDEFINED)
        return None

    def _association(self, attribute: int) -> Data:
        offer, model = self.offer, self.meter.model
        if attribute == 1:
            return Data.of("octet-string", CURRENT_ASSOCIATION)
        if attribute == 2:
            return object_list(model, offer)
        if attribute == 3:
            return Data.structure(Data.of("integer", offer.client), Data.of("long-unsigned", self.sap))
        if attribute == 4:
            ciphered = offer.protection.authentication or offer.protection.encryption
            return _name(_CONTEXT, _LN_CIPHERED if ciphered else _LN)
        if attribute == 5:
            return Data.structure(
                Data.of("bit-string", model.conformance.bits),
                Data.of("long-unsigned", model.max_pdu),
                Data.of("long-unsigned", model.max_pdu),
                Data.of("unsigned", _DLMS_VERSION),
                Data.of("integer", 0),
                Data.of("octet-string", b""),
            )
        if attribute == 6:
            return _name(_MECHANISM, int(offer.mechanism))
        if attribute == _SECRET:
            raise Refused(Result.READ_WRITE_DENIED)
        if attribute == 8:
            return Data.of("enum", _ASSOCIATED)
        if attribute == 9:
            return Data.of("octet-string", _security_setup(model))
        raise Refused(Result.OBJECT_UNDEFINED)


def _name(kind: int, number: int) -> Data:
    """An object identifier of DLMS UA, arc by arc: 2.16.756.5.8.kind.number."""
    return Data.structure(
        Data.of("unsigned", 2),
        Data.of("unsigned", 16),
        Data.of("long-unsigned", 756),
        Data.of("unsigned", 5),
        Data.of("unsigned", 8),
        Data.of("unsigned", kind),
        Data.of("unsigned", number),
    )


def _security_setup(model: Model) -> bytes:
    return next((name for (_, name), one in model.objects.items() if isinstance(one, SecuritySetup)), bytes(6))
