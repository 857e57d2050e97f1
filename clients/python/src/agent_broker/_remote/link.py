"""One connection: an asyncio protocol that feeds a session and writes what it says."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from typing import cast

from agent_broker._remote.busy_poll import BusyPoll
from agent_broker._session.call import SENT
from agent_broker._session.ends import ConnectionEnd, EndKind
from agent_broker._session.handshake import Accepted, Handshake
from agent_broker._session.keepalive import Keepalive
from agent_broker._session.patience import Patience
from agent_broker._session.sending import BATCH
from agent_broker._session.session import Keeper, Session
from agent_broker._wire.encoding import ping_frame
from agent_broker.errors import BackendError, ErrorCode

_FAREWELL = 1.0
"""Seconds for a broker at fault to read why."""
_patiences: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Patience] = weakref.WeakKeyDictionary()
_LEAST_BUFFER, _LARGEST_BUFFER = 16 << 10, 256 << 10
"""Bytes that are received at once: few for a connection that has never had more."""


class Link(asyncio.BufferedProtocol):
    """Belongs to its event loop. Holds its keeper weakly: who is let go is collected."""

    def __init__(self, loop: asyncio.AbstractEventLoop, keepalive_interval: float, keepalive_misses: int) -> None:
        self._loop = loop
        self._keepalive = Keepalive(keepalive_misses)
        self._keepalive_interval = keepalive_interval
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        # One buffer for all: a plain protocol gets new bytes of the most that can come, which the allocator maps and
        # unmaps for each answer.
        self._buffer = memoryview(bytearray(_LEAST_BUFFER))
        self._handshake: Handshake | None = None
        self._greeted: asyncio.Future[Session] | None = None
        self._session: Session | None = None
        self._keeper: Callable[[], Keeper | None] = _nobody
        # Whatever is to be sent goes out at the end of it.
        self._busy = False
        self._scheduled = False
        self.busy_poll: BusyPoll | None = None
        """How answers of calls that are alone are asked for. None: they are not."""
        self._patience = _patiences.setdefault(loop, Patience())
        self._ask_scheduled = False
        self._asked_for = 0
        self.closed: asyncio.Future[None] = loop.create_future()
        """Done when the socket is closed."""

    async def greet(self, token: str, client_name: str, timeout: float) -> Session:
        """Says hello. Raises `BackendError` where the broker does not accept it, or says nothing in time."""
        transport = self._transport
        if transport is None:
            raise ConnectionEnd(EndKind.LOST).of_greeting()
        self._handshake = Handshake(token, client_name)
        self._greeted = self._loop.create_future()
        transport.write(self._handshake.hello)
        try:
            async with asyncio.timeout(timeout):
                return await self._greeted
        except TimeoutError:
            error = BackendError(
                f"no answer to the hello within {timeout} s: is it a broker that listens there?",
                ErrorCode.DEADLINE_EXCEEDED,
                "connect",
            )
            error.retryable = True
            raise error from None
        finally:
            self._greeted = None

    def keep(self, keeper: Keeper) -> None:
        """From now on the keeper hears of the session's end."""
        self._keeper = weakref.ref(keeper)

    # Of asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=1 << 20)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        session = self._session
        if session is not None and session.end is not None:
            return
        buffer = self._buffer
        data = bytes(buffer[:nbytes])
        if nbytes == len(buffer) < _LARGEST_BUFFER:
            self._buffer = memoryview(bytearray(4 * nbytes))
        self._busy = True
        if session is not None:
            session.receive_data(data)
        else:
            self._receive_greeting(data)
            session = self._session
        self._busy = False
        if session is not None and session.outgoing:
            self._flush()
        if session is not None and session.end is not None:
            self._end()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = self.busy_poll = None
        if self._timer is not None:
            self._timer.cancel()
        end = ConnectionEnd(EndKind.LOST, exc)
        if self._greeted is not None and not self._greeted.done():
            self._greeted.set_exception(end.of_greeting())
        if self._session is not None:
            self._session.close(end)
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        if self._session is not None:
            self._session.writable = False

    def resume_writing(self) -> None:
        if self._session is not None:
            self._session.writable = True
            self._session.pump()

    # Sending.

    def _wake(self) -> None:
        """The session has something to send.

        What several tasks send in one turn of the loop goes out together, in few writes; a call that is alone goes at
        once.
        """
        if self._busy:
            return
        self._patience.sends(id(self))
        session = self._session
        if session is not None and (session.calls_in_flight <= 1 or len(session.outgoing) >= BATCH):
            self._flush()
            if self.busy_poll is not None and not self._ask_scheduled:
                self._ask_scheduled = True
                # Once those have had their turn that are about to make calls, too.
                self._loop.call_soon(self._ask)
        elif not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush_scheduled)

    def _ask(self) -> None:
        """Asks for the answer of a call that is alone and was just sent, once."""
        self._ask_scheduled = False
        call = self._session.lone_call if self._session is not None else None
        if call is None or not call.whole or call.state != SENT or call.identifier == self._asked_for:
            return
        self._asked_for = call.identifier
        if self.busy_poll is None or self._transport is None or self._transport.get_write_buffer_size():
            return
        operation = call.operation.number
        if self._patience.pays(id(self), operation):
            self._patience.asked(operation, in_time=self.busy_poll.wait())

    def _flush_scheduled(self) -> None:
        self._scheduled = False
        self._flush()

    def _flush(self) -> None:
        session = self._session
        if session is None:
            return
        self._busy = True
        while session.outgoing:
            outgoing = session.take_outgoing()
            if self._transport is not None:
                self._transport.write(outgoing[0] if len(outgoing) == 1 else b"".join(outgoing))
            session.pump()
        self._busy = False

    # The conversation.

    def _receive_greeting(self, data: bytes) -> None:
        greeted = self._greeted
        if self._handshake is None or greeted is None or greeted.done():
            return
        try:
            accepted = self._handshake.receive(data)
        except BackendError as error:
            greeted.set_exception(error)
            return
        if accepted is not None:
            self._accept(accepted)
            greeted.set_result(cast("Session", self._session))

    def _accept(self, accepted: Accepted) -> None:
        this = weakref.ref(self)

        def wake() -> None:
            link = this()
            if link is not None:
                link._wake()

        def keeper() -> Keeper | None:
            link = this()
            return link._keeper() if link is not None else None

        self._session = Session(accepted.greeting, accepted.accumulator, self._loop.time, wake, keeper)
        interval = accepted.greeting.keepalive_interval or self._keepalive_interval
        self._keepalive_interval = min(interval, self._keepalive_interval)
        self._timer = self._loop.call_later(self._keepalive_interval, self._keepalive_due)
        self._session.receive_frames(accepted.frames)

    def _keepalive_due(self) -> None:
        session = self._session
        if session is None or session.end is not None:
            return
        nonce = self._keepalive.interval_passed(heard=session.heard)
        session.heard = False
        if nonce is None:
            silent = BackendError("the broker left several pings unanswered", ErrorCode.DEADLINE_EXCEEDED)
            self.close(ConnectionEnd(EndKind.LOST, silent), at_once=True)
            return
        if nonce:
            session.emit(ping_frame(nonce))
        self._timer = self._loop.call_later(self._keepalive_interval, self._keepalive_due)

    # Ending.

    def close(self, end: ConnectionEnd | None = None, *, at_once: bool = False) -> None:
        """Ends the session, and the connection: when what it said is written, or at once."""
        if self._session is not None:
            self._session.close(end or ConnectionEnd(EndKind.CLOSED))
            self._flush()
        if self._transport is not None:
            if at_once:
                self._transport.abort()
            else:
                self._transport.close()

    def _end(self) -> None:
        """The session is over: whatever else comes is nobody's."""
        session, transport = self._session, self._transport
        if session is None or session.end is None or transport is None or transport.is_closing():
            return
        if session.end.kind is EndKind.FAULT and transport.can_write_eof():
            # A close with unread bytes would take the go-away with it.
            transport.write_eof()
            self._loop.call_later(_FAREWELL, transport.abort)
        else:
            transport.close()


def _nobody() -> Keeper | None:
    return None
