"""When connections are made again, as a table of events and actions."""

from __future__ import annotations

from agent_broker import BackendError, ErrorCode, ReconnectionConfig
from agent_broker._session.reconnect import Action, ActionKind, ReconnectStateMachine

LOST = BackendError("lost", ErrorCode.CONNECTION_CLOSED)
DOWN = BackendError("down", ErrorCode.SHUTTING_DOWN)


def machine(**policy: object) -> ReconnectStateMachine:
    return ReconnectStateMachine(ReconnectionConfig(**policy), lambda: 0.5)  # type: ignore[arg-type]


def told(actions: list[Action]) -> list[str]:
    return [action.status.value if action.status else action.kind.name for action in actions]


def test_a_call_connects_once() -> None:
    states = machine()
    assert told(states.call_waits()) == ["connecting", "CONNECT"]
    assert states.call_waits() == []
    assert told(states.attempt_succeeded()) == ["connected", "SEND_WAITING"]
    assert told(states.call_waits()) == ["SEND_WAITING"]


def test_an_attempt_that_was_asked_for_is_made_once() -> None:
    states = machine()
    states.call_waits()
    assert told(states.attempt_failed(LOST, may_recover=True)) == ["disconnected", "FAIL_WAITING"]
    assert told(states.call_waits()) == ["connecting", "CONNECT"]


def test_a_lost_connection_is_made_again_with_growing_delays() -> None:
    states = machine(max_retries=4, initial_delay_ms=1000, max_delay_ms=3000)
    states.call_waits()
    states.attempt_succeeded()
    delays = []
    actions = states.connection_lost(LOST)
    for _ in range(4):
        assert told(actions) == ["disconnected", "reconnecting", "WAIT"]
        delays.append(actions[-1].delay)
        assert told(states.wait_ended()) == ["connecting", "CONNECT"]
        actions = states.attempt_failed(LOST, may_recover=True)
    assert delays == [0.5, 1, 1.5, 1.5]
    assert told(actions) == ["disconnected", "FAIL_WAITING"]


def test_success_forgets_failures() -> None:
    states = machine(max_retries=2)
    states.call_waits()
    states.attempt_succeeded()
    for _ in range(5):
        states.connection_lost(LOST)
        states.wait_ended()
        assert told(states.attempt_failed(LOST, may_recover=True))[-1] == "WAIT"
        states.wait_ended()
        states.attempt_succeeded()


def test_what_cannot_recover_is_not_tried_again() -> None:
    states = machine()
    states.call_waits()
    states.attempt_succeeded()
    states.connection_lost(LOST)
    states.wait_ended()
    refused = BackendError("who?", ErrorCode.AUTH_FAILED)
    assert told(states.attempt_failed(refused, may_recover=False)) == ["disconnected", "FAIL_WAITING"]


def test_a_broker_that_shuts_down_is_asked_again() -> None:
    states = machine()
    states.call_waits()
    assert told(states.attempt_failed(DOWN, may_recover=True)) == ["disconnected", "reconnecting", "WAIT"]


def test_the_brokers_advice_is_kept_to() -> None:
    states = machine()
    states.call_waits()
    states.attempt_succeeded()
    advised = BackendError("busy", ErrorCode.RESOURCE_EXHAUSTED)
    advised.retry_after = 7
    assert states.connection_lost(advised)[-1] == Action(ActionKind.WAIT, delay=7)


def test_without_reconnection_the_next_call_connects() -> None:
    states = machine(enabled=False)
    states.call_waits()
    states.attempt_succeeded()
    assert told(states.connection_lost(LOST)) == ["disconnected"]
    assert told(states.call_waits()) == ["connecting", "CONNECT"]


def test_who_wants_a_connection_now_does_not_wait_for_the_delay() -> None:
    states = machine()
    states.call_waits()
    states.attempt_succeeded()
    states.connection_lost(LOST)
    assert states.call_waits() == []
    assert told(states.connection_wanted()) == ["END_WAIT", "connecting", "CONNECT"]


def test_destroyed_is_for_good() -> None:
    for steps, expected in (
        ([], ["FAIL_WAITING", "destroyed"]),
        (["call_waits"], ["CALL_OFF_ATTEMPT", "FAIL_WAITING", "destroyed"]),
        (["call_waits", "attempt_succeeded"], ["FAIL_WAITING", "destroyed"]),
    ):
        states = machine()
        for step in steps:
            getattr(states, step)()
        assert told(states.destroyed()) == expected
        assert states.destroyed() == []
        assert told(states.call_waits()) == ["FAIL_WAITING"]
        assert states.attempt_succeeded() == []
        assert states.connection_lost(LOST) == []
        assert states.wait_ended() == []
