"""A memory backend in this process: for tests, and for state that need not outlive it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agent_broker.closeables import Closeable, Closeables
from agent_broker.errors import BackendError, ErrorCode, ErrorReason, NotImplementedBackendError, destroyed_backend
from agent_broker.files import FileStat
from agent_broker.logging import Operation, OperationsLogger, should_log_operation
from agent_broker.options import BackendType, ExecOptions, MemoryBackendConfig, ReadOptions, ScopeConfig
from agent_broker.paths import PathLike, as_text, within
from agent_broker.status import ConnectionStatus, ConnectionStatusManager, StatusChangeCallback, Unsubscribe

if TYPE_CHECKING:
    from mcp import Client
    from mcp.server.mcpserver import MCPServer


class MemoryView:
    """Keys with a common beginning. Keys are pseudo paths: "a", "/a" and "/workspace/a" are the same."""

    def __init__(self, root: MemoryBackend, prefix: str, logger: OperationsLogger | None) -> None:
        self._root = root
        self._prefix = prefix
        self._logger = logger
        self._ended = False

    @property
    def type(self) -> BackendType:
        """What it is."""
        return BackendType.MEMORY

    @property
    def root_dir(self) -> str:
        """What it was made with, and the scope."""
        return self._root._root_dir.rstrip("/") + "/" + self._prefix

    @property
    def status(self) -> ConnectionStatus:
        """Connected until it is destroyed."""
        return ConnectionStatus.DESTROYED if self._ended else self._root._statuses.status

    def on_status_change(self, callback: StatusChangeCallback) -> Unsubscribe:
        """Has a callback called when the backend is destroyed."""
        return self._root._statuses.on_status_change(callback)

    def track_closeable(self, closeable: Closeable) -> None:
        """It is closed when the backend is destroyed, before that."""
        self._root._closeables.track(closeable)

    async def exec(self, command: str, options: ExecOptions | None = None) -> str | bytes:
        """Memory has no commands: raises `NotImplementedBackendError`."""
        raise NotImplementedBackendError("exec", "memory")

    async def read(self, key: PathLike, options: ReadOptions | None = None) -> str | bytes:
        """What was written: text, or with encoding "buffer" bytes."""
        options = options or ReadOptions()
        content = self._find("read", key)[0]
        content = content[options.offset : None if options.length is None else options.offset + options.length]
        if options.encoding == "buffer":
            return content
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            failure = BackendError(f"{key!r} is not text of UTF-8: read it as bytes", ErrorCode.READ_FAILED, "read")
            failure.reason = ErrorReason.NOT_TEXT
            raise failure from error

    async def write(self, key: PathLike, content: str | bytes) -> None:
        """Replaces what the key holds."""
        name = self._name("write", key)
        self._root._store[name] = (content.encode() if isinstance(content, str) else bytes(content), time.time())

    async def rename(self, old_key: PathLike, new_key: PathLike) -> None:
        """Gives a key another name."""
        found = self._find("rename", old_key)
        new = self._name("rename", new_key)
        del self._root._store[self._key(old_key)]
        self._root._store[new] = found

    async def rm(self, key: PathLike, *, recursive: bool = False, force: bool = False) -> None:
        """Removes a key, `recursive` with all below it. With `force` a missing one is no error."""
        name = self._name("rm", key)
        doomed = [name] if name in self._root._store else []
        if recursive:
            beginning = f"{name}/" if name else ""
            doomed += [each for each in self._root._store if each.startswith(beginning) and each != name]
        if not doomed and not force:
            raise self._missing("rm", key)
        for each in doomed:
            del self._root._store[each]

    async def readdir(self, path: PathLike) -> list[str]:
        """The names that the keys below a path begin with, sorted."""
        name = self._name("readdir", path)
        beginning = f"{name}/" if name else ""
        below = (each.removeprefix(beginning) for each in self._root._store if each.startswith(beginning))
        return sorted({each.partition("/")[0] for each in below})

    async def mkdir(self, path: PathLike, *, recursive: bool = True) -> None:
        """Keys imply directories: there is nothing to do."""
        self._name("mkdir", path)

    async def touch(self, key: PathLike) -> None:
        """Makes an empty key, or gives what is there the present time."""
        name = self._name("touch", key)
        self._root._store[name] = (self._root._store.get(name, (b"", 0.0))[0], time.time())

    async def exists(self, key: PathLike) -> bool:
        """Whether there is such a key, or one below it."""
        name = self._name("exists", key)
        return not name or name in self._root._store or any(each.startswith(f"{name}/") for each in self._root._store)

    async def stat(self, key: PathLike) -> FileStat:
        """What a key holds."""
        content, modified = self._find("stat", key)
        return FileStat(
            is_file=True,
            is_directory=False,
            size=len(content),
            modified=modified,
            type="file",
            permissions=0o644,
            modified_ns=int(modified * 1e9),
        )

    async def list_keys(self, prefix: str | None = None) -> list[str]:
        """The keys that begin with this, sorted."""
        self._check()
        beginning = f"{self._prefix}/" if self._prefix else ""
        keys = (each.removeprefix(beginning) for each in self._root._store if each.startswith(beginning))
        return sorted(key for key in keys if key.startswith(prefix or ""))

    async def delete(self, key: PathLike) -> bool:
        """Removes one key, and nothing below it. False: there was none."""
        return self._root._store.pop(self._name("delete", key), None) is not None

    async def clear(self) -> int:
        """Removes all keys of the scope. Returns how many."""
        keys = await self.list_keys()
        for key in keys:
            await self.delete(key)
        return len(keys)

    def scope(self, path: PathLike, config: ScopeConfig | None = None) -> ScopedMemoryBackend:
        """The keys below a path. Raises `PathEscapeError`."""
        self._check()
        logger = (config.operations_logger if config else None) or self._logger
        scoped = ScopedMemoryBackend(self._root, self._key(path), logger, self)
        self._root._scopes[scoped] = None
        return scoped

    async def list_active_scopes(self) -> list[str]:
        """Paths of the scopes that were made and not destroyed."""
        return [scope.scope_path for scope in self._root._scopes]

    async def get_mcp_transport(self, scope_path: str | None = None) -> MCPServer:
        """An MCP server in this process whose tools work here: `mcp.Client` connects to it. Needs the extra `mcp`."""
        from agent_broker.mcp import create_server

        return create_server(self.scope(scope_path) if scope_path else self)

    async def get_mcp_client(self, scope_path: str | None = None) -> Client:
        """A client that is connected to such a server, and closed with the backend."""
        from agent_broker.mcp import create_client

        return await create_client(self.scope(scope_path) if scope_path else self)

    def _check(self) -> None:
        if self.status is ConnectionStatus.DESTROYED:
            raise destroyed_backend()

    def _key(self, path: PathLike) -> str:
        return "/".join(part for part in (self._prefix, as_text(within(path))) if part)

    def _name(self, operation: str, path: PathLike) -> str:
        """The key within the backend, of an operation that is logged as successful: only `_find` fails later."""
        self._check()
        name = self._key(path)
        if self._logger is not None and should_log_operation(operation, self._logger.mode):
            Operation(self._logger, operation, str(path), ("local", self._prefix)).ended()
        return name

    def _find(self, operation: str, path: PathLike) -> tuple[bytes, float]:
        self._check()
        found = self._root._store.get(self._key(path))
        if self._logger is not None and should_log_operation(operation, self._logger.mode):
            error = self._missing(operation, path) if found is None else None
            Operation(self._logger, operation, str(path), ("local", self._prefix)).ended(error)
        if found is None:
            raise self._missing(operation, path)
        return found

    @staticmethod
    def _missing(operation: str, path: PathLike) -> BackendError:
        error = BackendError(f"there is no key {path!r}", ErrorCode.KEY_NOT_FOUND, operation)
        error.reason = ErrorReason.NOT_FOUND
        return error


class MemoryBackend(MemoryView):
    """Bytes by key, in this process. Not thread-safe."""

    def __init__(self, config: MemoryBackendConfig | None = None) -> None:
        config = config or MemoryBackendConfig()
        super().__init__(self, "", None)
        self._root_dir = config.root_dir
        self._statuses = ConnectionStatusManager(ConnectionStatus.CONNECTED)
        self._closeables = Closeables()
        self._scopes: dict[ScopedMemoryBackend, None] = {}
        # With the time of the last change, in seconds since 1970.
        self._store: dict[str, tuple[bytes, float]] = {}
        for key, value in (config.initial_data or {}).items():
            self._store[self._key(key)] = (value.encode() if isinstance(value, str) else value, time.time())

    async def destroy(self) -> None:
        """Closes what is tracked, and forgets everything. Idempotent."""
        await self._closeables.close()
        self._scopes.clear()
        self._store.clear()
        self._statuses.set_status(ConnectionStatus.DESTROYED)
        self._statuses.clear_listeners()


class ScopedMemoryBackend(MemoryView):
    """Keys of a backend below a path."""

    def __init__(self, root: MemoryBackend, prefix: str, logger: OperationsLogger | None, parent: MemoryView) -> None:
        super().__init__(root, prefix, logger)
        self._parent = parent

    @property
    def parent(self) -> MemoryView:
        """What it is a view of."""
        return self._parent

    @property
    def scope_path(self) -> str:
        """As seen from the backend."""
        return self._prefix

    async def destroy(self) -> None:
        """It refuses every operation from now on; keys and backend stay. Idempotent."""
        self._ended = True
        self._root._scopes.pop(self, None)
