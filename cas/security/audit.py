"""The audit log: what changed the state of anything, who asked for it, and what came of it.

Entries are only added, in a chain of hashes that the database enforces and `verify` computes anew. An entry is a JSON
object of one line; a change has two, one before it is done and one after. Values that are written to devices are not in
it, since they may be keys: the digest of the request is.
"""

import getpass
import hashlib
import json
import os
import re
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from cas.security.errors import AuditBroken
from cas.store.database import Pool, connected
from cas.store.errors import StoreError
from cas.store.queries import query
from cas.system_events import Kind, tell

GENESIS = bytes(32)
"""What stands for the hash before the first entry."""
PAGE = 1000
LISTED = 50
"""Names of devices, objects and so on that one entry lists; of the rest it has the count."""

# NUL in JSON; behind an odd number of backslashes it is a text that only looks like it.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")

_APPEND = query("audit_append")
_APPEND_BEFORE = query("audit_append_before")
_PAGE = query("audit_page")
_NEWEST = query("audit_newest")

Add: TypeAlias = Callable[[Mapping[str, object]], Awaitable[int]]
"""Adds an entry and returns its number. Raises StoreError."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is stored."""

    number: int
    text: str
    hash: bytes

    @property
    def content(self) -> Mapping[str, Any]:
        """What it says."""
        content: dict[str, Any] = json.loads(self.text)
        return content


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: how many entries there are, and the last hash. To be noted where nobody can change it."""

    number: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """From NUMBER:HASH. Raises ValueError."""
        number, _, digits = text.partition(":")
        head = cls(int(number), bytes.fromhex(digits))
        if len(head.hash) != len(GENESIS) or head.number < 0:
            raise ValueError("not NUMBER:HASH")
        return head


def chain(previous: bytes, number: int, text: str) -> bytes:
    """The hash of an entry."""
    return hashlib.sha256(previous + number.to_bytes(8, "big") + text.encode()).digest()


async def append(pool: Pool, contents: Sequence[Mapping[str, object]]) -> list[int]:
    """Add entries, all or none; return their numbers. The database gives each the time. Raises StoreError."""
    return await _append(pool, _APPEND, contents)


async def append_before(pool: Pool, contents: Sequence[Mapping[str, object]]) -> list[int]:
    """As `append`, for what is about to be done in the same database: durable with, or before, the first part of it."""
    return await _append(pool, _APPEND_BEFORE, contents)


async def _append(pool: Pool, statement: bytes, contents: Sequence[Mapping[str, object]]) -> list[int]:
    async with connected(pool) as connection:
        cursor = await connection.execute(statement, {"contents": [_text(content) for content in contents]})
        return [row[0] for row in await cursor.fetchall()]


def _text(content: Mapping[str, object]) -> str:
    # PostgreSQL takes neither NUL nor half of a surrogate pair, which names from a command line may have.
    text = json.dumps(content, separators=(",", ":"), default=str, ensure_ascii=False)
    return _NUL.sub("\\1\ufffd", text).encode("utf-8", "replace").decode()


@asynccontextmanager
async def recorded(pool: Pool, about: Mapping[str, object]) -> AsyncIterator[dict[str, object]]:
    """As `recorded_by`, each entry written by itself."""

    async def add(content: Mapping[str, object]) -> int:
        return (await append(pool, [content]))[0]

    async with recorded_by(add, add, about) as outcome:
        yield outcome


@asynccontextmanager
async def recorded_by(add_before: Add, add: Add, about: Mapping[str, object]) -> AsyncIterator[dict[str, object]]:
    """Record a change around doing it; what the body puts into the dict stands in the second entry.

    `add_before` and `add` write the first entry and the second. `about` has an `actor` and an `action`. Without a first
    entry nothing is done: raises StoreError.
    """
    begun = await add_before({**about, "phase": "begun"})
    outcome: dict[str, object] = {}
    ending = {"actor": about["actor"], "action": about["action"], "phase": "ended", "of": begun}
    try:
        yield outcome
    except BaseException as problem:
        await _end(add, {**ending, "outcome": "failed", "problem": type(problem).__name__})
        raise
    await _end(add, {**ending, "outcome": "done", **outcome})


async def _end(add: Add, content: Mapping[str, object]) -> None:
    # What was done is done, and its first entry stands: the answer does not wait for a database that went away.
    try:
        await add(content)
    except StoreError as problem:
        tell(Kind.AUDIT_INCOMPLETE, str(content["of"]), problem=str(problem), outcome=content["outcome"])


def operator() -> str:
    """Who works on the command line of this machine, as an actor."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"operator:{user}@{socket.gethostname()}"


async def iterate_entries(pool: Pool, after: int = 0) -> AsyncGenerator[Entry]:
    """All entries behind number `after`, in order, in constant memory."""
    while True:
        async with connected(pool) as connection:
            rows = await (await connection.execute(_PAGE, {"after": after, "page": PAGE})).fetchall()
        for row in rows:
            yield Entry(*row)
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


async def newest(pool: Pool, limit: int, *, actor: str | None = None, action: str | None = None) -> list[Entry]:
    """The newest entries, oldest first."""
    async with connected(pool) as connection:
        cursor = await connection.execute(_NEWEST, {"limit": limit, "actor": actor, "action": action})
        return [Entry(*row) for row in await cursor.fetchall()]


async def verify(pool: Pool, noted: Head | None = None) -> Head:
    """Compute the whole chain anew; return its end. Raises AuditBroken, which names the first entry that is wrong.

    `noted`: an end that was noted before, which must be part of the chain. Without it nobody can tell that the newest
    entries were cut off, or that all were made anew.
    """
    head = Head(0, GENESIS)
    is_met = noted is None or noted == head
    async for entry in iterate_entries(pool):
        if entry.number != head.number + 1:
            raise AuditBroken(f"audit log: entry {head.number + 1} is missing")
        if entry.hash != chain(head.hash, entry.number, entry.text):
            raise AuditBroken(f"audit log: entry {entry.number} was changed, or one before it")
        head = Head(entry.number, entry.hash)
        if noted is not None and noted.number == head.number:
            is_met = noted == head
            if not is_met:
                raise AuditBroken(f"audit log: entry {head.number} is not the one that was noted: all were made anew")
    if not is_met:
        raise AuditBroken(f"audit log: it ends at {head.number}, but {noted} was noted: entries were cut off")
    return head
