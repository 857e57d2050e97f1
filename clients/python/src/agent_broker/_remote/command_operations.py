"""Commands in the foreground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent_broker._protos import exec_pb2
from agent_broker._remote.calls import StreamCall
from agent_broker._remote.command import Command
from agent_broker._remote.connecting import environment
from agent_broker._remote.kept_output import KeptOutput
from agent_broker._remote.view import View
from agent_broker._session import operations
from agent_broker._session import options as features
from agent_broker._wire.encoding import field
from agent_broker.commands import CommandEnd, ExecResult, TerminalSize
from agent_broker.errors import BackendError, ErrorCode
from agent_broker.options import ExecLimits, ExecOptions
from agent_broker.paths import as_bytes, as_text

CommandLine = str | bytes | Sequence[str | bytes]
"""A line for the shell, or a program and its arguments, which are run as they are."""


class CommandOperations(View):
    """Every method raises `BackendError`: `DangerousOperationError` for a command that looks like a mistake."""

    async def exec(self, command: CommandLine, options: ExecOptions | None = None) -> str | bytes:
        """Runs a command and returns what it wrote to standard output: text, without white space around it, or with
        encoding "buffer" the bytes as they are.

        One that does not end with 0 raises `EXEC_FAILED`, with all that it left as `result`. Cancelling the task ends
        the command with its whole tree, and returns when it has.
        """
        options = options or ExecOptions()
        result = await self.run(command, options)
        if not result.end.ok:
            raise _failed(result)
        return result.stdout if options.encoding == "buffer" else result.stdout.decode(errors="replace").strip()

    async def run(self, command: CommandLine, options: ExecOptions | None = None) -> ExecResult:
        """Runs a command and returns all that it left, however it ended."""
        options = options or ExecOptions()
        logged = self._logged("exec", _shown(command)) if self._logger is not None else None
        out, err = (KeptOutput(self._kept(options)) for _ in range(2))
        end: CommandEnd | None = None
        error: BaseException | None = None
        try:
            running = await self._start(command, options, open_stdin=False, terminal=None)
            async with running:
                async for output in running:
                    (out if output.stream == "stdout" else err).add(output.data)
                end = await running.wait()
            result = ExecResult(out.result(), err.result(), end, running.isolation)
            error = None if end.ok else _failed(result)
        except BaseException as failure:
            error = failure
            raise
        finally:
            if logged is not None:
                logged.ended(error, (out.result(), err.result()), end.exit_code if end else None)
        return result

    async def start(
        self,
        command: CommandLine,
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout_ms: int | None = None,
        open_stdin: bool = False,
        terminal: TerminalSize | None = None,
        limits: ExecLimits | None = None,
        host_network: bool = False,
    ) -> Command:
        """Starts a command; see `Command`. With a `terminal` it has that in place of pipes."""
        options = ExecOptions(
            cwd=cwd, env=env, timeout_ms=timeout_ms, limits=limits, network="host" if host_network else "none"
        )
        logged = self._logged("exec", _shown(command)) if self._logger is not None else None
        try:
            running = await self._start(command, options, open_stdin=open_stdin, terminal=terminal)
        except BaseException as error:
            if logged is not None:
                logged.ended(error)
            raise
        if logged is not None:
            logged.ended()
        return running

    async def _start(
        self, command: CommandLine, options: ExecOptions, *, open_stdin: bool, terminal: TerminalSize | None
    ) -> Command:
        given = options.input.encode() if isinstance(options.input, str) else options.input
        message, more = self._exec_start(command, options, terminal)
        message.open_stdin = open_stdin or given is not None
        head = field(operations.EXEC_START.number, message.SerializeToString())
        call = StreamCall(operations.EXEC_START, self._target, head, given or b"", _shown(command))
        call.whole = not open_stdin
        if open_stdin:
            call.writes = []
        self._prepare(call, more)
        self._connection.begin(call)
        running = Command(self._connection, call, open_input=open_stdin)
        await running.started()
        return running

    def _exec_start(
        self, command: CommandLine, options: ExecOptions, terminal: TerminalSize | None
    ) -> tuple[exec_pb2.ExecStart, bytes]:
        """A command as the wire has it, and further fields of its frame."""
        message = exec_pb2.ExecStart(environment=environment({**self._env, **(options.env or {})}))
        if isinstance(command, str | bytes):
            message.shell_line = as_bytes(command)
        else:
            message.arguments.argument.extend(map(as_bytes, command))
        message.working_directory = as_bytes(options.cwd or b"")
        needed = []
        if options.timeout_ms is not None:
            message.timeout_ms = max(1, options.timeout_ms)
            needed.append(features.PROCESS_DEADLINE)
        if terminal is not None:
            message.terminal.CopyFrom(
                exec_pb2.Terminal(rows=terminal.rows, columns=terminal.columns, term=terminal.term or "")
            )
            needed.append(features.TERMINALS)
        limits = _limits(options.limits)
        if limits is not None or options.network == "host":
            needed.append(features.EXEC_LIMITS)
        if limits is not None:
            message.limits.CopyFrom(limits)
        if options.network == "host":
            message.network = exec_pb2.NETWORK_POLICY_HOST
        return message, features.requires(*needed)

    def _kept(self, options: ExecOptions) -> int | None:
        if options.max_output_length is not None:
            return options.max_output_length
        return self._connection.config.max_output_length


def _limits(limits: ExecLimits | None) -> exec_pb2.ExecLimits | None:
    if limits is None:
        return None
    for name in ("cpu_time_ms", "memory_bytes", "processes", "open_files", "file_bytes", "output_bytes"):
        # What says "none" on the wire would be taken for a limit that was not given.
        if getattr(limits, name) == 0:
            raise BackendError(f"{name} is 0: give it a value, or leave it out", ErrorCode.INVALID_ARGUMENT, "exec")
    return exec_pb2.ExecLimits(
        cpu_time_ms=limits.cpu_time_ms or 0,
        memory_bytes=limits.memory_bytes or 0,
        processes=limits.processes or 0,
        open_files=limits.open_files or 0,
        file_bytes=limits.file_bytes or 0,
        output_bytes=limits.output_bytes or 0,
    )


def _shown(command: CommandLine) -> str:
    if isinstance(command, str | bytes):
        return as_text(as_bytes(command))
    return " ".join(as_text(as_bytes(word)) for word in command)


def _failed(result: ExecResult) -> BackendError:
    said = (result.stderr or result.stdout).decode(errors="replace").strip()
    error = BackendError(
        f"the command failed with {result.end.description}" + (f": {said}" if said else ""),
        ErrorCode.EXEC_FAILED,
        "exec",
    )
    error.result = result
    error.maybe_executed = True
    return error
