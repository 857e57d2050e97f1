from agent_broker._protos import common_pb2 as _common_pb2
from agent_broker._protos import exec_pb2 as _exec_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
LOG_MODE_STANDARD: LogMode
LOG_MODE_UNSPECIFIED: LogMode
LOG_MODE_VERBOSE: LogMode

class Acquire(_message.Message):
    __slots__ = ["configuration"]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    configuration: EntryConfiguration
    def __init__(self, configuration: _Optional[_Union[EntryConfiguration, _Mapping]] = ...) -> None: ...

class AcquireReply(_message.Message):
    __slots__ = ["created", "lease"]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    created: bool
    lease: int
    def __init__(self, lease: _Optional[int] = ..., created: bool = ...) -> None: ...

class Describe(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class DescribeReply(_message.Message):
    __slots__ = ["backend", "environment_names", "idle_ms", "isolation", "key", "leases", "live", "log_mode", "root", "scopes"]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_NAMES_FIELD_NUMBER: _ClassVar[int]
    IDLE_MS_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASES_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    LOG_MODE_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    backend: _common_pb2.BackendType
    environment_names: _containers.RepeatedScalarFieldContainer[bytes]
    idle_ms: int
    isolation: str
    key: str
    leases: int
    live: bool
    log_mode: LogMode
    root: str
    scopes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, backend: _Optional[_Union[_common_pb2.BackendType, str]] = ..., key: _Optional[str] = ..., live: bool = ..., leases: _Optional[int] = ..., idle_ms: _Optional[int] = ..., isolation: _Optional[str] = ..., root: _Optional[str] = ..., environment_names: _Optional[_Iterable[bytes]] = ..., log_mode: _Optional[_Union[LogMode, str]] = ..., scopes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class EntryConfiguration(_message.Message):
    __slots__ = ["environment", "idle_timeout_ms", "limits", "log_mode"]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    IDLE_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    LOG_MODE_FIELD_NUMBER: _ClassVar[int]
    environment: _containers.RepeatedCompositeFieldContainer[_common_pb2.EnvironmentVariable]
    idle_timeout_ms: int
    limits: EntryLimits
    log_mode: LogMode
    def __init__(self, environment: _Optional[_Iterable[_Union[_common_pb2.EnvironmentVariable, _Mapping]]] = ..., log_mode: _Optional[_Union[LogMode, str]] = ..., limits: _Optional[_Union[EntryLimits, _Mapping]] = ..., idle_timeout_ms: _Optional[int] = ...) -> None: ...

class EntryLimits(_message.Message):
    __slots__ = ["exec", "max_exec_timeout_ms", "max_file_bytes", "max_leases", "max_memory_bytes"]
    EXEC_FIELD_NUMBER: _ClassVar[int]
    MAX_EXEC_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_FILE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_LEASES_FIELD_NUMBER: _ClassVar[int]
    MAX_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    exec: _exec_pb2.ExecLimits
    max_exec_timeout_ms: int
    max_file_bytes: int
    max_leases: int
    max_memory_bytes: int
    def __init__(self, max_file_bytes: _Optional[int] = ..., max_exec_timeout_ms: _Optional[int] = ..., max_memory_bytes: _Optional[int] = ..., max_leases: _Optional[int] = ..., exec: _Optional[_Union[_exec_pb2.ExecLimits, _Mapping]] = ...) -> None: ...

class Release(_message.Message):
    __slots__ = ["lease"]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    lease: int
    def __init__(self, lease: _Optional[int] = ...) -> None: ...

class ReleaseReply(_message.Message):
    __slots__ = ["released"]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    released: bool
    def __init__(self, released: bool = ...) -> None: ...

class LogMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
