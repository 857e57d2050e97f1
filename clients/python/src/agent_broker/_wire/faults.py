"""Errors of the wire as exceptions."""

from __future__ import annotations

from agent_broker._protos import error_pb2
from agent_broker.errors import (
    BackendError,
    DangerousOperationError,
    ErrorCode,
    ErrorReason,
    LimitDetails,
    NotImplementedBackendError,
    PathEscapeError,
)

_CODES = {int(error_pb2.ErrorCode.Value(f"ERROR_CODE_{code}")): code for code in ErrorCode}
_REASONS = {int(error_pb2.ErrorReason.Value(f"ERROR_REASON_{reason}")): reason for reason in ErrorReason}


def backend_error(error: error_pb2.Error, subject: str | None = None) -> BackendError:
    """The exception for an error of the broker's.

    `subject` is the path or command of the call, which some exceptions of the seed name as their operation. A code that
    this client does not know, of a newer broker, is `INTERNAL`.
    """
    code = _CODES.get(error.code, ErrorCode.INTERNAL)
    message = error.message or f"the broker gave no message, and code {error.code}"
    exception: BackendError
    if code is ErrorCode.DANGEROUS_OPERATION:
        exception = DangerousOperationError(subject or error.operation, message)
    elif code is ErrorCode.PATH_ESCAPE_ATTEMPT:
        exception = PathEscapeError(subject or error.operation, message)
    elif code is ErrorCode.NOT_IMPLEMENTED:
        exception = NotImplementedBackendError(error.operation, "remote", message)
    else:
        exception = BackendError(message, code, error.operation or None)
    if error.reason:
        exception.reason = _REASONS.get(error.reason, int(error.reason))
    exception.errno = error.system_errno or None
    exception.retryable = error.retryable
    exception.maybe_executed = error.maybe_executed
    exception.retry_after = error.retry_after_ms / 1000 if error.retry_after_ms else None
    match error.WhichOneof("details"):
        case "limit":
            exception.limit = LimitDetails(
                error.limit.limit, error.limit.used, error.limit.allowed, error.limit.asked or None
            )
        case "version":
            exception.current_etag = error.version.current_etag
        case "edit":
            exception.edit_index = error.edit.index
            exception.occurrences = error.edit.occurrences
    return exception


def error_code_number(code: str) -> int:
    """The number of a code on the wire."""
    return int(error_pb2.ErrorCode.Value(f"ERROR_CODE_{code}"))
