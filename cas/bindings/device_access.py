"""Generated from the schemas by codegen; not to be edited."""

from __future__ import annotations

from dataclasses import field

from xsdata.models.datatype import XmlDateTime, XmlDuration

from cas.bindings.cosempdu import (
    AareApdu,
    AarqApdu,
    AccessRequest,
    AccessResponse,
    ActionRequest,
    ActionResponse,
    ConfirmedServiceError,
    CosemAttributeDescriptor,
    DataNotification,
    EventNotificationRequest,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    InformationReportRequest,
    ReadRequest,
    ReadResponse,
    RlreApdu,
    RlrqApdu,
    SetRequest,
    SetResponse,
    WriteRequest,
    WriteResponse,
)
from cas.cosem.record import Record, record

__NAMESPACE__ = "http://iec.ch/TC13/2014/schema/DeviceAccess"


@record
class DeviceAccess(Record):
    """What to do on which devices, when, how often; in an answer, with what came of it."""

    class Meta:
        namespace = "http://iec.ch/TC13/2014/schema/DeviceAccess"

    devices_reference_list: DevicesReferenceList | None = field(
        default=None,
        metadata={
            "name": "DevicesReferenceList",
            "type": "Element",
        },
    )
    cosem_access_list: CosemAccessList | None = field(
        default=None,
        metadata={
            "name": "CosemAccessList",
            "type": "Element",
        },
    )
    priority: int | None = field(
        default=None,
        metadata={
            "name": "Priority",
            "type": "Element",
        },
    )
    activates: XmlDateTime | None = field(
        default=None,
        metadata={
            "name": "Activates",
            "type": "Element",
        },
    )
    repeating_interval: XmlDuration | None = field(
        default=None,
        metadata={
            "name": "RepeatingInterval",
            "type": "Element",
        },
    )
    duration: XmlDuration | None = field(
        default=None,
        metadata={
            "name": "Duration",
            "type": "Element",
        },
    )
    expires: XmlDateTime | None = field(
        default=None,
        metadata={
            "name": "Expires",
            "type": "Element",
        },
    )
    not_older_than: XmlDateTime | None = field(
        default=None,
        metadata={
            "name": "NotOlderThan",
            "type": "Element",
        },
    )
    accept_data_notification: bool | None = field(
        default=None,
        metadata={
            "name": "AcceptDataNotification",
            "type": "Element",
        },
    )
    id: str | None = field(
        default=None,
        metadata={
            "name": "ID",
            "type": "Attribute",
        },
    )


@record
class DevicesReferenceList(Record):
    """Devices and groups of devices, both in one list if need be (D)."""

    device_reference: tuple[DeviceReference, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "DeviceReference",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )
    group_reference: tuple[GroupReference, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "GroupReference",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )


@record
class DeviceReference(Record):
    """A device, by its system title (16 hexadecimal digits) or an alias registered for it."""

    device_id: str = field(
        metadata={
            "name": "DeviceID",
            "type": "Attribute",
            "min_length": 1,
        }
    )


@record
class GroupReference(Record):
    """A group of devices, its members as of each activation."""

    group_id: str = field(
        metadata={
            "name": "GroupID",
            "type": "Attribute",
            "min_length": 1,
        }
    )


@record
class CosemAccessList(Record):
    """The accesses, made in this order, in one association for each device."""

    cosem_access: tuple[CosemAccess, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "CosemAccess",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )


