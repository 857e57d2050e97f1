"""Whether to ask for an answer until it is there, rather than to sleep until it comes."""

from __future__ import annotations

_ROW = 4
_LONGEST_PAUSE = 256


class Patience:
    """Of the connections of one event loop: which calls are answered so soon that asking pays. No clock, no I/O.

    Who asks keeps the others waiting: a connection has to have made four calls in a row, without another one sending
    anything. An operation whose answer was not there in time is left alone for two calls, then four, up to 256.
    """

    def __init__(self) -> None:
        self._last: int | None = None
        self._row = 0
        # By operation: how many calls are left alone after the last failure, and how many of them are to come.
        self._pauses: dict[int, int] = {}
        self._left: dict[int, int] = {}

    def sends(self, connection: int) -> None:
        """A connection has something to send; the number is its own."""
        if connection != self._last:
            self._last = connection
            self._row = 0

    def pays(self, connection: int, operation: int) -> bool:
        """Whether to ask for the answer of a call that was sent now, and is alone on its connection."""
        if connection != self._last:
            return False
        self._row += 1
        left = self._left.get(operation, 0)
        if left:
            self._left[operation] = left - 1
        return self._row >= _ROW and not left

    def asked(self, operation: int, *, in_time: bool) -> None:
        """What came of it."""
        if in_time:
            self._pauses.pop(operation, None)
        else:
            pause = min(2 * self._pauses.get(operation, 1), _LONGEST_PAUSE)
            self._pauses[operation] = self._left[operation] = pause
