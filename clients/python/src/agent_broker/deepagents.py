"""A sandbox for LangChain's deep agents, whose file operations are calls of the broker: no process is started for them.

Needs the extra `deepagents`.
"""

from __future__ import annotations

import asyncio
import base64
import codecs
import dataclasses
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from deepagents.backends import protocol
from deepagents.backends.protocol import (
    EditResult,
    ExecuteResponse,
    FileDownloadResponse,
    FileInfo,
    FileUploadResponse,
    GlobResult,
    GrepResult,
    LsResult,
    ReadResult,
    SandboxBackendProtocol,
    WriteResult,
)

from agent_broker import _loop_thread
from agent_broker._remote.kept_output import KeptOutput
from agent_broker.errors import BackendError, ErrorCode, ErrorReason, PathEscapeError
from agent_broker.files import FileStat, TextEdit
from agent_broker.options import RemoteFilesystemBackendConfig, ScopeConfig
from agent_broker.paths import absolute, within
from agent_broker.remote import RemoteFilesystemBackend

if TYPE_CHECKING:
    # Since 0.7.
    from deepagents.backends.protocol import DeleteResult

T = TypeVar("T")

Compatibility = Literal["0.6", "0.7"]
"""The version of deepagents whose behaviour is kept to. Before 0.7 a write to a file that is there failed, and `glob`
gave relative paths, those of directories among them."""

_BINARY_PREVIEW = 512_000
_TIMED_OUT = 124
_NOT_RUN = 126
_MATCHES = 10_000
_EMPTY = "System reminder: File exists but has empty contents"

_FAULTS = {
    ErrorCode.CONNECTION_CLOSED,
    ErrorCode.AUTH_FAILED,
    ErrorCode.BACKEND_DESTROYED,
    ErrorCode.SHUTTING_DOWN,
    ErrorCode.PROTOCOL_ERROR,
    ErrorCode.INTERNAL,
    ErrorCode.CANCELLED,
}
"""What a model can do nothing about: it is raised. All else is told as a result."""


