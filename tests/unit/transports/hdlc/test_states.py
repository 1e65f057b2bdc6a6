"""The automaton: every state of either role against every event."""

import pytest

from transports.hdlc.states import TABLE, Act, On, Role, State, step

RESPONSES = {On.UA, On.DM, On.FRMR}
COMMANDS = {On.SNRM, On.DISC}
EVERY = [(role, state, on) for role in Role for state in TABLE[role] for on in On]


def test_each_role_has_its_states() -> None:
    assert set(TABLE[Role.CLIENT]) == set(State) - {State.REJECTED}
    assert set(TABLE[Role.SERVER]) == {State.DISCONNECTED, State.CONNECTED, State.REJECTED}


@pytest.mark.parametrize(("role", "state", "on"), EVERY)
def test_every_event_in_every_state(role: Role, state: State, on: On) -> None:
    act, after = step(role, state, on)
    assert after in TABLE[role]
    if act is Act.IGNORE:
        assert after is state
    if after is State.CONNECTED and state is not State.CONNECTED:
        assert act is Act.ESTABLISH
    if after is State.DISCONNECTED and state is not State.DISCONNECTED:
        assert act in {Act.LEAVE, Act.REFUSED, Act.LOST}
    if on in (COMMANDS if role is Role.CLIENT else RESPONSES):
        assert act is Act.IGNORE  # an echo
    if on is On.UI:
        assert (act, after) == (Act.DELIVER_UI, state)


@pytest.mark.parametrize("role", Role)
def test_every_state_can_be_left_for_good(role: Role) -> None:
    for state in TABLE[role]:
        act, after = step(role, state, On.DISCONNECT)
        if role is Role.CLIENT and state is not State.DISCONNECTED:
            assert act in {Act.SEND_DISC, Act.IGNORE}
            assert after is State.DISCONNECTING
            assert step(role, after, On.EXHAUSTED) == (Act.LEAVE, State.DISCONNECTED)
        else:
            assert (act, after) == (Act.LEAVE, State.DISCONNECTED)


@pytest.mark.parametrize("state", TABLE[Role.SERVER])
def test_a_server_accepts_a_new_link_in_any_state(state: State) -> None:
    assert step(Role.SERVER, state, On.SNRM) == (Act.ESTABLISH, State.CONNECTED)


def test_only_a_connected_link_takes_numbered_frames() -> None:
    for role, state, on in EVERY:
        if step(role, state, on)[0] is Act.NUMBERED:
            assert state is State.CONNECTED
            assert on in {On.I, On.RR, On.RNR}
