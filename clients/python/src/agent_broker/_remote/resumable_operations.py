"""Files of this host that are sent, and fetched, in several goes: what loses its connection goes on where it was."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from agent_broker._protos import transfer_pb2
from agent_broker._remote.calls import strange_answer
from agent_broker._remote.file_operations import FileOperations, write_message
from agent_broker._remote.transfer_operations import TransferOperations
from agent_broker._remote.view import changes
from agent_broker._session import operations
from agent_broker._session import options as features
from agent_broker._wire.encoding import field, number_field
from agent_broker.errors import BackendError, ErrorCode, ErrorReason
from agent_broker.files import Durability, FileStat, Progress, WriteMode, file_stat
from agent_broker.paths import PathLike, as_bytes, as_text

_BLOCK = 256 << 10
_LONGEST_CALL = 64 << 20
"""Bytes that one call sends: each has its own deadline."""


@dataclass(frozen=True, slots=True)
class FileChecksum:
    """SHA-256 of a file, or of a range of it."""

    stat: FileStat
    """Of the file that was read, whatever the range."""
    sha256: bytes
    """32 bytes."""
    bytes: int
    """In the range."""


class _HashedFile:
    """A file of this host, and the SHA-256 of its first bytes. Its methods block."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.count = 0
        """Bytes in the checksum."""

    def read(self, offset: int) -> bytes:
        """A block; nothing at the end. `offset` is no further than `count`."""
        block = os.pread(self._file.fileno(), _BLOCK, offset)
        self.add(block[self.count - offset :])
        return block

    def hash_to(self, offset: int) -> None:
        """Reads so far, or to the end."""
        while self.count < offset and self.read(self.count):
            pass

    def write(self, block: bytes) -> None:
        """At the end of what is in the checksum."""
        rest = memoryview(block)
        while rest:
            rest = rest[os.pwrite(self._file.fileno(), rest, self.count + len(block) - len(rest)) :]
        self.add(block)

    def add(self, block: bytes) -> None:
        self._hash.update(block)
        self.count += len(block)

    @property
    def sha256(self) -> bytes:
        return self._hash.digest()


class _Blocks:
    """What a file holds from an offset on, as far as it is no further than its checksum."""

    def __init__(self, file: _HashedFile, offset: int) -> None:
        self._file = file
        self.offset = offset
        self.are_over = file.count < offset

    async def of_one_call(self) -> AsyncIterator[bytes]:
        start = self.offset
        while self.offset - start < _LONGEST_CALL:
            block = await asyncio.to_thread(self._file.read, self.offset)
            if not block:
                self.are_over = True
                return
            yield block
            self.offset += len(block)


class _Patience:
    """How often something is tried without getting any further."""

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts
        self._rest = attempts
        self._best = 0

    def came(self, count: int) -> None:
        """So many bytes are there."""
        if count > self._best:
            self._best, self._rest = count, self._attempts

    def lost(self, error: BackendError, *codes: ErrorCode) -> None:
        """Raises the error where it is of another kind, or has come too often."""
        self._rest -= 1
        if error.code not in codes or self._rest <= 0:
            raise error