class BrokerSandbox(SandboxBackendProtocol):
    """The workspace of one key. It may be used from any thread and any event loop: its calls are made on the event loop
    of `agent_broker.sync`.

    Paths are those that commands see: /workspace is the root, a relative path begins there, and so does another
    absolute one, as far as file operations go; commands find their own /tmp and the host's /usr at such paths. What a
    model can mend is told in the result, a lost connection is raised as `BackendError`. Use it as a context manager, or
    `close` it.
    """

    def __init__(
        self,
        config: RemoteFilesystemBackendConfig,
        *,
        env: Mapping[str, str] | None = None,
        timeout: int | None = None,
        max_output_bytes: int = 10 << 20,
        compatibility: Compatibility = "0.7",
    ) -> None:
        """`env` is of every command, `timeout`, in seconds, of those that are given none."""
        self._backend = RemoteFilesystemBackend(config)
        self._files = self._backend.scope("", ScopeConfig(env=env or {}))
        self._id = f"agent-broker:{config.host}:{config.port}/{config.key}"
        self._timeout = timeout
        self._max_output_bytes = max_output_bytes
        self._compatibility = compatibility
        _loop_thread.shared.destroy_at_exit(self._backend)

    @property
    def id(self) -> str:
        return self._id

    def close(self) -> None:
        """Ends what runs and closes the connection; files stay. Idempotent."""
        _run(self._backend.destroy())

    def __enter__(self) -> BrokerSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Synchronous, and asynchronous.

    def ls(self, path: str) -> LsResult:
        return _run(self._ls(path))

    async def als(self, path: str) -> LsResult:
        return await _begin(self._ls(path))

    def read(self, file_path: str, offset: int = 0, limit: int = 2000) -> ReadResult:
        return _run(self._read(file_path, offset, limit))

    async def aread(self, file_path: str, offset: int = 0, limit: int = 2000) -> ReadResult:
        return await _begin(self._read(file_path, offset, limit))

    def write(self, file_path: str, content: str) -> WriteResult:
        return _run(self._write(file_path, content))

    async def awrite(self, file_path: str, content: str) -> WriteResult:
        return await _begin(self._write(file_path, content))

    def edit(self, file_path: str, old_string: str, new_string: str, replace_all: bool = False) -> EditResult:
        return _run(self._edit(file_path, old_string, new_string, replace_all))

    async def aedit(self, file_path: str, old_string: str, new_string: str, replace_all: bool = False) -> EditResult:
        return await _begin(self._edit(file_path, old_string, new_string, replace_all))

    def delete(self, file_path: str) -> DeleteResult:
        return _run(self._delete(file_path))

    async def adelete(self, file_path: str) -> DeleteResult:
        return await _begin(self._delete(file_path))

    def glob(self, pattern: str, path: str | None = None) -> GlobResult:
        return _run(self._glob(pattern, path))

    async def aglob(self, pattern: str, path: str | None = None) -> GlobResult:
        return await _begin(self._glob(pattern, path))

    def grep(
        self, pattern: str, path: str | None = None, glob: str | None = None, *, max_count: int | None = None
    ) -> GrepResult:
        return _run(self._grep(pattern, path, glob, max_count))

    async def agrep(
        self, pattern: str, path: str | None = None, glob: str | None = None, *, max_count: int | None = None
    ) -> GrepResult:
        return await _begin(self._grep(pattern, path, glob, max_count))

    def upload_files(self, files: list[tuple[str, bytes]]) -> list[FileUploadResponse]:
        return _run(self._upload_files(files))

    async def aupload_files(self, files: list[tuple[str, bytes]]) -> list[FileUploadResponse]:
        return await _begin(self._upload_files(files))

    def download_files(self, paths: list[str]) -> list[FileDownloadResponse]:
        return _run(self._download_files(paths))

    async def adownload_files(self, paths: list[str]) -> list[FileDownloadResponse]:
        return await _begin(self._download_files(paths))

    def execute(self, command: str, *, timeout: int | None = None) -> ExecuteResponse:
        return _run(self._execute(command, timeout))

    async def aexecute(self, command: str, *, timeout: int | None = None) -> ExecuteResponse:
        return await _begin(self._execute(command, timeout))

    # What they do, on the event loop of the connection.

    async def _ls(self, path: str) -> LsResult:
        try:
            entries = await self._files.readdir_entries(path)
        except BackendError as error:
            return LsResult(error=_told(error, path))
        directory = absolute(within(path))
        return LsResult(entries=[_info(f"{directory}/{entry.name}", entry.stat) for entry in entries])

    async def _read(self, path: str, offset: int, limit: int) -> ReadResult:
        offset, limit = max(0, offset), max(0, limit)
        try:
            lines = await self._files.read_lines(path, offset, limit or 1)
        except BackendError as error:
            return ReadResult(error=_told(error, path))
        if lines.stat.size == 0:
            return ReadResult(file_data={"content": _EMPTY, "encoding": "utf-8"})
        try:
            # Where the first line is longer than an answer, its end may be within a letter.
            text = codecs.getincrementaldecoder("utf-8")().decode(lines.content, final=not lines.truncated)
        except UnicodeDecodeError:
            return await self._read_binary(path, lines.stat)
        if limit == 0:
            return _known(ReadResult, file_data={"content": "", "encoding": "utf-8"}, no_lines_requested=True)
        if lines.count == 0:
            return ReadResult(error=f"Line offset {offset} exceeds file length ({lines.total} lines)")
        end = offset + lines.count
        more = end < lines.total
        text = text.replace("\r\n", "\n")
        return _known(
            ReadResult,
            file_data={"content": text.removesuffix("\n") if more else text, "encoding": "utf-8"},
            total_lines=lines.total,
            start_line=offset + 1,
            end_line=end,
            next_offset=end if more else None,
        )

    async def _read_binary(self, path: str, stat: FileStat) -> ReadResult:
        if stat.size > _BINARY_PREVIEW:
            return ReadResult(
                error=f"File '{path}': Binary file exceeds maximum preview size of {_BINARY_PREVIEW} bytes"
            )
        try:
            content = await self._files.read_bytes(path)
        except BackendError as error:
            return ReadResult(error=_told(error, path))
        return ReadResult(file_data={"content": base64.b64encode(content).decode(), "encoding": "base64"})

    async def _write(self, path: str, content: str) -> WriteResult:
        try:
            await self._files.write(path, content, mode="create" if self._compatibility == "0.6" else "replace")
        except BackendError as error:
            if error.reason is ErrorReason.EXISTS:
                return WriteResult(error=f"Error: File '{path}' already exists")
            return WriteResult(error=_told(error, path))
        return WriteResult(path=path)

    async def _edit(self, path: str, old: str, new: str, replace_all: bool) -> EditResult:
        if not old:
            return EditResult(error="Error: old_string is empty: give the text that is to be replaced")
        try:
            result = await self._files.edit(path, [TextEdit(old, new, replace_all)])
        except BackendError as error:
            if error.reason is ErrorReason.NO_MATCH:
                return EditResult(error=f"Error: String not found in file: '{old}'")
            if error.reason is ErrorReason.NOT_UNIQUE:
                return EditResult(
                    error=f"Error: String '{old}' appears multiple times ({error.occurrences}): use replace_all=True, "
                    "or give more of the text around it"
                )
            return EditResult(error=_told(error, path))
        return EditResult(path=path, occurrences=result.replacements[0])

    async def _delete(self, path: str) -> DeleteResult:
        try:
            await self._files.rm(path, recursive=True)
        except BackendError as error:
            return protocol.DeleteResult(error=_told(error, path))
        return protocol.DeleteResult(path=path)

    async def _glob(self, pattern: str, path: str | None) -> GlobResult:
        if ".." in pattern.split("/"):
            return GlobResult(error=f"Error: '..' is not allowed in a pattern: {pattern}")
        directory = path or ""
        # A name at any depth is also looked for in directories that are hidden themselves.
        anywhere = "/" not in pattern
        older = self._compatibility == "0.6"
        try:
            found = await self._files.glob(
                pattern, directory, all_kinds=older, hidden=anywhere, details=True, limit=_MATCHES
            )
        except BackendError as error:
            return GlobResult(error=_told(error, directory))
        files = [
            file
            for file in found.files
            if not anywhere or pattern[:1] in (".", "{") or not file.path.rpartition("/")[2].startswith(".")
        ]
        matches = [_info(file.path, file.stat, is_directory=file.type == "directory") for file in files]
        if older:
            root = absolute(within(directory)) + "/"
            for match in matches:
                match["path"] = match["path"].removeprefix(root)
        reason: Literal["budget", "unreadable"] | None = "unreadable" if found.skipped else None
        return _known(
            GlobResult,
            matches=matches,
            truncated=found.truncated or found.skipped > 0,
            truncation_reason="budget" if found.truncated else reason,
        )

    async def _grep(self, pattern: str, path: str | None, glob: str | None, max_count: int | None) -> GrepResult:
        limit = _MATCHES if max_count is None else max_count
        try:
            found = await self._files.grep(
                pattern, path or "", includes=[glob] if glob else [], hidden=True, limit=limit
            )
        except BackendError as error:
            return GrepResult(error=_told(error, path or "/"))
        return _known(
            GrepResult,
            matches=[{"path": match.path, "line": match.line, "text": match.text} for match in found.matches],
            truncated=found.truncated,
        )

    async def _upload_files(self, files: list[tuple[str, bytes]]) -> list[FileUploadResponse]:
        async def upload(path: str, content: bytes) -> FileUploadResponse:
            if not path.startswith("/"):
                return FileUploadResponse(path=path, error="invalid_path")
            try:
                await self._files.write(path, content)
            except BackendError as error:
                return FileUploadResponse(path=path, error=_standard(error))
            return FileUploadResponse(path=path)

        # One after the other: the last of several for one path is what is there.
        return [await upload(path, content) for path, content in files]

    async def _download_files(self, paths: list[str]) -> list[FileDownloadResponse]:
        async def download(path: str) -> FileDownloadResponse:
            if not path.startswith("/"):
                return FileDownloadResponse(path=path, error="invalid_path")
            try:
                return FileDownloadResponse(path=path, content=await self._files.read_bytes(path))
            except BackendError as error:
                return FileDownloadResponse(path=path, error=_standard(error))

        return [await download(path) for path in paths]

    async def _execute(self, command: str, timeout: int | None) -> ExecuteResponse:
        seconds = self._timeout if timeout is None else timeout
        kept = KeptOutput(self._max_output_bytes)
        size = 0
        try:
            async with await self._files.start(command, timeout_ms=seconds * 1000 if seconds else None) as running:
                async for output in running:
                    kept.add(output.data)
                    size += len(output.data)
                end = await running.wait()
        except BackendError as error:
            if error.code in _FAULTS:
                raise
            return ExecuteResponse(output=f"Error: {error}", exit_code=_NOT_RUN)
        text = kept.result().decode(errors="replace")
        exit_code = _TIMED_OUT if end.outcome == "timed_out" else end.exit_code
        if end.exit_code is None:
            text += f"\nError: the command was ended for {end.description}"
        return ExecuteResponse(output=text, exit_code=exit_code, truncated=size > self._max_output_bytes)


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    return _loop_thread.shared.run(coroutine)


