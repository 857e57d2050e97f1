"""What coding agents ask most, each answered by the broker in one round trip; and lines, edits, many files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent_broker._protos import files_pb2
from agent_broker._remote.view import View, changes
from agent_broker._session import operations
from agent_broker._session import options as features
from agent_broker._wire.faults import backend_error
from agent_broker.files import (
    ContentsOrError,
    DiskUsage,
    EditResult,
    FileContents,
    FoundFile,
    FoundFiles,
    GrepMatch,
    GrepResult,
    Lines,
    StatOrError,
    TextEdit,
    file_stat,
    found_file,
    grep_matches,
)
from agent_broker.paths import PathLike, as_bytes, as_text

_BATCH = 1000
"""Paths of one call, at most."""
_BATCH_BYTES = 100 << 10


class SearchOperations(View):
    """Every method raises `BackendError`."""

    async def glob(
        self,
        pattern: str,
        path: PathLike = "",
        *,
        all_kinds: bool = False,
        hidden: bool = False,
        details: bool = False,
        limit: int = 10_000,
    ) -> FoundFiles:
        """Files whose paths match `*` `?` `[a-z]` `[!a-z]` `{a,b}` `**`; a pattern without a slash, at any depth."""
        found = FoundFilesSoFar(limit)
        while found.wanted:
            message = files_pb2.Glob(
                pattern=as_bytes(pattern),
                path=as_bytes(path),
                all_kinds=all_kinds,
                hidden=hidden,
                details=details,
                after=found.next,
                limit=found.wanted,
            ).SerializeToString()
            content, _ = await self._call(operations.GLOB, message, pattern)
            found.add(files_pb2.GlobReply.FromString(content))
        return found.result()

    async def tree(
        self,
        path: PathLike = "",
        *,
        depth: int | None = None,
        excludes: Sequence[str] = (),
        hidden: bool = False,
        version_control: bool = False,
        details: bool = False,
        limit: int = 10_000,
    ) -> FoundFiles:
        """What is in a directory and in those in it, a directory before what is in it."""
        found = FoundFilesSoFar(limit)
        while found.wanted:
            message = files_pb2.Tree(
                path=as_bytes(path),
                depth=depth or 0,
                excludes=[as_bytes(exclude) for exclude in excludes],
                hidden=hidden,
                version_control=version_control,
                details=details,
                after=found.next,
                limit=found.wanted,
            ).SerializeToString()
            content, _ = await self._call(operations.TREE, message, as_text(as_bytes(path)))
            found.add(files_pb2.TreeReply.FromString(content))
        return found.result()

    async def grep(
        self,
        pattern: str | bytes,
        path: PathLike = "",
        *,
        regular_expression: bool = False,
        ignore_case: bool = False,
        includes: Sequence[str] = (),
        excludes: Sequence[str] = (),
        before: int = 0,
        after: int = 0,
        hidden: bool = False,
        version_control: bool = False,
        max_per_file: int | None = None,
        limit: int = 1000,
    ) -> GrepResult:
        """Lines that hold a text or, with `regular_expression`, match an expression of PCRE2."""
        matches: list[GrepMatch] = []
        skipped = 0
        cut = False
        position = b""
        while len(matches) < limit:
            message = files_pb2.Grep(
                pattern=as_bytes(pattern),
                regular_expression=regular_expression,
                ignore_case=ignore_case,
                path=as_bytes(path),
                includes=[as_bytes(include) for include in includes],
                excludes=[as_bytes(exclude) for exclude in excludes],
                context_before=before,
                context_after=after,
                hidden=hidden,
                version_control=version_control,
                max_per_file=max_per_file or 0,
                limit=min(limit - len(matches), 10_000),
                after=position,
            ).SerializeToString()
            content, _ = await self._call(operations.GREP, message, as_text(as_bytes(pattern)))
            reply = files_pb2.GrepReply.FromString(content)
            for file in reply.files:
                matches += grep_matches(file)
                cut = cut or file.truncated
            skipped += reply.skipped
            position = reply.next
            if not position:
                break
        return GrepResult(matches, cut or bool(position), skipped)

    async def edit(
        self,
        path: PathLike,
        edits: Iterable[TextEdit],
        *,
        expected_etag: bytes | None = None,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> EditResult:
        """Replaces texts in a file, one after the other, all of them or none.

        An old text that is not there raises `WRITE_FAILED` with reason `NO_MATCH`, one that is there more than once
        `NOT_UNIQUE`.
        """
        message = files_pb2.Edit(
            path=as_bytes(path),
            edits=[
                files_pb2.TextEdit(
                    old_text=as_bytes(edit.old), new_text=as_bytes(edit.new), replace_all=edit.replace_all
                )
                for edit in edits
            ],
            expected_etag=expected_etag or b"",
            dry_run=dry_run,
        ).SerializeToString()
        more = changes(idempotency_key, *((features.EXPECTED_ETAG,) if expected_etag is not None else ()))
        content, _ = await self._call(operations.EDIT, message, as_text(as_bytes(path)), more=more)
        reply = files_pb2.EditReply.FromString(content)
        diff = None if reply.diff_omitted else reply.diff.decode(errors="replace")
        return EditResult(file_stat(reply.info), list(reply.replacements), diff)

    async def read_lines(self, path: PathLike, offset: int = 0, limit: int | None = None) -> Lines:
        """Some lines of a file, at most 512 KiB, and how many it has. `offset` lines are passed over."""
        message = files_pb2.ReadLines(path=as_bytes(path), offset=offset, limit=limit or 0).SerializeToString()
        content, _ = await self._call(operations.READ_LINES, message, as_text(as_bytes(path)))
        reply = files_pb2.ReadLinesReply.FromString(content)
        return Lines(
            reply.text,
            reply.lines,
            reply.total_lines,
            reply.truncated,
            file_stat(reply.info),
        )

    async def stat_many(self, paths: Iterable[PathLike], *, follow_link: bool = True) -> list[StatOrError]:
        """What is at each path, in their order: what `stat` returns, or the error that it raises."""
        found: list[StatOrError] = []
        for batch in _batches(paths):
            message = files_pb2.StatMany(paths=batch, no_follow=not follow_link).SerializeToString()
            content, _ = await self._call(operations.STAT_MANY, message, as_text(batch[0]))
            for path, file in zip(batch, files_pb2.StatManyReply.FromString(content).files, strict=True):
                failed = file.WhichOneof("outcome") == "error"
                found.append(backend_error(file.error, as_text(path)) if failed else file_stat(file.info))
        return found

    async def read_many(
        self, paths: Iterable[PathLike], *, max_bytes_per_file: int | None = None
    ) -> list[ContentsOrError]:
        """The beginning of each file, in their order, 768 KiB in all per thousand of them; or why it is not there."""
        found: list[ContentsOrError] = []
        for batch in _batches(paths):
            message = files_pb2.ReadMany(paths=batch, max_bytes_per_file=max_bytes_per_file or 0).SerializeToString()
            content, _ = await self._call(operations.READ_MANY, message, as_text(batch[0]))
            for path, file in zip(batch, files_pb2.ReadManyReply.FromString(content).files, strict=True):
                if file.WhichOneof("outcome") == "error":
                    found.append(backend_error(file.error, as_text(path)))
                else:
                    part = file.contents
                    found.append(FileContents(part.contents, part.truncated, file_stat(part.info)))
        return found

    async def disk_usage(self, path: PathLike = "") -> DiskUsage:
        """Counts what is in a directory, or one file."""
        files = directories = size = allocated = skipped = 0
        after = b""
        while True:
            message = files_pb2.DiskUsage(path=as_bytes(path), after=after).SerializeToString()
            content, _ = await self._call(operations.DISK_USAGE, message, as_text(as_bytes(path)))
            reply = files_pb2.DiskUsageReply.FromString(content)
            files += reply.files
            directories += reply.directories
            size += reply.bytes
            allocated += reply.allocated_bytes
            skipped += reply.skipped
            after = reply.next
            if not after:
                return DiskUsage(files, directories, size, allocated, skipped)


class FoundFilesSoFar:
    """The pages of a search, put together."""

    def __init__(self, limit: int) -> None:
        self.next = b""
        self._limit = max(0, limit)
        self._files: list[FoundFile] = []
        self._skipped = 0
        self._complete = False

    @property
    def wanted(self) -> int:
        """How many more. 0: it is over."""
        return 0 if self._complete else self._limit - len(self._files)

    def add(self, reply: files_pb2.GlobReply | files_pb2.TreeReply) -> None:
        """Another page."""
        self._files += map(found_file, reply.files)
        self._skipped += reply.skipped
        self.next = reply.next
        self._complete = not reply.next

    def result(self) -> FoundFiles:
        """All of it."""
        return FoundFiles(self._files, not self._complete, self._skipped)


def _batches(paths: Iterable[PathLike]) -> Iterable[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for path in map(as_bytes, paths):
        if batch and (len(batch) == _BATCH or size + len(path) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(path)
        size += len(path)
    if batch:
        yield batch
