"""Calls on their way to the broker: whose turn it is, and their bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from agent_broker._session.call import ENDED, SENT, STOPPED, WAITING, Call
from agent_broker._session.limits import Greeting
from agent_broker._session.send_queue import SendQueue, Write
from agent_broker._wire.encoding import (
    LAST,
    call_frame,
    cancel_frame,
    chunk_frame,
    number_field,
    plain_call,
)
from agent_broker.errors import BackendError, ErrorCode, ErrorReason, LimitDetails

BATCH = 32
"""Parts of frames that are sent before the driver's turn is over, so that the broker works on them meanwhile."""
_WAKES = (1, BATCH)
_DEADLINE = 5
_FLUSH = 1 << 20
"""Payload bytes that gather before they have to be taken away."""


class Sender:
    """The half of a session that sends. What is to be sent gathers in `outgoing`, for whoever drives the session."""

    def __init__(self, greeting: Greeting, clock: Callable[[], float], wake: Callable[[], None]) -> None:
        """`clock` tells the time of deadlines, in seconds.

        `wake` is called when `outgoing` is empty no more, and when there is a batch of it.
        """
        self.greeting = greeting
        self.outgoing: list[bytes | memoryview] = []
        self.lease = 0
        """What calls use in place of their key. 0: none."""
        self.writable = True
        """False: the peer takes no more for now, and streams are held back."""
        self._clock = clock
        self._wake = wake
        self._calls: dict[int, Call] = {}
        self._last_id = 0
        self._waiting: deque[Call] = deque()
        self._maximum = greeting.calls_in_flight
        self._head_length = greeting.head_length - 1024
        self._unflushed = 0
        self._queue = SendQueue(greeting.connection_window, greeting.piece_length)

    @property
    def calls_in_flight(self) -> int:
        """Calls that were sent and are not answered to their end."""
        return len(self._calls)

    @property
    def lone_call(self) -> Call | None:
        """The call that alone awaits its answer."""
        return next(iter(self._calls.values())) if len(self._calls) == 1 else None

    def emit(self, data: bytes) -> None:
        """Sends a frame."""
        outgoing = self.outgoing
        outgoing.append(data)
        if len(outgoing) in _WAKES:
            self._wake()

    def take_outgoing(self) -> list[bytes | memoryview]:
        """What is to be sent, in order. Once it is on its way, `pump` has more where streams were held back."""
        outgoing = self.outgoing
        self.outgoing = []
        self._unflushed = 0
        return outgoing

    def start(self, call: Call) -> None:
        """Sends a call, or has it wait for its turn. Fails one that the broker would end the connection for."""
        call.session = self  # type: ignore[assignment]
        if call.payload or len(call.head) > self._head_length:
            refusal = self._refusal(call)
            if refusal is not None:
                call.state = ENDED
                call.failed(refusal)
                return
        if self._waiting or len(self._calls) >= self._maximum or (call.payload and not self._has_credit(call)):
            self._waiting.append(call)
        else:
            self._send(call)

    def _refusal(self, call: Call) -> BackendError | None:
        if len(call.head) > self._head_length:
            return _too_large(call, "head_bytes", len(call.head), self._head_length)
        if not self._takes_payload(call):
            return _too_large(call, "payload_bytes", len(call.payload), self.greeting.whole_payload_length)
        return None

    def _takes_payload(self, call: Call) -> bool:
        return call.operation.takes_stream or len(call.payload) <= self.greeting.whole_payload_length

    def write(self, call: Call, write: Write) -> bool:
        """Streams bytes of a call, as credit allows. False: it takes no more."""
        if call.state == WAITING and call.writes is not None:
            call.writes.append(write)
            return True
        if not self._queue.append(call.identifier, write):
            return False
        self.pump()
        return True

    def pump(self) -> None:
        """Sends what may be sent now: calls whose turn has come, then pieces of streams."""
        waiting = self._waiting
        while waiting and len(self._calls) < self._maximum:
            call = waiting[0]
            if call.state != WAITING:
                waiting.popleft()
                continue
            # Bytes that do not go in pieces wait for credit, and calls behind them too.
            if call.payload and not self._has_credit(call):
                break
            waiting.popleft()
            self._send(call)
        while self.writable and self._unflushed < _FLUSH and (piece := self._queue.next()) is not None:
            self._unflushed += len(piece.content)
            self._extend(chunk_frame(piece.stream, piece.content, last=piece.last))
            if piece.sent is not None:
                piece.sent()

    def _has_credit(self, call: Call) -> bool:
        return call.operation.takes_stream or len(call.payload) <= self._queue.credit

    def _send(self, call: Call) -> None:
        identifier = self._last_id = self._last_id + 1
        call.identifier = identifier
        call.state = SENT
        self._calls[identifier] = call
        target = call.target
        options = call.options
        if call.deadline is not None:
            left = max(1, int((call.deadline - self._clock()) * 1000))
            options += number_field(_DEADLINE, min(left, 0xFFFFFFFF))
        if target is not None and target.lease != self.lease:
            target.take(self.lease)
        field = b"" if target is None else target.field
        if call.operation.takes_stream:
            self._send_stream(call, field + options + call.head)
        elif call.payload:
            self._queue.sent_whole(len(call.payload))
            self._extend(call_frame(identifier, field + options + call.head + LAST, call.payload))
        else:
            # `emit`, without a call of its own for what most calls do.
            outgoing = self.outgoing
            outgoing.append(plain_call(identifier, field, options, call.head))
            if len(outgoing) in _WAKES:
                self._wake()

    def _send_stream(self, call: Call, head: bytes) -> None:
        identifier = call.identifier
        queue = self._queue
        queue.open(identifier)
        if call.whole or call.payload:
            queue.append(identifier, Write(memoryview(call.payload), last=call.whole))
        for write in call.writes or ():
            queue.append(identifier, write)
        call.writes = None
        piece = queue.start(identifier, self.greeting.stream_window)
        self._extend(call_frame(identifier, head + LAST if piece.last else head, piece.content))
        if piece.sent is not None:
            piece.sent()
        self.pump()

    def _extend(self, parts: list[bytes | memoryview]) -> None:
        self.outgoing += parts
        self._wake()

    # How calls end from this side.

    def stop(self, call: Call) -> None:
        """Nobody wants the call any more. It hears `stopped` when nothing of it goes on."""
        if call.state == WAITING:
            call.state = ENDED
            call.stopped()
        elif call.state == SENT:
            call.state = STOPPED
            call.to_be_stopped()
            self.close_input(call)
            self.emit(cancel_frame(call.identifier))

    def stop_all(self, error: BackendError) -> list[Call]:
        """Every call fails, and the broker is asked to end what it has begun. Returns those that it was asked for."""
        waiting = [call for call in self._waiting if call.state == WAITING]
        self._waiting.clear()
        sent = [call for call in self._calls.values() if call.state == SENT]
        for call in sent:
            self.stop(call)
        for call in waiting:
            call.state = ENDED
        for call in sent + waiting:
            call.failed(error)
        return list(self._calls.values())

    def close_input(self, call: Call) -> None:
        """The call streams nothing more; whoever waits to send is told so."""
        if not call.operation.takes_stream:
            return
        for write in (call.writes or []) + self._queue.close(call.identifier):
            if write.sent is not None:
                write.sent()
        call.writes = None

    def retire(self, call: Call) -> None:
        """The end of its answer came, or never will."""
        call.state = ENDED
        del self._calls[call.identifier]
        if call.operation.takes_stream:
            self.close_input(call)
        if self._waiting:
            self.pump()


def _too_large(call: Call, limit: str, used: int, allowed: int) -> BackendError:
    error = BackendError(
        f"{limit} of the call are {used}, at most {allowed} work: put contents into files",
        ErrorCode.INVALID_ARGUMENT,
        call.operation.name,
    )
    error.reason = ErrorReason.TOO_LARGE
    error.limit = LimitDetails(limit, used, allowed)
    return error
