"""From the octets of a request to the pieces of its answer: the stages, in order.

parse - recognise - look, unpack, arrange, validate, read (message) - dispatch by verb and noun - answer in kind
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID, uuid4

import structlog

from cas.access.codes import Code
from cas.access.errors import Refused, Stopping
from cas.access.service import AccessService
from cas.bindings import message as mes
from cas.soap.answer import Answer, fault_message, response
from cas.soap.device_access import HANDLERS
from cas.soap.envelope import Envelope, Version, fault, recognise, version_of
from cas.soap.errors import MessageRefused, NotSoap, SoapError
from cas.soap.message import Message, not_available, read_message
from cas.soap.problems import error, errors_of
from cas.soap.schema import Validator
from cas.store.errors import StoreError
from cas.xml import XmlError, parse

log = structlog.get_logger(__name__)

T = TypeVar("T")
R = TypeVar("R")

# Octets of a request from which on it is read beside the event loop.
LARGE = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: HTTP status, version of SOAP, and the document in pieces."""

    status: int
    version: Version
    pieces: AsyncIterator[str]


class SoapService:
    """Answers requests. `strict`: elements must come in schema order; `limit`: octets of an unpacked payload."""

    def __init__(self, access: AccessService, *, limit: int, strict: bool = False) -> None:
        self._access = access
        self._limit = limit
        self._strict = strict
        self._validator = Validator()

    async def answer(self, octets: bytes, media_type: str) -> Reply:
        """Answer a request; whatever is wrong with it or here comes back as a fault."""
        version = version_of(media_type)
        large = len(octets) >= LARGE
        try:
            envelope = await _beside(large, _read_envelope, octets)
            version = envelope.version
            message = await _beside(large, self._read_message, envelope)
            answer = await self._serve(message)
        except SoapError as problem:
            return refuse(version, problem)
        except (Stopping, StoreError) as problem:
            told = error(Code.BUSY, str(problem), level=mes.ErrorLevel.WARNING)
            return refuse(version, MessageRefused([told], status=503))
        except Exception:
            incident = uuid4()
            log.exception("request failed in this program", incident=str(incident))
            return failed(version, incident)
        return Reply(200, version, response(version, message.header, answer))

    def _read_message(self, envelope: Envelope) -> Message:
        return read_message(envelope.body, self._validator, limit=self._limit, strict=self._strict)

    async def _serve(self, message: Message) -> Answer:
        verb, noun = message.header.verb.value, message.header.noun
        structlog.contextvars.bind_contextvars(verb=verb, noun=noun, message_id=message.header.message_id)
        if noun != "DeviceAccess":
            raise MessageRefused([not_available(f"the noun {noun}", Code.NOUN, "mes:Noun")])
        if verb not in HANDLERS:
            raise MessageRefused([not_available(f"the verb {verb} of {noun}", Code.VERB, "mes:Verb")])
        try:
            return await HANDLERS[verb](self._access, message)
        except Refused as problem:
            raise MessageRefused(errors_of(problem.problems, message.element)) from None


def _read_envelope(octets: bytes) -> Envelope:
    try:
        root = parse(octets)
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
        # The HTTP binding of SOAP 1.1 knows only 500 for a fault (W3C Note SOAP 1.1, 6.2).
        status = problem.status if version is Version.V12 or problem.status >= 500 else 500
        return _whole(status, version, text)
    assert isinstance(problem, NotSoap)  # noqa: S101 - there are two kinds
    return _whole(problem.status, version, fault(version, problem.code, str(problem)))


def _whole(status: int, version: Version, text: str) -> Reply:
    async def pieces() -> AsyncIterator[str]:
        yield text

    return Reply(status, version, pieces())
