"""Parameters that SNRM and UA negotiate (IEC 62056-46, 6.4.4.4.3.2): information field lengths and windows."""

from dataclasses import dataclass

DEFAULT_INFORMATION = 128
DEFAULT_WINDOW = 1
MAX_INFORMATION = 2030
MAX_WINDOW = 7
_FORMAT, _GROUP = 0x81, 0x80
_TRANSMIT_LENGTH, _RECEIVE_LENGTH, _TRANSMIT_WINDOW, _RECEIVE_WINDOW = 5, 6, 7, 8


@dataclass(frozen=True, slots=True)
class Parameters:
    """What one side can do, or what was agreed, as it sees it: octets of an information field, frames of a window."""

    transmit_length: int = DEFAULT_INFORMATION
    receive_length: int = DEFAULT_INFORMATION
    transmit_window: int = DEFAULT_WINDOW
    receive_window: int = DEFAULT_WINDOW

    def __post_init__(self) -> None:
        for name in ("transmit_length", "receive_length"):
            if not 1 <= getattr(self, name) <= MAX_INFORMATION:
                raise ValueError(f"{name} must lie between 1 and {MAX_INFORMATION}")
        for name in ("transmit_window", "receive_window"):
            if not 1 <= getattr(self, name) <= MAX_WINDOW:
                raise ValueError(f"{name} must lie between 1 and {MAX_WINDOW}")

    def encode(self) -> bytes:
        """Return the information field of SNRM or UA."""
        items = b"".join(
            bytes((tag, len(value))) + value
            for tag, value in (
                (_TRANSMIT_LENGTH, _length(self.transmit_length)),
                (_RECEIVE_LENGTH, _length(self.receive_length)),
                (_TRANSMIT_WINDOW, self.transmit_window.to_bytes(4, "big")),
                (_RECEIVE_WINDOW, self.receive_window.to_bytes(4, "big")),
            )
        )
        return bytes((_FORMAT, _GROUP, len(items))) + items

    def agree(self, peer: "Parameters") -> "Parameters":
        """Return what holds for us when the peer says what it can do: its receiving bounds our transmitting."""
        return Parameters(
            min(self.transmit_length, peer.receive_length),
            min(self.receive_length, peer.transmit_length),
            min(self.transmit_window, peer.receive_window),
            min(self.receive_window, peer.transmit_window),
        )


DEFAULT = Parameters()
"""What holds where nothing is negotiated."""


def decode(information: bytes) -> Parameters:
    """Read the information field of SNRM or UA; what it does not mention has its default.

    Values out of range are brought into it, unknown parameters passed over. Raises ValueError when it cannot be read.
    """
    if not information:
        return Parameters()
    if len(information) < 3 or information[0] != _FORMAT or information[1] != _GROUP:
        raise ValueError("not a parameter negotiation field")
    items = information[3 : 3 + information[2]]
    if len(items) != information[2]:
        raise ValueError("the parameter negotiation field is cut off")
    found: dict[int, int] = {}
    while items:
        if len(items) < 2 or len(items) < 2 + items[1]:
            raise ValueError("a parameter is cut off")
        tag, size = items[0], items[1]
        found[tag] = int.from_bytes(items[2 : 2 + size], "big")
        items = items[2 + size :]
    return Parameters(
        _within(found.get(_TRANSMIT_LENGTH, DEFAULT_INFORMATION), MAX_INFORMATION),
        _within(found.get(_RECEIVE_LENGTH, DEFAULT_INFORMATION), MAX_INFORMATION),
        _within(found.get(_TRANSMIT_WINDOW, DEFAULT_WINDOW), MAX_WINDOW),
        _within(found.get(_RECEIVE_WINDOW, DEFAULT_WINDOW), MAX_WINDOW),
    )


def _length(value: int) -> bytes:
    return value.to_bytes(1 if value < 0x100 else 2, "big")


def _within(value: int, high: int) -> int:
    return min(max(value, 1), high)