@record
class CosemAccess(Record):
    """One access and its results.

    Only the event of a data notification has no descriptor (D).
    """

    cosem_access_descriptor: CosemAccessDescriptor | None = field(
        default=None,
        metadata={
            "name": "CosemAccessDescriptor",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )
    cosem_access_result: tuple[CosemAccessResult, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "CosemAccessResult",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )


@record
class CosemAccessDescriptor(Record):
    """What to do on the device."""

    cosem_xdlms_descriptor: CosemXdlmsDescriptor | None = field(
        default=None,
        metadata={
            "name": "CosemXDLMSDescriptor",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )
    cosem_acse_descriptor: CosemAcseDescriptor | None = field(
        default=None,
        metadata={
            "name": "CosemACSEDescriptor",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )
    cosem_time_sync: CosemTimeSync | None = field(
        default=None,
        metadata={
            "name": "CosemTimeSync",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )
    cosem_upgrade: CosemUpgrade | None = field(
        default=None,
        metadata={
            "name": "CosemUpgrade",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )


@record
class CosemXdlmsDescriptor(Record):
    """A request APDU.

    The CAS does block transfer itself: the -next and -datablock forms are refused.
    """

    class Meta:
        name = "CosemXDLMSDescriptor"

    get_request: GetRequest | None = field(
        default=None,
        metadata={
            "name": "get-request",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    set_request: SetRequest | None = field(
        default=None,
        metadata={
            "name": "set-request",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    action_request: ActionRequest | None = field(
        default=None,
        metadata={
            "name": "action-request",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    access_request: AccessRequest | None = field(
        default=None,
        metadata={
            "name": "access-request",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    read_request: ReadRequest | None = field(
        default=None,
        metadata={
            "name": "readRequest",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    write_request: WriteRequest | None = field(
        default=None,
        metadata={
            "name": "writeRequest",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class CosemAcseDescriptor(Record):
    """The client of the CAS opens or releases the association itself."""

    class Meta:
        name = "CosemACSEDescriptor"

    aarq: AarqApdu | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    rlrq: RlrqApdu | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class CosemTimeSync(Record):
    """Read the clock; set it if it is off by min-time-diff to max-time-diff, in seconds (X)."""

    cosem_object: CosemAttributeDescriptor = field(
        metadata={
            "name": "cosem-object",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        }
    )
    min_time_diff: int = field(
        metadata={
            "name": "min-time-diff",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        }
    )
    max_time_diff: int = field(
        metadata={
            "name": "max-time-diff",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        }
    )


@record
class CosemUpgrade(Record):
    """Transfer an image and activate it; image-size in octets (X)."""

    upgrade_file: str = field(
        metadata={
            "name": "upgrade-file",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        }
    )
    image_identifier: str = field(
        metadata={
            "name": "image-identifier",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        }
    )
    image_size: int = field(
        metadata={
            "name": "image-size",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        }
    )
    cosem_object: CosemAttributeDescriptor = field(
        metadata={
            "name": "cosem-object",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        }
    )


@record
class CosemAccessResult(Record):
    """What came of the access on one device, in the activation that ran at Activated."""

    cosem_xdlms_result: CosemXdlmsResult | None = field(
        default=None,
        metadata={
            "name": "CosemXDLMSResult",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )
    cosem_acse_result: CosemAcseResult | None = field(
        default=None,
        metadata={
            "name": "CosemACSEResult",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )
    cosem_error_result: CosemErrorResult | None = field(
        default=None,
        metadata={
            "name": "CosemErrorResult",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )
    device_id: str | None = field(
        default=None,
        metadata={
            "name": "DeviceID",
            "type": "Attribute",
            "min_length": 1,
        },
    )
    activated: XmlDateTime | None = field(
        default=None,
        metadata={
            "name": "Activated",
            "type": "Attribute",
        },
    )


@record
class CosemXdlmsResult(Record):
    """The response APDU, or the APDU that the device sent unasked.

    A response that is an error is a result, too.
    """

    class Meta:
        name = "CosemXDLMSResult"

    get_response: GetResponse | None = field(
        default=None,
        metadata={
            "name": "get-response",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    set_response: SetResponse | None = field(
        default=None,
        metadata={
            "name": "set-response",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    action_response: ActionResponse | None = field(
        default=None,
        metadata={
            "name": "action-response",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    access_response: AccessResponse | None = field(
        default=None,
        metadata={
            "name": "access-response",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    read_response: ReadResponse | None = field(
        default=None,
        metadata={
            "name": "readResponse",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    write_response: WriteResponse | None = field(
        default=None,
        metadata={
            "name": "writeResponse",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    exception_response: ExceptionResponse | None = field(
        default=None,
        metadata={
            "name": "exception-response",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    confirmed_service_error: ConfirmedServiceError | None = field(
        default=None,
        metadata={
            "name": "confirmedServiceError",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    data_notification: DataNotification | None = field(
        default=None,
        metadata={
            "name": "data-notification",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    event_notification_request: EventNotificationRequest | None = field(
        default=None,
        metadata={
            "name": "event-notification-request",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    information_report_request: InformationReportRequest | None = field(
        default=None,
        metadata={
            "name": "informationReportRequest",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class CosemAcseResult(Record):
    """The device's answer to an aarq or rlrq."""

    class Meta:
        name = "CosemACSEResult"

    aare: AareApdu | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    rlre: RlreApdu | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class CosemErrorResult(Record):
    """The device was not reached, or the exchange with it broke (D)."""

    code: str = field(
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        }
    )
    reason: str | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )
    details: str | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )
