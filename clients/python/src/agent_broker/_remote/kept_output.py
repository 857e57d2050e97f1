"""What is kept of a command's output: all, or beginning and end."""

from __future__ import annotations

from collections import deque

_BLOCK = 64 << 10
"""Small pieces are put together: many of them would take far more memory than their bytes."""


class KeptOutput:
    """Takes output as it comes, in bounded memory and linear time."""

    def __init__(self, maximum: int | None) -> None:
        """`maximum` bytes are kept, of the beginning and of the end half each. None: all."""
        self._maximum = maximum
        self._head_room = None if maximum is None else (maximum + 1) // 2
        self._tail_room = 0 if maximum is None else maximum // 2
        self._head = bytearray()
        self._tail: deque[bytearray] = deque()
        self._tail_size = 0
        self._total = 0

    def add(self, data: bytes) -> None:
        """More of it."""
        self._total += len(data)
        if self._head_room is None:
            self._head += data
            return
        room = self._head_room - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data and self._tail_room:
            self._add_to_tail(data)

    def _add_to_tail(self, data: bytes) -> None:
        if self._tail and len(self._tail[-1]) < _BLOCK:
            self._tail[-1] += data
        else:
            self._tail.append(bytearray(data))
        self._tail_size += len(data)
        while self._tail_size - len(self._tail[0]) >= self._tail_room:
            self._tail_size -= len(self._tail.popleft())

    def result(self) -> bytes:
        """What was kept, with a note where some was left out."""
        head, tail = bytes(self._head), b"".join(self._tail)
        if self._maximum is None or self._total <= self._maximum:
            return head + tail
        tail = tail[-self._tail_room :] if self._tail_room else b""
        left_out = self._total - len(head) - len(tail)
        return b"%b\n... [%d of %d bytes left out]\n%b" % (head, left_out, self._total, tail)
