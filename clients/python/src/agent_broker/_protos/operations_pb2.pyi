from agent_broker._protos import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
ENTRY_STATE_CREATING: EntryState
ENTRY_STATE_IDLE: EntryState
ENTRY_STATE_LEASED: EntryState
ENTRY_STATE_UNSPECIFIED: EntryState
ENTRY_STATE_WAITING: EntryState

class DestroyEntry(_message.Message):
    __slots__ = ["backend", "key", "org"]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    ORG_FIELD_NUMBER: _ClassVar[int]
    backend: _common_pb2.BackendType
    key: str
    org: str
    def __init__(self, org: _Optional[str] = ..., key: _Optional[str] = ..., backend: _Optional[_Union[_common_pb2.BackendType, str]] = ...) -> None: ...

class DestroyEntryReply(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Entry(_message.Message):
    __slots__ = ["age_ms", "backend", "bytes", "commands_running", "idle_ms", "key", "leases", "number", "org", "state", "waiters"]
    AGE_MS_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_RUNNING_FIELD_NUMBER: _ClassVar[int]
    IDLE_MS_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASES_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ORG_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    WAITERS_FIELD_NUMBER: _ClassVar[int]
    age_ms: int
    backend: _common_pb2.BackendType
    bytes: int
    commands_running: int
    idle_ms: int
    key: str
    leases: int
    number: int
    org: str
    state: EntryState
    waiters: int
    def __init__(self, number: _Optional[int] = ..., org: _Optional[str] = ..., key: _Optional[str] = ..., backend: _Optional[_Union[_common_pb2.BackendType, str]] = ..., state: _Optional[_Union[EntryState, str]] = ..., leases: _Optional[int] = ..., waiters: _Optional[int] = ..., age_ms: _Optional[int] = ..., idle_ms: _Optional[int] = ..., commands_running: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class KillCommand(_message.Message):
    __slots__ = ["number", "org"]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ORG_FIELD_NUMBER: _ClassVar[int]
    number: int
    org: str
    def __init__(self, org: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class KillCommandReply(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class LimitUse(_message.Message):
    __slots__ = ["allowed", "name", "used"]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    allowed: int
    name: str
    used: int
    def __init__(self, name: _Optional[str] = ..., used: _Optional[int] = ..., allowed: _Optional[int] = ...) -> None: ...

class ListCommands(_message.Message):
    __slots__ = ["after", "limit", "org"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ORG_FIELD_NUMBER: _ClassVar[int]
    after: int
    limit: int
    org: str
    def __init__(self, org: _Optional[str] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListCommandsReply(_message.Message):
    __slots__ = ["commands", "truncated"]
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    commands: _containers.RepeatedCompositeFieldContainer[RunningCommand]
    truncated: bool
    def __init__(self, commands: _Optional[_Iterable[_Union[RunningCommand, _Mapping]]] = ..., truncated: bool = ...) -> None: ...

class ListEntries(_message.Message):
    __slots__ = ["after", "limit", "org"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ORG_FIELD_NUMBER: _ClassVar[int]
    after: int
    limit: int
    org: str
    def __init__(self, org: _Optional[str] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListEntriesReply(_message.Message):
    __slots__ = ["entries", "truncated"]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    truncated: bool
    def __init__(self, entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., truncated: bool = ...) -> None: ...

class RunningCommand(_message.Message):
    __slots__ = ["backend", "background", "command", "isolation", "key", "number", "org", "scope_path", "started_ns", "stderr_bytes", "stdout_bytes"]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    BACKGROUND_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ORG_FIELD_NUMBER: _ClassVar[int]
    SCOPE_PATH_FIELD_NUMBER: _ClassVar[int]
    STARTED_NS_FIELD_NUMBER: _ClassVar[int]
    STDERR_BYTES_FIELD_NUMBER: _ClassVar[int]
    STDOUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    backend: _common_pb2.BackendType
    background: bool
    command: str
    isolation: str
    key: str
    number: int
    org: str
    scope_path: bytes
    started_ns: int
    stderr_bytes: int
    stdout_bytes: int
    def __init__(self, number: _Optional[int] = ..., org: _Optional[str] = ..., key: _Optional[str] = ..., backend: _Optional[_Union[_common_pb2.BackendType, str]] = ..., scope_path: _Optional[bytes] = ..., command: _Optional[str] = ..., isolation: _Optional[str] = ..., started_ns: _Optional[int] = ..., stdout_bytes: _Optional[int] = ..., stderr_bytes: _Optional[int] = ..., background: bool = ...) -> None: ...

class EntryState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
