"""Generated from the schemas by codegen; not to be edited."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from xml.etree.ElementTree import QName

from xsdata.models.datatype import XmlDateTime, XmlDuration

from cas.bindings.cosempdu import CosemAttributeDescriptor
from cas.bindings.device_access import (
    DeviceAccess,
    DeviceReference,
    GroupReference,
)
from cas.cosem.record import Record, record

__NAMESPACE__ = "http://iec.ch/TC57/2011/schema/message"


class Verb(Enum):
    """What is asked (present tense), what happened (past tense), or reply."""

    CANCEL = "cancel"
    CANCELED = "canceled"
    CHANGE = "change"
    CHANGED = "changed"
    CREATE = "create"
    CREATED = "created"
    CLOSE = "close"
    CLOSED = "closed"
    DELETE = "delete"
    DELETED = "deleted"
    GET = "get"
    REPLY = "reply"
    EXECUTE = "execute"
    EXECUTED = "executed"


class Result(Enum):
    OK = "OK"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"


class ErrorLevel(Enum):
    INFORM = "INFORM"
    WARNING = "WARNING"
    FATAL = "FATAL"
    CATASTROPHIC = "CATASTROPHIC"


class IdKind(Enum):
    NAME = "name"
    UUID = "uuid"
    TRANSACTION = "transaction"
    OTHER = "other"


class ResourceType(Enum):
    GET = "GET"
    SET = "SET"
    ACTION = "ACTION"
    TIMESYNC = "TIMESYNC"
    UPGRADE = "UPGRADE"
    DATA_NOTIFICATION = "DATA-NOTIFICATION"


class ResourceStatus(Enum):
    ACCEPTED = "ACCEPTED"
    EXECUTE_REQUEST = "EXECUTE-REQUEST"
    EXECUTING = "EXECUTING"
    ITERATION_OK = "ITERATION-OK"
    ITERATION_NOT_COMPLETED = "ITERATION-NOT-COMPLETED"
    ITERATION_FAILED = "ITERATION-FAILED"
    ITERATION_EMPTY = "ITERATION-EMPTY"
    ITERATION_STOPPED = "ITERATION-STOPPED"
    PAUSED = "PAUSED"
    FINISHED = "FINISHED"


class MeterState(Enum):
    METER_ACTIVE = "METER-ACTIVE"
    METER_NOT_ACTIVE = "METER-NOT-ACTIVE"
    METER_JOINED = "METER-JOINED"
    METER_NO_KEYS = "METER-NO-KEYS"
    METER_WRONG_KEYS = "METER-WRONG-KEYS"
    METER_NOT_AVAILABLE = "METER-NOT-AVAILABLE"
    METER_LOST = "METER-LOST"


@record
class MessageType(Record):
    header: HeaderType = field(
        metadata={
            "name": "Header",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    request: RequestType | None = field(
        default=None,
        metadata={
            "name": "Request",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    reply: ReplyType | None = field(
        default=None,
        metadata={
            "name": "Reply",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    payload: PayloadType | None = field(
        default=None,
        metadata={
            "name": "Payload",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class RequestMessageType(Record):
    """From a client to the CAS."""

    header: HeaderType = field(
        metadata={
            "name": "Header",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    request: RequestType | None = field(
        default=None,
        metadata={
            "name": "Request",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    payload: PayloadType | None = field(
        default=None,
        metadata={
            "name": "Payload",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class ResponseMessageType(Record):
    """The answer to a request."""

    header: HeaderType = field(
        metadata={
            "name": "Header",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    reply: ReplyType = field(
        metadata={
            "name": "Reply",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    payload: PayloadType | None = field(
        default=None,
        metadata={
            "name": "Payload",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class EventMessageType(Record):
    """From the CAS to the ReplyAddress."""

    header: HeaderType = field(
        metadata={
            "name": "Header",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    payload: PayloadType | None = field(
        default=None,
        metadata={
            "name": "Payload",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class FaultMessageType(Record):
    """The answer to a request that cannot be taken, in the Detail of the SOAP fault."""

    reply: ReplyType = field(
        metadata={
            "name": "Reply",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )


@record
class HeaderType(Record):
    verb: Verb = field(
        metadata={
            "name": "Verb",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    noun: str = field(
        metadata={
            "name": "Noun",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    revision: str | None = field(
        default=None,
        metadata={
            "name": "Revision",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    replay_detection: ReplayDetectionType | None = field(
        default=None,
        metadata={
            "name": "ReplayDetection",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    context: str | None = field(
        default=None,
        metadata={
            "name": "Context",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    timestamp: XmlDateTime | None = field(
        default=None,
        metadata={
            "name": "Timestamp",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    source: str | None = field(
        default=None,
        metadata={
            "name": "Source",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    async_reply_flag: bool | None = field(
        default=None,
        metadata={
            "name": "AsyncReplyFlag",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    reply_address: str | None = field(
        default=None,
        metadata={
            "name": "ReplyAddress",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    ack_required: bool | None = field(
        default=None,
        metadata={
            "name": "AckRequired",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    user: UserType | None = field(
        default=None,
        metadata={
            "name": "User",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    message_id: str | None = field(
        default=None,
        metadata={
            "name": "MessageID",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    correlation_id: str | None = field(
        default=None,
        metadata={
            "name": "CorrelationID",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    comment: str | None = field(
        default=None,
        metadata={
            "name": "Comment",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    property: tuple[MessageProperty, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Property",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    other_element: tuple[object, ...] = field(
        default_factory=tuple,
        metadata={
            "type": "Wildcard",
            "namespace": "##other",
        },
    )


@record
class ReplayDetectionType(Record):
    nonce: str = field(
        metadata={
            "name": "Nonce",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    created: XmlDateTime = field(
        metadata={
            "name": "Created",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )


@record
class UserType(Record):
    user_id: str = field(
        metadata={
            "name": "UserID",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    organization: str | None = field(
        default=None,
        metadata={
            "name": "Organization",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class MessageProperty(Record):
    name: str = field(
        metadata={
            "name": "Name",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    value: str | None = field(
        default=None,
        metadata={
            "name": "Value",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class RequestType(Record):
    """Which resources.

    WithData and LastValidData (the newest good result of each device and descriptor) are (X).
    """

    start_time: XmlDateTime | None = field(
        default=None,
        metadata={
            "name": "StartTime",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    end_time: XmlDateTime | None = field(
        default=None,
        metadata={
            "name": "EndTime",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    option: tuple[OptionType, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Option",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    id: tuple[IdType, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "ID",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    with_data: bool | None = field(
        default=None,
        metadata={
            "name": "WithData",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    last_valid_data: bool | None = field(
        default=None,
        metadata={
            "name": "LastValidData",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    other_element: tuple[object, ...] = field(
        default_factory=tuple,
        metadata={
            "type": "Wildcard",
            "namespace": "##other",
        },
    )


@record
class OptionType(Record):
    name: str = field(
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    value: str | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class ReplyType(Record):
    result: Result = field(
        metadata={
            "name": "Result",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    error: tuple[ErrorType, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Error",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    id: tuple[IdType, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "ID",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    other_element: tuple[object, ...] = field(
        default_factory=tuple,
        metadata={
            "type": "Wildcard",
            "namespace": "##other",
        },
    )
    operation_id: int | None = field(
        default=None,
        metadata={
            "name": "operationId",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class ErrorType(Record):
    """xpath is a QName in the published files; the full path of the element stands in details."""

    code: str = field(
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    level: ErrorLevel | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    reason: str | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    details: str | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    xpath: QName | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    stack_trace: str | None = field(
        default=None,
        metadata={
            "name": "stackTrace",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    location: LocationType | None = field(
        default=None,
        metadata={
            "name": "Location",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    id: str | None = field(
        default=None,
        metadata={
            "name": "ID",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    related_id: str | None = field(
        default=None,
        metadata={
            "name": "relatedID",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    object_value: ObjectType | None = field(
        default=None,
        metadata={
            "name": "object",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    operation_id: int | None = field(
        default=None,
        metadata={
            "name": "operationId",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class LocationType(Record):
    node: str | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    pipeline: str | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    stage: str | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class IdType(Record):
    """The identity of a resource or object."""

    class Meta:
        name = "IDType"

    value: str = field(default="")
    id_type: str | None = field(
        default=None,
        metadata={
            "name": "idType",
            "type": "Attribute",
        },
    )
    id_authority: str | None = field(
        default=None,
        metadata={
            "name": "idAuthority",
            "type": "Attribute",
        },
    )
    kind: IdKind | None = field(
        default=None,
        metadata={
            "type": "Attribute",
        },
    )
    object_type: str | None = field(
        default=None,
        metadata={
            "name": "objectType",
            "type": "Attribute",
        },
    )


@record
class ObjectType(Record):
    m_rid: str | None = field(
        default=None,
        metadata={
            "name": "mRID",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    name: tuple[Name, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Name",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    object_type: str | None = field(
        default=None,
        metadata={
            "name": "objectType",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class Name(Record):
    name: str = field(
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    name_type: NameType | None = field(
        default=None,
        metadata={
            "name": "NameType",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class NameType(Record):
    name: str = field(
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    description: str | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    name_type_authority: NameTypeAuthority | None = field(
        default=None,
        metadata={
            "name": "NameTypeAuthority",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class NameTypeAuthority(Record):
    name: str = field(
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    description: str | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class PayloadType(Record):
    """Several DeviceAccess answer a get of several IDs.

    Compressed is the payload document, gzip, then base64.
    """

    device_access: tuple[DeviceAccess, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "DeviceAccess",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    device_access_of_dev: tuple[DeviceAccess, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "DeviceAccess",
            "type": "Element",
            "namespace": "http://iec.ch/TC13/2014/schema/DeviceAccess",
        },
    )
    device_groups: DeviceGroups | None = field(
        default=None,
        metadata={
            "name": "DeviceGroups",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    device_group: DeviceGroups | None = field(
        default=None,
        metadata={
            "name": "DeviceGroup",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    resource_directory: ResourceDirectory | None = field(
        default=None,
        metadata={
            "name": "ResourceDirectory",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    operation_set: OperationSet | None = field(
        default=None,
        metadata={
            "name": "OperationSet",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    compressed: str | None = field(
        default=None,
        metadata={
            "name": "Compressed",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    id: tuple[IdType, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "ID",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    format: str | None = field(
        default=None,
        metadata={
            "name": "Format",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class OperationSet(Record):
    enforce_msg_sequence: bool | None = field(
        default=None,
        metadata={
            "name": "enforceMsgSequence",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    enforce_transactional_integrity: bool | None = field(
        default=None,
        metadata={
            "name": "enforceTransactionalIntegrity",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    operation: tuple[OperationType, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Operation",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class OperationType(Record):
    operation_id: int = field(
        metadata={
            "name": "operationId",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    noun: str | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    verb: Verb | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    element_operation: bool | None = field(
        default=None,
        metadata={
            "name": "elementOperation",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    other_element: tuple[object, ...] = field(
        default_factory=tuple,
        metadata={
            "type": "Wildcard",
            "namespace": "##other",
        },
    )


@record
class DeviceGroups(Record):
    """The noun DeviceGroups (in the deployed client DeviceGroup, for the list as for its entries)."""

    device_group: tuple[DeviceGroup, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "DeviceGroup",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class DeviceGroup(Record):
    """A list of devices, or with Type PREFIX all devices whose DeviceID starts with Prefix."""

    device_reference: tuple[DeviceReference, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "DeviceReference",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    group_id: str | None = field(
        default=None,
        metadata={
            "name": "GroupID",
            "type": "Attribute",
            "min_length": 1,
        },
    )
    prefix: str | None = field(
        default=None,
        metadata={
            "name": "Prefix",
            "type": "Attribute",
        },
    )
    type_value: str | None = field(
        default=None,
        metadata={
            "name": "Type",
            "type": "Attribute",
        },
    )


@record
class ResourceDirectory(Record):
    """A summary of every DeviceAccess (X)."""

    resource: tuple[Resource, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Resource",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class Resource(Record):
    """The summary of a DeviceAccess."""

    id: str = field(
        metadata={
            "name": "ID",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    resource_type: ResourceType = field(
        metadata={
            "name": "ResourceType",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    resource_status: ResourceStatus = field(
        metadata={
            "name": "ResourceStatus",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    device_reference: tuple[DeviceReference, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "DeviceReference",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    group_reference: tuple[GroupReference, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "GroupReference",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    cosem_attribute_descriptor: tuple[CosemAttributeDescriptor, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "CosemAttributeDescriptor",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    priority: int | None = field(
        default=None,
        metadata={
            "name": "Priority",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    activates: XmlDateTime | None = field(
        default=None,
        metadata={
            "name": "Activates",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    expires: XmlDateTime | None = field(
        default=None,
        metadata={
            "name": "Expires",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    not_older_than: XmlDateTime | None = field(
        default=None,
        metadata={
            "name": "NotOlderThan",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    repeating_interval: XmlDuration | None = field(
        default=None,
        metadata={
            "name": "RepeatingInterval",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    duration: XmlDuration | None = field(
        default=None,
        metadata={
            "name": "Duration",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    last_activation: XmlDateTime | None = field(
        default=None,
        metadata={
            "name": "LastActivation",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    async_reply_flag: bool | None = field(
        default=None,
        metadata={
            "name": "AsyncReplyFlag",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    reply_address: str | None = field(
        default=None,
        metadata={
            "name": "ReplyAddress",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    accept_data_notification: bool | None = field(
        default=None,
        metadata={
            "name": "AcceptDataNotification",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class CosemDeviceStatistics(Record):
    """How communication with a device went (X); mac-address is its transport address (D)."""

    mac_address: str | None = field(
        default=None,
        metadata={
            "name": "mac-address",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    meter_id: str = field(
        metadata={
            "name": "meter-id",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    commissioned: bool | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    meter_state: MeterState = field(
        metadata={
            "name": "meter-state",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    successful_communications: int = field(
        metadata={
            "name": "successful-communications",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    unsuccessful_communications: int = field(
        metadata={
            "name": "unsuccessful-communications",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        }
    )
    last_successful_communication: XmlDateTime | None = field(
        default=None,
        metadata={
            "name": "last-successful-communication",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    last_unsuccessful_communication: XmlDateTime | None = field(
        default=None,
        metadata={
            "name": "last-unsuccessful-communication",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )
    security_counter: int | None = field(
        default=None,
        metadata={
            "name": "security-counter",
            "type": "Element",
            "namespace": "http://iec.ch/TC57/2011/schema/message",
        },
    )


@record
class CosemDeviceStatisticRequest(Record):
    class Meta:
        namespace = "http://iec.ch/TC57/2011/schema/message"


@record
class GetCosemDeviceStatisticResponse(Record):
    class Meta:
        namespace = "http://iec.ch/TC57/2011/schema/message"

    cosem_device_statistics: tuple[CosemDeviceStatistics, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "cosem-device-statistics",
            "type": "Element",
        },
    )


@record
class Message(MessageType):
    class Meta:
        namespace = "http://iec.ch/TC57/2011/schema/message"


@record
class RequestMessage(RequestMessageType):
    class Meta:
        namespace = "http://iec.ch/TC57/2011/schema/message"


@record
class ResponseMessage(ResponseMessageType):
    class Meta:
        namespace = "http://iec.ch/TC57/2011/schema/message"


@record
class EventMessage(EventMessageType):
    class Meta:
        namespace = "http://iec.ch/TC57/2011/schema/message"


@record
class FaultMessage(FaultMessageType):
    class Meta:
        namespace = "http://iec.ch/TC57/2011/schema/message"
