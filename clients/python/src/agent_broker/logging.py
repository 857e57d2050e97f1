"""Who is told what a scope does."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol, TextIO

MODIFYING_OPERATIONS = frozenset(
    {
        "exec", "write", "touch", "mkdir", "delete", "rename", "rm", "copy", "edit", "chmod", "symlink", "clear",
        "extract",
    }
)  # fmt: skip
"""Operations that change something."""


class LoggingMode(StrEnum):
    """Which operations a logger is told."""

    STANDARD = "standard"
    """Those that change something."""
    VERBOSE = "verbose"
    """All."""


@dataclass(frozen=True, slots=True)
class OperationLogEntry:
    """One operation."""

    timestamp: float
    """When it began, in seconds since 1970."""
    operation: str
    user_id: str
    """The key of the workspace, or "local"."""
    workspace_name: str
    """The scope."""
    workspace_path: str
    """The scope as seen from the workspace."""
    command: str
    """The command, or the path."""
    success: bool
    duration_ms: float
    stdout: str | None = None
    stderr: str | None = None
    """Of a command: the beginning. Values of the scope's environment are replaced by `***`."""
    exit_code: int | None = None
    error: str | None = None


class OperationsLogger(Protocol):
    """What is told of operations. What it raises is dropped: it never keeps from an operation."""

    @property
    def mode(self) -> LoggingMode:
        """Which operations."""
        ...

    def log(self, entry: OperationLogEntry) -> None:
        """Called after the operation, where its backend is used. Must not block."""
        ...


def should_log_operation(operation: str, mode: LoggingMode) -> bool:
    """Whether a logger of this mode is told."""
    return mode is LoggingMode.VERBOSE or operation in MODIFYING_OPERATIONS


class ConsoleOperationsLogger:
    """Lines on standard error, such as `[AgentBackend] exec: pip install -r requirements.txt (12 ms)`."""

    def __init__(self, mode: LoggingMode = LoggingMode.STANDARD, stream: TextIO | None = None) -> None:
        """`stream`: None is standard error, whatever it is then."""
        self._mode = mode
        self._stream = stream

    @property
    def mode(self) -> LoggingMode:
        return self._mode

    def log(self, entry: OperationLogEntry) -> None:
        moment = datetime.fromtimestamp(entry.timestamp, tz=UTC).isoformat(timespec="milliseconds")
        where = f"{entry.user_id}/{entry.workspace_name}" if entry.workspace_name else entry.user_id
        mark = "" if entry.success else " failed"
        lines = [
            f"[{moment}] [{where}] [AgentBackend] {entry.operation}: {_one_line(entry.command)}{mark} "
            f"({entry.duration_ms:.0f} ms)"
        ]
        lines += [
            f"  {name}: {_one_line(text)}"
            for name, text in (("stdout", entry.stdout), ("stderr", entry.stderr))
            if text
        ]
        if entry.error:
            lines.append(f"  error: {_one_line(entry.error)}")
        print("\n".join(lines), file=self._stream or sys.stderr)


class ArrayOperationsLogger:
    """Keeps what it is told."""

    def __init__(self, mode: LoggingMode = LoggingMode.STANDARD, maximum: int = 100_000) -> None:
        """`maximum`: so many entries, the last ones."""
        self._mode = mode
        self._entries: deque[OperationLogEntry] = deque(maxlen=maximum)

    @property
    def mode(self) -> LoggingMode:
        return self._mode

    @property
    def length(self) -> int:
        """How many there are."""
        return len(self._entries)

    def log(self, entry: OperationLogEntry) -> None:
        self._entries.append(entry)

    def get_entries(self) -> list[OperationLogEntry]:
        """All of them, oldest first."""
        return list(self._entries)

    def get_entries_by_operation(self, operation: str) -> list[OperationLogEntry]:
        """Those of one operation."""
        return self._matching(lambda entry: entry.operation == operation)

    def get_entries_by_status(self, success: bool) -> list[OperationLogEntry]:
        """Those that succeeded, or those that failed."""
        return self._matching(lambda entry: entry.success is success)

    def get_entries_in_range(self, start: float, end: float) -> list[OperationLogEntry]:
        """Those that began in a time, both ends included; seconds since 1970."""
        return self._matching(lambda entry: start <= entry.timestamp <= end)

    def clear(self) -> None:
        """Forgets them."""
        self._entries.clear()

    def _matching(self, wanted: Callable[[OperationLogEntry], bool]) -> list[OperationLogEntry]:
        return [entry for entry in self._entries if wanted(entry)]


class Operation:
    """One operation that a logger may be told of."""

    def __init__(
        self,
        logger: OperationsLogger,
        operation: str,
        command: str,
        where: tuple[str, str],
        secrets: frozenset[str] = frozenset(),
    ) -> None:
        """It begins now. `where` is key and scope. `secrets` are never told."""
        self._logger = logger
        self._operation = operation
        self._command = command
        self._where = where
        self._secrets = sorted((secret for secret in secrets if secret), key=len, reverse=True)
        self._began = time.time()
        self._clock = time.perf_counter()

    def ended(
        self,
        error: BaseException | None = None,
        output: tuple[bytes, bytes] | None = None,
        exit_code: int | None = None,
    ) -> None:
        """Tells the logger."""
        key, scope = self._where
        stdout, stderr = (self._begin(part) for part in output) if output else (None, None)
        entry = OperationLogEntry(
            timestamp=self._began,
            operation=self._operation,
            user_id=key,
            workspace_name=scope,
            workspace_path=f"/workspace/{scope}" if scope else "/workspace",
            command=self._redacted(self._command),
            success=error is None,
            duration_ms=(time.perf_counter() - self._clock) * 1000,
            stdout=stdout,
            stderr=stderr,
            exit_code=exit_code,
            error=self._redacted(str(error) or type(error).__name__) if error is not None else None,
        )
        # A logger that fails keeps from nothing.
        with contextlib.suppress(Exception):
            self._logger.log(entry)

    def _begin(self, output: bytes) -> str:
        # Redacted before it is cut: a secret at the cut would be known by half.
        longest = max((len(secret) for secret in self._secrets), default=0)
        return self._redacted(output[: 4096 + 4 * longest].decode(errors="replace"))[:4096]

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _one_line(text: str, maximum: int = 200) -> str:
    line = text.replace("\n", "\\n")
    return line if len(line) <= maximum else f"{line[:maximum]}…"
