"""A view of a key's files and commands: the whole backend, or a scope of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping

from agent_broker._remote.calls import AsyncCall, Reply, UnaryCall
from agent_broker._remote.connection import ReconnectingConnection
from agent_broker._session import options
from agent_broker._session.operations import Operation
from agent_broker._session.target import Target
from agent_broker._wire.encoding import tagged
from agent_broker.errors import destroyed_backend
from agent_broker.logging import Operation as LoggedOperation
from agent_broker.logging import OperationsLogger, should_log_operation
from agent_broker.paths import as_text


class View:
    """What operations are made of. Used where its event loop runs."""

    def __init__(
        self,
        connection: ReconnectingConnection,
        target: Target,
        env: Mapping[str, str],
        logger: OperationsLogger | None,
        parent: View | None = None,
    ) -> None:
        """`env` goes to every command. `parent` is what it is a scope of, and ends with."""
        config = connection.config
        self._connection = connection
        self._target = target
        self._env = dict(env)
        self._logger = logger
        self._parent_view = parent
        self._ended = False
        self._timeout = config.operation_timeout_ms / 1000 if config.operation_timeout_ms is not None else None
        self._options = options.queue_deadline(config.queue_timeout_ms)
        if self._timeout is not None:
            self._options += options.requires(options.CALL_DEADLINE)

    def _check(self) -> None:
        if self._ended:
            raise destroyed_backend()
        if self._parent_view is not None:
            self._parent_view._check()

    def _call(
        self,
        operation: Operation,
        message: bytes,
        subject: str,
        *,
        more: bytes = b"",
        payload: bytes | memoryview = b"",
        maximum: int | None = None,
    ) -> Coroutine[None, None, Reply]:
        """Makes a call, and returns the message of its answer and the payload.

        `message` is the encoded operation, `more` further fields of the frame, `maximum` the payload that is taken.
        """
        head = tagged(operation.tag, message)
        call = UnaryCall(operation, self._target, head, payload, subject, maximum)
        # Most calls need no more of what `_prepare` does.
        if more or self._ended or self._parent_view is not None or self._timeout is not None:
            self._prepare(call, more)
        else:
            call.options = self._options
        logged = self._logged(operation.name, subject) if self._logger is not None else None
        # No coroutine of its own for a call that nothing is done about.
        return self._connection.perform(call) if logged is None else self._perform(call, logged)

    async def _perform(self, call: UnaryCall, logged: LoggedOperation) -> Reply:
        try:
            reply = await self._connection.perform(call)
        except BaseException as error:
            logged.ended(error)
            raise
        logged.ended()
        return reply

    def _prepare(self, call: AsyncCall, more: bytes = b"") -> None:
        """What holds for every call of the view."""
        self._check()
        call.options = self._options + more
        if self._timeout is not None:
            call.deadline = asyncio.get_running_loop().time() + self._timeout

    def _logged(self, operation: str, command: str) -> LoggedOperation | None:
        """An operation that begins now; None: the logger is not told of such."""
        name = _SEED_NAMES.get(operation, operation)
        if self._logger is None or not should_log_operation(name, self._logger.mode):
            return None
        where = (self._target.key, as_text(self._target.scope_path))
        return LoggedOperation(self._logger, name, command, where, frozenset(self._env.values()))


_SEED_NAMES = {"delete_key": "delete", "clear_keys": "clear"}


def changes(idempotency_key: str | None, *features: int) -> bytes:
    """Further fields of a call that changes something."""
    more = options.requires(*features)
    return more if idempotency_key is None else more + options.idempotency_key(idempotency_key)
