"""Tags, sizes and numbers of the ASN.1 types, which XML does not tell. Generated from COSEMpdu.xsd."""

from collections.abc import Mapping

from cas.bindings import cosempdu as cos
from cas.cosem.asn1 import (
    Alternative,
    Any,
    Bits,
    Boolean,
    Choice,
    CosemData,
    Enumerated,
    Field,
    Integer,
    Null,
    ObjectIdentifier,
    Octets,
    Sequence,
    SequenceOf,
    Shape,
    Text,
)

XDLMS_APDU = "xDLMS-APDU"
ACSE_APDU = "aCSE-APDU"

TYPES: Mapping[str, Shape] = {
    "xDLMS-APDU": Choice(
        cos.XDlmsApdu,
        (
            Alternative("initiate_request", "InitiateRequest", 1),
            Alternative("read_request", "ReadRequest", 5),
            Alternative("write_request", "WriteRequest", 6),
            Alternative("initiate_response", "InitiateResponse", 8),
            Alternative("read_response", "ReadResponse", 12),
            Alternative("write_response", "WriteResponse", 13),
            Alternative("confirmed_service_error", "ConfirmedServiceError", 14),
            Alternative("data_notification", "Data-Notification", 15),
            Alternative("data_notification_confirm", "Data-Notification-Confirm", 16),
            Alternative("unconfirmed_write_request", "UnconfirmedWriteRequest", 22),
            Alternative("information_report_request", "InformationReportRequest", 24),
            Alternative("glo_initiate_request", "OCTET STRING", 33),
            Alternative("glo_read_request", "OCTET STRING", 37),
            Alternative("glo_write_request", "OCTET STRING", 38),
            Alternative("glo_initiate_response", "OCTET STRING", 40),
            Alternative("glo_read_response", "OCTET STRING", 44),
            Alternative("glo_write_response", "OCTET STRING", 45),
            Alternative("glo_confirmed_service_error", "OCTET STRING", 46),
            Alternative("glo_unconfirmed_write_request", "OCTET STRING", 54),
            Alternative("glo_information_report_request", "OCTET STRING", 56),
            Alternative("ded_initiate_request", "OCTET STRING", 65),
            Alternative("ded_read_request", "OCTET STRING", 69),
            Alternative("ded_write_request", "OCTET STRING", 70),
            Alternative("ded_initiate_response", "OCTET STRING", 72),
            Alternative("ded_read_response", "OCTET STRING", 76),
            Alternative("ded_write_response", "OCTET STRING", 77),
            Alternative("ded_confirmed_service_error", "OCTET STRING", 78),
            Alternative("ded_unconfirmed_write_request", "OCTET STRING", 86),
            Alternative("ded_information_report_request", "OCTET STRING", 88),
            Alternative("get_request", "Get-Request", 192),
            Alternative("set_request", "Set-Request", 193),
            Alternative("event_notification_request", "EventNotificationRequest", 194),
            Alternative("action_request", "Action-Request", 195),
            Alternative("get_response", "Get-Response", 196),
            Alternative("set_response", "Set-Response", 197),
            Alternative("action_response", "Action-Response", 199),
            Alternative("glo_get_request", "OCTET STRING", 200),
            Alternative("glo_set_request", "OCTET STRING", 201),
            Alternative("glo_event_notification_request", "OCTET STRING", 202),
            Alternative("glo_action_request", "OCTET STRING", 203),
            Alternative("glo_get_response", "OCTET STRING", 204),
            Alternative("glo_set_response", "OCTET STRING", 205),
            Alternative("glo_action_response", "OCTET STRING", 207),
            Alternative("ded_get_request", "OCTET STRING", 208),
            Alternative("ded_set_request", "OCTET STRING", 209),
            Alternative("ded_event_notification_request", "OCTET STRING", 210),
            Alternative("ded_action_request", "OCTET STRING", 211),
            Alternative("ded_get_response", "OCTET STRING", 212),
            Alternative("ded_set_response", "OCTET STRING", 213),
            Alternative("ded_action_response", "OCTET STRING", 215),
            Alternative("exception_response", "ExceptionResponse", 216),
            Alternative("access_request", "Access-Request", 217),
            Alternative("access_response", "Access-Response", 218),
            Alternative("general_glo_ciphering", "General-Glo-Ciphering", 219),
            Alternative("general_ded_ciphering", "General-Ded-Ciphering", 220),
            Alternative("general_ciphering", "General-Ciphering", 221),
            Alternative("general_signing", "General-Signing", 223),
            Alternative("general_block_transfer", "General-Block-Transfer", 224),
        ),
    ),
    "InitiateRequest": Sequence(
        cos.InitiateRequest,
        (
            Field("dedicated_key", "OCTET STRING", optional=True),
            Field("response_allowed", "BOOLEAN", default=True),
            Field("proposed_quality_of_service", "Integer8", optional=True, tag=0),
            Field("proposed_dlms_version_number", "Unsigned8"),
            Field("proposed_conformance", "Conformance"),
            Field("client_max_receive_pdu_size", "Unsigned16"),
        ),
    ),
    "OCTET STRING": Octets(None),
    "BOOLEAN": Boolean(),
    "Integer8": Integer(1, signed=True),
    "Unsigned8": Integer(1, signed=False),
    "Conformance": Bits(24, application_tag=31),
    "Unsigned16": Integer(2, signed=False),
    "ReadRequest": SequenceOf(cos.ReadRequest, "variable_access_specification", "Variable-Access-Specification"),
    "Variable-Access-Specification": Choice(
        cos.VariableAccessSpecification,
        (
            Alternative("variable_name", "ObjectName", 2),
            Alternative("parameterized_access", "Parameterized-Access", 4),
            Alternative("block_number_access", "Block-Number-Access", 5),
            Alternative("read_data_block_access", "Read-Data-Block-Access", 6),
            Alternative("write_data_block_access", "Write-Data-Block-Access", 7),
        ),
    ),
    "ObjectName": Integer(2, signed=True),
    "Parameterized-Access": Sequence(
        cos.ParameterizedAccess,
        (
            Field("variable_name", "ObjectName"),
            Field("selector", "Unsigned8"),
            Field("parameter", "Data"),
        ),
    ),
    "Data": CosemData(),
    "Block-Number-Access": Sequence(cos.BlockNumberAccess, (Field("block_number", "Unsigned16"),)),
    "Read-Data-Block-Access": Sequence(
        cos.ReadDataBlockAccess,
        (
            Field("last_block", "BOOLEAN"),
            Field("block_number", "Unsigned16"),
            Field("raw_data", "OCTET STRING"),
        ),
    ),
    "Write-Data-Block-Access": Sequence(
        cos.WriteDataBlockAccess,
        (
            Field("last_block", "BOOLEAN"),
            Field("block_number", "Unsigned16"),
        ),
    ),
    "WriteRequest": Sequence(
        cos.WriteRequest,
        (
            Field("variable_access_specification", "List-Of-Variable-Access-Specification"),
            Field("list_of_data", "List-Of-Data"),
        ),
    ),
    "List-Of-Variable-Access-Specification": SequenceOf(
        cos.ListOfVariableAccessSpecification, "variable_access_specification", "Variable-Access-Specification"
    ),
    "List-Of-Data": SequenceOf(cos.ListOfData, "data", "Data"),
    "InitiateResponse": Sequence(
        cos.InitiateResponse,
        (
            Field("negotiated_quality_of_service", "Integer8", optional=True, tag=0),
            Field("negotiated_dlms_version_number", "Unsigned8"),
            Field("negotiated_conformance", "Conformance"),
            Field("server_max_receive_pdu_size", "Unsigned16"),
            Field("vaa_name", "ObjectName"),
        ),
    ),
    "ReadResponse": SequenceOf(cos.ReadResponse, "choice", "ReadResponse-CHOICE"),
    "ReadResponse-CHOICE": Choice(
        cos.ReadResponseChoice,
        (
            Alternative("data", "Data", 0, explicit=True),
            Alternative("data_access_error", "Data-Access-Result", 1),
            Alternative("data_block_result", "Data-Block-Result", 2),
            Alternative("block_number", "Unsigned16", 3),
        ),
    ),
    "Data-Access-Result": Enumerated(
        cos.DataAccessResult,
        {
            0: cos.DataAccessResult.SUCCESS,
            1: cos.DataAccessResult.HARDWARE_FAULT,
            2: cos.DataAccessResult.TEMPORARY_FAILURE,
            3: cos.DataAccessResult.READ_WRITE_DENIED,
            4: cos.DataAccessResult.OBJECT_UNDEFINED,
            9: cos.DataAccessResult.OBJECT_CLASS_INCONSISTENT,
            11: cos.DataAccessResult.OBJECT_UNAVAILABLE,
            12: cos.DataAccessResult.TYPE_UNMATCHED,
            13: cos.DataAccessResult.SCOPE_OF_ACCESS_VIOLATED,
            14: cos.DataAccessResult.DATA_BLOCK_UNAVAILABLE,
            15: cos.DataAccessResult.LONG_GET_ABORTED,
            16: cos.DataAccessResult.NO_LONG_GET_IN_PROGRESS,
            17: cos.DataAccessResult.LONG_SET_ABORTED,
            18: cos.DataAccessResult.NO_LONG_SET_IN_PROGRESS,
            19: cos.DataAccessResult.DATA_BLOCK_NUMBER_INVALID,
            250: cos.DataAccessResult.OTHER_REASON,
        },
    ),
    "Data-Block-Result": Sequence(
        cos.DataBlockResult,
        (
            Field("last_block", "BOOLEAN"),
            Field("block_number", "Unsigned16"),
            Field("raw_data", "OCTET STRING"),
        ),
    ),
    "WriteResponse": SequenceOf(cos.WriteResponse, "choice", "WriteResponse-CHOICE"),
    "WriteResponse-CHOICE": Choice(
        cos.WriteResponseChoice,
        (
            Alternative("success", "NULL", 0),
            Alternative("data_access_error", "Data-Access-Result", 1),
            Alternative("block_number", "Unsigned16", 2),
        ),
    ),
    "NULL": Null(),
    "ConfirmedServiceError": Choice(
        cos.ConfirmedServiceError,
        (
            Alternative("initiate_error", "ServiceError", 1),
            Alternative("get_status", "ServiceError", 2),
            Alternative("get_name_list", "ServiceError", 3),
            Alternative("get_variable_attribute", "ServiceError", 4),
            Alternative("read", "ServiceError", 5),
            Alternative("write", "ServiceError", 6),
            Alternative("get_data_set_attribute", "ServiceError", 7),
            Alternative("get_tiattribute", "ServiceError", 8),
            Alternative("change_scope", "ServiceError", 9),
            Alternative("start", "ServiceError", 10),
            Alternative("stop", "ServiceError", 11),
            Alternative("resume", "ServiceError", 12),
            Alternative("make_usable", "ServiceError", 13),
            Alternative("initiate_load", "ServiceError", 14),
            Alternative("load_segment", "ServiceError", 15),
            Alternative("terminate_load", "ServiceError", 16),
            Alternative("initiate_up_load", "ServiceError", 17),
            Alternative("up_load_segment", "ServiceError", 18),
            Alternative("terminate_up_load", "ServiceError", 19),
        ),
    ),
    "ServiceError": Choice(
        cos.ServiceError,
        (
            Alternative("application_reference", "ServiceError-Application-Reference", 0),
            Alternative("hardware_resource", "ServiceError-Hardware-Resource", 1),
            Alternative("vde_state_error", "ServiceError-VDE-State-Error", 2),
            Alternative("service", "ServiceError-Service", 3),
            Alternative("definition", "ServiceError-Definition", 4),
            Alternative("access", "ServiceError-Access", 5),
            Alternative("initiate", "ServiceError-Initiate", 6),
            Alternative("load_data_set", "ServiceError-Load-Data-Set", 7),
            Alternative("task", "ServiceError-Task", 9),
        ),
    ),
    "ServiceError-Application-Reference": Enumerated(
        cos.ServiceErrorApplicationReference,
        {
            0: cos.ServiceErrorApplicationReference.OTHER,
            1: cos.ServiceErrorApplicationReference.TIME_ELAPSED,
            2: cos.ServiceErrorApplicationReference.APPLICATION_UNREACHABLE,
            3: cos.ServiceErrorApplicationReference.APPLICATION_REFERENCE_INVALID,
            4: cos.ServiceErrorApplicationReference.APPLICATION_CONTEXT_UNSUPPORTED,
            5: cos.ServiceErrorApplicationReference.PROVIDER_COMMUNICATION_ERROR,
            6: cos.ServiceErrorApplicationReference.DECIPHERING_ERROR,
        },
    ),
    "ServiceError-Hardware-Resource": Enumerated(
        cos.ServiceErrorHardwareResource,
        {
            0: cos.ServiceErrorHardwareResource.OTHER,
            1: cos.ServiceErrorHardwareResource.MEMORY_UNAVAILABLE,
            2: cos.ServiceErrorHardwareResource.PROCESSOR_RESOURCE_UNAVAILABLE,
            3: cos.ServiceErrorHardwareResource.MASS_STORAGE_UNAVAILABLE,
            4: cos.ServiceErrorHardwareResource.OTHER_RESOURCE_UNAVAILABLE,
        },
    ),
    "ServiceError-VDE-State-Error": Enumerated(
        cos.ServiceErrorVdeStateError,
        {
            0: cos.ServiceErrorVdeStateError.OTHER,
            1: cos.ServiceErrorVdeStateError.NO_DLMS_CONTEXT,
            2: cos.ServiceErrorVdeStateError.LOADING_DATA_SET,
            3: cos.ServiceErrorVdeStateError.STATUS_NOCHANGE,
            4: cos.ServiceErrorVdeStateError.STATUS_INOPERABLE,
        },
    ),
    "ServiceError-Service": Enumerated(
        cos.ServiceErrorService,
        {
            0: cos.ServiceErrorService.OTHER,
            1: cos.ServiceErrorService.PDU_SIZE,
            2: cos.ServiceErrorService.SERVICE_UNSUPPORTED,
        },
    ),
    "ServiceError-Definition": Enumerated(
        cos.ServiceErrorDefinition,
        {
            0: cos.ServiceErrorDefinition.OTHER,
            1: cos.ServiceErrorDefinition.OBJECT_UNDEFINED,
            2: cos.ServiceErrorDefinition.OBJECT_CLASS_INCONSISTENT,
            3: cos.ServiceErrorDefinition.OBJECT_ATTRIBUTE_INCONSISTENT,
        },
    ),
    "ServiceError-Access": Enumerated(
        cos.ServiceErrorAccess,
        {
            0: cos.ServiceErrorAccess.OTHER,
            1: cos.ServiceErrorAccess.SCOPE_OF_ACCESS_VIOLATED,
            2: cos.ServiceErrorAccess.OBJECT_ACCESS_VIOLATED,
            3: cos.ServiceErrorAccess.HARDWARE_FAULT,
            4: cos.ServiceErrorAccess.OBJECT_UNAVAILABLE,
        },
    ),
    "ServiceError-Initiate": Enumerated(
        cos.ServiceErrorInitiate,
        {
            0: cos.ServiceErrorInitiate.OTHER,
            1: cos.ServiceErrorInitiate.DLMS_VERSION_TOO_LOW,
            2: cos.ServiceErrorInitiate.INCOMPATIBLE_CONFORMANCE,
            3: cos.ServiceErrorInitiate.PDU_SIZE_TOO_SHORT,
            4: cos.ServiceErrorInitiate.REFUSED_BY_THE_VDE_HANDLER,
        },
    ),
    "ServiceError-Load-Data-Set": Enumerated(
        cos.ServiceErrorLoadDataSet,
        {
            0: cos.ServiceErrorLoadDataSet.OTHER,
            1: cos.ServiceErrorLoadDataSet.PRIMITIVE_OUT_OF_SEQUENCE,
            2: cos.ServiceErrorLoadDataSet.NOT_LOADABLE,
            3: cos.ServiceErrorLoadDataSet.DATASET_SIZE_TOO_LARGE,
            4: cos.ServiceErrorLoadDataSet.NOT_AWAITED_SEGMENT,
            5: cos.ServiceErrorLoadDataSet.INTERPRETATION_FAILURE,
            6: cos.ServiceErrorLoadDataSet.STORAGE_FAILURE,
            7: cos.ServiceErrorLoadDataSet.DATA_SET_NOT_READY,
        },
    ),
    "ServiceError-Task": Enumerated(
        cos.ServiceErrorTask,
        {
            0: cos.ServiceErrorTask.OTHER,
            1: cos.ServiceErrorTask.NO_REMOTE_CONTROL,
            2: cos.ServiceErrorTask.TI_STOPPED,
            3: cos.ServiceErrorTask.TI_RUNNING,
            4: cos.ServiceErrorTask.TI_UNUSABLE,
        },
    ),
    "Data-Notification": Sequence(
        cos.DataNotification,
        (
            Field("long_invoke_id_and_priority", "Long-Invoke-Id-And-Priority"),
            Field("date_time", "OCTET STRING"),
            Field("notification_body", "Notification-Body"),
        ),
    ),
    "Long-Invoke-Id-And-Priority": Integer(4, signed=False),
    "Notification-Body": Sequence(cos.NotificationBody, (Field("data_value", "Data"),)),
    "Data-Notification-Confirm": Sequence(
        cos.DataNotificationConfirm,
        (
            Field("long_invoke_id_and_priority", "Long-Invoke-Id-And-Priority"),
            Field("date_time", "OCTET STRING"),
        ),
    ),
    "UnconfirmedWriteRequest": Sequence(
        cos.UnconfirmedWriteRequest,
        (
            Field("variable_access_specification", "List-Of-Variable-Access-Specification"),
            Field("list_of_data", "List-Of-Data"),
        ),
    ),
    "InformationReportRequest": Sequence(
        cos.InformationReportRequest,
        (
            Field("current_time", "GeneralizedTime", optional=True),
            Field("variable_access_specification", "List-Of-Variable-Access-Specification"),
            Field("list_of_data", "List-Of-Data"),
        ),
    ),
    "GeneralizedTime": Text("visible"),
    "Get-Request": Choice(
        cos.GetRequest,
        (
            Alternative("get_request_normal", "Get-Request-Normal", 1),
            Alternative("get_request_next", "Get-Request-Next", 2),
            Alternative("get_request_with_list", "Get-Request-With-List", 3),
        ),
    ),
    "Get-Request-Normal": Sequence(
        cos.GetRequestNormal,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("cosem_attribute_descriptor", "Cosem-Attribute-Descriptor"),
            Field("access_selection", "Selective-Access-Descriptor", optional=True),
        ),
    ),
    "Invoke-Id-And-Priority": Integer(1, signed=False),
    "Cosem-Attribute-Descriptor": Sequence(
        cos.CosemAttributeDescriptor,
        (
            Field("class_id", "Cosem-Class-Id"),
            Field("instance_id", "Cosem-Object-Instance-Id"),
            Field("attribute_id", "Cosem-Object-Attribute-Id"),
        ),
    ),
    "Cosem-Class-Id": Integer(2, signed=False),
    "Cosem-Object-Instance-Id": Octets(6),
    "Cosem-Object-Attribute-Id": Integer(1, signed=True),
    "Selective-Access-Descriptor": Sequence(
        cos.SelectiveAccessDescriptor,
        (
            Field("access_selector", "Unsigned8"),
            Field("access_parameters", "Data"),
        ),
    ),
    "Get-Request-Next": Sequence(
        cos.GetRequestNext,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("block_number", "Unsigned32"),
        ),
    ),
    "Unsigned32": Integer(4, signed=False),
    "Get-Request-With-List": Sequence(
        cos.GetRequestWithList,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("attribute_descriptor_list", "List-Of-Cosem-Attribute-Descriptor-With-Selection"),
        ),
    ),
    "List-Of-Cosem-Attribute-Descriptor-With-Selection": SequenceOf(
        cos.ListOfCosemAttributeDescriptorWithSelection,
        "cosem_attribute_descriptor_with_selection",
        "Cosem-Attribute-Descriptor-With-Selection",
    ),
    "Cosem-Attribute-Descriptor-With-Selection": Sequence(
        cos.CosemAttributeDescriptorWithSelection,
        (
            Field("cosem_attribute_descriptor", "Cosem-Attribute-Descriptor"),
            Field("access_selection", "Selective-Access-Descriptor", optional=True),
        ),
    ),
    "Set-Request": Choice(
        cos.SetRequest,
        (
            Alternative("set_request_normal", "Set-Request-Normal", 1),
            Alternative("set_request_with_first_datablock", "Set-Request-With-First-Datablock", 2),
            Alternative("set_request_with_datablock", "Set-Request-With-Datablock", 3),
            Alternative("set_request_with_list", "Set-Request-With-List", 4),
            Alternative("set_request_with_list_and_first_datablock", "Set-Request-With-List-And-First-Datablock", 5),
        ),
    ),
    "Set-Request-Normal": Sequence(
        cos.SetRequestNormal,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("cosem_attribute_descriptor", "Cosem-Attribute-Descriptor"),
            Field("access_selection", "Selective-Access-Descriptor", optional=True),
            Field("value", "Data"),
        ),
    ),
    "Set-Request-With-First-Datablock": Sequence(
        cos.SetRequestWithFirstDatablock,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("cosem_attribute_descriptor", "Cosem-Attribute-Descriptor"),
            Field("access_selection", "Selective-Access-Descriptor", optional=True),
            Field("datablock", "DataBlock-SA"),
        ),
    ),
    "DataBlock-SA": Sequence(
        cos.DataBlockSa,
        (
            Field("last_block", "BOOLEAN"),
            Field("block_number", "Unsigned32"),
            Field("raw_data", "OCTET STRING"),
        ),
    ),
    "Set-Request-With-Datablock": Sequence(
        cos.SetRequestWithDatablock,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("datablock", "DataBlock-SA"),
        ),
    ),
    "Set-Request-With-List": Sequence(
        cos.SetRequestWithList,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("attribute_descriptor_list", "List-Of-Cosem-Attribute-Descriptor-With-Selection"),
            Field("value_list", "List-Of-Data"),
        ),
    ),
    "Set-Request-With-List-And-First-Datablock": Sequence(
        cos.SetRequestWithListAndFirstDatablock,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("attribute_descriptor_list", "List-Of-Cosem-Attribute-Descriptor-With-Selection"),
            Field("datablock", "DataBlock-SA"),
        ),
    ),
    "EventNotificationRequest": Sequence(
        cos.EventNotificationRequest,
        (
            Field("time", "OCTET STRING", optional=True),
            Field("cosem_attribute_descriptor", "Cosem-Attribute-Descriptor"),
            Field("attribute_value", "Data"),
        ),
    ),
    "Action-Request": Choice(
        cos.ActionRequest,
        (
            Alternative("action_request_normal", "Action-Request-Normal", 1),
            Alternative("action_request_next_pblock", "Action-Request-Next-Pblock", 2),
            Alternative("action_request_with_list", "Action-Request-With-List", 3),
            Alternative("action_request_with_first_pblock", "Action-Request-With-First-Pblock", 4),
            Alternative("action_request_with_list_and_first_pblock", "Action-Request-With-List-And-First-Pblock", 5),
            Alternative("action_request_with_pblock", "Action-Request-With-Pblock", 6),
        ),
    ),
    "Action-Request-Normal": Sequence(
        cos.ActionRequestNormal,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("cosem_method_descriptor", "Cosem-Method-Descriptor"),
            Field("method_invocation_parameters", "Data", optional=True),
        ),
    ),
    "Cosem-Method-Descriptor": Sequence(
        cos.CosemMethodDescriptor,
        (
            Field("class_id", "Cosem-Class-Id"),
            Field("instance_id", "Cosem-Object-Instance-Id"),
            Field("method_id", "Cosem-Object-Method-Id"),
        ),
    ),
    "Cosem-Object-Method-Id": Integer(1, signed=True),
    "Action-Request-Next-Pblock": Sequence(
        cos.ActionRequestNextPblock,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("block_number", "Unsigned32"),
        ),
    ),
    "Action-Request-With-List": Sequence(
        cos.ActionRequestWithList,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("cosem_method_descriptor_list", "List-Of-Cosem-Method-Descriptor"),
            Field("method_invocation_parameters", "List-Of-Data"),
        ),
    ),
    "List-Of-Cosem-Method-Descriptor": SequenceOf(
        cos.ListOfCosemMethodDescriptor, "cosem_method_descriptor", "Cosem-Method-Descriptor"
    ),
    "Action-Request-With-First-Pblock": Sequence(
        cos.ActionRequestWithFirstPblock,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("cosem_method_descriptor", "Cosem-Method-Descriptor"),
            Field("pblock", "DataBlock-SA"),
        ),
    ),
    "Action-Request-With-List-And-First-Pblock": Sequence(
        cos.ActionRequestWithListAndFirstPblock,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("cosem_method_descriptor_list", "List-Of-Cosem-Method-Descriptor"),
            Field("pblock", "DataBlock-SA"),
        ),
    ),
    "Action-Request-With-Pblock": Sequence(
        cos.ActionRequestWithPblock,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("pblock", "DataBlock-SA"),
        ),
    ),
    "Get-Response": Choice(
        cos.GetResponse,
        (
            Alternative("get_response_normal", "Get-Response-Normal", 1),
            Alternative("get_response_with_datablock", "Get-Response-With-Datablock", 2),
            Alternative("get_response_with_list", "Get-Response-With-List", 3),
        ),
    ),
    "Get-Response-Normal": Sequence(
        cos.GetResponseNormal,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("result", "Get-Data-Result"),
        ),
    ),
    "Get-Data-Result": Choice(
        cos.GetDataResult,
        (
            Alternative("data", "Data", 0, explicit=True),
            Alternative("data_access_result", "Data-Access-Result", 1),
        ),
    ),
    "Get-Response-With-Datablock": Sequence(
        cos.GetResponseWithDatablock,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("result", "DataBlock-G"),
        ),
    ),
    "DataBlock-G": Sequence(
        cos.DataBlockG,
        (
            Field("last_block", "BOOLEAN"),
            Field("block_number", "Unsigned32"),
            Field("result", "DataBlock-G-Result"),
        ),
    ),
    "DataBlock-G-Result": Choice(
        cos.DataBlockGResult,
        (
            Alternative("raw_data", "OCTET STRING", 0),
            Alternative("data_access_result", "Data-Access-Result", 1),
        ),
    ),
    "Get-Response-With-List": Sequence(
        cos.GetResponseWithList,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("result", "List-Of-Get-Data-Result"),
        ),
    ),
    "List-Of-Get-Data-Result": SequenceOf(cos.ListOfGetDataResult, "get_data_result", "Get-Data-Result"),
    "Set-Response": Choice(
        cos.SetResponse,
        (
            Alternative("set_response_normal", "Set-Response-Normal", 1),
            Alternative("set_response_datablock", "Set-Response-Datablock", 2),
            Alternative("set_response_last_datablock", "Set-Response-Last-Datablock", 3),
            Alternative("set_response_last_datablock_with_list", "Set-Response-Last-Datablock-With-List", 4),
            Alternative("set_response_with_list", "Set-Response-With-List", 5),
        ),
    ),
    "Set-Response-Normal": Sequence(
        cos.SetResponseNormal,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("result", "Data-Access-Result"),
        ),
    ),
    "Set-Response-Datablock": Sequence(
        cos.SetResponseDatablock,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("block_number", "Unsigned32"),
        ),
    ),
    "Set-Response-Last-Datablock": Sequence(
        cos.SetResponseLastDatablock,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("result", "Data-Access-Result"),
            Field("block_number", "Unsigned32"),
        ),
    ),
    "Set-Response-Last-Datablock-With-List": Sequence(
        cos.SetResponseLastDatablockWithList,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("result", "List-Of-Data-Access-Result"),
            Field("block_number", "Unsigned32"),
        ),
    ),
    "List-Of-Data-Access-Result": SequenceOf(cos.ListOfDataAccessResult, "data_access_result", "Data-Access-Result"),
    "Set-Response-With-List": Sequence(
        cos.SetResponseWithList,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("result", "List-Of-Data-Access-Result"),
        ),
    ),
    "Action-Response": Choice(
        cos.ActionResponse,
        (
            Alternative("action_response_normal", "Action-Response-Normal", 1),
            Alternative("action_response_with_pblock", "Action-Response-With-Pblock", 2),
            Alternative("action_response_with_list", "Action-Response-With-List", 3),
            Alternative("action_response_next_pblock", "Action-Response-Next-Pblock", 4),
        ),
    ),
    "Action-Response-Normal": Sequence(
        cos.ActionResponseNormal,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("single_response", "Action-Response-With-Optional-Data"),
        ),
    ),
    "Action-Response-With-Optional-Data": Sequence(
        cos.ActionResponseWithOptionalData,
        (
            Field("result", "Action-Result"),
            Field("return_parameters", "Get-Data-Result", optional=True),
        ),
    ),
    "Action-Result": Enumerated(
        cos.ActionResult,
        {
            0: cos.ActionResult.SUCCESS,
            1: cos.ActionResult.HARDWARE_FAULT,
            2: cos.ActionResult.TEMPORARY_FAILURE,
            3: cos.ActionResult.READ_WRITE_DENIED,
            4: cos.ActionResult.OBJECT_UNDEFINED,
            9: cos.ActionResult.OBJECT_CLASS_INCONSISTENT,
            11: cos.ActionResult.OBJECT_UNAVAILABLE,
            12: cos.ActionResult.TYPE_UNMATCHED,
            13: cos.ActionResult.SCOPE_OF_ACCESS_VIOLATED,
            14: cos.ActionResult.DATA_BLOCK_UNAVAILABLE,
            15: cos.ActionResult.LONG_ACTION_ABORTED,
            16: cos.ActionResult.NO_LONG_ACTION_IN_PROGRESS,
            250: cos.ActionResult.OTHER_REASON,
        },
    ),
    "Action-Response-With-Pblock": Sequence(
        cos.ActionResponseWithPblock,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("pblock", "DataBlock-SA"),
        ),
    ),
    "Action-Response-With-List": Sequence(
        cos.ActionResponseWithList,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("list_of_responses", "List-Of-Action-Response-With-Optional-Data"),
        ),
    ),
    "List-Of-Action-Response-With-Optional-Data": SequenceOf(
        cos.ListOfActionResponseWithOptionalData,
        "action_response_with_optional_data",
        "Action-Response-With-Optional-Data",
    ),
    "Action-Response-Next-Pblock": Sequence(
        cos.ActionResponseNextPblock,
        (
            Field("invoke_id_and_priority", "Invoke-Id-And-Priority"),
            Field("block_number", "Unsigned32"),
        ),
    ),
    "ExceptionResponse": Sequence(
        cos.ExceptionResponse,
        (
            Field("state_error", "ExceptionResponse-State-Error", tag=0),
            Field("service_error", "ExceptionResponse-Service-Error", tag=1, explicit=True),
        ),
    ),
    "ExceptionResponse-State-Error": Enumerated(
        cos.ExceptionResponseStateError,
        {
            1: cos.ExceptionResponseStateError.SERVICE_NOT_ALLOWED,
            2: cos.ExceptionResponseStateError.SERVICE_UNKNOWN,
        },
    ),
    "ExceptionResponse-Service-Error": Choice(
        cos.ExceptionResponseServiceError,
        (
            Alternative("operation_not_possible", "NULL", 1),
            Alternative("service_not_supported", "NULL", 2),
            Alternative("other_reason", "NULL", 3),
            Alternative("pdu_too_long", "NULL", 4),
            Alternative("deciphering_error", "NULL", 5),
            Alternative("invocation_counter_error", "Unsigned32", 6),
        ),
    ),
    "Access-Request": Sequence(
        cos.AccessRequest,
        (
            Field("long_invoke_id_and_priority", "Long-Invoke-Id-And-Priority"),
            Field("date_time", "OCTET STRING"),
            Field("access_request_body", "Access-Request-Body"),
        ),
    ),
    "Access-Request-Body": Sequence(
        cos.AccessRequestBody,
        (
            Field("access_request_specification", "List-Of-Access-Request-Specification"),
            Field("access_request_list_of_data", "List-Of-Data"),
        ),
    ),
    "List-Of-Access-Request-Specification": SequenceOf(
        cos.ListOfAccessRequestSpecification, "access_request_specification", "Access-Request-Specification"
    ),
    "Access-Request-Specification": Choice(
        cos.AccessRequestSpecification,
        (
            Alternative("access_request_get", "Access-Request-Get", 1),
            Alternative("access_request_set", "Access-Request-Set", 2),
            Alternative("access_request_action", "Access-Request-Action", 3),
            Alternative("access_request_get_with_selection", "Access-Request-Get-With-Selection", 4),
            Alternative("access_request_set_with_selection", "Access-Request-Set-With-Selection", 5),
        ),
    ),
    "Access-Request-Get": Sequence(
        cos.AccessRequestGet, (Field("cosem_attribute_descriptor", "Cosem-Attribute-Descriptor"),)
    ),
    "Access-Request-Set": Sequence(
        cos.AccessRequestSet, (Field("cosem_attribute_descriptor", "Cosem-Attribute-Descriptor"),)
    ),
    "Access-Request-Action": Sequence(
        cos.AccessRequestAction, (Field("cosem_method_descriptor", "Cosem-Method-Descriptor"),)
    ),
    "Access-Request-Get-With-Selection": Sequence(
        cos.AccessRequestGetWithSelection,
        (
            Field("cosem_attribute_descriptor", "Cosem-Attribute-Descriptor"),
            Field("access_selection", "Selective-Access-Descriptor"),
        ),
    ),
    "Access-Request-Set-With-Selection": Sequence(
        cos.AccessRequestSetWithSelection,
        (
            Field("cosem_attribute_descriptor", "Cosem-Attribute-Descriptor"),
            Field("access_selection", "Selective-Access-Descriptor"),
        ),
    ),
    "Access-Response": Sequence(
        cos.AccessResponse,
        (
            Field("long_invoke_id_and_priority", "Long-Invoke-Id-And-Priority"),
            Field("date_time", "OCTET STRING"),
            Field("access_response_body", "Access-Response-Body"),
        ),
    ),
    "Access-Response-Body": Sequence(
        cos.AccessResponseBody,
        (
            Field("access_request_specification", "List-Of-Access-Request-Specification", optional=True, tag=0),
            Field("access_response_list_of_data", "List-Of-Data"),
            Field("access_response_specification", "List-Of-Access-Response-Specification"),
        ),
    ),
    "List-Of-Access-Response-Specification": SequenceOf(
        cos.ListOfAccessResponseSpecification, "access_response_specification", "Access-Response-Specification"
    ),
    "Access-Response-Specification": Choice(
        cos.AccessResponseSpecification,
        (
            Alternative("access_response_get", "Access-Response-Get", 1),
            Alternative("access_response_set", "Access-Response-Set", 2),
            Alternative("access_response_action", "Access-Response-Action", 3),
        ),
    ),
    "Access-Response-Get": Sequence(cos.AccessResponseGet, (Field("result", "Data-Access-Result"),)),
    "Access-Response-Set": Sequence(cos.AccessResponseSet, (Field("result", "Data-Access-Result"),)),
    "Access-Response-Action": Sequence(cos.AccessResponseAction, (Field("result", "Action-Result"),)),
    "General-Glo-Ciphering": Sequence(
        cos.GeneralGloCiphering,
        (
            Field("system_title", "OCTET STRING"),
            Field("ciphered_content", "OCTET STRING"),
        ),
    ),
    "General-Ded-Ciphering": Sequence(
        cos.GeneralDedCiphering,
        (
            Field("system_title", "OCTET STRING"),
            Field("ciphered_content", "OCTET STRING"),
        ),
    ),
    "General-Ciphering": Sequence(
        cos.GeneralCiphering,
        (
            Field("transaction_id", "OCTET STRING"),
            Field("originator_system_title", "OCTET STRING"),
            Field("recipient_system_title", "OCTET STRING"),
            Field("date_time", "OCTET STRING"),
            Field("other_information", "OCTET STRING"),
            Field("key_info", "Key-Info", optional=True),
            Field("ciphered_content", "OCTET STRING"),
        ),
    ),
    "Key-Info": Choice(
        cos.KeyInfo,
        (
            Alternative("identified_key", "Identified-Key", 0),
            Alternative("wrapped_key", "Wrapped-Key", 1),
            Alternative("agreed_key", "Agreed-Key", 2),
        ),
    ),
    "Identified-Key": Sequence(cos.IdentifiedKey, (Field("key_id", "Key-Id"),)),
    "Key-Id": Enumerated(
        cos.KeyId,
        {
            0: cos.KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY,
            1: cos.KeyId.GLOBAL_BROADCAST_ENCRYPTION_KEY,
        },
    ),
    "Wrapped-Key": Sequence(
        cos.WrappedKey,
        (
            Field("kek_id", "Kek-Id"),
            Field("key_ciphered_data", "OCTET STRING"),
        ),
    ),
    "Kek-Id": Enumerated(
        cos.KekId,
        {
            0: cos.KekId.MASTER_KEY,
        },
    ),
    "Agreed-Key": Sequence(
        cos.AgreedKey,
        (
            Field("key_parameters", "OCTET STRING"),
            Field("key_ciphered_data", "OCTET STRING"),
        ),
    ),
    "General-Signing": Sequence(
        cos.GeneralSigning,
        (
            Field("transaction_id", "OCTET STRING"),
            Field("originator_system_title", "OCTET STRING"),
            Field("recipient_system_title", "OCTET STRING"),
            Field("date_time", "OCTET STRING"),
            Field("other_information", "OCTET STRING"),
            Field("content", "OCTET STRING"),
            Field("signature", "OCTET STRING"),
        ),
    ),
    "General-Block-Transfer": Sequence(
        cos.GeneralBlockTransfer,
        (
            Field("block_control", "Block-Control"),
            Field("block_number", "Unsigned16"),
            Field("block_number_ack", "Unsigned16"),
            Field("block_data", "OCTET STRING"),
        ),
    ),
    "Block-Control": Integer(1, signed=False),
    "aCSE-APDU": Choice(
        cos.ACseApdu,
        (
            Alternative("aarq", "AARQ-apdu", 96),
            Alternative("aare", "AARE-apdu", 97),
            Alternative("rlrq", "RLRQ-apdu", 98),
            Alternative("rlre", "RLRE-apdu", 99),
        ),
    ),
    "AARQ-apdu": Sequence(
        cos.AarqApdu,
        (
            Field("protocol_version", "BIT-STRING", default="1", tag=0),
            Field("application_context_name", "Application-context-name", tag=1, explicit=True),
            Field("called_ap_title", "AP-title", optional=True, tag=2, explicit=True),
            Field("called_ae_qualifier", "AE-qualifier", optional=True, tag=3, explicit=True),
            Field("called_ap_invocation_id", "AP-invocation-identifier", optional=True, tag=4, explicit=True),
            Field("called_ae_invocation_id", "AE-invocation-identifier", optional=True, tag=5, explicit=True),
            Field("calling_ap_title", "AP-title", optional=True, tag=6, explicit=True),
            Field("calling_ae_qualifier", "AE-qualifier", optional=True, tag=7, explicit=True),
            Field("calling_ap_invocation_id", "AP-invocation-identifier", optional=True, tag=8, explicit=True),
            Field("calling_ae_invocation_id", "AE-invocation-identifier", optional=True, tag=9, explicit=True),
            Field("sender_acse_requirements", "ACSE-requirements", optional=True, tag=10),
            Field("mechanism_name", "Mechanism-name", optional=True, tag=11),
            Field("calling_authentication_value", "Authentication-value", optional=True, tag=12, explicit=True),
            Field("implementation_information", "Implementation-data", optional=True, tag=29),
            Field("user_information", "Association-information", optional=True, tag=30, explicit=True),
        ),
    ),
    "BIT-STRING": Bits(None),
    "Application-context-name": ObjectIdentifier(),
    "AP-title": Octets(None),
    "AE-qualifier": Octets(None),
    "AP-invocation-identifier": Integer(8, signed=True),
    "AE-invocation-identifier": Integer(8, signed=True),
    "ACSE-requirements": Bits(None),
    "Mechanism-name": ObjectIdentifier(),
    "Authentication-value": Choice(
        cos.AuthenticationValue,
        (
            Alternative("charstring", "Charstring", 0),
            Alternative("bitstring", "BIT-STRING", 1),
            Alternative("external", "ANY", 2, explicit=True),
            Alternative("other", "Authentication-value-Other", 3),
        ),
    ),
    "Charstring": Octets(None),
    "ANY": Any(),
    "Authentication-value-Other": Sequence(
        cos.AuthenticationValueOther,
        (
            Field("other_mechanism_name", "Mechanism-name"),
            Field("other_mechanism_value", "ANY"),
        ),
    ),
    "Implementation-data": Text("graphic"),
    "Association-information": Octets(None),
    "AARE-apdu": Sequence(
        cos.AareApdu,
        (
            Field("protocol_version", "BIT-STRING", default="1", tag=0),
            Field("application_context_name", "Application-context-name", tag=1, explicit=True),
            Field("result", "Association-result", tag=2, explicit=True),
            Field("result_source_diagnostic", "Associate-source-diagnostic", tag=3, explicit=True),
            Field("responding_ap_title", "AP-title", optional=True, tag=4, explicit=True),
            Field("responding_ae_qualifier", "AE-qualifier", optional=True, tag=5, explicit=True),
            Field("responding_ap_invocation_id", "AP-invocation-identifier", optional=True, tag=6, explicit=True),
            Field("responding_ae_invocation_id", "AE-invocation-identifier", optional=True, tag=7, explicit=True),
            Field("responder_acse_requirements", "ACSE-requirements", optional=True, tag=8),
            Field("mechanism_name", "Mechanism-name", optional=True, tag=9),
            Field("responding_authentication_value", "Authentication-value", optional=True, tag=10, explicit=True),
            Field("implementation_information", "Implementation-data", optional=True, tag=29),
            Field("user_information", "Association-information", optional=True, tag=30, explicit=True),
        ),
    ),
    "Association-result": Enumerated(
        cos.AssociationResult,
        {
            0: cos.AssociationResult.ACCEPTED,
            1: cos.AssociationResult.REJECTED_PERMANENT,
            2: cos.AssociationResult.REJECTED_TRANSIENT,
        },
    ),
    "Associate-source-diagnostic": Choice(
        cos.AssociateSourceDiagnostic,
        (
            Alternative("acse_service_user", "Acse-Service-User", 1, explicit=True),
            Alternative("acse_service_provider", "Acse-Service-Provider", 2, explicit=True),
        ),
    ),
    "Acse-Service-User": Enumerated(
        cos.AcseServiceUser,
        {
            0: cos.AcseServiceUser.NULL,
            1: cos.AcseServiceUser.NO_REASON_GIVEN,
            2: cos.AcseServiceUser.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED,
            3: cos.AcseServiceUser.CALLING_AP_TITLE_NOT_RECOGNIZED,
            4: cos.AcseServiceUser.CALLING_AP_INVOCATION_IDENTIFIER_NOT_RECOGNIZED,
            5: cos.AcseServiceUser.CALLING_AE_QUALIFIER_NOT_RECOGNIZED,
            6: cos.AcseServiceUser.CALLING_AE_INVOCATION_IDENTIFIER_NOT_RECOGNIZED,
            7: cos.AcseServiceUser.CALLED_AP_TITLE_NOT_RECOGNIZED,
            8: cos.AcseServiceUser.CALLED_AP_INVOCATION_IDENTIFIER_NOT_RECOGNIZED,
            9: cos.AcseServiceUser.CALLED_AE_QUALIFIER_NOT_RECOGNIZED,
            10: cos.AcseServiceUser.CALLED_AE_INVOCATION_IDENTIFIER_NOT_RECOGNIZED,
            11: cos.AcseServiceUser.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED,
            12: cos.AcseServiceUser.AUTHENTICATION_MECHANISM_NAME_REQUIRED,
            13: cos.AcseServiceUser.AUTHENTICATION_FAILURE,
            14: cos.AcseServiceUser.AUTHENTICATION_REQUIRED,
        },
    ),
    "Acse-Service-Provider": Enumerated(
        cos.AcseServiceProvider,
        {
            0: cos.AcseServiceProvider.NULL,
            1: cos.AcseServiceProvider.NO_REASON_GIVEN,
            2: cos.AcseServiceProvider.NO_COMMON_ACSE_VERSION,
        },
    ),
    "RLRQ-apdu": Sequence(
        cos.RlrqApdu,
        (
            Field("reason", "Release-request-reason", optional=True, tag=0),
            Field("user_information", "Association-information", optional=True, tag=30, explicit=True),
        ),
    ),
    "Release-request-reason": Enumerated(
        cos.ReleaseRequestReason,
        {
            0: cos.ReleaseRequestReason.NORMAL,
            1: cos.ReleaseRequestReason.URGENT,
            30: cos.ReleaseRequestReason.USER_DEFINED,
        },
    ),
    "RLRE-apdu": Sequence(
        cos.RlreApdu,
        (
            Field("reason", "Release-response-reason", optional=True, tag=0),
            Field("user_information", "Association-information", optional=True, tag=30, explicit=True),
        ),
    ),
    "Release-response-reason": Enumerated(
        cos.ReleaseResponseReason,
        {
            0: cos.ReleaseResponseReason.NORMAL,
            1: cos.ReleaseResponseReason.NOT_FINISHED,
            30: cos.ReleaseResponseReason.USER_DEFINED,
        },
    ),
}
"""Shape by ASN.1 type name. The tags of aCSE-APDU are identifier octets, [APPLICATION n]."""

TYPE_NAME: Mapping[type, str] = {
    shape.cls: name for name, shape in TYPES.items() if isinstance(shape, Sequence | Choice | SequenceOf | Enumerated)
}
"""ASN.1 type name by class."""
