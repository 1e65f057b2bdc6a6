"""Notifications that come in blocks: the transfers under way, bounded in number, size and time."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from cas.bindings import cosempdu as cos
from cas.dlms.xdlms.gbt import Transfer
from cas.push.model import Heard, PushSettings

_Key: TypeAlias = tuple[str, str, int, int]


@dataclass(slots=True)
class Session:
    """A transfer, the notification once it is whole and until somebody takes it; `taken`, digest of the one before."""

    transfer: Transfer
    first: bytes
    heard: datetime
    whole: bytes | None = None
    taken: bytes | None = None
    answers: list[bytes] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Octets that it keeps."""
        return self.transfer.size + len(self.whole or b"") + len(self.first)


class Sessions:
    """The block transfers under way, by link; the one that stood still longest goes when there are too many."""

    def __init__(self, settings: PushSettings) -> None:
        self._settings = settings
        self._idle = timedelta(seconds=settings.block_idle)
        self._sessions: OrderedDict[_Key, Session] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return len(self._sessions)

    def take(self, heard: Heard, block: cos.GeneralBlockTransfer) -> Session:
        """Give a block to its transfer; `whole` and `answers` tell what came of it.

        Raises BlockError: the transfer is over then.
        """
        key = _key(heard)
        session = self._sessions.pop(key, None)
        if session is not None:
            self._size -= session.size
            if heard.at - session.heard >= self._idle:
                session = None
        if session is None or _begins_anew(session, block):
            # a confirmation may follow, so that our acknowledgements are not our last blocks yet
            transfer = Transfer(window=self._settings.block_window, limit=self._settings.block_limit, owes=True)
            first = block.block_data if block.block_number == 1 else b""
            session = Session(transfer, first, heard.at, taken=session.taken if session else None)
        session.heard = heard.at
        session.answers, whole = session.transfer.receive(block)
        if whole is not None:
            session.whole = whole
        self._sessions[key] = session
        self._size += session.size
        self._tidy(heard.at)
        return session

    def done(self, heard: Heard, session: Session) -> None:
        """Its notification was taken; should the sender repeat it, that is known by it."""
        assert session.whole is not None  # noqa: S101 - who calls this has it
        if _key(heard) in self._sessions:
            self._size -= len(session.whole)
        session.taken, session.whole = digest(session.whole), None

    def forget(self, heard: Heard) -> None:
        """End the transfer; a repetition begins anew."""
        session = self._sessions.pop(_key(heard), None)
        if session is not None:
            self._size -= session.size

    def _tidy(self, now: datetime) -> None:
        while self._sessions:
            key, oldest = next(iter(self._sessions.items()))
            if (
                len(self._sessions) <= self._settings.block_transfers
                and self._size <= self._settings.block_octets
                and now - oldest.heard < self._idle
            ):
                return
            del self._sessions[key]
            self._size -= oldest.size


def digest(octets: bytes) -> bytes:
    """What tells a repetition of the same octets, 32 octets."""
    return hashlib.sha256(octets).digest()


def _key(heard: Heard) -> _Key:
    return heard.wire, heard.peer, heard.source, heard.destination


def _begins_anew(session: Session, block: cos.GeneralBlockTransfer) -> bool:
    """Whether a block starts another transfer: a block 1 that has seen no acknowledgement (Green Book 8.3, 9.4.6.13).

    A block 1 that came before does not, once the sender has gone on with an acknowledgement of ours.
    """
    if block.block_number != 1 or block.block_number_ack != 0:
        return False
    return not (session.transfer.acknowledged and block.block_data == session.first)
