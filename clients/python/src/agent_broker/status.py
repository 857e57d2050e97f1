"""Whether a backend can be used, and who is told when that changes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

_logger = logging.getLogger("agent_broker")


class ConnectionStatus(StrEnum):
    """Of a backend."""

    CONNECTED = "connected"
    CONNECTING = "connecting"
    DISCONNECTED = "disconnected"
    RECONNECTING = "reconnecting"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True)
class StatusChangeEvent:
    """One step. `timestamp` is in seconds since 1970; `error` is why, where there is a why."""

    from_status: ConnectionStatus
    to_status: ConnectionStatus
    timestamp: float
    error: Exception | None = None


StatusChangeCallback = Callable[[StatusChangeEvent], None]
Unsubscribe = Callable[[], None]


class ConnectionStatusManager:
    """A status and its listeners. Not thread-safe: it is used where its backend is."""

    def __init__(self, initial_status: ConnectionStatus) -> None:
        self._status = initial_status
        # A dict for its order. The key is new for each subscription: one callback may be there twice.
        self._listeners: dict[object, StatusChangeCallback] = {}

    @property
    def status(self) -> ConnectionStatus:
        """The present one."""
        return self._status

    def set_status(self, new_status: ConnectionStatus, error: Exception | None = None) -> None:
        """Tells the listeners, unless nothing changes. What a listener raises is logged and keeps from nothing."""
        if self._status is new_status:
            return
        event = StatusChangeEvent(self._status, new_status, time.time(), error)
        self._status = new_status
        for listener in list(self._listeners.values()):
            try:
                listener(event)
            except Exception:
                _logger.exception("a status listener failed at %s", new_status)

    def on_status_change(self, callback: StatusChangeCallback) -> Unsubscribe:
        """Has a callback called at each change. Returns what ends that."""
        key = object()
        self._listeners[key] = callback

        def unsubscribe() -> None:
            self._listeners.pop(key, None)

        return unsubscribe

    def clear_listeners(self) -> None:
        """Nobody is told any more."""
        self._listeners.clear()
