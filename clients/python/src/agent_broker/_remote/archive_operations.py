"""Directories as tar archives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from agent_broker._protos import archive_pb2
from agent_broker._remote.calls import Part, StreamCall, strange_answer
from agent_broker._remote.connection import ReconnectingConnection
from agent_broker._remote.transfer_operations import Source, TransferOperations
from agent_broker._session import operations
from agent_broker._session import options as features
from agent_broker._wire import decoding
from agent_broker._wire.encoding import field
from agent_broker.files import Progress
from agent_broker.paths import PathLike, as_bytes, as_text

Compression = Literal["none", "gzip", "zstd"]

_COMPRESSIONS = {
    "none": archive_pb2.ARCHIVE_COMPRESSION_NONE,
    "gzip": archive_pb2.ARCHIVE_COMPRESSION_GZIP,
    "zstd": archive_pb2.ARCHIVE_COMPRESSION_ZSTD,
}


@dataclass(frozen=True, slots=True)
class ArchiveResult:
    """What went into an archive."""

    entries: int
    """Files, directories and symbolic links."""
    bytes: int
    """Of the files, before compression."""
    skipped: int
    """What could not be read, and what is neither file, directory nor symbolic link."""
    changed: int
    """Files that changed while they were read."""


@dataclass(frozen=True, slots=True)
class ExtractResult:
    """What came out of an archive."""

    files: int
    directories: int
    links: int
    bytes: int


class ArchiveReader:
    """An archive as it comes: an asynchronous iterator of its pieces, for one task. At their end `result` says more."""

    def __init__(self, connection: ReconnectingConnection, call: StreamCall) -> None:
        self._connection = connection
        self._call = call
        self._first: Part | None = None
        self.result: ArchiveResult | None = None
        """None: not all of it has been read."""

    async def open(self) -> ArchiveReader:
        """Returns when the first bytes are here."""
        try:
            self._first = await self._call.take()
        except BaseException:
            await self.close()
            raise
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while self.result is None:
            part, self._first = self._first or await self._call.take(), None
            if part.last:
                if part.body != operations.ARCHIVE.reply:
                    raise strange_answer("archive")
                reply = archive_pb2.ArchiveReply.FromString(part.content)
                self.result = ArchiveResult(reply.entries, reply.bytes, reply.skipped, reply.changed)
            elif part.body != decoding.CHUNK:
                raise strange_answer("archive")
            if part.payload:
                return part.payload
        raise StopAsyncIteration

    async def close(self) -> None:
        """Reads no more. Idempotent."""
        await self._connection.stop(self._call, wait=False)

    async def __aenter__(self) -> ArchiveReader:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class ArchiveOperations(TransferOperations):
    """Every method raises `BackendError`."""

    async def archive(
        self, path: PathLike = "", *, compression: Compression = "none", excludes: Sequence[str] = ()
    ) -> ArchiveReader:
        """A directory, or one file, as a tar archive; see `ArchiveReader`. The same files give the same bytes."""
        name = as_bytes(path)
        message = archive_pb2.Archive(
            path=name,
            compression=_COMPRESSIONS[compression],
            excludes=[as_bytes(exclude) for exclude in excludes],
        ).SerializeToString()
        head = field(operations.ARCHIVE.number, message)
        call = StreamCall(operations.ARCHIVE, self._target, head, subject=as_text(name))
        self._prepare(call, features.requires(features.ARCHIVES))
        self._connection.begin(call)
        return await ArchiveReader(self._connection, call).open()

    async def extract(
        self,
        path: PathLike,
        source: Source,
        *,
        keep_existing: bool = False,
        total: int | None = None,
        progress: Progress | None = None,
    ) -> ExtractResult:
        """Extracts a tar archive, plain or compressed, into a directory. One that leads outside is refused as a whole.

        With `keep_existing` it is an error where something would be replaced. `total` is for `progress` alone.
        """
        name = as_bytes(path)
        message = archive_pb2.Extract(path=name, keep_existing=keep_existing).SerializeToString()
        more = features.requires(features.ARCHIVES)
        content = await self._stream(operations.EXTRACT, message, more, as_text(name), source, total, progress)
        reply = archive_pb2.ExtractReply.FromString(content)
        return ExtractResult(reply.files, reply.directories, reply.links, reply.bytes)
