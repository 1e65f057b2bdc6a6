"""Selective access in requests: made what the device expects before it is sent, completed here in the answer.

    resolved = resolve_request(request, now, deviation, ways)
    answer = complete(await client.request(resolved.request), resolved.left, layouts, deviation)

A device that knows no selective access is asked for whole buffers, and one that takes no selected_values for whole
rows; what is left of the selection is done in the answer. For that it takes the layout of the profiles named in
`Resolved.left`, read beforehand (attributes 3 and 4). Pure functions; the sessions with devices do the reading.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeAlias

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.selecting import Layout, select, select_columns
from cas.cosem.selection import (
    BUFFER,
    PROFILE_GENERIC,
    RANGE,
    CaptureObject,
    Range,
    Selection,
    SelectionError,
    by_unix_clock,
    needs_clock,
    parse_selection,
    resolve_selection,
    selector_of,
)
from cas.dlms.apdu import Request, Response
from cas.dlms.errors import EncodeError


@dataclass(frozen=True, slots=True)
class Ways:
    """How a device takes selective access."""

    selective_access: bool = True
    """Whether it knows access selectors at all."""
    selected_values: bool = True
    """Whether it takes a choice of columns in a range; if not, that is sent empty."""
    reversed_deviation: bool = False
    """Whether its deviation counts from UTC to local time, against the Blue Book."""
    sort_object: bool = False
    """Whether a range of time must be restricted by the profile's sort object, which may be a UNIX clock."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is left to be done here: of the buffer of this profile, by `selection`, its columns only or all of it."""

    profile: bytes
    selection: Selection
    columns_only: bool = False


@dataclass(frozen=True, slots=True)
class Resolved:
    """A request for the wire, and by the place in its answer what is left to be done there."""

    request: Request
    left: Mapping[int, Left] = field(default_factory=dict)


Layouts: TypeAlias = Mapping[bytes, Layout]
"""How profiles are built, by their logical names."""


SortObjects: TypeAlias = Mapping[bytes, CaptureObject]
"""Sort objects of profiles, by their logical names."""


def ranges_of_time(request: Request) -> set[bytes]:
    """The profiles of which it selects a range of time, by their logical names."""
    return {
        name for name, selection in _selections(request) if isinstance(selection, Range) and selection.column.is_clock
    }


def needs_deviation(request: Request) -> bool:
    """Whether the deviation of the device's clock matters to this request."""
    return any(selection is not None and needs_clock(selection) for _, selection in _selections(request))


def resolve_request(
    request: Request,
    now: datetime,
    deviation: int = 0,
    ways: Ways | None = None,
    sort_objects: SortObjects | None = None,
) -> Resolved:
    """The request with every selection mended, its times resolved at `now` for a device of this deviation (minutes).

    Ranges of time of profiles that `sort_objects` names are restricted by those. What is no selection of a profile's
    buffer is not touched. Raises EncodeError for a relative time of a form that does not exist.
    """
    resolver = _Resolver(now, deviation, ways or Ways(), sort_objects or {})
    match request:
        case cos.GetRequest(get_request_normal=cos.GetRequestNormal() as normal):
            access = resolver.access(0, normal.cosem_attribute_descriptor, normal.access_selection)
            if access is normal.access_selection:
                return Resolved(request)
            return Resolved(cos.GetRequest(get_request_normal=replace(normal, access_selection=access)), resolver.left)
        case cos.GetRequest(get_request_with_list=cos.GetRequestWithList() as listed):
            return Resolved(cos.GetRequest(get_request_with_list=_list(listed, resolver)), resolver.left)
        case cos.AccessRequest():
            return Resolved(_access(request, resolver), resolver.left)
        case cos.ReadRequest():
            return Resolved(_read(request, resolver))
        case _:
            return Resolved(request)


def complete(response: Response, left: Mapping[int, Left], layouts: Layouts, deviation: int = 0) -> Response:
    """The answer as the device would have given it had it done the whole selection itself.

    Errors of the device stay. Raises EncodeError for a selection that the profile does not allow.
    """
    if not left:
        return response

    def finish(place: int, data: Data | None) -> Data | None:
        if data is None or (todo := left.get(place)) is None:
            return data
        layout = layouts[todo.profile]
        try:
            if todo.columns_only and isinstance(todo.selection, Range):
                return select_columns(data, todo.selection.columns, layout)
            return select(data, todo.selection, layout, deviation)
        except SelectionError as error:
            raise EncodeError(str(error), "access-selection") from None

    match response:
        case cos.GetResponse(get_response_normal=cos.GetResponseNormal() as normal):
            result = replace(normal.result, data=finish(0, normal.result.data))
            return cos.GetResponse(get_response_normal=replace(normal, result=result))
        case cos.GetResponse(get_response_with_list=cos.GetResponseWithList() as listed):
            results = tuple(replace(r, data=finish(i, r.data)) for i, r in enumerate(listed.result.get_data_result))
            whole = replace(listed, result=cos.ListOfGetDataResult(get_data_result=results))
            return cos.GetResponse(get_response_with_list=whole)
        case cos.AccessResponse(access_response_body=body):
            data = tuple(finish(i, d) or d for i, d in enumerate(body.access_response_list_of_data.data))
            whole_body = replace(body, access_response_list_of_data=cos.ListOfData(data=data))
            return replace(response, access_response_body=whole_body)
        case _:
            return response


def capture_objects(data: Data) -> tuple[CaptureObject, ...]:
    """The columns of a profile, from its attribute 3. Raises SelectionError, DataError."""
    return tuple(map(CaptureObject.decode, data.children()))


