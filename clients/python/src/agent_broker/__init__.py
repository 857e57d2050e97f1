"""A client of agent-broker: files and commands of isolated workspaces, for asyncio.

`agent_broker.sync` has the same for threads, `agent_broker.deepagents` a backend for LangChain's deep agents.
"""

from agent_broker._remote.archive_operations import ArchiveReader, ArchiveResult, ExtractResult
from agent_broker._remote.background import BackgroundCommand, BackgroundOutput
from agent_broker._remote.broker_operations import BrokerStats, EntryDescription, Workspace
from agent_broker._remote.command import Command
from agent_broker._remote.resumable_operations import FileChecksum
from agent_broker._remote.transfer_operations import FileReader
from agent_broker._remote.watch_operations import Change, Watch
from agent_broker.commands import (
    BackgroundCommandInfo,
    CommandEnd,
    ExecResult,
    Gap,
    Output,
    TerminalSize,
    Usage,
)
from agent_broker.errors import (
    BackendError,
    DangerousOperationError,
    ErrorCode,
    ErrorReason,
    LimitDetails,
    NotImplementedBackendError,
    PathEscapeError,
)
from agent_broker.files import (
    CopyResult,
    DirectoryEntry,
    DiskUsage,
    EditResult,
    FileContents,
    FileStat,
    FoundFile,
    FoundFiles,
    GrepMatch,
    GrepResult,
    Lines,
    TextEdit,
)
from agent_broker.logging import (
    ArrayOperationsLogger,
    ConsoleOperationsLogger,
    LoggingMode,
    OperationLogEntry,
    OperationsLogger,
    should_log_operation,
)
from agent_broker.memory import MemoryBackend, ScopedMemoryBackend
from agent_broker.options import (
    BackendType,
    EntryConfig,
    ExecLimits,
    ExecOptions,
    IsolationMode,
    MemoryBackendConfig,
    ReadOptions,
    ReconnectionConfig,
    RemoteFilesystemBackendConfig,
    Resend,
    ScopeConfig,
    TLSConfig,
)
from agent_broker.pool import BackendPoolManager, PoolManagerConfig, PoolStats
from agent_broker.remote import RemoteFilesystemBackend, RemoteMemoryBackend, ScopedFilesystemBackend
from agent_broker.status import ConnectionStatus, ConnectionStatusManager, StatusChangeEvent

__version__ = "0.1.0"

__all__ = [
    "ArchiveReader",
    "ArchiveResult",
    "ArrayOperationsLogger",
    "BackendError",
    "BackendPoolManager",
    "BackendType",
    "BackgroundCommand",
    "BackgroundCommandInfo",
    "BackgroundOutput",
    "BrokerStats",
    "Change",
    "Command",
    "CommandEnd",
    "ConnectionStatus",
    "ConnectionStatusManager",
    "ConsoleOperationsLogger",
    "CopyResult",
    "DangerousOperationError",
    "DirectoryEntry",
    "DiskUsage",
    "EditResult",
    "EntryConfig",
    "EntryDescription",
    "ErrorCode",
    "ErrorReason",
    "ExecLimits",
    "ExecOptions",
    "ExecResult",
    "ExtractResult",
    "FileChecksum",
    "FileContents",
    "FileReader",
    "FileStat",
    "FoundFile",
    "FoundFiles",
    "Gap",
    "GrepMatch",
    "GrepResult",
    "IsolationMode",
    "LimitDetails",
    "Lines",
    "LoggingMode",
    "MemoryBackend",
    "MemoryBackendConfig",
    "NotImplementedBackendError",
    "OperationLogEntry",
    "OperationsLogger",
    "Output",
    "PathEscapeError",
    "PoolManagerConfig",
    "PoolStats",
    "ReadOptions",
    "ReconnectionConfig",
    "RemoteFilesystemBackend",
    "RemoteFilesystemBackendConfig",
    "RemoteMemoryBackend",
    "Resend",
    "ScopeConfig",
    "ScopedFilesystemBackend",
    "ScopedMemoryBackend",
    "StatusChangeEvent",
    "TLSConfig",
    "TerminalSize",
    "TextEdit",
    "Usage",
    "Watch",
    "Workspace",
    "__version__",
    "should_log_operation",
]
