"""Credit for payload bytes, as in HTTP/2."""

from __future__ import annotations

_MAXIMUM_CREDIT = 1 << 62


class SendWindow:
    """What the peer takes."""

    __slots__ = ("credit",)

    def __init__(self, credit: int) -> None:
        self.credit = credit

    def granted(self, count: int) -> bool:
        """False: the peer gave more credit than makes sense."""
        if count > _MAXIMUM_CREDIT - self.credit:
            return False
        self.credit += count
        return True


class ReceiveWindow:
    """What the peer may send."""

    __slots__ = ("_consumed", "_credit", "_half")

    def __init__(self, size: int) -> None:
        self._credit = size
        self._consumed = 0
        self._half = max(1, size // 2)

    def received(self, count: int) -> bool:
        """False: the peer sent more than it had credit for."""
        self._credit -= count
        return self._credit >= 0

    def consumed(self, count: int) -> int:
        """Bytes were used up. Returns the credit to give back, once it is worth a frame: half of the window."""
        self._consumed += count
        if self._consumed < self._half:
            return 0
        returned = self._consumed
        self._credit += returned
        self._consumed = 0
        return returned
