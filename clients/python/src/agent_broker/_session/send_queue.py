"""Bytes that calls stream to the broker, and whose turn it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from agent_broker._session.windows import SendWindow


class Write:
    """Bytes that wait for credit."""

    __slots__ = ("content", "last", "sent")

    def __init__(self, content: memoryview, *, last: bool, sent: Callable[[], None] | None = None) -> None:
        """`last`: nothing follows. `sent` is called when all of it was sent, or never will be."""
        self.content = content
        self.last = last
        self.sent = sent


class Piece(NamedTuple):
    """What is to be sent now."""

    stream: int
    content: memoryview
    last: bool
    sent: Callable[[], None] | None


class _Stream:
    __slots__ = ("ready", "window", "writes")

    def __init__(self) -> None:
        # None: the call itself has not been sent yet.
        self.window: SendWindow | None = None
        self.writes: deque[Write] = deque()
        self.ready = False

    def can_send(self) -> bool:
        if self.window is None or not self.writes:
            return False
        return self.window.credit > 0 or not self.writes[0].content


class SendQueue:
    """Streams take turns, a piece each, as far as their credit and the connection's go."""

    def __init__(self, window: int, piece_length: int) -> None:
        """`window` is the connection's, `piece_length` the most that one frame carries, both in bytes."""
        self._window = SendWindow(window)
        self._piece_length = piece_length
        self._streams: dict[int, _Stream] = {}
        # A dict for its order: what is ready, the longest waiting first.
        self._ready: dict[int, None] = {}

    @property
    def credit(self) -> int:
        """Bytes that the connection as a whole may send."""
        return self._window.credit

    def sent_whole(self, count: int) -> None:
        """Bytes went out that belong to no stream: all of a call's, with its first frame."""
        self._window.credit -= count

    def open(self, stream: int) -> None:
        """A call will send bytes; its first frame waits for its turn."""
        self._streams[stream] = _Stream()

    def start(self, stream: int, window: int) -> Piece:
        """The first frame of the call goes out, with the bytes that are returned."""
        opened = self._streams[stream]
        opened.window = SendWindow(window)
        return self._take(stream, opened) or Piece(stream, memoryview(b""), last=False, sent=None)

    def append(self, stream: int, write: Write) -> bool:
        """False: the call takes no more."""
        opened = self._streams.get(stream)
        if opened is None:
            return False
        opened.writes.append(write)
        self._make_ready(stream, opened)
        return True

    def close(self, stream: int) -> list[Write]:
        """The call sends nothing more. Returns what it had not sent."""
        opened = self._streams.pop(stream, None)
        if opened is None:
            return []
        self._ready.pop(stream, None)
        return list(opened.writes)

    def granted(self, stream: int, count: int) -> bool:
        """Credit came; stream 0 is the connection. False: more than makes sense."""
        if stream == 0:
            return self._window.granted(count)
        opened = self._streams.get(stream)
        # Of a call that has ended, or was not sent: too late or too early, and harmless.
        if opened is None or opened.window is None:
            return True
        sound = opened.window.granted(count)
        self._make_ready(stream, opened)
        return sound

    def next(self) -> Piece | None:
        """The next bytes to send; None where none may be sent now."""
        while True:
            stream = self._next_ready()
            if stream is None:
                return None
            opened = self._streams[stream]
            del self._ready[stream]
            opened.ready = False
            piece = self._take(stream, opened)
            if piece is not None:
                return piece

    def _take(self, stream: int, opened: _Stream) -> Piece | None:
        if opened.window is None or not opened.can_send():
            return None
        write = opened.writes[0]
        count = max(0, min(len(write.content), opened.window.credit, self._window.credit, self._piece_length))
        content = write.content[:count]
        write.content = write.content[count:]
        opened.window.credit -= count
        self._window.credit -= count
        all_sent = not write.content
        if all_sent:
            opened.writes.popleft()
        last = all_sent and write.last
        if last:
            del self._streams[stream]
        else:
            self._make_ready(stream, opened)
        return Piece(stream, content, last=last, sent=write.sent if all_sent else None)

    def _next_ready(self) -> int | None:
        if self._window.credit > 0:
            return next(iter(self._ready), None)
        # Without credit of the connection only the ends of streams travel.
        return next((stream for stream in self._ready if not self._streams[stream].writes[0].content), None)

    def _make_ready(self, stream: int, opened: _Stream) -> None:
        if not opened.ready and opened.can_send():
            opened.ready = True
            self._ready[stream] = None
