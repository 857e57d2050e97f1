from agent_broker._protos import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
NETWORK_POLICY_HOST: NetworkPolicy
NETWORK_POLICY_NONE: NetworkPolicy
NETWORK_POLICY_UNSPECIFIED: NetworkPolicy
OUTPUT_STREAM_STDERR: OutputStream
OUTPUT_STREAM_STDOUT: OutputStream
OUTPUT_STREAM_UNSPECIFIED: OutputStream
SPAWN_FAILURE_KIND_ARGUMENTS_TOO_LONG: SpawnFailureKind
SPAWN_FAILURE_KIND_INTERPRETER_NOT_FOUND: SpawnFailureKind
SPAWN_FAILURE_KIND_NOT_EXECUTABLE: SpawnFailureKind
SPAWN_FAILURE_KIND_OUT_OF_RESOURCES: SpawnFailureKind
SPAWN_FAILURE_KIND_PROGRAM_NOT_FOUND: SpawnFailureKind
SPAWN_FAILURE_KIND_SANDBOX: SpawnFailureKind
SPAWN_FAILURE_KIND_UNSPECIFIED: SpawnFailureKind
SPAWN_FAILURE_KIND_WORKING_DIRECTORY: SpawnFailureKind
SPAWN_STAGE_CONFINEMENT: SpawnStage
SPAWN_STAGE_PROGRAM: SpawnStage
SPAWN_STAGE_SANDBOX: SpawnStage
SPAWN_STAGE_UNSPECIFIED: SpawnStage
SPAWN_STAGE_WORKING_DIRECTORY: SpawnStage
SPAWN_STAGE_WORKSPACE: SpawnStage

class ArgumentVector(_message.Message):
    __slots__ = ["argument"]
    ARGUMENT_FIELD_NUMBER: _ClassVar[int]
    argument: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, argument: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ExecAttach(_message.Message):
    __slots__ = ["exec", "org"]
    EXEC_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    ORG_FIELD_NUMBER: _ClassVar[int]
    exec: int
    org: str
    def __init__(self, exec: _Optional[int] = ..., org: _Optional[str] = ..., **kwargs) -> None: ...

class ExecAttached(_message.Message):
    __slots__ = ["info"]
    INFO_FIELD_NUMBER: _ClassVar[int]
    info: ExecInfo
    def __init__(self, info: _Optional[_Union[ExecInfo, _Mapping]] = ...) -> None: ...

