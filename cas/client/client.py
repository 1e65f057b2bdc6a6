"""The client: one method for each verb and noun, on one HTTP session."""

import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self, Unpack
from urllib.parse import urlsplit

import aiohttp
from lxml import etree

from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.client.errors import CasUnreachable, NotUnderstood
from cas.client.messages import (
    Terms,
    body_of,
    device_access,
    document,
    envelope,
    header,
    read_response,
    response_of,
    xml_time,
)
from cas.client.readings import Access, Reading
from cas.client.stream import ResultReader
from cas.xml import XmlError, read

_CONTENT_TYPE = "application/soap+xml; charset=utf-8"
_DEVICE_ACCESS, _GROUPS, _DIRECTORY = "DeviceAccess", "DeviceGroups", "ResourceDirectory"
# Octets that are read at a time.
_CHUNK = 65_536


class CasClient:
    """A client of the service at `url`, such as `http://127.0.0.1:8080/cas`. Use it in `async with`.

    `source`: the Source of its requests; `timeout`: seconds until an answer must have come, which should be more than
    the service's sync_wait; `tls`, `auth`, `headers`: as aiohttp has them. Every method raises CasFault when the
    service refuses, CasUnreachable when it does not answer, and NotUnderstood.
    """

    def __init__(
        self,
        url: str,
        *,
        source: str | None = None,
        timeout: float = 120.0,
        tls: ssl.SSLContext | bool = True,
        auth: aiohttp.BasicAuth | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.url = url
        self._source = source
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._tls = tls
        self._auth = auth
        self._headers = dict(headers or {})
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({urlsplit(self.url).hostname})"

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._tls)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, auth=self._auth, headers=self._headers
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def create(
        self,
        devices: Iterable[str] = (),
        descriptors: Iterable[dev.CosemAccessDescriptor] = (),
        *,
        groups: Iterable[str] = (),
        reply_address: str | None = None,
        async_reply: bool | None = None,
        ack_required: bool | None = None,
        message_id: str | None = None,
        correlation_id: str | None = None,
        **terms: Unpack[Terms],
    ) -> Access:
        """Create a DeviceAccess: what to do (`descriptors`, in order) on which devices, when.

        With `async_reply` it is answered at once, and the results go to `reply_address` as events. The same
        `message_id` makes a repeat of the request harmless.
        """
        noun = device_access(devices, groups, descriptors, **terms)
        head = header(mes.Verb.CREATE, _DEVICE_ACCESS, self._source)
        head = replace(
            head,
            message_id=message_id or head.message_id,
            timestamp=None if message_id else head.timestamp,  # a repeat is the same message in all its parts
            correlation_id=correlation_id,
            async_reply_flag=async_reply,
            reply_address=reply_address,
            ack_required=ack_required,
        )
        response = await self.send(mes.RequestMessageType(header=head, payload=mes.PayloadType(device_access=(noun,))))
        return _access(response)

    async def get(
        self,
        *ids: str,
        devices: Iterable[str] = (),
        start: datetime | None = None,
        end: datetime | None = None,
        last_valid: bool = False,
    ) -> list[Access]:
        """Resources with their results, from `start` to before `end`, or only the newest good ones (`last_valid`)."""
        response = await self.send(self._get(ids, devices, start, end, last_valid))
        found = {resource.id: resource for resource in _resources(response)}
        return [replace(_access(response), id=each, resource=found.get(each)) for each in ids]

    async def stream(
        self,
        *ids: str,
        devices: Iterable[str] = (),
        start: datetime | None = None,
        end: datetime | None = None,
        last_valid: bool = False,
    ) -> AsyncIterator[Reading]:
        """The readings of resources as they come over the line, in constant memory."""
        request = self._get(ids, devices, start, end, last_valid)
        async with self._post(document(request), _CONTENT_TYPE) as response:
            if response.status != 200:
                response_of(await response.read(), response.status)
                raise NotUnderstood("an answer without a fault", response.status)
            reader = ResultReader(response.status)
            try:
                async for chunk in response.content.iter_chunked(_CHUNK):
                    for reading in reader.feed(chunk):
                        yield reading
            except (aiohttp.ClientError, TimeoutError, OSError) as problem:
                raise CasUnreachable(f"the answer broke off: {_reason(problem)}") from problem
            for reading in reader.close():
                yield reading

    async def change(
        self,
        access_id: str,
        *,
        devices: Iterable[str] = (),
        descriptors: Iterable[dev.CosemAccessDescriptor] = (),
        groups: Iterable[str] = (),
        **terms: Unpack[Terms],
    ) -> Access:
        """Change what is given; activations under way finish under the old terms."""
        noun = replace(device_access(devices, groups, descriptors, **terms), id=access_id)
        request = mes.RequestMessageType(
            header=header(mes.Verb.CHANGE, _DEVICE_ACCESS, self._source),
            request=mes.RequestType(id=(mes.IdType(value=access_id),)),
            payload=mes.PayloadType(device_access=(noun,)),
        )
        return _access(await self.send(request), access_id)

    async def cancel(self, *ids: str) -> None:
        """No further activation; what runs is stopped; results stay."""
        await self.send(self._by_id(mes.Verb.CANCEL, ids))

    async def close(self, *ids: str) -> None:
        """No further activation; what runs finishes; results stay."""
        await self.send(self._by_id(mes.Verb.CLOSE, ids))

    async def delete(self, *ids: str) -> None:
        """Cancel resources, and remove them with their results."""
        await self.send(self._by_id(mes.Verb.DELETE, ids))

    async def create_group(self, group_id: str, devices: Iterable[str] = (), *, prefix: str | None = None) -> None:
        """Make a group of devices, or of all whose DeviceID begins with `prefix`."""
        await self._group(mes.Verb.CREATE, group_id, devices, prefix)

    async def change_group(self, group_id: str, devices: Iterable[str] = (), *, prefix: str | None = None) -> None:
        """Replace the members of a group."""
        await self._group(mes.Verb.CHANGE, group_id, devices, prefix)

    async def delete_group(self, *group_ids: str) -> None:
        """Remove groups; their devices stay."""
        await self.send(self._by_id(mes.Verb.DELETE, group_ids, _GROUPS))

    async def groups(self, *group_ids: str) -> list[mes.DeviceGroup]:
        """These groups with their members; all, without members, if none is named."""
        payload = (await self.send(self._by_id(mes.Verb.GET, group_ids, _GROUPS))).payload
        listed = None if payload is None else payload.device_groups or payload.device_group
        return [] if listed is None else list(listed.device_group)

    async def directory(self) -> list[mes.Resource]:
        """A summary of every DeviceAccess."""
        request = mes.RequestMessageType(
            header=header(mes.Verb.GET, _DIRECTORY, self._source), request=mes.RequestType(with_data=True)
        )
        payload = (await self.send(request)).payload
        listed = None if payload is None else payload.resource_directory
        return [] if listed is None else list(listed.resource)

    async def statistics(self) -> list[mes.CosemDeviceStatistics]:
        """How communication with each device went."""
        octets, status = await self.post(envelope("<mes:CosemDeviceStatisticRequest/>"))
        body = body_of(octets, status)
        if etree.QName(body).localname != "GetCosemDeviceStatisticResponse":
            raise NotUnderstood(f"statistics are expected, not {etree.QName(body).localname}", status)
        try:
            return list(read(mes.GetCosemDeviceStatisticResponse, body).cosem_device_statistics)
        except XmlError as problem:
            raise NotUnderstood(str(problem), status) from None

    async def send(self, request: mes.RequestMessageType) -> mes.ResponseMessageType:
        """Send any request of the interface."""
        octets, status = await self.post(document(request))
        return read_response(body_of(octets, status), status)

    async def post(self, octets: bytes, content_type: str = _CONTENT_TYPE) -> tuple[bytes, int]:
        """Send a SOAP message as it stands; return the answer and the HTTP status. Raises CasUnreachable."""
        async with self._post(octets, content_type) as response:
            try:
                return await response.read(), response.status
            except (aiohttp.ClientError, TimeoutError, OSError) as problem:
                raise CasUnreachable(f"the answer broke off: {_reason(problem)}") from problem

    def _post(self, octets: bytes, content_type: str) -> "_Posting":
        if self._session is None:
            raise RuntimeError("use the client in `async with`")
        return _Posting(self._session, self.url, octets, content_type)

    async def _group(self, verb: mes.Verb, group_id: str, devices: Iterable[str], prefix: str | None) -> None:
        group = mes.DeviceGroup(
            group_id=group_id,
            prefix=prefix,
            type_value=None if prefix is None else "PREFIX",
            device_reference=tuple(dev.DeviceReference(device_id=name) for name in devices),
        )
        payload = mes.PayloadType(device_groups=mes.DeviceGroups(device_group=(group,)))
        await self.send(mes.RequestMessageType(header=header(verb, _GROUPS, self._source), payload=payload))

    def _by_id(self, verb: mes.Verb, ids: Sequence[str], noun: str = _DEVICE_ACCESS) -> mes.RequestMessageType:
        named = mes.RequestType(id=tuple(mes.IdType(value=each) for each in ids)) if ids else None
        return mes.RequestMessageType(header=header(verb, noun, self._source), request=named)

    def _get(
        self,
        ids: Sequence[str],
        devices: Iterable[str],
        start: datetime | None,
        end: datetime | None,
        last_valid: bool,
    ) -> mes.RequestMessageType:
        request = self._by_id(mes.Verb.GET, ids)
        selected = replace(
            request.request or mes.RequestType(),
            start_time=xml_time(start),
            end_time=xml_time(end),
            last_valid_data=last_valid or None,
        )
        names = tuple(devices)
        payload = mes.PayloadType(device_access=(device_access(names, (), ()),)) if names else None
        return replace(request, request=selected, payload=payload)


class _Posting:
    """A POST under way; what fails in it before there is an answer is CasUnreachable."""

    def __init__(self, session: aiohttp.ClientSession, url: str, octets: bytes, content_type: str) -> None:
        self._context: Any = session.post(url, data=octets, headers={"Content-Type": content_type})
        self._url = url

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            response: aiohttp.ClientResponse = await self._context.__aenter__()
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            raise CasUnreachable(f"{urlsplit(self._url).hostname} does not answer: {_reason(problem)}") from problem
        return response

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._context.__aexit__(kind, error, trace)


def _reason(problem: Exception) -> str:
    return str(problem) or type(problem).__name__


def _resources(response: mes.ResponseMessageType) -> Sequence[dev.DeviceAccess]:
    payload = response.payload
    return () if payload is None else (*payload.device_access, *payload.device_access_of_dev)


def _access(response: mes.ResponseMessageType, access_id: str = "") -> Access:
    reply = response.reply
    resource = next(iter(_resources(response)), None)
    named = next((each.value for each in reply.id), None) or (resource.id if resource is not None else None)
    return Access(id=named or access_id, result=reply.result, errors=reply.error, resource=resource)
