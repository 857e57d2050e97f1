"""A command that runs, over its call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType

from agent_broker._protos import exec_pb2
from agent_broker._remote.calls import AsyncCall, Part, StreamCall, UnaryCall, strange_answer
from agent_broker._remote.connection import ReconnectingConnection
from agent_broker._session import operations
from agent_broker._session.call import ENDED
from agent_broker._session.send_queue import Write
from agent_broker._wire.encoding import field
from agent_broker.commands import CommandEnd, Output, OutputStream, TerminalSize, command_end, output_stream
from agent_broker.errors import BackendError, ErrorCode

_BLOCK = 256 << 10


class StandardInput:
    """Bytes that a call streams, a block at a time: who writes waits until the broker has taken what came before."""

    def __init__(self, connection: ReconnectingConnection, call: AsyncCall) -> None:
        self._connection = connection
        self._call = call
        self.closed = False

    async def write(
        self, data: bytes | memoryview, *, last: bool = False, sent: Callable[[int], None] | None = None
    ) -> bool:
        """Returns when all of it was sent. False: the call takes no more. `sent` is told of each block."""
        content = memoryview(data).cast("B")
        while True:
            block, content = content[:_BLOCK], content[_BLOCK:]
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            write = Write(block, last=last and not content, sent=_settle(done))
            if self.closed or not self._connection.write(self._call, write):
                return False
            self.closed = write.last
            await done
            if self._call.state == ENDED or write.content:
                return False
            if sent is not None and block:
                sent(len(block))
            if not content:
                return True


def _settle(done: asyncio.Future[None]) -> Callable[[], None]:
    def settle() -> None:
        if not done.done():
            done.set_result(None)

    return settle


class Command:
    """A command in the foreground: an asynchronous iterator of its `Output`, for one task.

    A reader that stops reading stops the command's pipe, once the window of the call (1 MiB) is full. Use it as an
    asynchronous context manager: at its end, `close` or the loss of the connection the command is ended with its whole
    tree. What is iterated ends when the command has; then `end` says how.
    """

    def __init__(self, connection: ReconnectingConnection, call: StreamCall, *, open_input: bool) -> None:
        self._connection = connection
        self._call = call
        self._input = StandardInput(connection, call)
        self._input.closed = not open_input
        self._written = {"stdout": 0, "stderr": 0}
        self.isolation = ""
        """How it is isolated."""
        self.end: CommandEnd | None = None
        """How it ended. None: not all of it has been read."""

    async def started(self) -> None:
        """Returns when it has started. Raises `BackendError` for one that cannot be."""
        try:
            part = await self._call.take()
            if part.body != operations.EXEC_STARTED or part.last:
                raise strange_answer("exec")
        except BaseException:
            await self._connection.stop(self._call, wait=True)
            raise
        self.isolation = exec_pb2.ExecStarted.FromString(part.content).isolation

    def __aiter__(self) -> AsyncIterator[Output]:
        return self

    async def __anext__(self) -> Output:
        while self.end is None:
            part = await self._call.take()
            if part.body == operations.EXEC_OUTPUT:
                return self._output(part)
            if part.body != operations.EXEC_END or not part.last:
                raise strange_answer("exec")
            self.end = command_end(exec_pb2.ExecEnd.FromString(part.content))
        raise StopAsyncIteration

    def _output(self, part: Part) -> Output:
        stream: OutputStream = output_stream(exec_pb2.ExecOutput.FromString(part.content).stream)
        offset = self._written[stream]
        self._written[stream] += len(part.payload)
        return Output(stream, part.payload, offset)

    async def wait(self) -> CommandEnd:
        """Reads the rest of its output, drops it, and returns how it ended."""
        async for _ in self:
            pass
        if self.end is None:
            raise strange_answer("exec")
        return self.end

    async def write(self, data: str | bytes) -> None:
        """Writes to its standard input; returns when the broker has taken it. Dropped where the command has ended."""
        if self._input.closed:
            raise BackendError("standard input is closed: start it with open_stdin", ErrorCode.INVALID_ARGUMENT, "exec")
        await self._input.write(data.encode() if isinstance(data, str) else data)

    async def close_stdin(self) -> None:
        """Its standard input is at its end; at a terminal that is typed as Ctrl-D. Idempotent."""
        if not self._input.closed:
            await self._input.write(b"", last=True)

    async def signal(self, number: int) -> None:
        """Sends a signal to every process of it. One that has ended is `NOT_FOUND`."""
        message = exec_pb2.ExecSignal(call=self._call.identifier, signal=number).SerializeToString()
        await self._about(operations.EXEC_SIGNAL, message)

    async def resize(self, size: TerminalSize) -> None:
        """Changes the size of its terminal; its programs are told."""
        message = exec_pb2.ExecResize(call=self._call.identifier, rows=size.rows, columns=size.columns)
        await self._about(operations.EXEC_RESIZE, message.SerializeToString())

    async def _about(self, operation: operations.Operation, message: bytes) -> None:
        session = self._call.session
        if session is None or not session.takes_calls:
            raise BackendError("there is no such command any more", ErrorCode.NOT_FOUND, operation.name)
        call = UnaryCall(operation, None, field(operation.number, message))
        session.begin(call)
        await call.future

    async def close(self) -> None:
        """Ends it with its whole tree; returns when no process of it is left. Idempotent."""
        await self._connection.stop(self._call, wait=True)

    async def __aenter__(self) -> Command:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
