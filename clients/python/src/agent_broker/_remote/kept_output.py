"""What is kept of a command's output: all, or beginning and end."""

from __future__ import annotations

from collections import deque


class KeptOutput:
    """Takes output as it comes, in bounded memory."""

    def __init__(self, maximum: int | None) -> None:
        """`maximum` bytes are kept, of the beginning and of the end half each. None: all."""
        self._maximum = maximum
        self._head_room = maximum if maximum is None else (maximum + 1) // 2
        self._tail_room = 0 if maximum is None else maximum // 2
        self._head: list[bytes] = []
        self._head_size = 0
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._total = 0

    def add(self, data: bytes) -> None:
        """More of it."""
        self._total += len(data)
        if self._head_room is None:
            self._head.append(data)
            return
        room = self._head_room - self._head_size
        if room > 0:
            self._head.append(data[:room])
            self._head_size += len(self._head[-1])
            data = data[room:]
        if not data:
            return
        # One piece is never much larger than what is kept.
        data = data[-self._tail_room :] if self._tail_room else b""
        self._tail.append(data)
        self._tail_size += len(data)
        while self._tail and self._tail_size - len(self._tail[0]) >= self._tail_room:
            self._tail_size -= len(self._tail.popleft())
        if len(self._tail) > _PIECES:
            self._tail = deque([b"".join(self._tail)])

    def result(self) -> bytes:
        """What was kept, with a note where some was left out."""
        head = b"".join(self._head)
        tail = b"".join(self._tail)
        if self._maximum is None or self._total <= self._maximum:
            return head + tail
        tail = tail[-self._tail_room :] if self._tail_room else b""
        left_out = self._total - len(head) - len(tail)
        return b"%b\n... [%d of %d bytes left out]\n%b" % (head, left_out, self._total, tail)


_PIECES = 256
"""Small pieces are put together: many of them would take far more memory than their bytes."""
