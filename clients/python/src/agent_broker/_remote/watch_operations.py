"""What changes in a directory, told as it changes."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from agent_broker._protos import files_pb2
from agent_broker._remote.calls import StreamCall, strange_answer
from agent_broker._remote.connection import ReconnectingConnection
from agent_broker._remote.view import View
from agent_broker._session import operations
from agent_broker._session import options as features
from agent_broker._wire import decoding
from agent_broker._wire.encoding import field
from agent_broker.paths import PathLike, absolute, as_bytes, as_text

ChangeKind = Literal["created", "modified", "removed", "moved", "overflow", "unknown"]

_KINDS: dict[int, ChangeKind] = {
    files_pb2.WATCH_EVENT_KIND_CREATED: "created",
    files_pb2.WATCH_EVENT_KIND_MODIFIED: "modified",
    files_pb2.WATCH_EVENT_KIND_REMOVED: "removed",
    files_pb2.WATCH_EVENT_KIND_MOVED: "moved",
    files_pb2.WATCH_EVENT_KIND_OVERFLOW: "overflow",
}


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened. It may be told more than once; what is left out is an `overflow`."""

    kind: ChangeKind
    path: str
    """Beneath /workspace."""
    is_directory: bool
    moved_from: str | None
    """The path that it had."""
    missing: int
    """Of `overflow`: changes that are not told, as far as they could be counted. List what is there again."""


class Watch:
    """Changes as they happen: an asynchronous iterator, for one task.

    It ends when the directory itself is gone. One who reads too slowly is told so by an `overflow`. A lost connection
    ends it with `CONNECTION_CLOSED`: watch again, and list what is there.
    """

    def __init__(self, connection: ReconnectingConnection, call: StreamCall) -> None:
        self._connection = connection
        self._call = call
        self._changes: deque[Change] = deque()
        self._ended = False

    async def open(self) -> Watch:
        """Returns when all that happens from then on is told."""
        try:
            await self._receive()
        except BaseException:
            await self.close()
            raise
        return self

    def __aiter__(self) -> AsyncIterator[Change]:
        return self

    async def __anext__(self) -> Change:
        while not self._changes:
            if self._ended:
                raise StopAsyncIteration
            await self._receive()
        return self._changes.popleft()

    async def _receive(self) -> None:
        part = await self._call.take()
        if part.body == decoding.CHUNK and part.last:
            self._ended = True
            return
        if part.body != operations.WATCH.reply:
            raise strange_answer("watch")
        events = files_pb2.WatchEvents.FromString(part.content).events
        paths = bytearray(part.payload)
        length = sum(event.path_length + event.from_length for event in events)
        while len(paths) < length and not part.last:
            part = await self._call.take()
            if part.body != decoding.CHUNK:
                raise strange_answer("watch")
            paths += part.payload
        self._ended = part.last
        at = 0
        for event in events:
            path = bytes(paths[at : at + event.path_length])
            at += event.path_length
            before = bytes(paths[at : at + event.from_length])
            at += event.from_length
            if event.kind != files_pb2.WATCH_EVENT_KIND_READY:
                moved_from = absolute(before) if event.kind == files_pb2.WATCH_EVENT_KIND_MOVED else None
                kind = _KINDS.get(event.kind, "unknown")
                self._changes.append(Change(kind, absolute(path), event.is_directory, moved_from, event.missing))

    async def close(self) -> None:
        """Watches no more. Idempotent."""
        await self._connection.stop(self._call, wait=False)

    async def __aenter__(self) -> Watch:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class WatchOperations(View):
    """Every method raises `BackendError`."""

    async def watch(
        self,
        path: PathLike = "",
        *,
        recursive: bool = False,
        includes: Sequence[str] = (),
        excludes: Sequence[str] = (),
    ) -> Watch:
        """What changes in a directory, `recursive` also in those in it; see `Watch`. Patterns as those of `grep`."""
        name = as_bytes(path)
        message = files_pb2.Watch(
            path=name,
            recursive=recursive,
            includes=[as_bytes(include) for include in includes],
            excludes=[as_bytes(exclude) for exclude in excludes],
        ).SerializeToString()
        call = StreamCall(
            operations.WATCH, self._target, field(operations.WATCH.number, message), subject=as_text(name)
        )
        self._prepare(call, features.requires(features.WATCH))
        self._connection.begin(call)
        return await Watch(self._connection, call).open()
