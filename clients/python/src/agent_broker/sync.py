"""The same for threads without an event loop: every method returns when its asynchronous twin would.

One event loop in one thread of its own serves all backends of the process; it begins with the first call and ends with
the process, which destroys what is left. Everything here may be used from any thread. Callbacks are called on that
thread: they must not block, and must not call what is here. A backend belongs to the process that made it: in a child
of fork(2) it raises `CONNECTION_CLOSED`, and a new one works.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

import agent_broker
from agent_broker import _loop_thread
from agent_broker._remote import archive_operations, background, command, transfer_operations, watch_operations
from agent_broker.closeables import Closeable
from agent_broker.commands import BackgroundCommandInfo, CommandEnd, Gap, Output
from agent_broker.files import FileStat
from agent_broker.options import BackendType, RemoteFilesystemBackendConfig, ScopeConfig
from agent_broker.paths import PathLike
from agent_broker.remote import RemoteOperations
from agent_broker.status import ConnectionStatus, StatusChangeCallback, Unsubscribe

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")
E = TypeVar("E")

_run = _loop_thread.shared.run


class _Twin(Generic[A]):
    """Stands for an object of the event loop."""

    def __init__(self, twin: A) -> None:
        self._twin = twin


def _wait(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], T]:
    """The method of a twin, which is waited for."""

    def waiting(self: Any, /, *arguments: P.args, **options: P.kwargs) -> T:
        return _run(method(self._twin, *arguments, **options))

    functools.update_wrapper(waiting, method)
    return waiting


def _make(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]], kind: Callable[[T], E]
) -> Callable[Concatenate[Any, P], E]:
    """The method of a twin, which is waited for, and of whose result there is a twin too."""

    def making(self: Any, /, *arguments: P.args, **options: P.kwargs) -> E:
        return kind(_run(method(self._twin, *arguments, **options)))

    functools.update_wrapper(making, method)
    return making


class _Stream(_Twin[A], Generic[A, E]):
    """An iterator of what an asynchronous one gives. Use it as a context manager."""

    def __iter__(self) -> Iterator[E]:
        return self

    def __next__(self) -> E:
        async def following() -> tuple[E, bool]:
            try:
                return await anext(self._twin), True  # type: ignore[call-overload]
            except StopAsyncIteration:
                return None, False  # type: ignore[return-value]

        event, there = _run(following())
        if not there:
            raise StopIteration
        return event

    def close(self) -> None:
        """See the asynchronous twin. Idempotent."""
        _run(self._twin.close())  # type: ignore[attr-defined]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Command(_Stream[command.Command, Output]):
    """See `agent_broker.Command`."""

    wait = _wait(command.Command.wait)
    write = _wait(command.Command.write)
    close_stdin = _wait(command.Command.close_stdin)
    signal = _wait(command.Command.signal)
    resize = _wait(command.Command.resize)

    @property
    def end(self) -> CommandEnd | None:
        return self._twin.end

    @property
    def isolation(self) -> str:
        return self._twin.isolation


class FileReader(_Stream[transfer_operations.FileReader, bytes]):
    """See `agent_broker.FileReader`."""

    @property
    def stat(self) -> FileStat | None:
        return self._twin.stat


class ArchiveReader(_Stream[archive_operations.ArchiveReader, bytes]):
    """See `agent_broker.ArchiveReader`."""

    @property
    def result(self) -> archive_operations.ArchiveResult | None:
        return self._twin.result


class Watch(_Stream[watch_operations.Watch, watch_operations.Change]):
    """See `agent_broker.Watch`."""


class BackgroundOutput(_Stream[background.BackgroundOutput, Output | Gap]):
    """See `agent_broker.BackgroundOutput`."""

    @property
    def end(self) -> CommandEnd | None:
        return self._twin.end

    @property
    def info(self) -> BackgroundCommandInfo | None:
        return self._twin.info

    @property
    def position(self) -> background.Offsets:
        return self._twin.position


class BackgroundCommand(_Twin[background.BackgroundCommand]):
    """See `agent_broker.BackgroundCommand`."""

    wait = _wait(background.BackgroundCommand.wait)
    signal = _wait(background.BackgroundCommand.signal)
    kill = _wait(background.BackgroundCommand.kill)
    resize = _wait(background.BackgroundCommand.resize)

    @property
    def id(self) -> int:
        return self._twin.id

    def attach(self, *, stdout_offset: int = 0, stderr_offset: int = 0, reattach: bool = True) -> BackgroundOutput:
        """See `agent_broker.BackgroundCommand.attach`."""
        output = self._twin.attach(stdout_offset=stdout_offset, stderr_offset=stderr_offset, reattach=reattach)
        return BackgroundOutput(output)


B = TypeVar("B", bound=RemoteOperations)


class _Operations(_Twin[B], Generic[B]):
    """What a backend and its scopes have in common; see `agent_broker.RemoteFilesystemBackend`."""

    read = _wait(RemoteOperations.read)
    read_bytes = _wait(RemoteOperations.read_bytes)
    read_text = _wait(RemoteOperations.read_text)
    read_lines = _wait(RemoteOperations.read_lines)
    read_many = _wait(RemoteOperations.read_many)
    write = _wait(RemoteOperations.write)
    write_from = _wait(RemoteOperations.write_from)
    extract = _wait(RemoteOperations.extract)
    upload = _wait(RemoteOperations.upload)
    download = _wait(RemoteOperations.download)
    abort_upload = _wait(RemoteOperations.abort_upload)
    checksum = _wait(RemoteOperations.checksum)
    edit = _wait(RemoteOperations.edit)
    stat = _wait(RemoteOperations.stat)
    stat_many = _wait(RemoteOperations.stat_many)
    exists = _wait(RemoteOperations.exists)
    readdir = _wait(RemoteOperations.readdir)
    readdir_entries = _wait(RemoteOperations.readdir_entries)
    glob = _wait(RemoteOperations.glob)
    grep = _wait(RemoteOperations.grep)
    tree = _wait(RemoteOperations.tree)
    disk_usage = _wait(RemoteOperations.disk_usage)
    mkdir = _wait(RemoteOperations.mkdir)
    touch = _wait(RemoteOperations.touch)
    chmod = _wait(RemoteOperations.chmod)
    symlink = _wait(RemoteOperations.symlink)
    rename = _wait(RemoteOperations.rename)
    copy = _wait(RemoteOperations.copy)
    rm = _wait(RemoteOperations.rm)
    exec = _wait(RemoteOperations.exec)
    run = _wait(RemoteOperations.run)
    background_commands = _wait(RemoteOperations.background_commands)
    list_active_scopes = _wait(RemoteOperations.list_active_scopes)

    start = _make(RemoteOperations.start, Command)
    open_reader = _make(RemoteOperations.open_reader, FileReader)
    watch = _make(RemoteOperations.watch, Watch)
    archive = _make(RemoteOperations.archive, ArchiveReader)
    exec_detached = _make(RemoteOperations.exec_detached, BackgroundCommand)

    def background_command(self, identifier: int) -> BackgroundCommand:
        """See `agent_broker.RemoteFilesystemBackend.background_command`."""
        return BackgroundCommand(self._twin.background_command(identifier))

    @property
    def root_dir(self) -> str:
        return self._twin.root_dir

    @property
    def status(self) -> ConnectionStatus:
        return self._twin.status

    @property
    def type(self) -> BackendType:
        return self._twin.type

    def on_status_change(self, callback: StatusChangeCallback) -> Unsubscribe:
        """Has a callback called, on the thread of the event loop, at each change. Returns what ends that."""
        return self._twin.on_status_change(callback)

    def track_closeable(self, closeable: Closeable) -> None:
        """It is closed, on the event loop, when the backend is destroyed."""
        self._twin.track_closeable(closeable)

    def scope(self, path: PathLike, config: ScopeConfig | None = None) -> ScopedFilesystemBackend:
        """See `agent_broker.RemoteFilesystemBackend.scope`."""
        return ScopedFilesystemBackend(self._twin.scope(path, config))


class ScopedFilesystemBackend(_Operations[agent_broker.ScopedFilesystemBackend]):
    """See `agent_broker.ScopedFilesystemBackend`."""

    list_keys = _wait(agent_broker.ScopedFilesystemBackend.list_keys)
    delete = _wait(agent_broker.ScopedFilesystemBackend.delete)
    clear = _wait(agent_broker.ScopedFilesystemBackend.clear)
    destroy = _wait(agent_broker.ScopedFilesystemBackend.destroy)

    @property
    def scope_path(self) -> str:
        return self._twin.scope_path


class RemoteFilesystemBackend(_Operations[agent_broker.RemoteFilesystemBackend]):
    """See `agent_broker.RemoteFilesystemBackend`. Use it as a context manager, or `destroy` it."""

    connect = _wait(agent_broker.RemoteFilesystemBackend.connect)
    destroy = _wait(agent_broker.RemoteFilesystemBackend.destroy)
    stats = _wait(agent_broker.RemoteFilesystemBackend.stats)
    describe = _wait(agent_broker.RemoteFilesystemBackend.describe)
    list_workspaces = _wait(agent_broker.RemoteFilesystemBackend.list_workspaces)
    delete_workspace = _wait(agent_broker.RemoteFilesystemBackend.delete_workspace)

    def __init__(self, config: RemoteFilesystemBackendConfig) -> None:
        super().__init__(self._make(config))
        _loop_thread.shared.destroy_at_exit(self._twin)

    @staticmethod
    def _make(config: RemoteFilesystemBackendConfig) -> agent_broker.RemoteFilesystemBackend:
        return agent_broker.RemoteFilesystemBackend(config)

    @property
    def config(self) -> RemoteFilesystemBackendConfig:
        return self._twin.config

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.destroy()


class RemoteMemoryBackend(RemoteFilesystemBackend):
    """See `agent_broker.RemoteMemoryBackend`."""

    list_keys = _wait(agent_broker.RemoteMemoryBackend.list_keys)
    delete = _wait(agent_broker.RemoteMemoryBackend.delete)
    clear = _wait(agent_broker.RemoteMemoryBackend.clear)

    @staticmethod
    def _make(config: RemoteFilesystemBackendConfig) -> agent_broker.RemoteFilesystemBackend:
        return agent_broker.RemoteMemoryBackend(config)
