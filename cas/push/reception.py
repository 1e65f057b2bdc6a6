"""One notification from arrival to confirmation: whose it is, whether to believe it, who takes it, what answers it.

A sender is recognised by the system title that the APDU names; else by the title that was proven, or announced by an
AARE, on the same TCP link; else by its address. Titles and addresses only choose the keys: what is authenticated is
believed from anywhere. What is not must come from the address that the device is registered at, and is accepted only if
so little is registered as its protection.

Nothing is confirmed that nobody has taken, and the counter of a notification that was not taken may come again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

import structlog

from cas.bindings import cosempdu as cos
from cas.devices.errors import DeviceError
from cas.dlms import errors as dlms
from cas.dlms.apdu import decode_apdu
from cas.dlms.notification import Opened, confirmation, named_title, open_notification
from cas.dlms.security.ciphering import check_counter
from cas.dlms.xdlms.gbt import GENERAL_BLOCK_TRANSFER
from cas.push.blocks import Sessions, digest
from cas.push.counts import Counts
from cas.push.errors import NotificationRefused, Refusal
from cas.push.model import CounterMemory, Directory, Heard, Notification, PushSettings, Sender, Sink, Wire
from cas.system_events import Kind, tell

AARE = 0x61

# the first class that fits decides
_REFUSALS: Mapping[type[dlms.DlmsError], Refusal] = {
    dlms.DecodeError: Refusal.MALFORMED,
    dlms.UnexpectedApdu: Refusal.NO_NOTIFICATION,
    dlms.BlockError: Refusal.BLOCKS,
    dlms.DecipheringError: Refusal.WRONG_TAG,
    dlms.ReplayedCounter: Refusal.REPLAYED,
    dlms.PolicyViolation: Refusal.LESS_PROTECTED,
    dlms.WrongSystemTitle: Refusal.WRONG_TITLE,
    dlms.KeyUnusable: Refusal.NO_KEY,
    dlms.DlmsError: Refusal.MALFORMED,
}

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Link:
    """What is known of who is at the other end of a TCP connection."""

    title: bytes
    heard: datetime


class Reception:
    """Takes APDUs that were heard. `take` may run for several at once; it never raises for what a peer sends."""

    def __init__(
        self, directory: Directory, sink: Sink, memory: CounterMemory, settings: PushSettings, counts: Counts
    ) -> None:
        self._directory = directory
        self._sink = sink
        self._memory = memory
        self._settings = settings
        self._counts = counts
        self._sessions = Sessions(settings)
        self._idle = timedelta(seconds=settings.idle)
        self._links: OrderedDict[tuple[str, int], _Link] = OrderedDict()
        self._accepted: OrderedDict[str, bytes] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def take(self, heard: Heard) -> None:
        """Take one APDU, and answer it."""
        try:
            if heard.apdu[0] == AARE:
                self._take_aare(heard)
            elif heard.apdu[0] == GENERAL_BLOCK_TRANSFER:
                await self._take_block(heard)
            elif answer := await self._take_notification(heard, heard.apdu):
                heard.reply(answer)
        except NotificationRefused as refused:
            self._refuse(heard, refused.refusal)
        except dlms.DlmsError as error:
            self._refuse(heard, next(why for kind, why in _REFUSALS.items() if isinstance(error, kind)))
        except DeviceError:
            self._refuse(heard, Refusal.NO_KEY)
        except Exception:  # noqa: BLE001 - one notification, or the database, must not stop the others
            _log.exception("a notification could not be taken", peer=heard.peer)
            self._refuse(heard, Refusal.FAULT)

    def _refuse(self, heard: Heard, why: Refusal) -> None:
        self._counts.count("refused", why)
        tell(Kind.NOTIFICATION_REFUSED, heard.host, why=why.value)

    async def _take_block(self, heard: Heard) -> None:
        block = decode_apdu(heard.apdu)
        assert isinstance(block, cos.GeneralBlockTransfer)  # noqa: S101 - by its tag
        session = self._sessions.take(heard, block)
        answers = session.answers
        if session.whole is not None:
            try:
                repeated = digest(session.whole) == session.taken
                confirmed = await self._take_notification(heard, session.whole, repeated=repeated)
            except Exception as error:
                # what nobody took is kept: the sender may repeat no more than its last blocks
                if not isinstance(error, NotificationRefused) or error.refusal is not Refusal.NOT_STORED:
                    self._sessions.forget(heard)
                raise
            self._sessions.done(heard, session)
            transfer = session.transfer
            if confirmed and transfer.confirmed:  # who was asked in blocks answers in blocks
                answers = transfer.send(confirmed, self._settings.block_size)
            else:
                transfer.owes = False
                answers = transfer.acknowledge() + ([confirmed] if confirmed else [])
        for answer in answers:
            self._counts.count("answered", "blocks")
            heard.reply(answer)

    def _take_aare(self, heard: Heard) -> None:
        """A device that dials in may be associated already, and say so first."""
        aare = decode_apdu(heard.apdu)
        if not isinstance(aare, cos.AareApdu) or not aare.responding_ap_title or heard.wire is Wire.UDP:
            raise NotificationRefused(Refusal.NO_NOTIFICATION, "an AARE that names nobody")
        self._remember_link(heard, aare.responding_ap_title)

    async def _take_notification(self, heard: Heard, apdu: bytes, *, repeated: bool = False) -> bytes | None:
        """Take a whole notification and return what confirms it; one that is `repeated` is only confirmed again.

        Raises NotificationRefused, DlmsError, DeviceError.
        """
        named = named_title(apdu)
        sender = await self._recognise(heard, named)
        # two notifications of one device, perhaps over two links, must not both be believed under one counter
        async with self._locks.setdefault(sender.device_id, asyncio.Lock()):
            opened = await self._take_from(sender, heard, apdu, sender.title or named, repeated=repeated)
        answer = confirmation(opened.body)
        if answer is not None and opened.control is not None:
            answer = await self._directory.seal(sender, answer, opened.control)
        if answer is not None:
            self._counts.count("answered", "confirmation")
        return answer

    async def _take_from(self, sender: Sender, heard: Heard, apdu: bytes, title: bytes, *, repeated: bool) -> Opened:
        opened = open_notification(apdu, title, sender.ciphering, sender.required)
        if not opened.proven and sender.host is not None and sender.host != heard.host:
            raise NotificationRefused(Refusal.NOT_PROVEN, f"not authenticated, and not from {sender.host}")
        if repeated or (opened.proven and self._accepted.get(sender.device_id) == digest(apdu)):
            self._counts.count("answered", "repeated")  # our confirmation was lost
        elif not opened.proven:
            await self._hand_on(sender, heard, opened)
        else:
            scope = sender.counter_scope(title) if sender.counter_scope else b""
            counter = check_counter(opened.counter or 0, await self._memory.last(scope))
            await self._hand_on(sender, heard, opened)
            await self._memory.accept(scope, counter)
            self._remember_accepted(sender.device_id, digest(apdu))
            if heard.wire is not Wire.UDP:
                self._remember_link(heard, title)
        return opened

    async def _hand_on(self, sender: Sender, heard: Heard, opened: Opened) -> None:
        try:
            taken = await self._sink(Notification(sender.device_id, heard.at, opened.plain, opened.kind))
        except Exception:  # noqa: BLE001 - whatever fails: it was not taken
            _log.exception("a notification could not be stored", device=sender.device_id)
            taken = False
        if not taken:
            raise NotificationRefused(Refusal.NOT_STORED, "nobody took it")
        self._counts.count("accepted", opened.kind)

    async def _recognise(self, heard: Heard, named: bytes) -> Sender:
        title = named or self._link_title(heard)
        sender = await self._directory.by_title(title) if title else None
        if sender is None and self._settings.by_address:
            sender = await self._directory.by_address(heard.host, heard.source)
            if named and sender is not None and sender.title not in (None, named):
                sender = None  # another device behind the same address
        if sender is None:
            raise NotificationRefused(Refusal.UNKNOWN_SENDER, f"{heard.peer} {title.hex()}")
        return sender

    def _link_title(self, heard: Heard) -> bytes:
        link = self._links.get((heard.peer, heard.source)) if heard.wire is not Wire.UDP else None
        return link.title if link is not None and heard.at - link.heard < self._idle else b""

    def _remember_link(self, heard: Heard, title: bytes) -> None:
        key = heard.peer, heard.source  # a gateway has several devices behind one connection
        self._links[key] = _Link(title, heard.at)
        self._links.move_to_end(key)
        if len(self._links) > self._settings.links:
            self._links.popitem(last=False)

    def _remember_accepted(self, device_id: str, octets: bytes) -> None:
        self._accepted[device_id] = octets
        self._accepted.move_to_end(device_id)
        if len(self._accepted) > self._settings.links:
            self._accepted.popitem(last=False)
