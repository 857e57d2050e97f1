"""Calls whose answers tasks wait for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from agent_broker._session.call import ENDED, Call
from agent_broker._session.operations import Operation
from agent_broker._session.target import Target
from agent_broker._wire import decoding
from agent_broker.errors import BackendError, ErrorCode, ErrorReason

_running_loop = asyncio.get_running_loop

_SMALL = 16 << 10
"""Bytes of a part that others are added to."""

Reply = tuple[bytes, bytes]
"""The message of an answer, and its payload."""


class AsyncCall(Call):
    """What the driver needs beside the call: timers, and who waits for its end after it was stopped."""

    timer: asyncio.TimerHandle | None = None
    over: asyncio.Future[None] | None = None

    def to_be_stopped(self) -> None:
        self.over = asyncio.get_running_loop().create_future()

    def end_timer(self) -> None:
        """Nothing is timed any more."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def stopped(self) -> None:
        self.end_timer()
        if self.over is not None and not self.over.done():
            self.over.set_result(None)


class UnaryCall(AsyncCall):
    """A call whose whole answer is one value: its payload is gathered."""

    _pieces: list[bytes] | None = None
    _size = 0
    _body = 0
    _content = b""

    def __init__(
        self,
        operation: Operation,
        target: Target | None,
        head: bytes,
        payload: bytes | memoryview = b"",
        subject: str | None = None,
        maximum: int | None = None,
    ) -> None:
        """`maximum`: bytes of payload that are gathered at the most. None: whatever comes."""
        # What `Call` does. Calls are made by the hundred thousand a second, and going through it takes a fifth of a
        # microsecond.
        self.operation = operation
        self.target = target
        self.head = head
        self.payload = payload
        self.subject = subject
        self.maximum = maximum
        self.future: asyncio.Future[Reply] = _running_loop().create_future()

    def answered(self, content: bytes, payload: bytes) -> None:
        if self._pieces is not None:
            self.received(self.operation.reply, content, payload, last=True)
            return
        if self.timer is not None:
            self.end_timer()
        try:
            self.future.set_result((content, payload))
        except asyncio.InvalidStateError:
            # Cancelled: nobody waits any more. A handler of a signal may do that at any time.
            return

    def received(self, body: int, content: bytes, payload: bytes, *, last: bool) -> int:
        if not last or self._pieces is not None:
            return self._gather(body, content, payload, last=last)
        if body == self.operation.reply:
            self.answered(content, payload)
        else:
            self.end_timer()
            if not self.future.done():
                self.future.set_exception(strange_answer(self.operation.name))
        return len(payload)

    def _gather(self, body: int, content: bytes, payload: bytes, *, last: bool) -> int:
        if self._pieces is None:
            self._pieces = []
            self._body, self._content = body, content
        elif body != decoding.CHUNK:
            self.failed(strange_answer(self.operation.name))
            return len(payload)
        self._pieces.append(payload)
        self._size += len(payload)
        if self.maximum is not None and self._size > self.maximum:
            self.failed(too_large(self.maximum))
        elif last:
            content, pieces = self._content, self._pieces
            self._pieces = None
            return self.received(self._body, content, b"".join(pieces), last=True)
        return len(payload)

    def failed(self, error: BackendError) -> None:
        self.end_timer()
        self._pieces = None
        if not self.future.done():
            self.future.set_exception(error)
            # Also one that nobody waits for any more, such as that of a task that is gone.
            self.future.exception()
        if self.state != ENDED and self.session is not None:
            self.session.stop(self)

    def rewind(self) -> bool:
        self._pieces = None
        self._size = 0
        return not self.future.done()


class Part(NamedTuple):
    """One frame of an answer."""

    body: int
    content: bytes
    payload: bytes
    last: bool

    def takes(self, body: int, content: bytes, payload: bytes) -> bool:
        """Whether what follows is more of the same, and both are small: many of them would take far more memory than
        their bytes."""
        return body == self.body and content == self.content and len(self.payload) + len(payload) <= _SMALL


class StreamCall(AsyncCall):
    """A call whose answer is taken part by part, by one task at a time.

    What is not taken yet is at most the stream's window: the broker gets credit for what was taken.
    """

    _waiter: asyncio.Future[None] | None = None
    _error: BackendError | None = None
    _delivered = False

    def __init__(
        self,
        operation: Operation,
        target: Target | None,
        head: bytes,
        payload: bytes | memoryview = b"",
        subject: str | None = None,
    ) -> None:
        super().__init__(operation, target, head, payload, subject)
        self._parts: deque[Part] = deque()

    def received(self, body: int, content: bytes, payload: bytes, *, last: bool) -> int:
        previous = self._parts[-1] if self._parts else None
        if previous is not None and previous.takes(body, content, payload):
            self._parts[-1] = Part(body, content, previous.payload + payload, last)
        else:
            self._parts.append(Part(body, content, payload, last))
        if last:
            self.end_timer()
        self._wake()
        return 0

    def failed(self, error: BackendError) -> None:
        self.end_timer()
        if self._error is None:
            self._error = error
        self._wake()
        if self.state != ENDED and self.session is not None:
            self.session.stop(self)

    def stopped(self) -> None:
        super().stopped()
        self._parts.clear()
        if self._error is None:
            self._error = BackendError("the call was stopped by its caller", ErrorCode.CANCELLED, self.operation.name)
        self._wake()

    def rewind(self) -> bool:
        if self._delivered or self._error is not None:
            return False
        self._parts.clear()
        return True

    async def take(self, *, use: Callable[[Part], int] | None = None) -> Part:
        """The next part. Raises what the call ended with, after what came before that.

        `use` says how many bytes of the part are used up by being taken; without it all are.
        """
        while not self._parts:
            if self._error is not None:
                raise self._error
            if self._waiter is not None:
                raise BackendError("another task reads this stream: read it from one", ErrorCode.CONFLICT)
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        part = self._parts.popleft()
        self._delivered = True
        count = len(part.payload) if use is None else use(part)
        if count and self.session is not None:
            self.session.used(self, count)
        return part

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def strange_answer(operation: str) -> BackendError:
    """The broker answered what does not belong here."""
    error = BackendError(
        "the broker's answer does not belong to the call: use client and broker of versions that fit",
        ErrorCode.PROTOCOL_ERROR,
        operation,
    )
    error.maybe_executed = True
    return error


def too_large(maximum: int) -> BackendError:
    """A file that is not read as a whole."""
    error = BackendError(
        f"the file has more than {maximum} bytes: read a range of it, or open it to read it in pieces",
        ErrorCode.READ_FAILED,
        "read",
    )
    error.reason = ErrorReason.TOO_LARGE
    return error
