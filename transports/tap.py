"""Records what passes on links: APDUs, time stamps, directions; secrets blanked; switched per device at run time.

One record is one line, JSON or text:

    {"time": "2026-01-31T12:00:00.123Z", "device": "M1", "endpoint": "192.0.2.7:4059", "event": "sent", "apdu":
    "c001..."} 2026-01-31T12:00:00.123Z M1 192.0.2.7:4059 > c001...
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["sent", "received"]
EventName: TypeAlias = Literal["connected", "sent", "received", "failed", "closed"]
Redact: TypeAlias = Callable[[Direction, bytes], bytes]
"""Given an APDU, returns it with the octets of secrets blanked."""
_MARKS: dict[EventName, str] = {"connected": "+", "sent": ">", "received": "<", "failed": "!", "closed": "-"}
_EVENTS = {mark: event for event, mark in _MARKS.items()}


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a recording. `apdu` is empty unless sent or received; `note` says what failed or is missing."""

    time: datetime
    device: str
    endpoint: str
    event: EventName
    apdu: bytes = b""
    note: str = ""

    def as_json(self) -> str:
        """Return the record as a line of JSON."""
        fields = {"time": _stamp(self.time), "device": self.device, "endpoint": self.endpoint, "event": self.event}
        if self.apdu:
            fields["apdu"] = self.apdu.hex()
        if self.note:
            fields["note"] = self.note
        return json.dumps(fields, ensure_ascii=False)

    def as_text(self) -> str:
        """Return the record as a line for the eye."""
        who = f"{_one_word(self.device)} {_one_word(self.endpoint)}"
        what = self.apdu.hex() or " ".join(self.note.split())
        return f"{_stamp(self.time)} {who} {_MARKS[self.event]} {what}".rstrip()


class Tap:
    """Writes records of the devices that are switched on; `write` is given each line, without its end.

    A link never suffers from being recorded: when the redactor fails, the APDU is left out, never written as it is.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        redact: Redact,
        *,
        text: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._write = write
        self._redact = redact
        self._text = text
        self._clock = clock
        self._devices: set[str] = set()

    @property
    def devices(self) -> frozenset[str]:
        """The devices that are recorded."""
        return frozenset(self._devices)

    def switch_on(self, device: str) -> None:
        """Record a device from now on, its open links too."""
        self._devices.add(device)

    def switch_off(self, device: str) -> None:
        """Record a device no longer."""
        self._devices.discard(device)

    def records(self, device: str) -> bool:
        """Whether a device is recorded."""
        return device in self._devices

    def event(self, device: str, endpoint: str, event: EventName, apdu: bytes = b"", note: str = "") -> None:
        """Write one record, whether or not the device is switched on."""
        if apdu:
            try:
                apdu = self._redact("received" if event == "received" else "sent", apdu)
            except Exception as error:  # noqa: BLE001 - whatever a redactor does, the link goes on
                note, apdu = f"{len(apdu)} octets left out, for the redactor failed: {type(error).__name__}", b""
        record = Record(self._clock(), device, endpoint, event, apdu, note)
        self._write(record.as_text() if self._text else record.as_json())


def read(lines: Iterable[str]) -> Iterator[Record]:
    """Read a recording, of either form; empty lines are passed over. Raises ValueError naming the line."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _read_json(line) if line.lstrip().startswith("{") else _read_text(line)
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"line {number} is no record: {error}") from error


def _read_json(line: str) -> Record:
    fields = json.loads(line)
    event = fields["event"]
    if event not in _MARKS:
        raise ValueError(f"unknown event {event!r}")
    return Record(
        datetime.fromisoformat(fields["time"]),
        fields["device"],
        fields["endpoint"],
        event,
        bytes.fromhex(fields.get("apdu", "")),
        fields.get("note", ""),
    )


def _read_text(line: str) -> Record:
    time, device, endpoint, mark, *rest = line.split(maxsplit=4)
    if mark not in _EVENTS:
        raise ValueError(f"unknown mark {mark!r}")
    event = _EVENTS[mark]
    what = rest[0].strip() if rest else ""
    try:
        apdu = bytes.fromhex(what) if event in {"sent", "received"} else b""
    except ValueError:
        apdu = b""
    return Record(datetime.fromisoformat(time), device, endpoint, event, apdu, "" if apdu else what)


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_word(text: str) -> str:
    return "_".join(text.split()) or "-"
