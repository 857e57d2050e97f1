"""One conversation with a broker that has accepted the hello."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from google.protobuf.message import DecodeError

from agent_broker._protos import error_pb2, session_pb2
from agent_broker._session.call import ENDED, SENT, STOPPED, WAITING, Call
from agent_broker._session.ends import ConnectionEnd, EndKind
from agent_broker._session.limits import Greeting
from agent_broker._session.sending import Sender
from agent_broker._session.windows import ReceiveWindow
from agent_broker._wire.decoding import (
    ERROR,
    GO_AWAY,
    HELLO_REPLY,
    PING,
    UNREADABLE,
    WINDOW,
    FrameAccumulator,
)
from agent_broker._wire.encoding import go_away_frame, pong_frame, window_frame
from agent_broker._wire.faults import backend_error, error_code_number
from agent_broker._wire.native import Frame
from agent_broker.errors import BackendError, ErrorCode

_MAXIMUM_REPEATS = 3
"""A call that ends every connection is given up at some time."""


class ProtocolFault(Exception):
    """The broker sent what does not belong there; `args[0]` says what."""


class Keeper(Protocol):
    """Who makes connections, and makes calls again on another one."""

    def may_repeat(self, call: Call) -> bool:
        """Whether a call that may have begun is made again."""
        ...

    def take_back(self, call: Call) -> None:
        """A call that is to be made on another connection."""
        ...

    def session_drains(self, session: Session, end: ConnectionEnd) -> None:
        """It takes no more calls, and some are under way."""
        ...

    def session_ended(self, session: Session, end: ConnectionEnd) -> None:
        """It is over."""
        ...


class Session(Sender):
    """Hands answers to the calls that wait for them, and keeps to the credit of both sides.

    Not thread-safe; everything happens where it is driven.
    """

    def __init__(
        self,
        greeting: Greeting,
        accumulator: FrameAccumulator,
        clock: Callable[[], float],
        wake: Callable[[], None],
        keeper: Callable[[], Keeper | None],
    ) -> None:
        """`keeper` returns None where nobody makes calls again."""
        super().__init__(greeting, clock, wake)
        self._accumulator = accumulator
        self._keeper = keeper
        self._window = ReceiveWindow(greeting.connection_window)
        self._stream_window = greeting.stream_window
        self.end: ConnectionEnd | None = None
        """Why it is over. None: it is not."""
        self.drained: ConnectionEnd | None = None
        """The broker starts nothing more. None: it does."""
        self.heard = False
        """Something came since this was set to False."""

    @property
    def takes_calls(self) -> bool:
        """Whether a call would be sent, or wait for its turn."""
        return self.end is None and self.drained is None

    def begin(self, call: Call) -> None:
        """Takes a call."""
        if self.end is not None or self.drained is not None:
            call.state = ENDED
            call.failed((self.end or self.drained or _LOST).of_unsent_call())
        elif call.begun_by is not None and call.key is not None and call.begun_by != self.greeting.instance:
            call.state = ENDED
            call.failed(_done_by_another())
        else:
            self.start(call)

    def used(self, call: Call, count: int) -> None:
        """Bytes of an answer that were kept are kept no more: the broker may send as many again."""
        if call.state != SENT or call.window is None or self.end is not None:
            return
        credit = call.window.consumed(count)
        if credit:
            self.emit(window_frame(call.identifier, credit))

    # Receiving.

    def receive_data(self, data: bytes) -> None:
        """Takes bytes as they come. A fault of the broker's ends the session."""
        self.receive_frames(self._accumulator.append(data))

    def receive_frames(self, frames: list[Frame]) -> None:
        """Takes what the accumulator gave. A fault of its ends the session once the frames before it are taken."""
        self.heard = True
        calls = self._calls
        stream_window = self._stream_window
        taken = 0
        try:
            for identifier, last, body, content, payload in frames:
                call = calls.get(identifier)
                if call is None:
                    self._receive_other(identifier, body, content, payload)
                # Most answers are one frame.
                elif (
                    last
                    and body == call.operation.reply
                    and call.state == SENT
                    and call.window is None
                    and len(payload) <= stream_window
                ):
                    taken += len(payload)
                    # As `retire`, but that those whose turn has come are sent once for all.
                    call.state = ENDED
                    del calls[identifier]
                    if call.operation.takes_stream:
                        self.close_input(call)
                    call.answered(content, payload)
                    continue
                else:
                    taken += len(payload)
                    self._receive(call, body, content, payload, last=last)
                if self.end is not None:
                    return
            if taken:
                self._take_credit(taken)
        except DecodeError:
            self.fail(UNREADABLE)
        except ProtocolFault as fault:
            self.fail(str(fault))
        if self._accumulator.fault is not None:
            self.fail(self._accumulator.fault)
        if self._waiting:
            self.pump()
        if self.drained is not None and not calls:
            self.close(self.drained)

    def _receive(self, call: Call, body: int, content: bytes, payload: bytes, *, last: bool) -> None:
        if body == ERROR:
            self.retire_with(call, content)
        elif call.state == STOPPED:
            if last:
                self.retire(call)
                call.stopped()
        else:
            if payload and not (last and call.window is None and len(payload) <= self._stream_window):
                self._receive_piece(call, body, content, payload, last=last)
            else:
                call.received(body, content, payload, last=last)
            if last:
                self.retire(call)

    def _receive_piece(self, call: Call, body: int, content: bytes, payload: bytes, *, last: bool) -> None:
        if call.window is None:
            call.window = ReceiveWindow(self.greeting.stream_window)
        if not call.window.received(len(payload)):
            raise ProtocolFault("the broker sent more payload bytes than it had credit for")
        used = call.received(body, content, payload, last=last)
        if used and not last:
            self.used(call, used)

    def _take_credit(self, count: int) -> None:
        # What waits for its caller is bounded by the stream's credit. The connection's is given back on arrival: were
        # it held as well, a few callers that take nothing would stop all others.
        if not self._window.received(count):
            raise ProtocolFault("the broker sent more payload bytes than it had credit for")
        credit = self._window.consumed(count)
        if credit:
            self.emit(window_frame(0, credit))

    def retire_with(self, call: Call, content: bytes) -> None:
        """The call is answered with an error."""
        # Before anything else: what cannot be parsed must not lose the call.
        error = error_pb2.Error.FromString(content)
        stopped = call.state == STOPPED
        self.retire(call)
        if stopped:
            call.stopped()
        else:
            call.failed(backend_error(error, call.subject))

    def _receive_other(self, identifier: int, body: int, content: bytes, payload: bytes) -> None:
        if identifier:
            if identifier > self._last_id:
                raise ProtocolFault(f"the broker answers call {identifier}, which was never made")
            # Of a call that has ended, the bytes are nobody's.
            self._take_credit(len(payload))
        elif body == WINDOW:
            window = session_pb2.Window.FromString(content)
            if not self._queue.granted(window.stream, window.bytes):
                raise ProtocolFault("the broker gave more than 2^62 bytes of credit")
            self.pump()
        elif body == PING:
            self.emit(pong_frame(content))
        elif body == GO_AWAY:
            self._receive_go_away(session_pb2.GoAway.FromString(content))
        elif body == ERROR:
            self.close(ConnectionEnd(EndKind.LOST, backend_error(error_pb2.Error.FromString(content))))
        elif body == HELLO_REPLY:
            raise ProtocolFault("the broker greets a second time")

    def _receive_go_away(self, go_away: session_pb2.GoAway) -> None:
        cause = backend_error(go_away.error) if go_away.HasField("error") else None
        end = ConnectionEnd(EndKind.BROKER_DRAINS, cause)
        if self.drained is None:
            self.drained = end
            keeper = self._keeper()
            if keeper is not None:
                keeper.session_drains(self, end)
        never_begun = [call for identifier, call in self._calls.items() if identifier > go_away.last_id]
        waiting = [call for call in self._waiting if call.state == WAITING]
        self._waiting.clear()
        for call in never_begun:
            self._abandon(call, end, may_have_begun=False)
        for call in waiting:
            self._abandon(call, end, may_have_begun=False)
        if not self._calls:
            self.close(end)

    # Ending.

    def fail(self, fault: str) -> None:
        """The broker broke the protocol: it hears why, and the session is over."""
        error = BackendError(fault, ErrorCode.PROTOCOL_ERROR)
        message = error_pb2.Error(code=error_code_number(error.code), message=fault)  # type: ignore[arg-type]
        if self.end is None:
            self.emit(go_away_frame(session_pb2.GoAway(error=message).SerializeToString()))
        self.close(ConnectionEnd(EndKind.FAULT, error))

    def close(self, end: ConnectionEnd) -> None:
        """The conversation is over: everyone who waits is told, in the order of their calls. Idempotent."""
        if self.end is not None:
            return
        self.end = end
        keeper = self._keeper()
        if keeper is not None:
            keeper.session_ended(self, end)
        calls = list(self._calls.values())
        waiting = [call for call in self._waiting if call.state == WAITING]
        self._waiting.clear()
        for call in calls:
            self._abandon(call, end, may_have_begun=True)
        for call in waiting:
            self._abandon(call, end, may_have_begun=False)

    def _abandon(self, call: Call, end: ConnectionEnd, *, may_have_begun: bool) -> None:
        """The call will not be answered here: it goes to whoever makes it again, or fails."""
        if call.state == STOPPED:
            self.retire(call)
            call.stopped()
            return
        keeper = self._keeper()
        again = keeper is not None and self._take_out(call, keeper, may_have_begun=may_have_begun)
        if call.state == SENT:
            if not again:
                self.close_input(call)
            self._calls.pop(call.identifier, None)
        if again and keeper is not None:
            call.state = WAITING
            call.session = None
            call.window = None
            keeper.take_back(call)
        else:
            call.state = ENDED
            call.failed(end.of_sent_call() if may_have_begun else end.of_unsent_call())

    def _take_out(self, call: Call, keeper: Keeper, *, may_have_begun: bool) -> bool:
        if call.state == WAITING:
            return True
        # Of a call whose bytes come in pieces, those that were sent are gone.
        if not call.whole:
            return False
        if may_have_begun and not (keeper.may_repeat(call) and call.repeats < _MAXIMUM_REPEATS):
            return False
        if not call.rewind():
            return False
        self._queue.close(call.identifier)
        if may_have_begun:
            call.repeats += 1
            if call.begun_by is None:
                call.begun_by = self.greeting.instance
        return True


_LOST = ConnectionEnd(EndKind.LOST)


def _done_by_another() -> BackendError:
    error = BackendError(
        "the broker was restarted before it answered: look at what the call was to change, and make it again",
        ErrorCode.CONNECTION_CLOSED,
    )
    error.maybe_executed = True
    return error