class ExecCancelled(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ExecCpuTimeLimit(_message.Message):
    __slots__ = ["allowed_ms"]
    ALLOWED_MS_FIELD_NUMBER: _ClassVar[int]
    allowed_ms: int
    def __init__(self, allowed_ms: _Optional[int] = ...) -> None: ...

class ExecDiskQuota(_message.Message):
    __slots__ = ["allowed"]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    allowed: int
    def __init__(self, allowed: _Optional[int] = ...) -> None: ...

class ExecEnd(_message.Message):
    __slots__ = ["cancelled", "cpu_time_limit", "disk_quota", "exited", "file_size_limit", "lingering_processes", "out_of_memory", "output_limit", "process_limit_reached", "shutting_down", "signaled", "spawn_failed", "timed_out", "tree_not_empty", "usage"]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    CPU_TIME_LIMIT_FIELD_NUMBER: _ClassVar[int]
    DISK_QUOTA_FIELD_NUMBER: _ClassVar[int]
    EXITED_FIELD_NUMBER: _ClassVar[int]
    FILE_SIZE_LIMIT_FIELD_NUMBER: _ClassVar[int]
    LINGERING_PROCESSES_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_LIMIT_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_MEMORY_FIELD_NUMBER: _ClassVar[int]
    PROCESS_LIMIT_REACHED_FIELD_NUMBER: _ClassVar[int]
    SHUTTING_DOWN_FIELD_NUMBER: _ClassVar[int]
    SIGNALED_FIELD_NUMBER: _ClassVar[int]
    SPAWN_FAILED_FIELD_NUMBER: _ClassVar[int]
    TIMED_OUT_FIELD_NUMBER: _ClassVar[int]
    TREE_NOT_EMPTY_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    cancelled: ExecCancelled
    cpu_time_limit: ExecCpuTimeLimit
    disk_quota: ExecDiskQuota
    exited: ExecExited
    file_size_limit: ExecFileSizeLimit
    lingering_processes: int
    out_of_memory: ExecOutOfMemory
    output_limit: ExecOutputLimit
    process_limit_reached: bool
    shutting_down: ExecShuttingDown
    signaled: ExecSignaled
    spawn_failed: ExecSpawnFailed
    timed_out: ExecTimedOut
    tree_not_empty: bool
    usage: ExecUsage
    def __init__(self, exited: _Optional[_Union[ExecExited, _Mapping]] = ..., timed_out: _Optional[_Union[ExecTimedOut, _Mapping]] = ..., signaled: _Optional[_Union[ExecSignaled, _Mapping]] = ..., out_of_memory: _Optional[_Union[ExecOutOfMemory, _Mapping]] = ..., output_limit: _Optional[_Union[ExecOutputLimit, _Mapping]] = ..., cancelled: _Optional[_Union[ExecCancelled, _Mapping]] = ..., shutting_down: _Optional[_Union[ExecShuttingDown, _Mapping]] = ..., spawn_failed: _Optional[_Union[ExecSpawnFailed, _Mapping]] = ..., cpu_time_limit: _Optional[_Union[ExecCpuTimeLimit, _Mapping]] = ..., file_size_limit: _Optional[_Union[ExecFileSizeLimit, _Mapping]] = ..., disk_quota: _Optional[_Union[ExecDiskQuota, _Mapping]] = ..., usage: _Optional[_Union[ExecUsage, _Mapping]] = ..., tree_not_empty: bool = ..., lingering_processes: _Optional[int] = ..., process_limit_reached: bool = ...) -> None: ...

class ExecExited(_message.Message):
    __slots__ = ["code"]
    CODE_FIELD_NUMBER: _ClassVar[int]
    code: int
    def __init__(self, code: _Optional[int] = ...) -> None: ...

class ExecFileSizeLimit(_message.Message):
    __slots__ = ["allowed"]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    allowed: int
    def __init__(self, allowed: _Optional[int] = ...) -> None: ...

class ExecGap(_message.Message):
    __slots__ = ["length", "offset", "stream"]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    length: int
    offset: int
    stream: OutputStream
    def __init__(self, stream: _Optional[_Union[OutputStream, str]] = ..., offset: _Optional[int] = ..., length: _Optional[int] = ...) -> None: ...

class ExecInfo(_message.Message):
    __slots__ = ["command", "end", "exec", "isolation", "kept_from", "scope_path", "started_ns", "written"]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    EXEC_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    KEPT_FROM_FIELD_NUMBER: _ClassVar[int]
    SCOPE_PATH_FIELD_NUMBER: _ClassVar[int]
    STARTED_NS_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_FIELD_NUMBER: _ClassVar[int]
    command: bytes
    end: ExecEnd
    exec: int
    isolation: str
    kept_from: StreamOffsets
    scope_path: bytes
    started_ns: int
    written: StreamOffsets
    def __init__(self, exec: _Optional[int] = ..., command: _Optional[bytes] = ..., scope_path: _Optional[bytes] = ..., isolation: _Optional[str] = ..., started_ns: _Optional[int] = ..., written: _Optional[_Union[StreamOffsets, _Mapping]] = ..., kept_from: _Optional[_Union[StreamOffsets, _Mapping]] = ..., end: _Optional[_Union[ExecEnd, _Mapping]] = ...) -> None: ...

class ExecLimits(_message.Message):
    __slots__ = ["cpu_time_ms", "file_bytes", "memory_bytes", "open_files", "output_bytes", "processes"]
    CPU_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    FILE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    OPEN_FILES_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    cpu_time_ms: int
    file_bytes: int
    memory_bytes: int
    open_files: int
    output_bytes: int
    processes: int
    def __init__(self, cpu_time_ms: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., processes: _Optional[int] = ..., open_files: _Optional[int] = ..., file_bytes: _Optional[int] = ..., output_bytes: _Optional[int] = ...) -> None: ...

class ExecList(_message.Message):
    __slots__ = ["after", "limit"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    after: int
    limit: int
    def __init__(self, after: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ExecListReply(_message.Message):
    __slots__ = ["execs", "truncated"]
    EXECS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    execs: _containers.RepeatedCompositeFieldContainer[ExecInfo]
    truncated: bool
    def __init__(self, execs: _Optional[_Iterable[_Union[ExecInfo, _Mapping]]] = ..., truncated: bool = ...) -> None: ...

class ExecOutOfMemory(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ExecOutput(_message.Message):
    __slots__ = ["offset", "stream"]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    offset: int
    stream: OutputStream
    def __init__(self, stream: _Optional[_Union[OutputStream, str]] = ..., offset: _Optional[int] = ...) -> None: ...

class ExecOutputLimit(_message.Message):
    __slots__ = ["allowed"]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    allowed: int
    def __init__(self, allowed: _Optional[int] = ...) -> None: ...

class ExecResize(_message.Message):
    __slots__ = ["call", "columns", "exec", "rows"]
    CALL_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    EXEC_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    call: int
    columns: int
    exec: int
    rows: int
    def __init__(self, exec: _Optional[int] = ..., call: _Optional[int] = ..., rows: _Optional[int] = ..., columns: _Optional[int] = ...) -> None: ...

class ExecResizeReply(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ExecShuttingDown(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ExecSignal(_message.Message):
    __slots__ = ["call", "exec", "signal"]
    CALL_FIELD_NUMBER: _ClassVar[int]
    EXEC_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    call: int
    exec: int
    signal: int
    def __init__(self, exec: _Optional[int] = ..., signal: _Optional[int] = ..., call: _Optional[int] = ...) -> None: ...

class ExecSignalReply(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ExecSignaled(_message.Message):
    __slots__ = ["signal"]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    signal: int
    def __init__(self, signal: _Optional[int] = ...) -> None: ...

class ExecSpawnFailed(_message.Message):
    __slots__ = ["errno_value", "kind", "stage"]
    ERRNO_VALUE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    errno_value: int
    kind: SpawnFailureKind
    stage: SpawnStage
    def __init__(self, kind: _Optional[_Union[SpawnFailureKind, str]] = ..., errno_value: _Optional[int] = ..., stage: _Optional[_Union[SpawnStage, str]] = ...) -> None: ...

class ExecStart(_message.Message):
    __slots__ = ["arguments", "detach", "environment", "limits", "network", "open_stdin", "shell_line", "terminal", "timeout_ms", "working_directory"]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    DETACH_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    OPEN_STDIN_FIELD_NUMBER: _ClassVar[int]
    SHELL_LINE_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    WORKING_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    arguments: ArgumentVector
    detach: bool
    environment: _containers.RepeatedCompositeFieldContainer[_common_pb2.EnvironmentVariable]
    limits: ExecLimits
    network: NetworkPolicy
    open_stdin: bool
    shell_line: bytes
    terminal: Terminal
    timeout_ms: int
    working_directory: bytes
    def __init__(self, shell_line: _Optional[bytes] = ..., arguments: _Optional[_Union[ArgumentVector, _Mapping]] = ..., environment: _Optional[_Iterable[_Union[_common_pb2.EnvironmentVariable, _Mapping]]] = ..., working_directory: _Optional[bytes] = ..., timeout_ms: _Optional[int] = ..., open_stdin: bool = ..., detach: bool = ..., terminal: _Optional[_Union[Terminal, _Mapping]] = ..., limits: _Optional[_Union[ExecLimits, _Mapping]] = ..., network: _Optional[_Union[NetworkPolicy, str]] = ...) -> None: ...

class ExecStarted(_message.Message):
    __slots__ = ["exec", "isolation"]
    EXEC_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    exec: int
    isolation: str
    def __init__(self, isolation: _Optional[str] = ..., exec: _Optional[int] = ...) -> None: ...

class ExecTimedOut(_message.Message):
    __slots__ = ["timeout_ms"]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    timeout_ms: int
    def __init__(self, timeout_ms: _Optional[int] = ...) -> None: ...

class ExecUsage(_message.Message):
    __slots__ = ["max_rss_bytes", "stderr_bytes", "stdout_bytes", "system_us", "user_us", "wall_us"]
    MAX_RSS_BYTES_FIELD_NUMBER: _ClassVar[int]
    STDERR_BYTES_FIELD_NUMBER: _ClassVar[int]
    STDOUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_US_FIELD_NUMBER: _ClassVar[int]
    USER_US_FIELD_NUMBER: _ClassVar[int]
    WALL_US_FIELD_NUMBER: _ClassVar[int]
    max_rss_bytes: int
    stderr_bytes: int
    stdout_bytes: int
    system_us: int
    user_us: int
    wall_us: int
    def __init__(self, wall_us: _Optional[int] = ..., user_us: _Optional[int] = ..., system_us: _Optional[int] = ..., max_rss_bytes: _Optional[int] = ..., stdout_bytes: _Optional[int] = ..., stderr_bytes: _Optional[int] = ...) -> None: ...

class ExecWait(_message.Message):
    __slots__ = ["exec"]
    EXEC_FIELD_NUMBER: _ClassVar[int]
    exec: int
    def __init__(self, exec: _Optional[int] = ...) -> None: ...

class StreamOffsets(_message.Message):
    __slots__ = ["stderr_offset", "stdout_offset"]
    STDERR_OFFSET_FIELD_NUMBER: _ClassVar[int]
    STDOUT_OFFSET_FIELD_NUMBER: _ClassVar[int]
    stderr_offset: int
    stdout_offset: int
    def __init__(self, stdout_offset: _Optional[int] = ..., stderr_offset: _Optional[int] = ...) -> None: ...

class Terminal(_message.Message):
    __slots__ = ["columns", "rows", "term"]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    columns: int
    rows: int
    term: str
    def __init__(self, rows: _Optional[int] = ..., columns: _Optional[int] = ..., term: _Optional[str] = ...) -> None: ...

class NetworkPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class OutputStream(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class SpawnFailureKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class SpawnStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
