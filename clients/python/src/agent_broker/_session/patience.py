"""Whether to ask for an answer until it is there, rather than to sleep until it comes."""

from __future__ import annotations

_LONGEST_PAUSE = 256


class Patience:
    """Which operations are answered so soon that asking pays. No clock, no I/O.

    One whose answer was not there in time is left alone for two calls, then four, up to 256.
    """

    def __init__(self) -> None:
        # By operation: how many calls are left alone after the last failure, and how many of them are to come.
        self._pauses: dict[int, int] = {}
        self._left: dict[int, int] = {}

    def pays(self, operation: int) -> bool:
        """Whether to ask for the answer of a call that was sent now."""
        left = self._left.get(operation, 0)
        if left:
            self._left[operation] = left - 1
        return not left

    def asked(self, operation: int, *, in_time: bool) -> None:
        """What came of it."""
        if in_time:
            self._pauses.pop(operation, None)
        else:
            pause = min(2 * self._pauses.get(operation, 1), _LONGEST_PAUSE)
            self._pauses[operation] = self._left[operation] = pause
