"""The automaton of an association (Green Book 8.3, 9.4.1, and 9.2.7.4 for the four passes), as one table.

An association is a conversation between a client and a server application process. It begins with AARQ and AARE; where
high level security is used, two more passes follow in which each side proves that it knows the secret, and nothing but
these is allowed until both have. It ends with RLRQ and RLRE, or with the link. Both roles walk the same states at the
same APDUs; what differs is who sends, and the automaton does not care.

The table is the only place where the state changes. What it does not list is a mistake of the side that caused it:
ours raises NotAssociated before anything is sent; the peer's is answered, or reported, by who asks.
"""

from enum import Enum

from cas.dlms.errors import NotAssociated


class State(Enum):
    """Where an association stands."""

    # by identity, as there is one of each: Enum would hash the name, in Python, twice for each service
    __hash__ = object.__hash__

    IDLE = "not open"
    OPENING = "being opened"
    AUTHENTICATING = "being authenticated"
    ASSOCIATED = "open"
    RELEASING = "being released"


class Event(Enum):
    """What moves an association."""

    __hash__ = object.__hash__

    ASSUME = "a pre-established association"
    REQUEST = "AARQ"
    ACCEPT = "AARE, accepted"
    CHALLENGE = "AARE, accepted, authentication required"
    REFUSE = "AARE, rejected"
    PROVE = "reply to HLS authentication"
    PROVED = "both sides authenticated"
    DISPROVED = "failed authentication"
    SERVE = "a service"
    RELEASE = "RLRQ"
    RELEASED = "RLRE"
    ABORT = "loss of the link"


TRANSITIONS: dict[tuple[State, Event], State] = {
    # pre-established: nothing is sent (Green Book 8.3, 9.4.4.1)
    (State.IDLE, Event.ASSUME): State.ASSOCIATED,
    (State.IDLE, Event.REQUEST): State.OPENING,
    (State.OPENING, Event.ACCEPT): State.ASSOCIATED,
    (State.OPENING, Event.CHALLENGE): State.AUTHENTICATING,
    (State.OPENING, Event.REFUSE): State.IDLE,
    (State.AUTHENTICATING, Event.PROVE): State.AUTHENTICATING,
    (State.AUTHENTICATING, Event.PROVED): State.ASSOCIATED,
    (State.AUTHENTICATING, Event.DISPROVED): State.IDLE,
    (State.ASSOCIATED, Event.SERVE): State.ASSOCIATED,
    (State.ASSOCIATED, Event.RELEASE): State.RELEASING,
    # a client may give up an association whose authentication failed on its side
    (State.AUTHENTICATING, Event.RELEASE): State.RELEASING,
    (State.RELEASING, Event.RELEASED): State.IDLE,
    # a new AARQ replaces what the server believed to be open (Green Book 8.3, 9.4.4.1)
    (State.ASSOCIATED, Event.REQUEST): State.OPENING,
    (State.AUTHENTICATING, Event.REQUEST): State.OPENING,
    **{(state, Event.ABORT): State.IDLE for state in State},
}


def follow(state: State, event: Event) -> State:
    """The state after the event. Raises NotAssociated where the event has no place."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise NotAssociated(event.value, state.value) from None
