"""Calls that wait for a connection."""

from __future__ import annotations

from agent_broker._remote.calls import AsyncCall
from agent_broker._session.call import ENDED
from agent_broker.errors import BackendError, ErrorCode, LimitDetails


class WaitingCalls:
    """In the order in which they were made, and no more than may be."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        # A dict for its order: any of them may leave at any time.
        self._calls: dict[AsyncCall, None] = {}

    def add(self, call: AsyncCall) -> bool:
        """False: it failed, as many wait as may."""
        if len(self._calls) >= self._maximum:
            refuse(call, _overflow(self._maximum))
            return False
        self._calls[call] = None
        return True

    def remove(self, call: AsyncCall) -> None:
        """It waits no more, if it did."""
        self._calls.pop(call, None)

    def take(self) -> list[AsyncCall]:
        """All of them, which wait no more."""
        taken = list(self._calls)
        self._calls.clear()
        return taken


def refuse(call: AsyncCall, error: BackendError) -> None:
    """A call that was not sent fails."""
    call.state = ENDED
    call.failed(error)


def _overflow(maximum: int) -> BackendError:
    error = BackendError(
        "there is no connection to the broker, and as many calls wait for one as may: try again later",
        ErrorCode.RESOURCE_EXHAUSTED,
    )
    error.retryable = True
    error.limit = LimitDetails("waiting_calls", maximum, maximum)
    return error
