"""Whether there is a connection, and when the next attempt to make one is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from agent_broker.errors import BackendError, ErrorCode, destroyed_backend
from agent_broker.options import ReconnectionConfig
from agent_broker.status import ConnectionStatus


class ActionKind(Enum):
    """What is to be done."""

    REPORT = auto()
    CONNECT = auto()
    """Begin an attempt."""
    WAIT = auto()
    """Tell when the time has passed."""
    END_WAIT = auto()
    CALL_OFF_ATTEMPT = auto()
    SEND_WAITING = auto()
    """The calls that wait go out."""
    FAIL_WAITING = auto()


@dataclass(frozen=True, slots=True)
class Action:
    """One of them, with what belongs to it."""

    kind: ActionKind
    status: ConnectionStatus | None = None
    error: BackendError | None = None
    delay: float = 0
    """Seconds."""


def _report(status: ConnectionStatus, error: BackendError | None = None) -> Action:
    return Action(ActionKind.REPORT, status=status, error=error)


class ReconnectStateMachine:
    """Events in, actions out.

    An attempt that was asked for, by a call or in so many words, is made once, and again only where a broker that shuts
    down answered. A connection that is lost is made again by itself, as often as the policy says; each attempt that
    fails is a `disconnected` of its own.
    """

    def __init__(self, policy: ReconnectionConfig, draw: Callable[[], float]) -> None:
        """`draw` gives numbers from 0 to 1 by chance: the jitter."""
        self._policy = policy
        self._draw = draw
        self._status = ConnectionStatus.DISCONNECTED
        # Attempts that failed since the connection was lost. None: it was asked for.
        self._failures: int | None = None

    @property
    def status(self) -> ConnectionStatus:
        """What was reported last, or will be by the actions returned last."""
        return self._status

    def call_waits(self) -> list[Action]:
        """A call waits."""
        if self._status is ConnectionStatus.DISCONNECTED:
            return self._connect(None)
        return self._at_once()

    def connection_wanted(self) -> list[Action]:
        """Somebody wants a connection now."""
        if self._status is ConnectionStatus.RECONNECTING:
            return [Action(ActionKind.END_WAIT), *self._connect(self._failures)]
        return self.call_waits()

    def _at_once(self) -> list[Action]:
        if self._status is ConnectionStatus.CONNECTED:
            return [Action(ActionKind.SEND_WAITING)]
        if self._status is ConnectionStatus.DESTROYED:
            return [Action(ActionKind.FAIL_WAITING, error=destroyed_backend())]
        return []

    def attempt_succeeded(self) -> list[Action]:
        """There is a connection."""
        if self._status is not ConnectionStatus.CONNECTING:
            return []
        self._status = ConnectionStatus.CONNECTED
        return [_report(ConnectionStatus.CONNECTED), Action(ActionKind.SEND_WAITING)]

    def attempt_failed(self, error: BackendError, *, may_recover: bool) -> list[Action]:
        """`may_recover`: another attempt may succeed."""
        if self._status is not ConnectionStatus.CONNECTING:
            return []
        earlier = self._failures
        # A planned end: the next broker is on its way.
        if error.code == ErrorCode.SHUTTING_DOWN and self._policy.enabled and earlier is None:
            earlier = 0
        allowed = self._policy.max_retries
        if earlier is not None and may_recover and (allowed == 0 or earlier + 1 < allowed):
            return self._reconnect(earlier + 1, error)
        self._status = ConnectionStatus.DISCONNECTED
        return [_report(ConnectionStatus.DISCONNECTED, error), Action(ActionKind.FAIL_WAITING, error=error)]

    def connection_lost(self, error: BackendError) -> list[Action]:
        """The connection takes no more calls."""
        if self._status is not ConnectionStatus.CONNECTED:
            return []
        if self._policy.enabled:
            return self._reconnect(0, error)
        self._status = ConnectionStatus.DISCONNECTED
        return [_report(ConnectionStatus.DISCONNECTED, error)]

    def wait_ended(self) -> list[Action]:
        """The time of a `WAIT` has passed."""
        if self._status is not ConnectionStatus.RECONNECTING:
            return []
        return self._connect(self._failures)

    def destroyed(self) -> list[Action]:
        """For good. Idempotent."""
        before = self._status
        if before is ConnectionStatus.DESTROYED:
            return []
        self._status = ConnectionStatus.DESTROYED
        actions = []
        if before is ConnectionStatus.CONNECTING:
            actions.append(Action(ActionKind.CALL_OFF_ATTEMPT))
        elif before is ConnectionStatus.RECONNECTING:
            actions.append(Action(ActionKind.END_WAIT))
        actions.append(Action(ActionKind.FAIL_WAITING, error=destroyed_backend()))
        actions.append(_report(ConnectionStatus.DESTROYED))
        return actions

    def _connect(self, failures: int | None) -> list[Action]:
        self._status = ConnectionStatus.CONNECTING
        self._failures = failures
        return [_report(ConnectionStatus.CONNECTING), Action(ActionKind.CONNECT)]

    def _reconnect(self, failures: int, error: BackendError) -> list[Action]:
        self._status = ConnectionStatus.RECONNECTING
        self._failures = failures
        delay = max(self._policy.longest_delay(failures) * self._draw(), error.retry_after or 0)
        return [
            _report(ConnectionStatus.DISCONNECTED, error),
            _report(ConnectionStatus.RECONNECTING, error),
            Action(ActionKind.WAIT, delay=delay),
        ]
