"""Commands in the background: they outlive calls and connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType

from agent_broker._protos import exec_pb2
from agent_broker._remote.calls import StreamCall, strange_answer
from agent_broker._remote.command_operations import CommandLine, CommandOperations, _shown
from agent_broker._remote.view import changes
from agent_broker._session import operations
from agent_broker._session import options as features
from agent_broker._wire.encoding import field
from agent_broker.commands import (
    BackgroundCommandInfo,
    CommandEnd,
    Gap,
    Output,
    OutputStream,
    TerminalSize,
    background_info,
    command_end,
    output_stream,
)
from agent_broker.errors import BackendError, ErrorCode
from agent_broker.options import ExecOptions

Offsets = dict[OutputStream, int]

_LOSSES = 5
"""Connections that may be lost, one after the other, without a byte of output between them."""


class BackgroundOperations(CommandOperations):
    """Every method raises `BackendError`."""

    async def exec_detached(
        self,
        command: CommandLine,
        options: ExecOptions | None = None,
        *,
        terminal: TerminalSize | None = None,
        idempotency_key: str | None = None,
    ) -> BackgroundCommand:
        """Starts a command in the background, and returns when it has started. Its standard input is at its end.

        Without a timeout it gets the broker's for such commands.
        """
        message, more = self._exec_start(command, options or ExecOptions(), terminal)
        message.detach = True
        more += changes(idempotency_key, features.BACKGROUND_EXECS)
        content, _ = await self._call(operations.EXEC_DETACHED, message.SerializeToString(), _shown(command), more=more)
        return BackgroundCommand(self, exec_pb2.ExecStarted.FromString(content).exec)

    async def background_commands(self) -> list[BackgroundCommandInfo]:
        """Those of this scope, in the order in which they were started: that run, and the last of those that ended."""
        found: list[BackgroundCommandInfo] = []
        while True:
            message = exec_pb2.ExecList(after=found[-1].id if found else 0).SerializeToString()
            content, _ = await self._call(operations.EXEC_LIST, message, "")
            reply = exec_pb2.ExecListReply.FromString(content)
            found += map(background_info, reply.execs)
            if not reply.truncated or not reply.execs:
                return found

    def background_command(self, identifier: int) -> BackgroundCommand:
        """One that was started before, perhaps over another connection. Asks the broker nothing."""
        return BackgroundCommand(self, identifier)

    async def _about(self, operation: operations.Operation, message: bytes) -> bytes:
        content, _ = await self._call(operation, message, "")
        return content

    async def _attach(self, identifier: int, offsets: Offsets) -> tuple[StreamCall, BackgroundCommandInfo]:
        start = exec_pb2.StreamOffsets(stdout_offset=offsets["stdout"], stderr_offset=offsets["stderr"])
        message = exec_pb2.ExecAttach(exec=identifier)
        # The field's name is a word of the language.
        getattr(message, "from").CopyFrom(start)
        head = field(operations.EXEC_ATTACH.number, message.SerializeToString())
        call = StreamCall(operations.EXEC_ATTACH, self._target, head)
        self._prepare(call)
        self._connection.begin(call)
        try:
            part = await call.take()
            if part.body != operations.EXEC_ATTACHED or part.last:
                raise strange_answer("exec_attach")
        except BaseException:
            await self._connection.stop(call, wait=False)
            raise
        return call, background_info(exec_pb2.ExecAttached.FromString(part.content).info)

    async def _leave(self, call: StreamCall) -> None:
        await self._connection.stop(call, wait=False)


class BackgroundCommand:
    """Names a command in the background. It goes on whatever becomes of this object, and of the connection.

    Every method raises `NOT_FOUND` where the key and scope have no such command, or it ended and is remembered no more.
    """

    def __init__(self, view: BackgroundOperations, identifier: int) -> None:
        self._view = view
        self.id = identifier
        """For as long as the broker runs. Not a process id."""

    def attach(self, *, stdout_offset: int = 0, stderr_offset: int = 0, reattach: bool = True) -> BackgroundOutput:
        """Reads what it writes, and wrote, from these offsets on. Asks the broker nothing yet."""
        return BackgroundOutput(self._view, self.id, {"stdout": stdout_offset, "stderr": stderr_offset}, reattach)

    async def wait(self) -> CommandEnd:
        """Waits for its end. Cancelling the task ends the wait alone."""
        content = await self._view._about(operations.EXEC_WAIT, exec_pb2.ExecWait(exec=self.id).SerializeToString())
        return command_end(exec_pb2.ExecEnd.FromString(content))

    async def signal(self, number: int) -> None:
        """Sends a signal to every process of it. Of one that has ended: nothing happens."""
        message = exec_pb2.ExecSignal(exec=self.id, signal=number)
        await self._view._about(operations.EXEC_SIGNAL, message.SerializeToString())

    async def kill(self) -> None:
        """Ends its whole process tree at once."""
        await self.signal(9)

    async def resize(self, size: TerminalSize) -> None:
        """Changes the size of its terminal; its programs are told."""
        message = exec_pb2.ExecResize(exec=self.id, rows=size.rows, columns=size.columns)
        await self._view._about(operations.EXEC_RESIZE, message.SerializeToString())


class BackgroundOutput:
    """What a command in the background writes: an asynchronous iterator of `Output` and `Gap`, for one task.

    It ends with the command; then `end` says how. The command does not wait for slow readers: what the broker could not
    keep for one is told as a `Gap`. Where the connection is lost it attaches again on the next one, behind the last
    byte that it gave, unless it was made with `reattach` False: then it raises `CONNECTION_CLOSED`.
    """

    def __init__(self, view: BackgroundOperations, identifier: int, offsets: Offsets, reattach: bool) -> None:
        self._view = view
        self._identifier = identifier
        self._reattach = reattach
        self._call: StreamCall | None = None
        # Since something came.
        self._losses = 0
        self.position: Offsets = dict(offsets)
        """Where to attach again: behind what came last, in each stream."""
        self.info: BackgroundCommandInfo | None = None
        """As it was when this was attached."""
        self.end: CommandEnd | None = None
        """None: not all of it has been read."""

    def __aiter__(self) -> AsyncIterator[Output | Gap]:
        return self

    async def __anext__(self) -> Output | Gap:
        while self.end is None:
            try:
                if self._call is None:
                    self._call, self.info = await self._view._attach(self._identifier, self.position)
                event = await self._next(self._call)
            except BackendError as error:
                lost = error.code in (ErrorCode.CONNECTION_CLOSED, ErrorCode.SHUTTING_DOWN)
                if not self._reattach or not lost or self.info is None or self._losses == _LOSSES:
                    raise
                self._losses += 1
                self._call = None
                continue
            self._losses = 0
            if event is not None:
                return event
        raise StopAsyncIteration

    async def _next(self, call: StreamCall) -> Output | Gap | None:
        part = await call.take()
        if part.body == operations.EXEC_OUTPUT:
            message = exec_pb2.ExecOutput.FromString(part.content)
            stream = output_stream(message.stream)
            self.position[stream] = message.offset + len(part.payload)
            return Output(stream, part.payload, message.offset)
        if part.body == operations.EXEC_GAP:
            gap = exec_pb2.ExecGap.FromString(part.content)
            stream = output_stream(gap.stream)
            self.position[stream] = gap.offset + gap.length
            return Gap(stream, gap.offset, gap.length)
        if part.body != operations.EXEC_END:
            raise strange_answer("exec_attach")
        self.end = command_end(exec_pb2.ExecEnd.FromString(part.content))
        return None

    async def close(self) -> None:
        """Reads no more. The command goes on. Idempotent."""
        if self._call is not None:
            await self._view._leave(self._call)

    async def __aenter__(self) -> BackgroundOutput:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
