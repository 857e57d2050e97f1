from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
ERROR_CODE_AUTH_FAILED: ErrorCode
ERROR_CODE_BACKEND_DESTROYED: ErrorCode
ERROR_CODE_CANCELLED: ErrorCode
ERROR_CODE_CONFLICT: ErrorCode
ERROR_CODE_CONNECTION_CLOSED: ErrorCode
ERROR_CODE_DANGEROUS_OPERATION: ErrorCode
ERROR_CODE_DEADLINE_EXCEEDED: ErrorCode
ERROR_CODE_EMPTY_COMMAND: ErrorCode
ERROR_CODE_EXEC_ERROR: ErrorCode
ERROR_CODE_EXEC_FAILED: ErrorCode
ERROR_CODE_INTERNAL: ErrorCode
ERROR_CODE_INVALID_ARGUMENT: ErrorCode
ERROR_CODE_INVALID_CONFIGURATION: ErrorCode
ERROR_CODE_KEY_NOT_FOUND: ErrorCode
ERROR_CODE_LS_FAILED: ErrorCode
ERROR_CODE_MISSING_UTILITIES: ErrorCode
ERROR_CODE_NOT_FOUND: ErrorCode
ERROR_CODE_NOT_IMPLEMENTED: ErrorCode
ERROR_CODE_PATH_ESCAPE_ATTEMPT: ErrorCode
ERROR_CODE_PERMISSION_DENIED: ErrorCode
ERROR_CODE_PROTOCOL_ERROR: ErrorCode
ERROR_CODE_READ_FAILED: ErrorCode
ERROR_CODE_RESOURCE_EXHAUSTED: ErrorCode
ERROR_CODE_SHUTTING_DOWN: ErrorCode
ERROR_CODE_UNSAFE_COMMAND: ErrorCode
ERROR_CODE_UNSPECIFIED: ErrorCode
ERROR_CODE_WRITE_FAILED: ErrorCode
ERROR_REASON_BUSY: ErrorReason
ERROR_REASON_CROSS_DEVICE: ErrorReason
ERROR_REASON_DENIED: ErrorReason
ERROR_REASON_EXISTS: ErrorReason
ERROR_REASON_IO: ErrorReason
ERROR_REASON_IS_DIRECTORY: ErrorReason
ERROR_REASON_LOOP: ErrorReason
ERROR_REASON_NOT_DIRECTORY: ErrorReason
ERROR_REASON_NOT_EMPTY: ErrorReason
ERROR_REASON_NOT_FOUND: ErrorReason
ERROR_REASON_NOT_REGULAR: ErrorReason
ERROR_REASON_NOT_TEXT: ErrorReason
ERROR_REASON_NOT_UNIQUE: ErrorReason
ERROR_REASON_NO_MATCH: ErrorReason
ERROR_REASON_NO_SPACE: ErrorReason
ERROR_REASON_READ_ONLY: ErrorReason
ERROR_REASON_TOO_LARGE: ErrorReason
ERROR_REASON_UNSPECIFIED: ErrorReason

class EditDetails(_message.Message):
    __slots__ = ["index", "occurrences"]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    OCCURRENCES_FIELD_NUMBER: _ClassVar[int]
    index: int
    occurrences: int
    def __init__(self, index: _Optional[int] = ..., occurrences: _Optional[int] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ["code", "edit", "limit", "maybe_executed", "message", "operation", "reason", "retry_after_ms", "retryable", "system_errno", "version"]
    CODE_FIELD_NUMBER: _ClassVar[int]
    EDIT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    MAYBE_EXECUTED_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_ERRNO_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    code: ErrorCode
    edit: EditDetails
    limit: LimitDetails
    maybe_executed: bool
    message: str
    operation: str
    reason: ErrorReason
    retry_after_ms: int
    retryable: bool
    system_errno: int
    version: VersionDetails
    def __init__(self, code: _Optional[_Union[ErrorCode, str]] = ..., reason: _Optional[_Union[ErrorReason, str]] = ..., system_errno: _Optional[int] = ..., message: _Optional[str] = ..., operation: _Optional[str] = ..., retryable: bool = ..., maybe_executed: bool = ..., retry_after_ms: _Optional[int] = ..., limit: _Optional[_Union[LimitDetails, _Mapping]] = ..., version: _Optional[_Union[VersionDetails, _Mapping]] = ..., edit: _Optional[_Union[EditDetails, _Mapping]] = ...) -> None: ...

class LimitDetails(_message.Message):
    __slots__ = ["allowed", "asked", "limit", "used"]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    allowed: int
    asked: int
    limit: str
    used: int
    def __init__(self, limit: _Optional[str] = ..., used: _Optional[int] = ..., allowed: _Optional[int] = ..., asked: _Optional[int] = ...) -> None: ...

class VersionDetails(_message.Message):
    __slots__ = ["current_etag"]
    CURRENT_ETAG_FIELD_NUMBER: _ClassVar[int]
    current_etag: bytes
    def __init__(self, current_etag: _Optional[bytes] = ...) -> None: ...

class ErrorCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
