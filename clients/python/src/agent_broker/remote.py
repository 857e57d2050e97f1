"""The files and commands of one key of a broker, as if they were here."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from agent_broker._protos import common_pb2
from agent_broker._remote.archive_operations import ArchiveOperations
from agent_broker._remote.background import BackgroundOperations
from agent_broker._remote.broker_operations import BrokerOperations
from agent_broker._remote.connection import ReconnectingConnection
from agent_broker._remote.key_operations import KeyOperations
from agent_broker._remote.resumable_operations import ResumableOperations
from agent_broker._remote.search_operations import SearchOperations
from agent_broker._remote.watch_operations import WatchOperations
from agent_broker._session.target import Target
from agent_broker.closeables import Closeable, Closeables
from agent_broker.errors import BackendError, ErrorCode
from agent_broker.options import BackendType, RemoteFilesystemBackendConfig, ScopeConfig
from agent_broker.paths import ROOT, PathLike, as_text, within
from agent_broker.status import ConnectionStatus, StatusChangeCallback, Unsubscribe

if TYPE_CHECKING:
    from mcp import Client
    from mcp.server.mcpserver import MCPServer


class RemoteOperations(ResumableOperations, SearchOperations, WatchOperations, ArchiveOperations, BackgroundOperations):
    """What a backend and its scopes have in common."""

    _root: RemoteFilesystemBackend

    @property
    def root_dir(self) -> str:
        """What paths and commands see as the root: /workspace."""
        return ROOT

    @property
    def status(self) -> ConnectionStatus:
        """A scope has that of its backend."""
        return ConnectionStatus.DESTROYED if self._ended else self._connection.statuses.status

    @property
    def type(self) -> BackendType:
        """What it is."""
        return self._root._type

    def on_status_change(self, callback: StatusChangeCallback) -> Unsubscribe:
        """Has a callback called, on the event loop, at each change. Returns what ends that."""
        return self._connection.statuses.on_status_change(callback)

    def track_closeable(self, closeable: Closeable) -> None:
        """It is closed when the backend is destroyed, before that; also one of a scope."""
        self._root._closeables.track(closeable)

    def scope(self, path: PathLike, config: ScopeConfig | None = None) -> ScopedFilesystemBackend:
        """A view that is confined to a directory, which is made on first use.

        Its commands see that directory as /workspace and nothing above it. Their environment is this view's and over
        it the scope's; its logger is the scope's, else this view's. Raises `PathEscapeError`.
        """
        self._check()
        scoped = ScopedFilesystemBackend(self, within(path), config or ScopeConfig())
        self._root._scopes[scoped] = None
        return scoped

    async def list_active_scopes(self) -> list[str]:
        """Paths of the scopes that were made and not destroyed, in that order, as seen from the backend."""
        return [scope.scope_path for scope in self._root._scopes]

    async def on_child_destroyed(self, child: object) -> None:
        """A scope is no more."""
        self._root._scopes.pop(child, None)  # type: ignore[call-overload]

    async def get_mcp_transport(self, scope_path: str | None = None) -> MCPServer:
        """An MCP server in this process whose tools work here: `mcp.Client` connects to it. Needs the extra `mcp`."""
        from agent_broker.mcp import create_server

        return create_server(self.scope(scope_path) if scope_path else self)

    async def get_mcp_client(self, scope_path: str | None = None) -> Client:
        """A client that is connected to such a server, and closed with the backend."""
        from agent_broker.mcp import create_client

        return await create_client(self.scope(scope_path) if scope_path else self)


class RemoteFilesystemBackend(BrokerOperations, RemoteOperations):
    """All operations, scopes, readers and commands share one connection, which is made when it is first needed.

    One that is lost is made again as `ReconnectionConfig` says, and `on_status_change` tells of each step. Meanwhile
    operations wait, in order and with their time going on; they fail once the attempts are used up. What the loss does
    to those under way is the business of `Resend`: by default they fail at once, with `CONNECTION_CLOSED`.

    Cancelling a task cancels what it does: a change or a command is stopped when the cancelled task goes on, with all
    processes of the command; `cancel_timeout_ms` bounds that.

    It belongs to the event loop that it is first used on, until that loop is closed; `agent_broker.sync` has the same
    for threads without one. Use it as an asynchronous context manager, or `destroy` it.
    """

    _type = BackendType.REMOTE_FILESYSTEM
    _wire_type = int(common_pb2.BACKEND_TYPE_LOCAL_FILESYSTEM)

    def __init__(self, config: RemoteFilesystemBackendConfig) -> None:
        """Connects to nothing yet. Raises `INVALID_CONFIGURATION`."""
        _validate(config)
        target = Target(self._wire_type, config.key, within(config.root_dir))
        super().__init__(ReconnectingConnection(config, target), target, {}, None)
        self._root = self
        self._closeables = Closeables()
        self._scopes: dict[ScopedFilesystemBackend, None] = {}

    @property
    def config(self) -> RemoteFilesystemBackendConfig:
        """What it was made with."""
        return self._connection.config

    async def connect(self) -> None:
        """Waits until it is connected. Where it is disconnected it tries once, and raises what keeps it from that."""
        self._check()
        await self._connection.connect()

    async def destroy(self) -> None:
        """Closes what is tracked, ends what is under way, commands with their whole trees, and closes the connection.

        Files stay. Idempotent.
        """
        if self._ended:
            return
        await self._closeables.close()
        await self._connection.destroy()
        self._ended = True
        self._scopes.clear()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.destroy()


class RemoteMemoryBackend(KeyOperations, RemoteFilesystemBackend):
    """Bytes in the broker's memory, by key: an agent's state. It has no commands."""

    _type = BackendType.MEMORY
    _wire_type = int(common_pb2.BACKEND_TYPE_MEMORY)


class ScopedFilesystemBackend(KeyOperations, RemoteOperations):
    """A view of a backend, confined to a directory. It shares the backend's connection and status."""

    def __init__(self, parent: RemoteOperations, path: bytes, config: ScopeConfig) -> None:
        full = b"/".join(part for part in (parent._target.scope_path, path) if part)
        super().__init__(
            parent._connection,
            parent._target.scoped(full),
            {**parent._env, **config.env},
            config.operations_logger or parent._logger,
            parent,
        )
        self._root = parent._root
        self._parent = parent
        self._path = path

    @property
    def parent(self) -> RemoteOperations:
        """What it is a view of."""
        return self._parent

    @property
    def scope_path(self) -> str:
        """Its directory as seen from the backend."""
        outer = self._parent.scope_path + "/" if isinstance(self._parent, ScopedFilesystemBackend) else ""
        return outer + as_text(self._path)

    async def destroy(self) -> None:
        """It refuses every operation from now on; the backend goes on. Idempotent."""
        self._ended = True
        await self._root.on_child_destroyed(self)