async def _begin(coroutine: Coroutine[Any, Any, T]) -> T:
    return await asyncio.wrap_future(_loop_thread.shared.begin(coroutine))


def _known(kind: type[T], **fields: object) -> T:
    """A result with those of the fields that the version of deepagents has."""
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in fields.items() if name in names})


def _info(path: str, stat: FileStat | None, *, is_directory: bool = False) -> FileInfo:
    if stat is None:
        return {"path": path, "is_dir": is_directory}
    return {
        "path": path,
        "is_dir": stat.is_directory,
        "size": stat.size,
        "modified_at": datetime.fromtimestamp(stat.modified, tz=UTC).isoformat(),
    }


def _told(error: BackendError, path: str) -> str:
    """For a model."""
    if error.code in _FAULTS:
        raise error
    if error.reason is ErrorReason.NOT_FOUND:
        return f"Error: File '{path}' not found"
    return f"Error: {error}"


def _standard(error: BackendError) -> str:
    if error.code in _FAULTS:
        raise error
    if isinstance(error, PathEscapeError) or error.code == ErrorCode.INVALID_ARGUMENT:
        return "invalid_path"
    match error.reason:
        case ErrorReason.NOT_FOUND:
            return "file_not_found"
        case ErrorReason.DENIED | ErrorReason.READ_ONLY:
            return "permission_denied"
        case ErrorReason.IS_DIRECTORY:
            return "is_directory"
        case ErrorReason.NOT_DIRECTORY | ErrorReason.NOT_REGULAR | ErrorReason.LOOP:
            return "invalid_path"
        case _:
            return str(error)
