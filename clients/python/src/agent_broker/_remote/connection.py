"""A connection that is made when a call needs it, and again when it was lost."""

from __future__ import annotations

import asyncio
import random
import warnings
import weakref

from agent_broker._remote import forks
from agent_broker._remote.calls import AsyncCall, Reply, UnaryCall
from agent_broker._remote.connecting import establish
from agent_broker._remote.link import Link
from agent_broker._remote.waiting import WaitingCalls, refuse
from agent_broker._session import options
from agent_broker._session.call import ENDED, SENT, WAITING, Call
from agent_broker._session.ends import ConnectionEnd, EndKind
from agent_broker._session.reconnect import Action, ActionKind, ReconnectStateMachine
from agent_broker._session.send_queue import Write
from agent_broker._session.session import Session
from agent_broker._session.target import Target
from agent_broker.errors import BackendError, ErrorCode, destroyed_backend
from agent_broker.options import RemoteFilesystemBackendConfig, Resend
from agent_broker.status import ConnectionStatus, ConnectionStatusManager

_running_loop = asyncio.get_running_loop


class ReconnectingConnection:
    """Where the calls of a backend and of its scopes are made. Calls that no connection has wait here.

    It belongs to the event loop that it is first used on, until that is closed. One that is let go without `destroy`
    closes its connection, with a `ResourceWarning`.
    """

    def __init__(self, config: RemoteFilesystemBackendConfig, target: Target) -> None:
        self.config = config
        self.statuses = ConnectionStatusManager(ConnectionStatus.DISCONNECTED)
        self._target = target
        self._gives_keys = config.resend is Resend.ALL
        self._machine = ReconnectStateMachine(config.reconnection, random.random)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._link: Link | None = None
        self._session: Session | None = None
        # Take no more calls, and have some under way.
        self._draining: dict[Session, Link] = {}
        self._waiting = WaitingCalls(config.max_waiting_calls)
        self._waiters: set[asyncio.Future[None]] = set()
        self._attempt: asyncio.Task[None] | None = None
        self._delay: asyncio.TimerHandle | None = None
        self._forked = False
        forks.watch(self)

    def __del__(self) -> None:
        links = [*self._draining.values(), *([self._link] if self._link else [])]
        if self._forked or not links:
            return
        warnings.warn(
            "a backend was let go without destroy(): its connection is closed",
            ResourceWarning,
            source=self,
            stacklevel=2,
        )
        if self._loop is not None and not self._loop.is_closed():
            for link in links:
                self._loop.call_soon_threadsafe(link.close)

    # Calls.

    def begin(self, call: AsyncCall) -> None:
        """Makes a call, or has it wait for a connection. What becomes of it the call is told."""
        self._check_loop()
        self._begin(call)

    def _begin(self, call: AsyncCall) -> None:
        if self._gives_keys and call.operation.takes_key and call.whole and call.key is None:
            call.key = options.new_key()
            call.options += options.idempotency_key(call.key)
        if call.deadline is not None and self._loop is not None:
            call.timer = self._loop.call_at(call.deadline, self._deadline_passed, call)
        if self._session is not None:
            self._session.begin(call)
        else:
            self._make(call)

    async def perform(self, call: UnaryCall) -> Reply:
        """Makes a call and waits for its answer. Cancelling the task stops the call; see `stop`."""
        if call.future.get_loop() is not self._loop:
            self._bind()
        session = self._session
        # Most calls need nothing of what `_begin` does besides.
        if session is None or call.deadline is not None or self._gives_keys:
            self._begin(call)
        else:
            session.begin(call)
        try:
            return await call.future
        except asyncio.CancelledError:
            if call.state != ENDED:
                await self.stop(call, wait=not call.operation.is_read)
            raise

    def write(self, call: AsyncCall, write: Write) -> bool:
        """Streams bytes of a call. False: it takes no more."""
        if call.session is not None:
            return call.session.write(call, write)
        if call.state != WAITING or call.writes is None:
            return False
        call.writes.append(write)
        return True

    async def stop(self, call: AsyncCall, *, wait: bool) -> None:
        """Ends a call that nobody wants any more.

        With `wait` it returns when the broker has said that nothing of it goes on, or has not said so in
        `cancel_timeout_ms`. Cancelling the task ends the wait.
        """
        if call.state == WAITING:
            self._waiting.remove(call)
            call.state = ENDED
            call.stopped()
            return
        if call.state == ENDED or call.session is None:
            return
        if call.state == SENT:
            call.session.stop(call)
        if wait and call.over is not None:
            await asyncio.wait([call.over], timeout=self.config.cancel_timeout_ms / 1000)

    def _make(self, call: AsyncCall) -> None:
        if self._session is not None:
            self._session.begin(call)
        elif self._machine.status is ConnectionStatus.DESTROYED:
            refuse(call, destroyed_backend())
        elif self._waiting.add(call):
            self._do(self._machine.call_waits())

    def _deadline_passed(self, call: AsyncCall) -> None:
        call.timer = None
        if call.state == WAITING:
            self._waiting.remove(call)
            refuse(call, _deadline_exceeded(call, maybe_executed=False))
        elif call.state == SENT and self._loop is not None:
            # The broker ends it, and says how. It ends here only where the broker says nothing.
            patience = self.config.cancel_timeout_ms / 1000
            call.timer = self._loop.call_later(
                patience, lambda: call.failed(_deadline_exceeded(call, maybe_executed=True))
            )

    # Life.

    async def connect(self) -> None:
        """Waits for a connection; makes one where there is none, without waiting for the policy's delay."""
        self._check_loop()
        waiter: asyncio.Future[None] = _running_loop().create_future()
        self._waiters.add(waiter)
        try:
            self._do(self._machine.connection_wanted())
            await waiter
        finally:
            self._waiters.discard(waiter)

    async def destroy(self) -> None:
        """Refuses every call from now on and ends those under way. Returns when the connections are closed."""
        if self._machine.status is ConnectionStatus.DESTROYED:
            return
        if self._forked or (self._loop is not None and self._loop.is_closed()):
            self._let_go()
        elif self._loop is not None:
            self._check_loop()
        links = [*self._draining.items()]
        if self._session is not None and self._link is not None:
            links.append((self._session, self._link))
        try:
            await asyncio.shield(asyncio.gather(*(self._shut_down(session, link) for session, link in links)))
        finally:
            # A task that is cancelled meanwhile does not wait for the rest.
            self._session = self._link = None
            self._draining.clear()
            self._do(self._machine.destroyed())
            self.statuses.clear_listeners()

    async def _shut_down(self, session: Session, link: Link) -> None:
        """Stops what is under way, and waits a bounded time for the broker to say so."""
        if session is self._session:
            self._session = None
        stopped = session.stop_all(_destroyed_meanwhile())
        over = [call.over for call in stopped if isinstance(call, AsyncCall) and call.over is not None]
        if over:
            await asyncio.wait(over, timeout=self.config.cancel_timeout_ms / 1000)
        link.close(ConnectionEnd(EndKind.CLOSED))
        await asyncio.wait([link.closed], timeout=1)

    def _check_loop(self) -> None:
        if _running_loop() is not self._loop:
            self._bind()

    def _bind(self) -> None:
        """Takes the running loop for its own. Raises `BackendError` where it has another one."""
        if self._forked:
            raise BackendError(
                "the backend was made before this process was forked, and its connection is the parent's: make a new "
                "backend after the fork",
                ErrorCode.CONNECTION_CLOSED,
            )
        if self._loop is not None:
            if not self._loop.is_closed():
                raise BackendError(
                    "the backend belongs to another event loop: make one for each loop, or use agent_broker.sync",
                    ErrorCode.INVALID_ARGUMENT,
                )
            self._let_go()
        self._loop = _running_loop()

    def _let_go(self) -> None:
        """The loop of the connection is gone, and what was on it with it."""
        self._session = self._link = self._attempt = self._delay = None
        self._draining.clear()
        self._waiting.take()
        self._waiters.clear()
        if self._machine.status is not ConnectionStatus.DESTROYED:
            self._machine = ReconnectStateMachine(self.config.reconnection, random.random)
            self.statuses.set_status(ConnectionStatus.DISCONNECTED, ConnectionEnd(EndKind.LOST).of_connection())

    def forked(self) -> None:
        """In a child: nothing of the parent's is touched, or closed, from here."""
        self._forked = True
        forks.keep([self._loop, self._link, dict(self._draining), self._attempt, self._delay])
        self._loop = None
        self._let_go()

    # What happens to the connection.

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            match action.kind:
                case ActionKind.REPORT if action.status is not None:
                    self.statuses.set_status(action.status, action.error)
                case ActionKind.CONNECT:
                    self._attempt = _running_loop().create_task(self._try())
                case ActionKind.WAIT:
                    self._delay = _running_loop().call_later(action.delay, _wait_ended, weakref.ref(self))
                case ActionKind.END_WAIT if self._delay is not None:
                    self._delay.cancel()
                case ActionKind.CALL_OFF_ATTEMPT if self._attempt is not None:
                    self._attempt.cancel()
                case ActionKind.SEND_WAITING:
                    self._send_waiting()
                case ActionKind.FAIL_WAITING if action.error is not None:
                    self._fail_waiting(action.error)

    async def _try(self) -> None:
        try:
            link, session = await establish(self.config, self._target)
        except BackendError as error:
            lost = error.code == ErrorCode.CONNECTION_CLOSED
            if lost and error.maybe_executed:
                # While its lease was taken: nothing that waits has begun.
                error = ConnectionEnd(EndKind.LOST, error).of_unsent_call()
            self._do(self._machine.attempt_failed(error, may_recover=lost or error.retryable))
            return
        if not session.takes_calls:
            link.close(at_once=True)
            end = session.drained or session.end or ConnectionEnd(EndKind.LOST)
            self._do(self._machine.attempt_failed(end.of_connection(), may_recover=True))
            return
        link.keep(self)
        self._link, self._session = link, session
        self._do(self._machine.attempt_succeeded())

    def _send_waiting(self) -> None:
        if self._session is None:
            # It is being destroyed: they fail at the end of that.
            return
        for call in self._waiting.take():
            self._make(call)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _fail_waiting(self, error: BackendError) -> None:
        for call in self._waiting.take():
            refuse(call, error)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error)

    # Of a session.

    def may_repeat(self, call: Call) -> bool:
        match self.config.resend:
            case Resend.READS:
                return call.operation.is_read
            case Resend.ALL:
                return call.operation.is_read or call.key is not None
            case _:
                return False

    def take_back(self, call: Call) -> None:
        if isinstance(call, AsyncCall):
            self._make(call)

    def session_drains(self, session: Session, end: ConnectionEnd) -> None:
        if session is self._session and self._link is not None:
            self._draining[session] = self._link
            self._lost(end)

    def session_ended(self, session: Session, end: ConnectionEnd) -> None:
        self._draining.pop(session, None)
        if session is self._session:
            self._lost(end)

    def _lost(self, end: ConnectionEnd) -> None:
        self._session = self._link = None
        self._do(self._machine.connection_lost(end.of_connection()))


def _wait_ended(connection: weakref.ref[ReconnectingConnection]) -> None:
    this = connection()
    if this is not None:
        this._do(this._machine.wait_ended())


def _destroyed_meanwhile() -> BackendError:
    error = BackendError(
        "the backend was destroyed before the call was answered: it may have had its effect",
        ErrorCode.BACKEND_DESTROYED,
    )
    error.maybe_executed = True
    return error


def _deadline_exceeded(call: AsyncCall, *, maybe_executed: bool) -> BackendError:
    error = BackendError(
        "the call took longer than its deadline: allow more, or ask for less",
        ErrorCode.DEADLINE_EXCEEDED,
        call.operation.name,
    )
    error.maybe_executed = maybe_executed
    error.retryable = not maybe_executed
    return error
