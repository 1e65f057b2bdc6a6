"""What is done on a device, step by step: a CosemAccessDescriptor as it is stored, carried out and shown again.

Stored, a step is octets: those of its APDU, be it a service of xDLMS or an AARQ or RLRQ of ACSE; or, for the steps that
are procedures of several APDUs, the descriptor's XML, which no APDU begins like. What comes of a step is always one
APDU, or a failure.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cas.access.codes import Code
from cas.access.errors import Problem
from cas.access.images import check_upgrade
from cas.access.model import Octets
from cas.access.ports import Step
from cas.access.time_sync import check_time_sync
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.errors import EncodeError
from cas.dlms.redaction import redact
from cas.dlms.requested import check_requested
from cas.xml import DECLARATIONS, parse, read, write

_XML = ord("<")
_DESCRIPTOR = "dev:CosemAccessDescriptor"


def octets_of(descriptor: dev.CosemAccessDescriptor) -> Octets:
    """A descriptor as it is stored. Raises EncodeError for an APDU whose values do not fit."""
    if descriptor.cosem_time_sync is not None or descriptor.cosem_upgrade is not None:
        return Octets(write(descriptor, _DESCRIPTOR, DECLARATIONS).encode())
    return Octets(encode_apdu(_only(descriptor.cosem_acse_descriptor or descriptor.cosem_xdlms_descriptor)))


def descriptor_of(octets: Octets) -> dev.CosemAccessDescriptor:
    """The descriptor that was stored."""
    if octets[0] == _XML:
        return read(dev.CosemAccessDescriptor, parse(octets))
    apdu = decode_apdu(octets)
    if isinstance(apdu, cos.AarqApdu):
        return dev.CosemAccessDescriptor(cosem_acse_descriptor=dev.CosemAcseDescriptor(aarq=apdu))
    if isinstance(apdu, cos.RlrqApdu):
        return dev.CosemAccessDescriptor(cosem_acse_descriptor=dev.CosemAcseDescriptor(rlrq=apdu))
    chosen: dict[str, Any] = {_REQUEST[type(apdu).__name__]: apdu}
    return dev.CosemAccessDescriptor(cosem_xdlms_descriptor=dev.CosemXdlmsDescriptor(**chosen))


def shown_descriptor(octets: Octets) -> dev.CosemAccessDescriptor:
    """The descriptor that was stored, for clients and operators: passwords and new secrets in it are blanked."""
    return descriptor_of(Octets(redact("sent", octets)))


def step_of(octets: Octets) -> Step:
    """What is to be done, from what was stored."""
    if octets[0] != _XML:
        return decode_apdu(octets)  # type: ignore[return-value]  # only steps are stored as such
    descriptor = descriptor_of(octets)
    step = descriptor.cosem_time_sync or descriptor.cosem_upgrade
    assert step is not None  # noqa: S101 - only these two are stored as XML
    return step


def leader_of(steps: Sequence[Step], number: int) -> cos.AarqApdu | None:
    """The AARQ whose association a step belongs to; None: that of the registry."""
    for step in reversed(steps[:number]):
        if isinstance(step, cos.AarqApdu):
            return step
        if isinstance(step, cos.RlrqApdu):
            return None
    return None


def result_of(answer: Octets) -> dev.CosemAccessResult:
    """The APDU that came of a step as an answer has it, without the device and the time."""
    apdu = decode_apdu(answer)
    if isinstance(apdu, cos.AareApdu):
        return dev.CosemAccessResult(cosem_acse_result=dev.CosemAcseResult(aare=apdu))
    if isinstance(apdu, cos.RlreApdu):
        return dev.CosemAccessResult(cosem_acse_result=dev.CosemAcseResult(rlre=apdu))
    chosen: dict[str, Any] = {_RESPONSE[type(apdu).__name__]: apdu}
    return dev.CosemAccessResult(cosem_xdlms_result=dev.CosemXdlmsResult(**chosen))


def check_step(descriptor: dev.CosemAccessDescriptor, upgrade_dir: Path | None) -> Iterator[tuple[str, Problem]]:
    """What is wrong with a step that is no service of xDLMS; each problem with its path from the descriptor on."""
    if (acse := descriptor.cosem_acse_descriptor) is not None and acse.aarq is not None:
        try:
            check_requested(acse.aarq)
        except EncodeError as error:
            yield "CosemACSEDescriptor/aarq", Problem(Code.PAYLOAD, str(error))
    if descriptor.cosem_time_sync is not None:
        for element, problem in check_time_sync(descriptor.cosem_time_sync):
            yield f"CosemTimeSync/{element}", problem
    if descriptor.cosem_upgrade is not None:
        for element, problem in check_upgrade(descriptor.cosem_upgrade, upgrade_dir):
            yield f"CosemUpgrade/{element}", problem


def _only(choice: Any) -> Any:
    values = (getattr(choice, attribute) for attribute in choice.__dataclass_fields__)
    return next(value for value in values if value is not None)


def _attributes(choice: type) -> dict[str, str]:
    """The attributes of a CHOICE class by the names of the classes that they hold."""
    fields: dict[str, Any] = choice.__dataclass_fields__  # type: ignore[attr-defined]  # classes of the bindings
    return {str(field.type).partition(" ")[0]: name for name, field in fields.items()}


_REQUEST = _attributes(dev.CosemXdlmsDescriptor)
_RESPONSE = _attributes(dev.CosemXdlmsResult)
