"""Files, one call each."""

from __future__ import annotations

from agent_broker._protos import files_pb2
from agent_broker._remote.view import View, changes
from agent_broker._session import operations
from agent_broker._session import options as features
from agent_broker._wire.encoding import field, number_field, path_message
from agent_broker.errors import BackendError, ErrorCode, ErrorReason
from agent_broker.files import (
    CopyResult,
    DirectoryEntry,
    Durability,
    FileStat,
    WriteMode,
    entry,
    file_stat,
)
from agent_broker.options import ReadOptions
from agent_broker.paths import PathLike, as_bytes, as_text

_MODES = {
    "replace": files_pb2.WRITE_MODE_REPLACE,
    "create": files_pb2.WRITE_MODE_CREATE_ONLY,
    "append": files_pb2.WRITE_MODE_APPEND,
}
_DURABILITIES = {
    "none": files_pb2.DURABILITY_NONE,
    "data": files_pb2.DURABILITY_DATA,
    "full": files_pb2.DURABILITY_FULL,
}


class FileOperations(View):
    """Every method raises `BackendError`, `PathEscapeError` for a path that leads outside the scope.

    A change may have an `idempotency_key`: however often it is made with it, it has its effect once.
    """

    async def read(self, path: PathLike, options: ReadOptions | None = None) -> str | bytes:
        """All of a file, or a range of it: text, which has to be UTF-8, or with encoding "buffer" bytes."""
        if options is None:
            return _text(await self.read_bytes(path), path)
        content = await self.read_bytes(path, offset=options.offset, length=options.length)
        return content if options.encoding == "buffer" else _text(content, path)

    async def read_bytes(self, path: PathLike, *, offset: int = 0, length: int | None = None) -> bytes:
        """All of a file, or a range of it. Beyond its end there is nothing, which is no error."""
        name = as_bytes(path)
        message = path_message(name)
        if offset or length is not None:
            if offset < 0 or (length is not None and length < 0):
                raise BackendError("a range begins and ends at 0 or above", ErrorCode.INVALID_ARGUMENT, "read")
            # A length of 0 says "all" on the wire.
            message += number_field(2, offset) + number_field(3, 1 if length == 0 else length or 0)
        maximum = self._connection.config.max_read_bytes
        subject = path if isinstance(path, str) else as_text(name)
        _, content = await self._call(operations.READ, message, subject, maximum=maximum)
        return b"" if length == 0 else content

    async def read_text(self, path: PathLike) -> str:
        """All of a file, which has to be UTF-8."""
        return _text(await self.read_bytes(path), path)

    async def write(
        self,
        path: PathLike,
        content: str | bytes | bytearray | memoryview,
        *,
        mode: WriteMode = "replace",
        permissions: int | None = None,
        durability: Durability = "none",
        expected_etag: bytes | None = None,
        idempotency_key: str | None = None,
    ) -> FileStat:
        """Writes a file as a whole, with its parents: a reader sees the old one or the new one.

        With `expected_etag` it is `CONFLICT` where the file is not that version. Returns the file after it.
        """
        name = as_bytes(path)
        data = content.encode() if isinstance(content, str) else content
        if not isinstance(data, bytes):
            data = memoryview(data).cast("B")
        message, more = write_message(name, mode, permissions, durability, expected_etag, idempotency_key)
        reply, _ = await self._call(operations.WRITE, message, as_text(name), more=more, payload=data)
        return file_stat(files_pb2.WriteReply.FromString(reply).info)

    async def stat(self, path: PathLike, *, follow_link: bool = True) -> FileStat:
        """What is at a path."""
        name = as_bytes(path)
        message = path_message(name) if follow_link else path_message(name) + number_field(2, 1)
        reply, _ = await self._call(operations.STAT, message, as_text(name))
        return file_stat(files_pb2.StatReply.FromString(reply).info)

    async def exists(self, path: PathLike) -> bool:
        """Whether something is at a path. One that leads outside the scope is an error all the same."""
        name = as_bytes(path)
        reply, _ = await self._call(operations.EXISTS, field(1, name), as_text(name))
        return files_pb2.ExistsReply.FromString(reply).exists

    async def readdir(self, path: PathLike) -> list[str]:
        """The names in a directory, sorted as bytes."""
        return [found.name for found in await self._entries(path, details=False)]

    async def readdir_entries(self, path: PathLike) -> list[DirectoryEntry]:
        """The names in a directory, sorted as bytes, with what is there."""
        return await self._entries(path, details=True)

    async def _entries(self, path: PathLike, *, details: bool) -> list[DirectoryEntry]:
        name = as_bytes(path)
        found: list[DirectoryEntry] = []
        after = b""
        while True:
            message = files_pb2.Readdir(path=name, details=details, after=after).SerializeToString()
            content, _ = await self._call(operations.READDIR, message, as_text(name))
            reply = files_pb2.ReaddirReply.FromString(content)
            found += map(entry, reply.entries)
            if not reply.truncated or not reply.entries:
                return found
            after = reply.entries[-1].name

    async def mkdir(
        self,
        path: PathLike,
        *,
        recursive: bool = True,
        permissions: int | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Makes a directory; with `recursive` its parents too, and one that is there already is no error."""
        message = files_pb2.Mkdir(path=as_bytes(path), recursive=recursive, permissions=permissions or 0)
        await self._change(operations.MKDIR, message.SerializeToString(), path, idempotency_key)

    async def touch(self, path: PathLike, *, idempotency_key: str | None = None) -> FileStat:
        """Makes an empty file, with its parents, or sets the modification time of what is there."""
        reply = await self._change(operations.TOUCH, field(1, as_bytes(path)), path, idempotency_key)
        return file_stat(files_pb2.TouchReply.FromString(reply).info)

    async def rename(
        self,
        old_path: PathLike,
        new_path: PathLike,
        *,
        replace: bool = True,
        expected_etag: bytes | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Gives something another name, in one step; makes the parents of that."""
        message = files_pb2.Rename(
            path=as_bytes(old_path),
            destination=as_bytes(new_path),
            no_replace=not replace,
            expected_etag=expected_etag or b"",
        ).SerializeToString()
        await self._change(operations.RENAME, message, old_path, idempotency_key, *_condition(expected_etag))

    async def copy(
        self,
        path: PathLike,
        destination: PathLike,
        *,
        recursive: bool = False,
        replace: bool = True,
        expected_etag: bytes | None = None,
        idempotency_key: str | None = None,
    ) -> CopyResult:
        """Copies a file, or with `recursive` a directory with all that is in it."""
        message = files_pb2.Copy(
            path=as_bytes(path),
            destination=as_bytes(destination),
            recursive=recursive,
            no_replace=not replace,
            expected_etag=expected_etag or b"",
        ).SerializeToString()
        condition = _condition(expected_etag)
        content = await self._change(operations.COPY, message, path, idempotency_key, *condition)
        reply = files_pb2.CopyReply.FromString(content)
        return CopyResult(reply.files, reply.bytes)

    async def rm(
        self,
        path: PathLike,
        *,
        recursive: bool = False,
        force: bool = False,
        expected_etag: bytes | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Removes a file, a link or, `recursive` with all in it, a directory. `force`: a missing one is no error."""
        message = files_pb2.Rm(
            path=as_bytes(path), recursive=recursive, force=force, expected_etag=expected_etag or b""
        ).SerializeToString()
        await self._change(operations.RM, message, path, idempotency_key, *_condition(expected_etag))

    async def chmod(self, path: PathLike, permissions: int, *, idempotency_key: str | None = None) -> FileStat:
        """Gives a file or directory permission bits, 0 to 0o777."""
        message = files_pb2.Chmod(path=as_bytes(path), permissions=permissions).SerializeToString()
        reply = await self._change(operations.CHMOD, message, path, idempotency_key)
        return file_stat(files_pb2.ChmodReply.FromString(reply).info)

    async def symlink(self, path: PathLike, target: PathLike, *, idempotency_key: str | None = None) -> None:
        """Makes a symbolic link, which may only lead to a place inside the scope."""
        message = files_pb2.Symlink(path=as_bytes(path), target=as_bytes(target)).SerializeToString()
        await self._change(operations.SYMLINK, message, path, idempotency_key)

    async def _change(
        self, operation: operations.Operation, message: bytes, path: PathLike, key: str | None, *needed: int
    ) -> bytes:
        content, _ = await self._call(operation, message, as_text(as_bytes(path)), more=changes(key, *needed))
        return content


def write_message(
    path: bytes,
    mode: WriteMode,
    permissions: int | None,
    durability: Durability,
    expected_etag: bytes | None,
    idempotency_key: str | None,
) -> tuple[bytes, bytes]:
    """A write as the wire has it, and further fields of its frame."""
    message = field(1, path)
    if mode == "replace" and durability == "none" and permissions is None and expected_etag is None:
        return message, changes(idempotency_key)
    needed = []
    if mode != "replace":
        needed.append(features.WRITE_MODES)
    if expected_etag is not None:
        needed.append(features.EXPECTED_ETAG)
    message += files_pb2.Write(
        mode=_MODES[mode],
        permissions=permissions or 0,
        durability=_DURABILITIES[durability],
        expected_etag=expected_etag or b"",
    ).SerializeToString()
    return message, changes(idempotency_key, *needed)


def _condition(expected_etag: bytes | None) -> tuple[int, ...]:
    return () if expected_etag is None else (features.CONDITIONAL_CHANGES,)


def _text(content: bytes, path: PathLike) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        failure = BackendError(
            f"{as_text(as_bytes(path))} is not text of UTF-8: read it with ReadOptions(encoding='buffer')",
            ErrorCode.READ_FAILED,
            "read",
        )
        failure.reason = ErrorReason.NOT_TEXT
        raise failure from error
