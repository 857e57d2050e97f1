"""What operations raise."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_broker.commands import ExecResult


class ErrorCode(StrEnum):
    """What failed. Stable: a program may switch on it. Those up to `NOT_IMPLEMENTED` are the seed's."""

    EMPTY_COMMAND = "EMPTY_COMMAND"
    UNSAFE_COMMAND = "UNSAFE_COMMAND"
    EXEC_FAILED = "EXEC_FAILED"
    EXEC_ERROR = "EXEC_ERROR"
    READ_FAILED = "READ_FAILED"
    WRITE_FAILED = "WRITE_FAILED"
    LS_FAILED = "LS_FAILED"
    PATH_ESCAPE_ATTEMPT = "PATH_ESCAPE_ATTEMPT"
    MISSING_UTILITIES = "MISSING_UTILITIES"
    INVALID_CONFIGURATION = "INVALID_CONFIGURATION"
    DANGEROUS_OPERATION = "DANGEROUS_OPERATION"
    CONNECTION_CLOSED = "CONNECTION_CLOSED"
    AUTH_FAILED = "AUTH_FAILED"
    KEY_NOT_FOUND = "KEY_NOT_FOUND"
    NOT_IMPLEMENTED = "NOT_IMPLEMENTED"

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    CANCELLED = "CANCELLED"
    BACKEND_DESTROYED = "BACKEND_DESTROYED"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    PROTOCOL_ERROR = "PROTOCOL_ERROR"
    INTERNAL = "INTERNAL"


class ErrorReason(StrEnum):
    """Why it failed, where a code has several causes."""

    NOT_FOUND = "NOT_FOUND"
    EXISTS = "EXISTS"
    IS_DIRECTORY = "IS_DIRECTORY"
    NOT_DIRECTORY = "NOT_DIRECTORY"
    NOT_EMPTY = "NOT_EMPTY"
    DENIED = "DENIED"
    NO_SPACE = "NO_SPACE"
    TOO_LARGE = "TOO_LARGE"
    NOT_TEXT = "NOT_TEXT"
    NOT_REGULAR = "NOT_REGULAR"
    LOOP = "LOOP"
    BUSY = "BUSY"
    READ_ONLY = "READ_ONLY"
    CROSS_DEVICE = "CROSS_DEVICE"
    IO = "IO"
    NO_MATCH = "NO_MATCH"
    NOT_UNIQUE = "NOT_UNIQUE"


@dataclass(frozen=True, slots=True)
class LimitDetails:
    """A limit that was reached, all in the unit that its name ends in."""

    name: str
    used: int
    allowed: int
    asked: int | None = None
    """What was to come on top of `used`, where that is told."""


class BackendError(Exception):
    """What every operation raises when it fails. `str()` of it says what to do next.

    Its cause, where there is one, is `__cause__`.
    """

    def __init__(self, message: str, code: str, operation: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        """An `ErrorCode`."""
        self.operation = operation
        """What failed, such as "read"."""
        self.reason: ErrorReason | int | None = None
        """A number where the broker is newer than this client and knows another one."""
        self.errno: int | None = None
        """Of the broker's host, for the log."""
        self.retryable = False
        """The same call may succeed later, unchanged."""
        self.maybe_executed = False
        """The call may have had its effect all the same."""
        self.retry_after: float | None = None
        """The least time to wait before trying again, in seconds."""
        self.limit: LimitDetails | None = None
        """Of `RESOURCE_EXHAUSTED`, and of arguments that are too large."""
        self.current_etag: bytes | None = None
        """Of `CONFLICT` for a file's version: the present one; empty where there is no such file."""
        self.edit_index: int | None = None
        """Of an edit that cannot be made: which one, from 0."""
        self.occurrences: int | None = None
        """How often the old text of that edit is there."""
        self.result: ExecResult | None = None
        """Of `EXEC_FAILED`: all that the command left."""


class DangerousOperationError(BackendError):
    """A command that is most likely a mistake, such as the removal of /. It was not run."""

    def __init__(self, command: str, message: str | None = None) -> None:
        super().__init__(message or f"dangerous operation blocked: {command}", ErrorCode.DANGEROUS_OPERATION, command)


class PathEscapeError(BackendError):
    """A path leads outside the scope."""

    def __init__(self, path: str, message: str | None = None) -> None:
        super().__init__(message or f"the path leads outside the scope: {path}", ErrorCode.PATH_ESCAPE_ATTEMPT, path)


class NotImplementedBackendError(BackendError):
    """The backend, or the broker, has no such operation."""

    def __init__(self, operation: str, backend_type: str, message: str | None = None) -> None:
        super().__init__(
            message or f"operation '{operation}' is not implemented for a {backend_type} backend",
            ErrorCode.NOT_IMPLEMENTED,
            operation,
        )


def destroyed_backend() -> BackendError:
    """For calls of a backend that was destroyed."""
    return BackendError("the backend was destroyed: make a new one", ErrorCode.BACKEND_DESTROYED)