class ResumableOperations(FileOperations, TransferOperations):
    """Every method raises `BackendError`, what a progress callback raises, and `OSError` for the file of this host.

    A connection that is lost is waited for, up to `attempts` times without another byte.
    """

    async def checksum(self, path: PathLike, *, offset: int = 0, length: int | None = None) -> FileChecksum:
        """SHA-256 of a file, or of a range of it. `length` is at least 1."""
        if offset < 0 or (length is not None and length < 1):
            raise BackendError("a range of no bytes: ask for one", ErrorCode.INVALID_ARGUMENT, "checksum")
        name = as_bytes(path)
        message = field(1, name) + number_field(2, offset) + number_field(3, length or 0)
        more = features.requires(features.TRANSFERS)
        content, _ = await self._call(operations.CHECKSUM, message, as_text(name), more=more)
        reply = transfer_pb2.ChecksumReply.FromString(content)
        return FileChecksum(file_stat(reply.info), reply.sha256, reply.bytes)

    async def upload(
        self,
        local: str | os.PathLike[str],
        path: PathLike,
        *,
        mode: WriteMode = "replace",
        permissions: int | None = None,
        durability: Durability = "none",
        expected_etag: bytes | None = None,
        name: str | None = None,
        attempts: int = 5,
        progress: Progress | None = None,
    ) -> FileStat:
        """Writes a file with what a file of this host holds, once all of it has come, by its SHA-256.

        Called again after it was interrupted, also by another process, it goes on where it was, as long as the broker
        has not given it up. `name` says what is the same upload: 1 to 128 of A-Z a-z 0-9 . _ ~ -; without it the same
        version of the same file of this host, to the same place in the same way.
        """
        written = as_bytes(path)
        write, _ = write_message(written, mode, permissions, durability, expected_etag, None)
        with await asyncio.to_thread(FileIO, os.fspath(local), "rb") as file:
            status = await asyncio.to_thread(os.fstat, file.fileno())
            upload = name or _upload_name(status, write)
            hashed = _HashedFile(file)
            patience = _Patience(attempts)
            while True:
                try:
                    present = await self._begin_upload(upload, write, written)
                    patience.came(present)
                    await asyncio.to_thread(hashed.hash_to, present)
                    await self._append(upload, hashed, present, status.st_size, progress)
                    return await self._finish_upload(upload, written, hashed.sha256, attempts)
                except BackendError as error:
                    patience.lost(error, ErrorCode.CONNECTION_CLOSED, ErrorCode.NOT_FOUND)

    async def abort_upload(self, name: str) -> bool:
        """Gives up an upload of that name: what came of it is removed. False: there is none."""
        message, more = field(1, name.encode()), changes(None, features.TRANSFERS)
        content, _ = await self._call(operations.UPLOAD_ABORT, message, name, more=more)
        return transfer_pb2.UploadAbortReply.FromString(content).aborted

    async def _begin_upload(self, upload: str, write: bytes, path: bytes) -> int:
        message, more = field(1, upload.encode()) + field(2, write), changes(None, features.TRANSFERS)
        content, _ = await self._call(operations.UPLOAD_BEGIN, message, as_text(path), more=more)
        return transfer_pb2.UploadReply.FromString(content).offset

    async def _append(self, upload: str, file: _HashedFile, offset: int, total: int, progress: Progress | None) -> None:
        """Sends all from an offset on."""
        blocks = _Blocks(file, offset)
        more = changes(None, features.TRANSFERS)
        while not blocks.are_over:
            message = field(1, upload.encode()) + number_field(2, blocks.offset)
            told = None if progress is None else functools.partial(_tell, progress, blocks.offset, total)
            await self._stream(operations.UPLOAD_APPEND, message, more, upload, blocks.of_one_call(), None, told)

    async def _finish_upload(self, upload: str, path: bytes, sha256: bytes, attempts: int) -> FileStat:
        """One that lost its answer is made again with the same key. A broker that does not know it may have done it
        before it was restarted: it did where the file has these bytes."""
        message = field(1, upload.encode()) + field(2, sha256)
        more = changes(features.new_key(), features.TRANSFERS)
        patience = _Patience(attempts)
        may_be_done = False
        while True:
            try:
                content, _ = await self._call(operations.UPLOAD_FINISH, message, upload, more=more)
                return file_stat(transfer_pb2.UploadFinishReply.FromString(content).info)
            except BackendError as error:
                if error.code == ErrorCode.NOT_FOUND and may_be_done:
                    stat = await self._stat_of(path, sha256)
                    if stat is not None:
                        return stat
                patience.lost(error, ErrorCode.CONNECTION_CLOSED)
                may_be_done = may_be_done or error.maybe_executed

    async def _stat_of(self, path: bytes, sha256: bytes) -> FileStat | None:
        """None: the file has other bytes, or there is none."""
        try:
            present = await self.checksum(path)
        except BackendError as error:
            if error.reason == ErrorReason.NOT_FOUND:
                return None
            raise
        return present.stat if present.sha256 == sha256 else None

    async def download(
        self,
        path: PathLike,
        local: str | os.PathLike[str],
        *,
        resume: bool = False,
        attempts: int = 5,
        progress: Progress | None = None,
    ) -> FileStat:
        """Writes a file of this host with what a file holds: it has the old bytes, or all of the new ones.

        What comes is compared by its SHA-256, and a file that becomes another version is `CONFLICT`. With `resume` what
        came stays beside the local file where it fails, and the next call goes on there.
        """
        target = Path(local)
        stat = await self.stat(path)
        part = target.with_name(f".{target.name}.{stat.etag.hex()}.part")
        keep = resume
        try:
            descriptor = await asyncio.to_thread(os.open, part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            with FileIO(descriptor, "r+b") as file:
                if not resume:
                    await asyncio.to_thread(file.truncate, 0)
                hashed = _HashedFile(file)
                await asyncio.to_thread(hashed.hash_to, stat.size)
                await self._fetch(path, hashed, stat, attempts, progress)
                sha256 = (await self._checksum_of(path, stat, attempts)).sha256
                if sha256 != hashed.sha256:
                    keep = False
                    raise _other_bytes(path)
                await asyncio.to_thread(file.truncate, hashed.count)
            await asyncio.to_thread(part.replace, target)
        except BaseException:
            if not keep:
                with contextlib.suppress(OSError):
                    part.unlink(missing_ok=True)
            raise
        return stat

    async def _fetch(
        self, path: PathLike, file: _HashedFile, stat: FileStat, attempts: int, progress: Progress | None
    ) -> None:
        """Reads all from where the file is."""
        patience = _Patience(attempts)
        patience.came(file.count)
        while True:
            try:
                async with await self.open_reader(path, offset=file.count) as reader:
                    if reader.stat is None:
                        raise strange_answer("read")
                    if reader.stat.etag != stat.etag:
                        raise _another_version(path)
                    async for piece in reader:
                        await asyncio.to_thread(file.write, piece)
                        patience.came(file.count)
                        if progress is not None:
                            progress(file.count, stat.size)
                return
            except BackendError as error:
                patience.lost(error, ErrorCode.CONNECTION_CLOSED)

    async def _checksum_of(self, path: PathLike, stat: FileStat, attempts: int) -> FileChecksum:
        patience = _Patience(attempts)
        while True:
            try:
                checksum = await self.checksum(path)
            except BackendError as error:
                patience.lost(error, ErrorCode.CONNECTION_CLOSED)
                continue
            if checksum.stat.etag != stat.etag:
                raise _another_version(path)
            return checksum


def _tell(progress: Progress, before: int, total: int, done: int, _: int | None) -> None:
    progress(before + done, total)


def _upload_name(status: os.stat_result, write: bytes) -> str:
    """The same for the same version of a file of this host, path and options."""
    version = f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns} "
    return hashlib.sha256(version.encode() + write).hexdigest()


def _another_version(path: PathLike) -> BackendError:
    return BackendError(
        f"{as_text(as_bytes(path))} became another version while it was read: read it again",
        ErrorCode.CONFLICT,
        "download",
    )


def _other_bytes(path: PathLike) -> BackendError:
    failure = BackendError(
        f"{as_text(as_bytes(path))} came with other bytes: read it again", ErrorCode.READ_FAILED, "download"
    )
    failure.reason = ErrorReason.IO
    return failure
