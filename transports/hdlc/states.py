"""The automaton of an HDLC data link (IEC 62056-46, 6.4.4), as one table for both roles.

The unbalanced, normal response mode: the client (primary) commands, the server (secondary) answers. A link is
DISCONNECTED until the client's SNRM is answered by UA; then CONNECTED, and I frames pass; until DISC is answered by
UA or DM. A server that received what it cannot accept says so by FRMR and is REJECTED: it repeats the FRMR until the
client sends SNRM or DISC.

An event is a frame received, a wish of the layer above, or time that passed. `step` names the action for every event in
every state of either role; the connection carries it out, and nothing but this table changes the state. Commands mean
nothing to a client and responses nothing to a server: they are echoes.
"""

from enum import Enum, auto
from types import MappingProxyType


class Role(Enum):
    """The side of the link."""

    CLIENT = auto()
    SERVER = auto()


class State(Enum):
    """Of the link. CONNECTING and DISCONNECTING are a client's, REJECTED is a server's."""

    DISCONNECTED = auto()
    CONNECTING = auto()
    CONNECTED = auto()
    DISCONNECTING = auto()
    REJECTED = auto()


class On(Enum):
    """What may happen."""

    CONNECT = auto()
    DISCONNECT = auto()
    SNRM = auto()
    UA = auto()
    DISC = auto()
    DM = auto()
    FRMR = auto()
    I = auto()  # noqa: E741 - the name of the frame
    RR = auto()
    RNR = auto()
    UI = auto()
    INVALID = auto()
    """A sound frame that breaks the rules: undefined control field, impossible N(R), information too long."""
    TIMEOUT = auto()
    """The client has waited for an answer long enough."""
    EXHAUSTED = auto()
    """It has done so once too often."""
    IDLE = auto()
    """The server has heard nothing for too long."""


class Act(Enum):
    """What the connection does about it."""

    IGNORE = auto()
    SEND_SNRM = auto()
    SEND_DISC = auto()
    ESTABLISH = auto()
    """Reset the counters and take over what was negotiated; a server answers by UA."""
    NUMBERED = auto()
    """Take an I, RR or RNR frame."""
    DELIVER_UI = auto()
    RECOVER = auto()
    """Repeat what was not acknowledged, or ask again."""
    SEND_DM = auto()
    SEND_FRMR = auto()
    LEAVE = auto()
    """The link ends as it should: report it; a server answers DISC by UA."""
    REFUSED = auto()
    """The peer does not want a link."""
    LOST = auto()
    """The link ends as it should not: report why."""


_S, _O, _A = State, On, Act
_CLIENT = {
    _S.DISCONNECTED: {
        _O.CONNECT: (_A.SEND_SNRM, _S.CONNECTING),
        _O.DISCONNECT: (_A.LEAVE, _S.DISCONNECTED),
        _O.UI: (_A.DELIVER_UI, _S.DISCONNECTED),
    },
    _S.CONNECTING: {
        _O.DISCONNECT: (_A.SEND_DISC, _S.DISCONNECTING),
        _O.UA: (_A.ESTABLISH, _S.CONNECTED),
        _O.DM: (_A.REFUSED, _S.DISCONNECTED),
        _O.FRMR: (_A.REFUSED, _S.DISCONNECTED),
        _O.UI: (_A.DELIVER_UI, _S.CONNECTING),
        _O.TIMEOUT: (_A.SEND_SNRM, _S.CONNECTING),
        _O.EXHAUSTED: (_A.LOST, _S.DISCONNECTED),
    },
    _S.CONNECTED: {
        _O.DISCONNECT: (_A.SEND_DISC, _S.DISCONNECTING),
        _O.DM: (_A.LOST, _S.DISCONNECTED),
        _O.FRMR: (_A.LOST, _S.DISCONNECTED),
        _O.I: (_A.NUMBERED, _S.CONNECTED),
        _O.RR: (_A.NUMBERED, _S.CONNECTED),
        _O.RNR: (_A.NUMBERED, _S.CONNECTED),
        _O.UI: (_A.DELIVER_UI, _S.CONNECTED),
        _O.TIMEOUT: (_A.RECOVER, _S.CONNECTED),
        _O.EXHAUSTED: (_A.LOST, _S.DISCONNECTED),
    },
    _S.DISCONNECTING: {
        _O.UA: (_A.LEAVE, _S.DISCONNECTED),
        _O.DM: (_A.LEAVE, _S.DISCONNECTED),
        _O.FRMR: (_A.LEAVE, _S.DISCONNECTED),
        _O.UI: (_A.DELIVER_UI, _S.DISCONNECTING),
        _O.TIMEOUT: (_A.SEND_DISC, _S.DISCONNECTING),
        _O.EXHAUSTED: (_A.LEAVE, _S.DISCONNECTED),
    },
}
_SERVER = {
    _S.DISCONNECTED: {
        _O.DISCONNECT: (_A.LEAVE, _S.DISCONNECTED),
        _O.SNRM: (_A.ESTABLISH, _S.CONNECTED),
        _O.DISC: (_A.SEND_DM, _S.DISCONNECTED),
        _O.I: (_A.SEND_DM, _S.DISCONNECTED),
        _O.RR: (_A.SEND_DM, _S.DISCONNECTED),
        _O.RNR: (_A.SEND_DM, _S.DISCONNECTED),
        _O.INVALID: (_A.SEND_DM, _S.DISCONNECTED),
        _O.UI: (_A.DELIVER_UI, _S.DISCONNECTED),
    },
    _S.CONNECTED: {
        _O.DISCONNECT: (_A.LEAVE, _S.DISCONNECTED),
        _O.SNRM: (_A.ESTABLISH, _S.CONNECTED),
        _O.DISC: (_A.LEAVE, _S.DISCONNECTED),
        _O.I: (_A.NUMBERED, _S.CONNECTED),
        _O.RR: (_A.NUMBERED, _S.CONNECTED),
        _O.RNR: (_A.NUMBERED, _S.CONNECTED),
        _O.UI: (_A.DELIVER_UI, _S.CONNECTED),
        _O.INVALID: (_A.SEND_FRMR, _S.REJECTED),
        _O.IDLE: (_A.LOST, _S.DISCONNECTED),
    },
    _S.REJECTED: {
        _O.DISCONNECT: (_A.LEAVE, _S.DISCONNECTED),
        _O.SNRM: (_A.ESTABLISH, _S.CONNECTED),
        _O.DISC: (_A.LEAVE, _S.DISCONNECTED),
        _O.I: (_A.SEND_FRMR, _S.REJECTED),
        _O.RR: (_A.SEND_FRMR, _S.REJECTED),
        _O.RNR: (_A.SEND_FRMR, _S.REJECTED),
        _O.INVALID: (_A.SEND_FRMR, _S.REJECTED),
        _O.UI: (_A.DELIVER_UI, _S.REJECTED),
        _O.IDLE: (_A.LOST, _S.DISCONNECTED),
    },
}
TABLE = MappingProxyType({Role.CLIENT: MappingProxyType(_CLIENT), Role.SERVER: MappingProxyType(_SERVER)})
"""Role, state, event: the action and the state that follows. What is not in it is ignored and changes nothing."""


def step(role: Role, state: State, on: On) -> tuple[Act, State]:
    """Return the action for an event and the state after it."""
    return TABLE[role][state].get(on, (Act.IGNORE, state))
