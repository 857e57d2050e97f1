"""When to ping, and when a silent peer counts as gone."""

from __future__ import annotations


class Keepalive:
    """Asked once per interval."""

    def __init__(self, maximum_misses: int) -> None:
        self._maximum_misses = maximum_misses
        self._misses = 0

    def interval_passed(self, *, heard: bool) -> int | None:
        """`heard`: something came since the last time. Returns the nonce of a ping, 0 for none, None to give up."""
        if heard:
            self._misses = 0
            return 0
        if self._misses >= self._maximum_misses:
            return None
        self._misses += 1
        return self._misses
