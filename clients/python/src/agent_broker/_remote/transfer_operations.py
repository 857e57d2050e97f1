"""Files in pieces: larger than memory, with back-pressure."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from types import TracebackType

from agent_broker._protos import files_pb2
from agent_broker._remote.calls import StreamCall, UnaryCall, strange_answer
from agent_broker._remote.command import StandardInput
from agent_broker._remote.connection import ReconnectingConnection
from agent_broker._remote.file_operations import write_message
from agent_broker._remote.view import View
from agent_broker._session import operations
from agent_broker._wire import decoding
from agent_broker._wire.encoding import field, number_field
from agent_broker.errors import BackendError, ErrorCode
from agent_broker.files import Durability, FileStat, Progress, WriteMode, file_stat
from agent_broker.paths import PathLike, as_bytes, as_text

Source = AsyncIterable[bytes] | Iterable[bytes]
"""Pieces of a file."""


class FileReader:
    """A file that is read from front to back: an asynchronous iterator of its pieces, for one task.

    The broker sends no more than the window of a call (1 MiB) ahead of what is read.
    """

    def __init__(self, connection: ReconnectingConnection, call: StreamCall) -> None:
        self._connection = connection
        self._call = call
        self._piece: bytes | None = None
        self._complete = False
        self.stat: FileStat | None = None
        """Of the file, once it is open."""

    async def open(self) -> FileReader:
        """Returns when the first bytes are here."""
        try:
            part = await self._call.take()
            if part.body != operations.READ.reply:
                raise strange_answer("read")
        except BaseException:
            await self.close()
            raise
        self.stat = file_stat(files_pb2.ReadReply.FromString(part.content).info)
        self._piece, self._complete = part.payload, part.last
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece, self._piece = self._piece, None
        while not piece:
            if self._complete:
                raise StopAsyncIteration
            part = await self._call.take()
            if part.body != decoding.CHUNK:
                raise strange_answer("read")
            piece, self._complete = part.payload, part.last
        return piece

    async def close(self) -> None:
        """Reads no more. Idempotent."""
        await self._connection.stop(self._call, wait=False)

    async def __aenter__(self) -> FileReader:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class TransferOperations(View):
    """Every method raises `BackendError`, and what a source or a progress callback raises."""

    async def open_reader(self, path: PathLike, *, offset: int = 0, length: int | None = None) -> FileReader:
        """Opens a file to read it in pieces; see `FileReader`. `length` is at least 1."""
        if length is not None and length < 1:
            raise BackendError("a range of no bytes: ask for one", ErrorCode.INVALID_ARGUMENT, "read")
        name = as_bytes(path)
        message = field(1, name) + number_field(2, offset) + number_field(3, length or 0)
        call = StreamCall(operations.READ, self._target, field(operations.READ.number, message), subject=as_text(name))
        self._prepare(call)
        self._connection.begin(call)
        return await FileReader(self._connection, call).open()

    async def write_from(
        self,
        path: PathLike,
        source: Source,
        *,
        mode: WriteMode = "replace",
        permissions: int | None = None,
        durability: Durability = "none",
        expected_etag: bytes | None = None,
        total: int | None = None,
        progress: Progress | None = None,
    ) -> FileStat:
        """Writes a file from pieces, which take effect together at their end, or not at all.

        A piece is asked for when the broker has taken the one before; a plain iterable must not block over it.
        `total` is for `progress` alone.
        """
        name = as_bytes(path)
        message, more = write_message(name, mode, permissions, durability, expected_etag, None)
        reply = await self._stream(operations.WRITE, message, more, as_text(name), source, total, progress)
        return file_stat(files_pb2.WriteReply.FromString(reply).info)

    async def _stream(
        self,
        operation: operations.Operation,
        message: bytes,
        more: bytes,
        subject: str,
        source: Source,
        total: int | None,
        progress: Progress | None,
    ) -> bytes:
        """A call whose payload comes from a source. Returns the message of its answer."""
        call = UnaryCall(operation, self._target, field(operation.number, message), subject=subject)
        call.whole = False
        call.writes = []
        self._prepare(call, more)
        logged = self._logged(operation.name, subject) if self._logger is not None else None
        try:
            reply = await self._feed(call, source, total, progress)
        except BaseException as error:
            if logged is not None:
                logged.ended(error)
            raise
        if logged is not None:
            logged.ended()
        return reply

    async def _feed(self, call: UnaryCall, source: Source, total: int | None, progress: Progress | None) -> bytes:
        stream = StandardInput(self._connection, call)
        done = 0

        def sent(count: int) -> None:
            nonlocal done
            done += count
            if progress is not None:
                progress(done, total)

        self._connection.begin(call)
        try:
            async for piece in _pieces(source):
                # A broker that refuses the file is heard here.
                if piece and not await stream.write(piece, sent=sent):
                    break
            await stream.write(b"", last=True)
            content, _ = await call.future
        except BaseException:
            await self._connection.stop(call, wait=True)
            raise
        return content


async def _pieces(source: Source) -> AsyncIterator[bytes]:
    if isinstance(source, AsyncIterable):
        async for piece in source:
            yield piece
    else:
        for piece in source:
            yield piece