def _validate(config: RemoteFilesystemBackendConfig) -> None:
    def mistake(message: str) -> BackendError:
        return BackendError(message, ErrorCode.INVALID_CONFIGURATION)

    key = config.key
    allowed = all(letter.isascii() and (letter.isalnum() or letter in "._~-") for letter in key)
    if not key or len(key) > 128 or not key[0].isalnum() or not allowed:
        raise mistake(f"'{key}' is no key: take 1 to 128 of A-Z a-z 0-9 . _ ~ -, a letter or digit first")
    for name in ("operation_timeout_ms", "queue_timeout_ms"):
        value = getattr(config, name)
        if value is not None and value <= 0:
            raise mistake(f"{name} is not above 0: leave it out for none")
    for name in ("keepalive_interval_ms", "connect_timeout_ms", "max_waiting_calls", "max_read_bytes", "port"):
        if getattr(config, name) <= 0:
            raise mistake(f"{name} is not above 0")
    if not 0 <= config.busy_poll_us <= 10_000:
        raise mistake("busy_poll_us is out of range: take 0 (never) to 10000")
    policy = config.reconnection
    if min(policy.max_retries, policy.initial_delay_ms, policy.max_delay_ms) < 0 or policy.backoff_multiplier < 1:
        raise mistake("the reconnection has a negative number or a multiplier below 1: correct it")
    if len(config.client_name.encode()) > 128:
        raise mistake("client_name has more than 128 bytes")