class _Resolver:
    """Resolves the selections of one request, and remembers what is left."""

    def __init__(self, now: datetime, deviation: int, ways: Ways, sort_objects: SortObjects) -> None:
        self.left: dict[int, Left] = {}
        self._sort_objects = sort_objects
        self._now = now
        self._deviation = deviation
        self._ways = ways

    def access(
        self, place: int, attribute: cos.CosemAttributeDescriptor, access: cos.SelectiveAccessDescriptor | None
    ) -> cos.SelectiveAccessDescriptor | None:
        selection = _parse(attribute, access)
        if selection is None:
            return access
        resolved = self.resolve(selection)
        if not self._ways.selective_access:
            self.left[place] = Left(attribute.instance_id, resolved)
            return None
        if isinstance(resolved, Range) and resolved.columns and not self._ways.selected_values:
            self.left[place] = Left(attribute.instance_id, resolved, columns_only=True)
            resolved = replace(resolved, columns=())
        column = self._sort_objects.get(attribute.instance_id)
        if column is not None and isinstance(resolved, Range) and resolved.column.is_clock:
            resolved = self._by_sort_object(resolved, column)
        return _descriptor(resolved)

    def _by_sort_object(self, selection: Range, column: CaptureObject) -> Range:
        """Raises EncodeError."""
        if column.is_clock:
            return replace(selection, column=column)
        try:
            return by_unix_clock(selection, column, self._deviation, reversed_sign=self._ways.reversed_deviation)
        except SelectionError as error:
            raise EncodeError(str(error), "access-selection") from None

    def resolve(self, selection: Selection) -> Selection:
        """Raises EncodeError."""
        try:
            return resolve_selection(selection, self._now, self._deviation, reversed_sign=self._ways.reversed_deviation)
        except SelectionError as error:
            raise EncodeError(str(error), "access-selection") from None


def _descriptor(selection: Selection) -> cos.SelectiveAccessDescriptor:
    return cos.SelectiveAccessDescriptor(access_selector=selector_of(selection), access_parameters=selection.encode())


def _parse(attribute: cos.CosemAttributeDescriptor, access: cos.SelectiveAccessDescriptor | None) -> Selection | None:
    """The selection of a profile's buffer; None where there is none that we understand: the device shall judge it."""
    if access is None or (attribute.class_id, attribute.attribute_id) != (PROFILE_GENERIC, BUFFER):
        return None
    try:
        return parse_selection(access.access_selector, access.access_parameters)
    except SelectionError:
        return None


def _list(listed: cos.GetRequestWithList, resolver: _Resolver) -> cos.GetRequestWithList:
    items = tuple(
        replace(item, access_selection=resolver.access(place, item.cosem_attribute_descriptor, item.access_selection))
        for place, item in enumerate(listed.attribute_descriptor_list.cosem_attribute_descriptor_with_selection)
    )
    descriptors = cos.ListOfCosemAttributeDescriptorWithSelection(cosem_attribute_descriptor_with_selection=items)
    return replace(listed, attribute_descriptor_list=descriptors)


def _access(request: cos.AccessRequest, resolver: _Resolver) -> cos.AccessRequest:
    body = request.access_request_body
    items = []
    for place, item in enumerate(body.access_request_specification.access_request_specification):
        get = item.access_request_get_with_selection
        if get is None:
            items.append(item)
            continue
        access = resolver.access(place, get.cosem_attribute_descriptor, get.access_selection)
        if access is None:
            whole = cos.AccessRequestGet(cosem_attribute_descriptor=get.cosem_attribute_descriptor)
            items.append(cos.AccessRequestSpecification(access_request_get=whole))
        else:
            selected = replace(get, access_selection=access)
            items.append(cos.AccessRequestSpecification(access_request_get_with_selection=selected))
    specification = cos.ListOfAccessRequestSpecification(access_request_specification=tuple(items))
    return replace(request, access_request_body=replace(body, access_request_specification=specification))


def _read(request: cos.ReadRequest, resolver: _Resolver) -> cos.ReadRequest:
    """Short names: selector 1 and 2 as with logical names; which object is meant only the device knows."""
    items = []
    for item in request.variable_access_specification:
        access = item.parameterized_access
        selection = _parse_parameter(access) if access else None
        if access is None or selection is None:
            items.append(item)
            continue
        resolved = resolver.resolve(selection)
        changed = replace(access, parameter=resolved.encode())
        items.append(cos.VariableAccessSpecification(parameterized_access=changed))
    return replace(request, variable_access_specification=tuple(items))


def _parse_parameter(access: cos.ParameterizedAccess) -> Selection | None:
    """A range by a clock: nothing else that short names select takes resolving."""
    try:
        selection = parse_selection(RANGE, access.parameter) if access.selector == RANGE else None
    except SelectionError:
        return None
    return selection if isinstance(selection, Range) and selection.column.is_clock else None


def _selections(request: Request) -> list[tuple[bytes, Selection | None]]:
    """The selections, each with the logical name of its profile; none is known with short names."""
    items: Sequence[Any] = ()
    match request:
        case cos.GetRequest(get_request_normal=cos.GetRequestNormal() as normal):
            items = (normal,)
        case cos.GetRequest(get_request_with_list=cos.GetRequestWithList() as listed):
            items = listed.attribute_descriptor_list.cosem_attribute_descriptor_with_selection
        case cos.AccessRequest(access_request_body=body):
            asked = body.access_request_specification.access_request_specification
            items = [item.access_request_get_with_selection for item in asked if item.access_request_get_with_selection]
        case cos.ReadRequest():
            accesses = [item.parameterized_access for item in request.variable_access_specification]
            return [(b"", _parse_parameter(access)) for access in accesses if access]
    return [
        (item.cosem_attribute_descriptor.instance_id, _parse(item.cosem_attribute_descriptor, item.access_selection))
        for item in items
    ]
