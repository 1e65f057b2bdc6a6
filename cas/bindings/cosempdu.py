"""Generated from the schemas by codegen; not to be edited."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import Literal

from cas.cosem.data import Data
from cas.cosem.record import Record, record

__NAMESPACE__ = "http://www.dlms.com/COSEMpdu"


class DataAccessResult(Enum):
    SUCCESS = "success"
    HARDWARE_FAULT = "hardware-fault"
    TEMPORARY_FAILURE = "temporary-failure"
    READ_WRITE_DENIED = "read-write-denied"
    OBJECT_UNDEFINED = "object-undefined"
    OBJECT_CLASS_INCONSISTENT = "object-class-inconsistent"
    OBJECT_UNAVAILABLE = "object-unavailable"
    TYPE_UNMATCHED = "type-unmatched"
    SCOPE_OF_ACCESS_VIOLATED = "scope-of-access-violated"
    DATA_BLOCK_UNAVAILABLE = "data-block-unavailable"
    LONG_GET_ABORTED = "long-get-aborted"
    NO_LONG_GET_IN_PROGRESS = "no-long-get-in-progress"
    LONG_SET_ABORTED = "long-set-aborted"
    NO_LONG_SET_IN_PROGRESS = "no-long-set-in-progress"
    DATA_BLOCK_NUMBER_INVALID = "data-block-number-invalid"
    OTHER_REASON = "other-reason"


class ActionResult(Enum):
    SUCCESS = "success"
    HARDWARE_FAULT = "hardware-fault"
    TEMPORARY_FAILURE = "temporary-failure"
    READ_WRITE_DENIED = "read-write-denied"
    OBJECT_UNDEFINED = "object-undefined"
    OBJECT_CLASS_INCONSISTENT = "object-class-inconsistent"
    OBJECT_UNAVAILABLE = "object-unavailable"
    TYPE_UNMATCHED = "type-unmatched"
    SCOPE_OF_ACCESS_VIOLATED = "scope-of-access-violated"
    DATA_BLOCK_UNAVAILABLE = "data-block-unavailable"
    LONG_ACTION_ABORTED = "long-action-aborted"
    NO_LONG_ACTION_IN_PROGRESS = "no-long-action-in-progress"
    OTHER_REASON = "other-reason"


class ServiceErrorApplicationReference(Enum):
    OTHER = "other"
    TIME_ELAPSED = "time-elapsed"
    APPLICATION_UNREACHABLE = "application-unreachable"
    APPLICATION_REFERENCE_INVALID = "application-reference-invalid"
    APPLICATION_CONTEXT_UNSUPPORTED = "application-context-unsupported"
    PROVIDER_COMMUNICATION_ERROR = "provider-communication-error"
    DECIPHERING_ERROR = "deciphering-error"


class ServiceErrorHardwareResource(Enum):
    OTHER = "other"
    MEMORY_UNAVAILABLE = "memory-unavailable"
    PROCESSOR_RESOURCE_UNAVAILABLE = "processor-resource-unavailable"
    MASS_STORAGE_UNAVAILABLE = "mass-storage-unavailable"
    OTHER_RESOURCE_UNAVAILABLE = "other-resource-unavailable"


class ServiceErrorVdeStateError(Enum):
    OTHER = "other"
    NO_DLMS_CONTEXT = "no-dlms-context"
    LOADING_DATA_SET = "loading-data-set"
    STATUS_NOCHANGE = "status-nochange"
    STATUS_INOPERABLE = "status-inoperable"


class ServiceErrorService(Enum):
    OTHER = "other"
    PDU_SIZE = "pdu-size"
    SERVICE_UNSUPPORTED = "service-unsupported"


class ServiceErrorDefinition(Enum):
    OTHER = "other"
    OBJECT_UNDEFINED = "object-undefined"
    OBJECT_CLASS_INCONSISTENT = "object-class-inconsistent"
    OBJECT_ATTRIBUTE_INCONSISTENT = "object-attribute-inconsistent"


class ServiceErrorAccess(Enum):
    OTHER = "other"
    SCOPE_OF_ACCESS_VIOLATED = "scope-of-access-violated"
    OBJECT_ACCESS_VIOLATED = "object-access-violated"
    HARDWARE_FAULT = "hardware-fault"
    OBJECT_UNAVAILABLE = "object-unavailable"


class ServiceErrorInitiate(Enum):
    OTHER = "other"
    DLMS_VERSION_TOO_LOW = "dlms-version-too-low"
    INCOMPATIBLE_CONFORMANCE = "incompatible-conformance"
    PDU_SIZE_TOO_SHORT = "pdu-size-too-short"
    REFUSED_BY_THE_VDE_HANDLER = "refused-by-the-VDE-Handler"


class ServiceErrorLoadDataSet(Enum):
    OTHER = "other"
    PRIMITIVE_OUT_OF_SEQUENCE = "primitive-out-of-sequence"
    NOT_LOADABLE = "not-loadable"
    DATASET_SIZE_TOO_LARGE = "dataset-size-too-large"
    NOT_AWAITED_SEGMENT = "not-awaited-segment"
    INTERPRETATION_FAILURE = "interpretation-failure"
    STORAGE_FAILURE = "storage-failure"
    DATA_SET_NOT_READY = "data-set-not-ready"


class ServiceErrorTask(Enum):
    OTHER = "other"
    NO_REMOTE_CONTROL = "no-remote-control"
    TI_STOPPED = "ti-stopped"
    TI_RUNNING = "ti-running"
    TI_UNUSABLE = "ti-unusable"


class ExceptionResponseStateError(Enum):
    SERVICE_NOT_ALLOWED = "service-not-allowed"
    SERVICE_UNKNOWN = "service-unknown"


class KeyId(Enum):
    GLOBAL_UNICAST_ENCRYPTION_KEY = "global-unicast-encryption-key"
    GLOBAL_BROADCAST_ENCRYPTION_KEY = "global-broadcast-encryption-key"


class KekId(Enum):
    MASTER_KEY = "master-key"


class AssociationResult(Enum):
    ACCEPTED = "accepted"
    REJECTED_PERMANENT = "rejected-permanent"
    REJECTED_TRANSIENT = "rejected-transient"


class AcseServiceUser(Enum):
    NULL = "null"
    NO_REASON_GIVEN = "no-reason-given"
    APPLICATION_CONTEXT_NAME_NOT_SUPPORTED = "application-context-name-not-supported"
    CALLING_AP_TITLE_NOT_RECOGNIZED = "calling-AP-title-not-recognized"
    CALLING_AP_INVOCATION_IDENTIFIER_NOT_RECOGNIZED = "calling-AP-invocation-identifier-not-recognized"
    CALLING_AE_QUALIFIER_NOT_RECOGNIZED = "calling-AE-qualifier-not-recognized"
    CALLING_AE_INVOCATION_IDENTIFIER_NOT_RECOGNIZED = "calling-AE-invocation-identifier-not-recognized"
    CALLED_AP_TITLE_NOT_RECOGNIZED = "called-AP-title-not-recognized"
    CALLED_AP_INVOCATION_IDENTIFIER_NOT_RECOGNIZED = "called-AP-invocation-identifier-not-recognized"
    CALLED_AE_QUALIFIER_NOT_RECOGNIZED = "called-AE-qualifier-not-recognized"
    CALLED_AE_INVOCATION_IDENTIFIER_NOT_RECOGNIZED = "called-AE-invocation-identifier-not-recognized"
    AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED = "authentication-mechanism-name-not-recognised"
    AUTHENTICATION_MECHANISM_NAME_REQUIRED = "authentication-mechanism-name-required"
    AUTHENTICATION_FAILURE = "authentication-failure"
    AUTHENTICATION_REQUIRED = "authentication-required"


class AcseServiceProvider(Enum):
    NULL = "null"
    NO_REASON_GIVEN = "no-reason-given"
    NO_COMMON_ACSE_VERSION = "no-common-acse-version"


class ReleaseRequestReason(Enum):
    NORMAL = "normal"
    URGENT = "urgent"
    USER_DEFINED = "user-defined"


class ReleaseResponseReason(Enum):
    NORMAL = "normal"
    NOT_FINISHED = "not-finished"
    USER_DEFINED = "user-defined"


@record
class CosemAttributeDescriptor(Record):
    class Meta:
        name = "Cosem-Attribute-Descriptor"

    class_id: int = field(
        metadata={
            "name": "class-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    instance_id: bytes = field(
        metadata={
            "name": "instance-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "length": 6,
            "format": "base16",
        }
    )
    attribute_id: int = field(
        metadata={
            "name": "attribute-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class CosemMethodDescriptor(Record):
    class Meta:
        name = "Cosem-Method-Descriptor"

    class_id: int = field(
        metadata={
            "name": "class-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    instance_id: bytes = field(
        metadata={
            "name": "instance-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "length": 6,
            "format": "base16",
        }
    )
    method_id: int = field(
        metadata={
            "name": "method-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class SelectiveAccessDescriptor(Record):
    """The part of an attribute that is meant: selector 1 range, 2 entry (IEC 62056-6-2:2017, 4.3.6)."""

    class Meta:
        name = "Selective-Access-Descriptor"

    access_selector: int = field(
        metadata={
            "name": "access-selector",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    access_parameters: Data = field(
        metadata={
            "name": "access-parameters",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class CosemAttributeDescriptorWithSelection(Record):
    class Meta:
        name = "Cosem-Attribute-Descriptor-With-Selection"

    cosem_attribute_descriptor: CosemAttributeDescriptor = field(
        metadata={
            "name": "cosem-attribute-descriptor",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    access_selection: SelectiveAccessDescriptor | None = field(
        default=None,
        metadata={
            "name": "access-selection",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class GetDataResult(Record):
    """A value, or why there is none."""

    class Meta:
        name = "Get-Data-Result"

    data: Data | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    data_access_result: DataAccessResult | None = field(
        default=None,
        metadata={
            "name": "data-access-result",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ActionResponseWithOptionalData(Record):
    class Meta:
        name = "Action-Response-With-Optional-Data"

    result: ActionResult = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    return_parameters: GetDataResult | None = field(
        default=None,
        metadata={
            "name": "return-parameters",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class DataBlockG(Record):
    """A block of the answer to GET."""

    class Meta:
        name = "DataBlock-G"

    last_block: bool = field(
        metadata={
            "name": "last-block",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    block_number: int = field(
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    result: DataBlockGResult = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class DataBlockGResult(Record):
    class Meta:
        name = "DataBlock-G-Result"

    raw_data: bytes | None = field(
        default=None,
        metadata={
            "name": "raw-data",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )
    data_access_result: DataAccessResult | None = field(
        default=None,
        metadata={
            "name": "data-access-result",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class DataBlockSa(Record):
    """A block of SET or ACTION."""

    class Meta:
        name = "DataBlock-SA"

    last_block: bool = field(
        metadata={
            "name": "last-block",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    block_number: int = field(
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    raw_data: bytes = field(
        metadata={
            "name": "raw-data",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )


@record
class ListOfData(Record):
    class Meta:
        name = "List-Of-Data"

    data: tuple[Data, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Data",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ListOfCosemAttributeDescriptorWithSelection(Record):
    class Meta:
        name = "List-Of-Cosem-Attribute-Descriptor-With-Selection"

    cosem_attribute_descriptor_with_selection: tuple[CosemAttributeDescriptorWithSelection, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Cosem-Attribute-Descriptor-With-Selection",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ListOfCosemMethodDescriptor(Record):
    class Meta:
        name = "List-Of-Cosem-Method-Descriptor"

    cosem_method_descriptor: tuple[CosemMethodDescriptor, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Cosem-Method-Descriptor",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ListOfGetDataResult(Record):
    class Meta:
        name = "List-Of-Get-Data-Result"

    get_data_result: tuple[GetDataResult, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Get-Data-Result",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ListOfDataAccessResult(Record):
    class Meta:
        name = "List-Of-Data-Access-Result"

    data_access_result: tuple[DataAccessResult, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Data-Access-Result",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ListOfActionResponseWithOptionalData(Record):
    class Meta:
        name = "List-Of-Action-Response-With-Optional-Data"

    action_response_with_optional_data: tuple[ActionResponseWithOptionalData, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Action-Response-With-Optional-Data",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class InitiateRequest(Record):
    """The client proposes an xDLMS context; stands in the user-information of AARQ."""

    dedicated_key: bytes | None = field(
        default=None,
        metadata={
            "name": "dedicated-key",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )
    response_allowed: bool = field(
        default=True,
        metadata={
            "name": "response-allowed",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    proposed_quality_of_service: int | None = field(
        default=None,
        metadata={
            "name": "proposed-quality-of-service",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    proposed_dlms_version_number: int = field(
        metadata={
            "name": "proposed-dlms-version-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    proposed_conformance: str = field(
        metadata={
            "name": "proposed-conformance",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "length": 24,
            "pattern": r"[01]*",
        }
    )
    client_max_receive_pdu_size: int = field(
        metadata={
            "name": "client-max-receive-pdu-size",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class InitiateResponse(Record):
    """The context as negotiated; vaa-name is 7 with logical names, -1536 (0xFA00) with short names."""

    negotiated_quality_of_service: int | None = field(
        default=None,
        metadata={
            "name": "negotiated-quality-of-service",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    negotiated_dlms_version_number: int = field(
        metadata={
            "name": "negotiated-dlms-version-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    negotiated_conformance: str = field(
        metadata={
            "name": "negotiated-conformance",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "length": 24,
            "pattern": r"[01]*",
        }
    )
    server_max_receive_pdu_size: int = field(
        metadata={
            "name": "server-max-receive-pdu-size",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    vaa_name: int = field(
        metadata={
            "name": "vaa-name",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class ConfirmedServiceError(Record):
    """A confirmed service failed; COSEM uses initiateError, read and write."""

    initiate_error: ServiceError | None = field(
        default=None,
        metadata={
            "name": "initiateError",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    get_status: ServiceError | None = field(
        default=None,
        metadata={
            "name": "getStatus",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    get_name_list: ServiceError | None = field(
        default=None,
        metadata={
            "name": "getNameList",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    get_variable_attribute: ServiceError | None = field(
        default=None,
        metadata={
            "name": "getVariableAttribute",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    read: ServiceError | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    write: ServiceError | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    get_data_set_attribute: ServiceError | None = field(
        default=None,
        metadata={
            "name": "getDataSetAttribute",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    get_tiattribute: ServiceError | None = field(
        default=None,
        metadata={
            "name": "getTIAttribute",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    change_scope: ServiceError | None = field(
        default=None,
        metadata={
            "name": "changeScope",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    start: ServiceError | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    stop: ServiceError | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    resume: ServiceError | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    make_usable: ServiceError | None = field(
        default=None,
        metadata={
            "name": "makeUsable",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    initiate_load: ServiceError | None = field(
        default=None,
        metadata={
            "name": "initiateLoad",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    load_segment: ServiceError | None = field(
        default=None,
        metadata={
            "name": "loadSegment",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    terminate_load: ServiceError | None = field(
        default=None,
        metadata={
            "name": "terminateLoad",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    initiate_up_load: ServiceError | None = field(
        default=None,
        metadata={
            "name": "initiateUpLoad",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    up_load_segment: ServiceError | None = field(
        default=None,
        metadata={
            "name": "upLoadSegment",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    terminate_up_load: ServiceError | None = field(
        default=None,
        metadata={
            "name": "terminateUpLoad",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ServiceError(Record):
    application_reference: ServiceErrorApplicationReference | None = field(
        default=None,
        metadata={
            "name": "application-reference",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    hardware_resource: ServiceErrorHardwareResource | None = field(
        default=None,
        metadata={
            "name": "hardware-resource",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    vde_state_error: ServiceErrorVdeStateError | None = field(
        default=None,
        metadata={
            "name": "vde-state-error",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    service: ServiceErrorService | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    definition: ServiceErrorDefinition | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    access: ServiceErrorAccess | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    initiate: ServiceErrorInitiate | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    load_data_set: ServiceErrorLoadDataSet | None = field(
        default=None,
        metadata={
            "name": "load-data-set",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    task: ServiceErrorTask | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ExceptionResponse(Record):
    """The device does not take the request."""

    state_error: ExceptionResponseStateError = field(
        metadata={
            "name": "state-error",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    service_error: ExceptionResponseServiceError = field(
        metadata={
            "name": "service-error",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class ExceptionResponseServiceError(Record):
    """invocation-counter-error tells the counter that the device expects at least."""

    class Meta:
        name = "ExceptionResponse-Service-Error"

    operation_not_possible: Literal[True] | None = field(
        default=None,
        metadata={
            "name": "operation-not-possible",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    service_not_supported: Literal[True] | None = field(
        default=None,
        metadata={
            "name": "service-not-supported",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    other_reason: Literal[True] | None = field(
        default=None,
        metadata={
            "name": "other-reason",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    pdu_too_long: Literal[True] | None = field(
        default=None,
        metadata={
            "name": "pdu-too-long",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    deciphering_error: Literal[True] | None = field(
        default=None,
        metadata={
            "name": "deciphering-error",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    invocation_counter_error: int | None = field(
        default=None,
        metadata={
            "name": "invocation-counter-error",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class GetRequest(Record):
    class Meta:
        name = "Get-Request"

    get_request_normal: GetRequestNormal | None = field(
        default=None,
        metadata={
            "name": "get-request-normal",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    get_request_next: GetRequestNext | None = field(
        default=None,
        metadata={
            "name": "get-request-next",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    get_request_with_list: GetRequestWithList | None = field(
        default=None,
        metadata={
            "name": "get-request-with-list",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class GetRequestNormal(Record):
    class Meta:
        name = "Get-Request-Normal"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    cosem_attribute_descriptor: CosemAttributeDescriptor = field(
        metadata={
            "name": "cosem-attribute-descriptor",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    access_selection: SelectiveAccessDescriptor | None = field(
        default=None,
        metadata={
            "name": "access-selection",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class GetRequestNext(Record):
    class Meta:
        name = "Get-Request-Next"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    block_number: int = field(
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class GetRequestWithList(Record):
    class Meta:
        name = "Get-Request-With-List"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    attribute_descriptor_list: ListOfCosemAttributeDescriptorWithSelection = field(
        metadata={
            "name": "attribute-descriptor-list",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class GetResponse(Record):
    class Meta:
        name = "Get-Response"

    get_response_normal: GetResponseNormal | None = field(
        default=None,
        metadata={
            "name": "get-response-normal",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    get_response_with_datablock: GetResponseWithDatablock | None = field(
        default=None,
        metadata={
            "name": "get-response-with-datablock",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    get_response_with_list: GetResponseWithList | None = field(
        default=None,
        metadata={
            "name": "get-response-with-list",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class GetResponseNormal(Record):
    class Meta:
        name = "Get-Response-Normal"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    result: GetDataResult = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class GetResponseWithDatablock(Record):
    class Meta:
        name = "Get-Response-With-Datablock"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    result: DataBlockG = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class GetResponseWithList(Record):
    class Meta:
        name = "Get-Response-With-List"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    result: ListOfGetDataResult = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class SetRequest(Record):
    class Meta:
        name = "Set-Request"

    set_request_normal: SetRequestNormal | None = field(
        default=None,
        metadata={
            "name": "set-request-normal",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    set_request_with_first_datablock: SetRequestWithFirstDatablock | None = field(
        default=None,
        metadata={
            "name": "set-request-with-first-datablock",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    set_request_with_datablock: SetRequestWithDatablock | None = field(
        default=None,
        metadata={
            "name": "set-request-with-datablock",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    set_request_with_list: SetRequestWithList | None = field(
        default=None,
        metadata={
            "name": "set-request-with-list",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    set_request_with_list_and_first_datablock: SetRequestWithListAndFirstDatablock | None = field(
        default=None,
        metadata={
            "name": "set-request-with-list-and-first-datablock",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class SetRequestNormal(Record):
    class Meta:
        name = "Set-Request-Normal"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    cosem_attribute_descriptor: CosemAttributeDescriptor = field(
        metadata={
            "name": "cosem-attribute-descriptor",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    access_selection: SelectiveAccessDescriptor | None = field(
        default=None,
        metadata={
            "name": "access-selection",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    value: Data = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class SetRequestWithFirstDatablock(Record):
    class Meta:
        name = "Set-Request-With-First-Datablock"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    cosem_attribute_descriptor: CosemAttributeDescriptor = field(
        metadata={
            "name": "cosem-attribute-descriptor",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    access_selection: SelectiveAccessDescriptor | None = field(
        default=None,
        metadata={
            "name": "access-selection",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    datablock: DataBlockSa = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class SetRequestWithDatablock(Record):
    class Meta:
        name = "Set-Request-With-Datablock"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    datablock: DataBlockSa = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class SetRequestWithList(Record):
    class Meta:
        name = "Set-Request-With-List"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    attribute_descriptor_list: ListOfCosemAttributeDescriptorWithSelection = field(
        metadata={
            "name": "attribute-descriptor-list",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    value_list: ListOfData = field(
        metadata={
            "name": "value-list",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class SetRequestWithListAndFirstDatablock(Record):
    class Meta:
        name = "Set-Request-With-List-And-First-Datablock"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    attribute_descriptor_list: ListOfCosemAttributeDescriptorWithSelection = field(
        metadata={
            "name": "attribute-descriptor-list",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    datablock: DataBlockSa = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class SetResponse(Record):
    class Meta:
        name = "Set-Response"

    set_response_normal: SetResponseNormal | None = field(
        default=None,
        metadata={
            "name": "set-response-normal",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    set_response_datablock: SetResponseDatablock | None = field(
        default=None,
        metadata={
            "name": "set-response-datablock",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    set_response_last_datablock: SetResponseLastDatablock | None = field(
        default=None,
        metadata={
            "name": "set-response-last-datablock",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    set_response_last_datablock_with_list: SetResponseLastDatablockWithList | None = field(
        default=None,
        metadata={
            "name": "set-response-last-datablock-with-list",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    set_response_with_list: SetResponseWithList | None = field(
        default=None,
        metadata={
            "name": "set-response-with-list",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class SetResponseNormal(Record):
    class Meta:
        name = "Set-Response-Normal"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    result: DataAccessResult = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class SetResponseDatablock(Record):
    class Meta:
        name = "Set-Response-Datablock"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    block_number: int = field(
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class SetResponseLastDatablock(Record):
    class Meta:
        name = "Set-Response-Last-Datablock"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    result: DataAccessResult = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    block_number: int = field(
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class SetResponseLastDatablockWithList(Record):
    class Meta:
        name = "Set-Response-Last-Datablock-With-List"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    result: ListOfDataAccessResult = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    block_number: int = field(
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class SetResponseWithList(Record):
    class Meta:
        name = "Set-Response-With-List"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    result: ListOfDataAccessResult = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class ActionRequest(Record):
    class Meta:
        name = "Action-Request"

    action_request_normal: ActionRequestNormal | None = field(
        default=None,
        metadata={
            "name": "action-request-normal",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    action_request_next_pblock: ActionRequestNextPblock | None = field(
        default=None,
        metadata={
            "name": "action-request-next-pblock",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    action_request_with_list: ActionRequestWithList | None = field(
        default=None,
        metadata={
            "name": "action-request-with-list",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    action_request_with_first_pblock: ActionRequestWithFirstPblock | None = field(
        default=None,
        metadata={
            "name": "action-request-with-first-pblock",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    action_request_with_list_and_first_pblock: ActionRequestWithListAndFirstPblock | None = field(
        default=None,
        metadata={
            "name": "action-request-with-list-and-first-pblock",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    action_request_with_pblock: ActionRequestWithPblock | None = field(
        default=None,
        metadata={
            "name": "action-request-with-pblock",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ActionRequestNormal(Record):
    class Meta:
        name = "Action-Request-Normal"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    cosem_method_descriptor: CosemMethodDescriptor = field(
        metadata={
            "name": "cosem-method-descriptor",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    method_invocation_parameters: Data | None = field(
        default=None,
        metadata={
            "name": "method-invocation-parameters",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ActionRequestNextPblock(Record):
    class Meta:
        name = "Action-Request-Next-Pblock"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    block_number: int = field(
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class ActionRequestWithList(Record):
    class Meta:
        name = "Action-Request-With-List"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    cosem_method_descriptor_list: ListOfCosemMethodDescriptor = field(
        metadata={
            "name": "cosem-method-descriptor-list",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    method_invocation_parameters: ListOfData = field(
        metadata={
            "name": "method-invocation-parameters",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class ActionRequestWithFirstPblock(Record):
    class Meta:
        name = "Action-Request-With-First-Pblock"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    cosem_method_descriptor: CosemMethodDescriptor = field(
        metadata={
            "name": "cosem-method-descriptor",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    pblock: DataBlockSa = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class ActionRequestWithListAndFirstPblock(Record):
    class Meta:
        name = "Action-Request-With-List-And-First-Pblock"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    cosem_method_descriptor_list: ListOfCosemMethodDescriptor = field(
        metadata={
            "name": "cosem-method-descriptor-list",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    pblock: DataBlockSa = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class ActionRequestWithPblock(Record):
    class Meta:
        name = "Action-Request-With-Pblock"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    pblock: DataBlockSa = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class ActionResponse(Record):
    class Meta:
        name = "Action-Response"

    action_response_normal: ActionResponseNormal | None = field(
        default=None,
        metadata={
            "name": "action-response-normal",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    action_response_with_pblock: ActionResponseWithPblock | None = field(
        default=None,
        metadata={
            "name": "action-response-with-pblock",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    action_response_with_list: ActionResponseWithList | None = field(
        default=None,
        metadata={
            "name": "action-response-with-list",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    action_response_next_pblock: ActionResponseNextPblock | None = field(
        default=None,
        metadata={
            "name": "action-response-next-pblock",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ActionResponseNormal(Record):
    class Meta:
        name = "Action-Response-Normal"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    single_response: ActionResponseWithOptionalData = field(
        metadata={
            "name": "single-response",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class ActionResponseWithPblock(Record):
    class Meta:
        name = "Action-Response-With-Pblock"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    pblock: DataBlockSa = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class ActionResponseWithList(Record):
    class Meta:
        name = "Action-Response-With-List"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    list_of_responses: ListOfActionResponseWithOptionalData = field(
        metadata={
            "name": "list-of-responses",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class ActionResponseNextPblock(Record):
    class Meta:
        name = "Action-Response-Next-Pblock"

    invoke_id_and_priority: int = field(
        metadata={
            "name": "invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    block_number: int = field(
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class EventNotificationRequest(Record):
    time: bytes | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )
    cosem_attribute_descriptor: CosemAttributeDescriptor = field(
        metadata={
            "name": "cosem-attribute-descriptor",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    attribute_value: Data = field(
        metadata={
            "name": "attribute-value",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class DataNotification(Record):
    """date-time has 0 or 12 octets."""

    class Meta:
        name = "Data-Notification"

    long_invoke_id_and_priority: int = field(
        metadata={
            "name": "long-invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    date_time: bytes = field(
        metadata={
            "name": "date-time",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    notification_body: NotificationBody = field(
        metadata={
            "name": "notification-body",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class NotificationBody(Record):
    class Meta:
        name = "Notification-Body"

    data_value: Data = field(
        metadata={
            "name": "data-value",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class DataNotificationConfirm(Record):
    class Meta:
        name = "Data-Notification-Confirm"

    long_invoke_id_and_priority: int = field(
        metadata={
            "name": "long-invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    date_time: bytes = field(
        metadata={
            "name": "date-time",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )


@record
class AccessRequest(Record):
    class Meta:
        name = "Access-Request"

    long_invoke_id_and_priority: int = field(
        metadata={
            "name": "long-invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    date_time: bytes = field(
        metadata={
            "name": "date-time",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    access_request_body: AccessRequestBody = field(
        metadata={
            "name": "access-request-body",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class AccessRequestBody(Record):
    class Meta:
        name = "Access-Request-Body"

    access_request_specification: ListOfAccessRequestSpecification = field(
        metadata={
            "name": "access-request-specification",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    access_request_list_of_data: ListOfData = field(
        metadata={
            "name": "access-request-list-of-data",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class ListOfAccessRequestSpecification(Record):
    class Meta:
        name = "List-Of-Access-Request-Specification"

    access_request_specification: tuple[AccessRequestSpecification, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Access-Request-Specification",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class AccessRequestSpecification(Record):
    class Meta:
        name = "Access-Request-Specification"

    access_request_get: AccessRequestGet | None = field(
        default=None,
        metadata={
            "name": "access-request-get",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    access_request_set: AccessRequestSet | None = field(
        default=None,
        metadata={
            "name": "access-request-set",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    access_request_action: AccessRequestAction | None = field(
        default=None,
        metadata={
            "name": "access-request-action",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    access_request_get_with_selection: AccessRequestGetWithSelection | None = field(
        default=None,
        metadata={
            "name": "access-request-get-with-selection",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    access_request_set_with_selection: AccessRequestSetWithSelection | None = field(
        default=None,
        metadata={
            "name": "access-request-set-with-selection",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class AccessRequestGet(Record):
    class Meta:
        name = "Access-Request-Get"

    cosem_attribute_descriptor: CosemAttributeDescriptor = field(
        metadata={
            "name": "cosem-attribute-descriptor",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class AccessRequestSet(Record):
    class Meta:
        name = "Access-Request-Set"

    cosem_attribute_descriptor: CosemAttributeDescriptor = field(
        metadata={
            "name": "cosem-attribute-descriptor",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class AccessRequestAction(Record):
    class Meta:
        name = "Access-Request-Action"

    cosem_method_descriptor: CosemMethodDescriptor = field(
        metadata={
            "name": "cosem-method-descriptor",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class AccessRequestGetWithSelection(Record):
    class Meta:
        name = "Access-Request-Get-With-Selection"

    cosem_attribute_descriptor: CosemAttributeDescriptor = field(
        metadata={
            "name": "cosem-attribute-descriptor",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    access_selection: SelectiveAccessDescriptor = field(
        metadata={
            "name": "access-selection",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class AccessRequestSetWithSelection(Record):
    class Meta:
        name = "Access-Request-Set-With-Selection"

    cosem_attribute_descriptor: CosemAttributeDescriptor = field(
        metadata={
            "name": "cosem-attribute-descriptor",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    access_selection: SelectiveAccessDescriptor = field(
        metadata={
            "name": "access-selection",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class AccessResponse(Record):
    class Meta:
        name = "Access-Response"

    long_invoke_id_and_priority: int = field(
        metadata={
            "name": "long-invoke-id-and-priority",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    date_time: bytes = field(
        metadata={
            "name": "date-time",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    access_response_body: AccessResponseBody = field(
        metadata={
            "name": "access-response-body",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class AccessResponseBody(Record):
    class Meta:
        name = "Access-Response-Body"

    access_request_specification: ListOfAccessRequestSpecification | None = field(
        default=None,
        metadata={
            "name": "access-request-specification",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    access_response_list_of_data: ListOfData = field(
        metadata={
            "name": "access-response-list-of-data",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    access_response_specification: ListOfAccessResponseSpecification = field(
        metadata={
            "name": "access-response-specification",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class ListOfAccessResponseSpecification(Record):
    class Meta:
        name = "List-Of-Access-Response-Specification"

    access_response_specification: tuple[AccessResponseSpecification, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Access-Response-Specification",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class AccessResponseSpecification(Record):
    class Meta:
        name = "Access-Response-Specification"

    access_response_get: AccessResponseGet | None = field(
        default=None,
        metadata={
            "name": "access-response-get",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    access_response_set: AccessResponseSet | None = field(
        default=None,
        metadata={
            "name": "access-response-set",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    access_response_action: AccessResponseAction | None = field(
        default=None,
        metadata={
            "name": "access-response-action",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class AccessResponseGet(Record):
    class Meta:
        name = "Access-Response-Get"

    result: DataAccessResult = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class AccessResponseSet(Record):
    class Meta:
        name = "Access-Response-Set"

    result: DataAccessResult = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class AccessResponseAction(Record):
    class Meta:
        name = "Access-Response-Action"

    result: ActionResult = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class VariableAccessSpecification(Record):
    class Meta:
        name = "Variable-Access-Specification"

    variable_name: int | None = field(
        default=None,
        metadata={
            "name": "variable-name",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    parameterized_access: ParameterizedAccess | None = field(
        default=None,
        metadata={
            "name": "parameterized-access",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    block_number_access: BlockNumberAccess | None = field(
        default=None,
        metadata={
            "name": "block-number-access",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    read_data_block_access: ReadDataBlockAccess | None = field(
        default=None,
        metadata={
            "name": "read-data-block-access",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    write_data_block_access: WriteDataBlockAccess | None = field(
        default=None,
        metadata={
            "name": "write-data-block-access",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ParameterizedAccess(Record):
    class Meta:
        name = "Parameterized-Access"

    variable_name: int = field(
        metadata={
            "name": "variable-name",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    selector: int = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    parameter: Data = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class BlockNumberAccess(Record):
    class Meta:
        name = "Block-Number-Access"

    block_number: int = field(
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class ReadDataBlockAccess(Record):
    class Meta:
        name = "Read-Data-Block-Access"

    last_block: bool = field(
        metadata={
            "name": "last-block",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    block_number: int = field(
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    raw_data: bytes = field(
        metadata={
            "name": "raw-data",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )


@record
class WriteDataBlockAccess(Record):
    class Meta:
        name = "Write-Data-Block-Access"

    last_block: bool = field(
        metadata={
            "name": "last-block",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    block_number: int = field(
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class DataBlockResult(Record):
    class Meta:
        name = "Data-Block-Result"

    last_block: bool = field(
        metadata={
            "name": "last-block",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    block_number: int = field(
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    raw_data: bytes = field(
        metadata={
            "name": "raw-data",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )


@record
class ListOfVariableAccessSpecification(Record):
    class Meta:
        name = "List-Of-Variable-Access-Specification"

    variable_access_specification: tuple[VariableAccessSpecification, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Variable-Access-Specification",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ReadRequest(Record):
    variable_access_specification: tuple[VariableAccessSpecification, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "Variable-Access-Specification",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ReadResponse(Record):
    choice: tuple[ReadResponseChoice, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "CHOICE",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class ReadResponseChoice(Record):
    class Meta:
        name = "ReadResponse-CHOICE"

    data: Data | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    data_access_error: DataAccessResult | None = field(
        default=None,
        metadata={
            "name": "data-access-error",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    data_block_result: DataBlockResult | None = field(
        default=None,
        metadata={
            "name": "data-block-result",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    block_number: int | None = field(
        default=None,
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class WriteRequest(Record):
    variable_access_specification: ListOfVariableAccessSpecification = field(
        metadata={
            "name": "variable-access-specification",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    list_of_data: ListOfData = field(
        metadata={
            "name": "list-of-data",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class WriteResponse(Record):
    choice: tuple[WriteResponseChoice, ...] = field(
        default_factory=tuple,
        metadata={
            "name": "CHOICE",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class WriteResponseChoice(Record):
    class Meta:
        name = "WriteResponse-CHOICE"

    success: Literal[True] | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    data_access_error: DataAccessResult | None = field(
        default=None,
        metadata={
            "name": "data-access-error",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    block_number: int | None = field(
        default=None,
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class UnconfirmedWriteRequest(Record):
    variable_access_specification: ListOfVariableAccessSpecification = field(
        metadata={
            "name": "variable-access-specification",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    list_of_data: ListOfData = field(
        metadata={
            "name": "list-of-data",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class InformationReportRequest(Record):
    current_time: str | None = field(
        default=None,
        metadata={
            "name": "current-time",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    variable_access_specification: ListOfVariableAccessSpecification = field(
        metadata={
            "name": "variable-access-specification",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    list_of_data: ListOfData = field(
        metadata={
            "name": "list-of-data",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class GeneralGloCiphering(Record):
    class Meta:
        name = "General-Glo-Ciphering"

    system_title: bytes = field(
        metadata={
            "name": "system-title",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    ciphered_content: bytes = field(
        metadata={
            "name": "ciphered-content",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )


@record
class GeneralDedCiphering(Record):
    class Meta:
        name = "General-Ded-Ciphering"

    system_title: bytes = field(
        metadata={
            "name": "system-title",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    ciphered_content: bytes = field(
        metadata={
            "name": "ciphered-content",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )


@record
class GeneralCiphering(Record):
    class Meta:
        name = "General-Ciphering"

    transaction_id: bytes = field(
        metadata={
            "name": "transaction-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    originator_system_title: bytes = field(
        metadata={
            "name": "originator-system-title",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    recipient_system_title: bytes = field(
        metadata={
            "name": "recipient-system-title",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    date_time: bytes = field(
        metadata={
            "name": "date-time",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    other_information: bytes = field(
        metadata={
            "name": "other-information",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    key_info: KeyInfo | None = field(
        default=None,
        metadata={
            "name": "key-info",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    ciphered_content: bytes = field(
        metadata={
            "name": "ciphered-content",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )


@record
class KeyInfo(Record):
    class Meta:
        name = "Key-Info"

    identified_key: IdentifiedKey | None = field(
        default=None,
        metadata={
            "name": "identified-key",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    wrapped_key: WrappedKey | None = field(
        default=None,
        metadata={
            "name": "wrapped-key",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    agreed_key: AgreedKey | None = field(
        default=None,
        metadata={
            "name": "agreed-key",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class IdentifiedKey(Record):
    class Meta:
        name = "Identified-Key"

    key_id: KeyId = field(
        metadata={
            "name": "key-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )


@record
class WrappedKey(Record):
    class Meta:
        name = "Wrapped-Key"

    kek_id: KekId = field(
        metadata={
            "name": "kek-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    key_ciphered_data: bytes = field(
        metadata={
            "name": "key-ciphered-data",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )


@record
class AgreedKey(Record):
    class Meta:
        name = "Agreed-Key"

    key_parameters: bytes = field(
        metadata={
            "name": "key-parameters",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    key_ciphered_data: bytes = field(
        metadata={
            "name": "key-ciphered-data",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )


@record
class GeneralSigning(Record):
    class Meta:
        name = "General-Signing"

    transaction_id: bytes = field(
        metadata={
            "name": "transaction-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    originator_system_title: bytes = field(
        metadata={
            "name": "originator-system-title",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    recipient_system_title: bytes = field(
        metadata={
            "name": "recipient-system-title",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    date_time: bytes = field(
        metadata={
            "name": "date-time",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    other_information: bytes = field(
        metadata={
            "name": "other-information",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    content: bytes = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )
    signature: bytes = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )


@record
class GeneralBlockTransfer(Record):
    class Meta:
        name = "General-Block-Transfer"

    block_control: int = field(
        metadata={
            "name": "block-control",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    block_number: int = field(
        metadata={
            "name": "block-number",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    block_number_ack: int = field(
        metadata={
            "name": "block-number-ack",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    block_data: bytes = field(
        metadata={
            "name": "block-data",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )


@record
class AarqApdu(Record):
    """The client asks for an association."""

    class Meta:
        name = "AARQ-apdu"

    protocol_version: str = field(
        default="1",
        metadata={
            "name": "protocol-version",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "pattern": r"[01]*",
        },
    )
    application_context_name: str = field(
        metadata={
            "name": "application-context-name",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "pattern": r"[0-9]+(\.[0-9]+)*",
        }
    )
    called_ap_title: bytes | None = field(
        default=None,
        metadata={
            "name": "called-AP-title",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )
    called_ae_qualifier: bytes | None = field(
        default=None,
        metadata={
            "name": "called-AE-qualifier",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )
    called_ap_invocation_id: int | None = field(
        default=None,
        metadata={
            "name": "called-AP-invocation-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    called_ae_invocation_id: int | None = field(
        default=None,
        metadata={
            "name": "called-AE-invocation-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    calling_ap_title: bytes | None = field(
        default=None,
        metadata={
            "name": "calling-AP-title",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )
    calling_ae_qualifier: bytes | None = field(
        default=None,
        metadata={
            "name": "calling-AE-qualifier",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )
    calling_ap_invocation_id: int | None = field(
        default=None,
        metadata={
            "name": "calling-AP-invocation-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    calling_ae_invocation_id: int | None = field(
        default=None,
        metadata={
            "name": "calling-AE-invocation-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    sender_acse_requirements: str | None = field(
        default=None,
        metadata={
            "name": "sender-acse-requirements",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "pattern": r"[01]*",
        },
    )
    mechanism_name: str | None = field(
        default=None,
        metadata={
            "name": "mechanism-name",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "pattern": r"[0-9]+(\.[0-9]+)*",
        },
    )
    calling_authentication_value: AuthenticationValue | None = field(
        default=None,
        metadata={
            "name": "calling-authentication-value",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    implementation_information: str | None = field(
        default=None,
        metadata={
            "name": "implementation-information",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    user_information: bytes | None = field(
        default=None,
        metadata={
            "name": "user-information",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )


@record
class AareApdu(Record):
    """The device answers it."""

    class Meta:
        name = "AARE-apdu"

    protocol_version: str = field(
        default="1",
        metadata={
            "name": "protocol-version",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "pattern": r"[01]*",
        },
    )
    application_context_name: str = field(
        metadata={
            "name": "application-context-name",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "pattern": r"[0-9]+(\.[0-9]+)*",
        }
    )
    result: AssociationResult = field(
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    result_source_diagnostic: AssociateSourceDiagnostic = field(
        metadata={
            "name": "result-source-diagnostic",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        }
    )
    responding_ap_title: bytes | None = field(
        default=None,
        metadata={
            "name": "responding-AP-title",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )
    responding_ae_qualifier: bytes | None = field(
        default=None,
        metadata={
            "name": "responding-AE-qualifier",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )
    responding_ap_invocation_id: int | None = field(
        default=None,
        metadata={
            "name": "responding-AP-invocation-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    responding_ae_invocation_id: int | None = field(
        default=None,
        metadata={
            "name": "responding-AE-invocation-id",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    responder_acse_requirements: str | None = field(
        default=None,
        metadata={
            "name": "responder-acse-requirements",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "pattern": r"[01]*",
        },
    )
    mechanism_name: str | None = field(
        default=None,
        metadata={
            "name": "mechanism-name",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "pattern": r"[0-9]+(\.[0-9]+)*",
        },
    )
    responding_authentication_value: AuthenticationValue | None = field(
        default=None,
        metadata={
            "name": "responding-authentication-value",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    implementation_information: str | None = field(
        default=None,
        metadata={
            "name": "implementation-information",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    user_information: bytes | None = field(
        default=None,
        metadata={
            "name": "user-information",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )


@record
class RlrqApdu(Record):
    """The client releases the association."""

    class Meta:
        name = "RLRQ-apdu"

    reason: ReleaseRequestReason | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    user_information: bytes | None = field(
        default=None,
        metadata={
            "name": "user-information",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )


@record
class RlreApdu(Record):
    """The device answers it."""

    class Meta:
        name = "RLRE-apdu"

    reason: ReleaseResponseReason | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    user_information: bytes | None = field(
        default=None,
        metadata={
            "name": "user-information",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )


@record
class AuthenticationValue(Record):
    """The password or the challenge is the charstring; external holds the contents of the EXTERNAL."""

    class Meta:
        name = "Authentication-value"

    charstring: bytes | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )
    bitstring: str | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "pattern": r"[01]*",
        },
    )
    external: bytes | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        },
    )
    other: AuthenticationValueOther | None = field(
        default=None,
        metadata={
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class AuthenticationValueOther(Record):
    class Meta:
        name = "Authentication-value-Other"

    other_mechanism_name: str = field(
        metadata={
            "name": "other-mechanism-name",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "pattern": r"[0-9]+(\.[0-9]+)*",
        }
    )
    other_mechanism_value: bytes = field(
        metadata={
            "name": "other-mechanism-value",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
            "format": "base16",
        }
    )


@record
class AssociateSourceDiagnostic(Record):
    class Meta:
        name = "Associate-source-diagnostic"

    acse_service_user: AcseServiceUser | None = field(
        default=None,
        metadata={
            "name": "acse-service-user",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )
    acse_service_provider: AcseServiceProvider | None = field(
        default=None,
        metadata={
            "name": "acse-service-provider",
            "type": "Element",
            "namespace": "http://www.dlms.com/COSEMpdu",
        },
    )


@record
class XDlmsApdu(Record):
    """Any APDU of xDLMS."""

    class Meta:
        name = "xDLMS-APDU"
        namespace = "http://www.dlms.com/COSEMpdu"

    initiate_request: InitiateRequest | None = field(
        default=None,
        metadata={
            "name": "initiateRequest",
            "type": "Element",
        },
    )
    read_request: ReadRequest | None = field(
        default=None,
        metadata={
            "name": "readRequest",
            "type": "Element",
        },
    )
    write_request: WriteRequest | None = field(
        default=None,
        metadata={
            "name": "writeRequest",
            "type": "Element",
        },
    )
    initiate_response: InitiateResponse | None = field(
        default=None,
        metadata={
            "name": "initiateResponse",
            "type": "Element",
        },
    )
    read_response: ReadResponse | None = field(
        default=None,
        metadata={
            "name": "readResponse",
            "type": "Element",
        },
    )
    write_response: WriteResponse | None = field(
        default=None,
        metadata={
            "name": "writeResponse",
            "type": "Element",
        },
    )
    confirmed_service_error: ConfirmedServiceError | None = field(
        default=None,
        metadata={
            "name": "confirmedServiceError",
            "type": "Element",
        },
    )
    data_notification: DataNotification | None = field(
        default=None,
        metadata={
            "name": "data-notification",
            "type": "Element",
        },
    )
    data_notification_confirm: DataNotificationConfirm | None = field(
        default=None,
        metadata={
            "name": "data-notification-confirm",
            "type": "Element",
        },
    )
    unconfirmed_write_request: UnconfirmedWriteRequest | None = field(
        default=None,
        metadata={
            "name": "unconfirmedWriteRequest",
            "type": "Element",
        },
    )
    information_report_request: InformationReportRequest | None = field(
        default=None,
        metadata={
            "name": "informationReportRequest",
            "type": "Element",
        },
    )
    glo_initiate_request: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-initiateRequest",
            "type": "Element",
            "format": "base16",
        },
    )
    glo_read_request: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-readRequest",
            "type": "Element",
            "format": "base16",
        },
    )
    glo_write_request: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-writeRequest",
            "type": "Element",
            "format": "base16",
        },
    )
    glo_initiate_response: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-initiateResponse",
            "type": "Element",
            "format": "base16",
        },
    )
    glo_read_response: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-readResponse",
            "type": "Element",
            "format": "base16",
        },
    )
    glo_write_response: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-writeResponse",
            "type": "Element",
            "format": "base16",
        },
    )
    glo_confirmed_service_error: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-confirmedServiceError",
            "type": "Element",
            "format": "base16",
        },
    )
    glo_unconfirmed_write_request: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-unconfirmedWriteRequest",
            "type": "Element",
            "format": "base16",
        },
    )
    glo_information_report_request: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-informationReportRequest",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_initiate_request: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-initiateRequest",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_read_request: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-readRequest",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_write_request: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-writeRequest",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_initiate_response: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-initiateResponse",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_read_response: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-readResponse",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_write_response: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-writeResponse",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_confirmed_service_error: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-confirmedServiceError",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_unconfirmed_write_request: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-unconfirmedWriteRequest",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_information_report_request: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-informationReportRequest",
            "type": "Element",
            "format": "base16",
        },
    )
    get_request: GetRequest | None = field(
        default=None,
        metadata={
            "name": "get-request",
            "type": "Element",
        },
    )
    set_request: SetRequest | None = field(
        default=None,
        metadata={
            "name": "set-request",
            "type": "Element",
        },
    )
    event_notification_request: EventNotificationRequest | None = field(
        default=None,
        metadata={
            "name": "event-notification-request",
            "type": "Element",
        },
    )
    action_request: ActionRequest | None = field(
        default=None,
        metadata={
            "name": "action-request",
            "type": "Element",
        },
    )
    get_response: GetResponse | None = field(
        default=None,
        metadata={
            "name": "get-response",
            "type": "Element",
        },
    )
    set_response: SetResponse | None = field(
        default=None,
        metadata={
            "name": "set-response",
            "type": "Element",
        },
    )
    action_response: ActionResponse | None = field(
        default=None,
        metadata={
            "name": "action-response",
            "type": "Element",
        },
    )
    glo_get_request: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-get-request",
            "type": "Element",
            "format": "base16",
        },
    )
    glo_set_request: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-set-request",
            "type": "Element",
            "format": "base16",
        },
    )
    glo_event_notification_request: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-event-notification-request",
            "type": "Element",
            "format": "base16",
        },
    )
    glo_action_request: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-action-request",
            "type": "Element",
            "format": "base16",
        },
    )
    glo_get_response: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-get-response",
            "type": "Element",
            "format": "base16",
        },
    )
    glo_set_response: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-set-response",
            "type": "Element",
            "format": "base16",
        },
    )
    glo_action_response: bytes | None = field(
        default=None,
        metadata={
            "name": "glo-action-response",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_get_request: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-get-request",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_set_request: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-set-request",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_event_notification_request: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-event-notification-request",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_action_request: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-action-request",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_get_response: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-get-response",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_set_response: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-set-response",
            "type": "Element",
            "format": "base16",
        },
    )
    ded_action_response: bytes | None = field(
        default=None,
        metadata={
            "name": "ded-action-response",
            "type": "Element",
            "format": "base16",
        },
    )
    exception_response: ExceptionResponse | None = field(
        default=None,
        metadata={
            "name": "exception-response",
            "type": "Element",
        },
    )
    access_request: AccessRequest | None = field(
        default=None,
        metadata={
            "name": "access-request",
            "type": "Element",
        },
    )
    access_response: AccessResponse | None = field(
        default=None,
        metadata={
            "name": "access-response",
            "type": "Element",
        },
    )
    general_glo_ciphering: GeneralGloCiphering | None = field(
        default=None,
        metadata={
            "name": "general-glo-ciphering",
            "type": "Element",
        },
    )
    general_ded_ciphering: GeneralDedCiphering | None = field(
        default=None,
        metadata={
            "name": "general-ded-ciphering",
            "type": "Element",
        },
    )
    general_ciphering: GeneralCiphering | None = field(
        default=None,
        metadata={
            "name": "general-ciphering",
            "type": "Element",
        },
    )
    general_signing: GeneralSigning | None = field(
        default=None,
        metadata={
            "name": "general-signing",
            "type": "Element",
        },
    )
    general_block_transfer: GeneralBlockTransfer | None = field(
        default=None,
        metadata={
            "name": "general-block-transfer",
            "type": "Element",
        },
    )


@record
class ACseApdu(Record):
    """Any APDU of the ACSE that COSEM uses."""

    class Meta:
        name = "aCSE-APDU"
        namespace = "http://www.dlms.com/COSEMpdu"

    aarq: AarqApdu | None = field(
        default=None,
        metadata={
            "type": "Element",
        },
    )
    aare: AareApdu | None = field(
        default=None,
        metadata={
            "type": "Element",
        },
    )
    rlrq: RlrqApdu | None = field(
        default=None,
        metadata={
            "type": "Element",
        },
    )
    rlre: RlreApdu | None = field(
        default=None,
        metadata={
            "type": "Element",
        },
    )
