"""From the octets of a request to the pieces of its answer: the stages, in order.

authenticate - read, limit (http) - parse: recognise - validate: look, unpack, arrange, validate, read (message) -
authorise: new, granted - dispatch by verb and noun, recorded - answer in kind

Who asks is in the header of HTTP, so for who is not known nothing is read or parsed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID, uuid4

import structlog

from cas.access.codes import Code
from cas.access.errors import NotNow, Refused
from cas.access.inventory import Inventory
from cas.access.service import AccessService
from cas.bindings import message as mes
from cas.security.authentication import Credentials
from cas.security.errors import RequestDenied
from cas.security.guard import Door
from cas.soap import device_access, device_groups, listings
from cas.soap.answer import Answer, enveloped, fault_message, response
from cas.soap.desk import Desk, Handler
from cas.soap.envelope import Envelope, Version, fault, recognise, version_of
from cas.soap.errors import Denied, MessageRefused, NotSoap, SoapError
from cas.soap.listings import statistics
from cas.soap.message import Message, read_message
from cas.soap.problems import error, errors_of
from cas.soap.schema import Validator
from cas.store.errors import StoreError
from cas.system_events import Kind, tell
from cas.xml import XmlError, parse_folded

log = structlog.get_logger(__name__)

T = TypeVar("T")
R = TypeVar("R")

_HANDLERS: Mapping[str, Mapping[str, Handler]] = {
    "DeviceAccess": device_access.HANDLERS,
    "DeviceGroups": device_groups.HANDLERS,
    "DeviceGroup": device_groups.HANDLERS,
    "ResourceDirectory": listings.HANDLERS,
}

# Octets of a request from which on it is read beside the event loop.
LARGE = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: HTTP status, version of SOAP, and the document in pieces."""

    status: int
    version: Version
    pieces: AsyncIterator[str]
    headers: Mapping[str, str] = field(default_factory=dict)


class SoapService:
    """Answers requests. `strict`: elements must come in schema order; `limit`: octets of an unpacked payload."""

    def __init__(
        self, access: AccessService, inventory: Inventory, guard: Door, *, limit: int, strict: bool = False
    ) -> None:
        self._desk = Desk(access, inventory)
        self._guard = guard
        self._limit = limit
        self._strict = strict
        self._validator = Validator()

    async def answer(self, read: Callable[[], Awaitable[bytes]], media_type: str, credentials: Credentials) -> Reply:
        """Answer a request, whose octets `read` gives; whatever is wrong with it or here comes back as a fault.

        `read` may raise SoapError.
        """
        version = version_of(media_type)
        try:
            principal = await self._guard.authenticate(credentials)
            structlog.contextvars.bind_contextvars(client=principal.name)
            octets = await read()
            large = len(octets) >= LARGE
            envelope = await _beside(large, _read_envelope, octets)
            version = envelope.version
            message = await _beside(large, self._read_message, envelope)
            await self._guard.once(principal, message.header)
            demand = await self._guard.authorise(principal, message.content)
            if message.is_statistic_request:
                return Reply(200, version, enveloped(version, statistics(self._desk)))
            async with self._guard.recorded(principal, demand, message.content, octets) as outcome:
                answer = await self._serve(message)
                outcome["result"] = answer.reply.result.value
                outcome["ids"] = [each.value for each in answer.reply.id]
        except SoapError as problem:
            return refuse(version, problem)
        except RequestDenied as problem:
            return refuse(version, denied(problem))
        except (NotNow, StoreError) as problem:
            code = problem.code if isinstance(problem, NotNow) else Code.BUSY
            told = error(code, str(problem), level=mes.ErrorLevel.WARNING)
            return refuse(version, MessageRefused([told], status=503))
        except Exception:
            incident = uuid4()
            log.exception("request failed in this program", incident=str(incident))
            tell(Kind.FAULT, "request", incident=str(incident))
            return failed(version, incident)
        return Reply(200, version, response(version, message.header, answer))

    def _read_message(self, envelope: Envelope) -> Message:
        return read_message(envelope.body, self._validator, limit=self._limit, strict=self._strict)

    async def _serve(self, message: Message) -> Answer:
        verb, noun = message.header.verb.value, message.header.noun
        structlog.contextvars.bind_contextvars(verb=verb, noun=noun, message_id=message.header.message_id)
        handlers = _HANDLERS[noun]
        if verb not in handlers:
            details = f"{noun} has no verb {verb}, only {', '.join(handlers)}"
            raise MessageRefused([error(Code.VERB, details, xpath="mes:Verb")])
        try:
            return await handlers[verb](self._desk, message)
        except Refused as problem:
            raise MessageRefused(await asyncio.to_thread(errors_of, problem.problems, message.element)) from None


def _read_envelope(octets: bytes) -> Envelope:
    try:
        root = parse_folded(octets)
    except XmlError as problem:
        raise NotSoap(f"not XML that is accepted here: {problem}") from None
    return recognise(root)


async def _beside(large: bool, work: Callable[[T], R], given: T) -> R:
    """Do work on a large request beside the event loop."""
    return await asyncio.to_thread(work, given) if large else work(given)


def failed(version: Version, incident: UUID) -> Reply:
    """The fault for a failure of this program, which the log has under `incident`."""
    return _whole(500, version, fault(version, "Receiver", f"internal error: the log has it as incident {incident}"))


def refuse(version: Version, problem: SoapError) -> Reply:
    """The fault for a request that failed at the door."""
    if isinstance(problem, MessageRefused):
        code = "Sender" if problem.status < 500 else "Receiver"
        text = fault(version, code, "the request was refused: see the detail", fault_message(problem))
        if isinstance(problem, Denied):
            return _whole(problem.status, version, text, problem.headers)
        # The HTTP binding of SOAP 1.1 knows only 500 for a fault (W3C Note SOAP 1.1, 6.2).
        status = problem.status if version is Version.V12 or problem.status >= 500 else 500
        return _whole(status, version, text)
    assert isinstance(problem, NotSoap)  # noqa: S101 - there are two kinds
    return _whole(problem.status, version, fault(version, problem.code, str(problem)))


def denied(problem: RequestDenied) -> Denied:
    """The fault for a request that the guard turned away: its code and its few words, and what HTTP asks for."""
    return Denied([error(problem.code, str(problem))], problem.status, problem.headers)


def _whole(status: int, version: Version, text: str, headers: Mapping[str, str] | None = None) -> Reply:
    async def pieces() -> AsyncIterator[str]:
        yield text

    return Reply(status, version, pieces(), headers or {})
