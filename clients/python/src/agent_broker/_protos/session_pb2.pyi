from agent_broker._protos import error_pb2 as _error_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
FEATURE_ARCHIVES: Feature
FEATURE_BACKGROUND_EXECS: Feature
FEATURE_CALL_DEADLINE: Feature
FEATURE_CONDITIONAL_CHANGES: Feature
FEATURE_ENTRY_LIMITS: Feature
FEATURE_EXEC_LIMITS: Feature
FEATURE_EXPECTED_ETAG: Feature
FEATURE_IDEMPOTENCY_KEYS: Feature
FEATURE_LANES: Feature
FEATURE_PROCESS_DEADLINE: Feature
FEATURE_QUEUE_DEADLINE: Feature
FEATURE_TERMINALS: Feature
FEATURE_TRANSFERS: Feature
FEATURE_UNSPECIFIED: Feature
FEATURE_WATCH: Feature
FEATURE_WRITE_MODES: Feature

class Cancel(_message.Message):
    __slots__ = ["call"]
    CALL_FIELD_NUMBER: _ClassVar[int]
    call: int
    def __init__(self, call: _Optional[int] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class GoAway(_message.Message):
    __slots__ = ["drain_ms", "error", "last_id"]
    DRAIN_MS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    LAST_ID_FIELD_NUMBER: _ClassVar[int]
    drain_ms: int
    error: _error_pb2.Error
    last_id: int
    def __init__(self, error: _Optional[_Union[_error_pb2.Error, _Mapping]] = ..., last_id: _Optional[int] = ..., drain_ms: _Optional[int] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ["client_name", "max_version", "min_version", "token"]
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    MAX_VERSION_FIELD_NUMBER: _ClassVar[int]
    MIN_VERSION_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    client_name: str
    max_version: int
    min_version: int
    token: str
    def __init__(self, min_version: _Optional[int] = ..., max_version: _Optional[int] = ..., token: _Optional[str] = ..., client_name: _Optional[str] = ...) -> None: ...

class HelloReply(_message.Message):
    __slots__ = ["features", "instance", "is_operator", "is_read_only", "limits", "node", "org", "server_time_ms", "server_version", "version"]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    IS_OPERATOR_FIELD_NUMBER: _ClassVar[int]
    IS_READ_ONLY_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    ORG_FIELD_NUMBER: _ClassVar[int]
    SERVER_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    features: _containers.RepeatedScalarFieldContainer[Feature]
    instance: int
    is_operator: bool
    is_read_only: bool
    limits: SessionLimits
    node: str
    org: str
    server_time_ms: int
    server_version: str
    version: int
    def __init__(self, version: _Optional[int] = ..., server_version: _Optional[str] = ..., features: _Optional[_Iterable[_Union[Feature, str]]] = ..., node: _Optional[str] = ..., org: _Optional[str] = ..., limits: _Optional[_Union[SessionLimits, _Mapping]] = ..., server_time_ms: _Optional[int] = ..., instance: _Optional[int] = ..., is_operator: bool = ..., is_read_only: bool = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ["nonce"]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    nonce: int
    def __init__(self, nonce: _Optional[int] = ...) -> None: ...

class Pong(_message.Message):
    __slots__ = ["nonce"]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    nonce: int
    def __init__(self, nonce: _Optional[int] = ...) -> None: ...

class SessionLimits(_message.Message):
    __slots__ = ["connection_window_bytes", "keepalive_interval_ms", "max_calls_in_flight", "max_frame_bytes", "max_head_bytes", "stream_window_bytes"]
    CONNECTION_WINDOW_BYTES_FIELD_NUMBER: _ClassVar[int]
    KEEPALIVE_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_CALLS_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    MAX_FRAME_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_HEAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    STREAM_WINDOW_BYTES_FIELD_NUMBER: _ClassVar[int]
    connection_window_bytes: int
    keepalive_interval_ms: int
    max_calls_in_flight: int
    max_frame_bytes: int
    max_head_bytes: int
    stream_window_bytes: int
    def __init__(self, max_frame_bytes: _Optional[int] = ..., max_head_bytes: _Optional[int] = ..., stream_window_bytes: _Optional[int] = ..., connection_window_bytes: _Optional[int] = ..., max_calls_in_flight: _Optional[int] = ..., keepalive_interval_ms: _Optional[int] = ...) -> None: ...

class Window(_message.Message):
    __slots__ = ["bytes", "stream"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    stream: int
    def __init__(self, stream: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class Feature(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
