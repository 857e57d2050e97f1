"""What operations tell of files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from agent_broker._protos import common_pb2, files_pb2
from agent_broker.errors import BackendError
from agent_broker.paths import absolute, as_text

FileType = Literal["file", "directory", "symlink", "fifo", "socket", "character-device", "block-device", "unknown"]

WriteMode = Literal["replace", "create", "append"]
"""`create` fails where there is a file; `append` adds to its end."""

Durability = Literal["none", "data", "full"]
"""What a successful write promises about a power cut: nothing, that the bytes are there, that the name is too."""

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are done, and with those there are in all where that is known."""

_TYPES: dict[int, FileType] = {
    common_pb2.FILE_TYPE_REGULAR: "file",
    common_pb2.FILE_TYPE_DIRECTORY: "directory",
    common_pb2.FILE_TYPE_SYMBOLIC_LINK: "symlink",
    common_pb2.FILE_TYPE_FIFO: "fifo",
    common_pb2.FILE_TYPE_SOCKET: "socket",
    common_pb2.FILE_TYPE_CHARACTER_DEVICE: "character-device",
    common_pb2.FILE_TYPE_BLOCK_DEVICE: "block-device",
}


@dataclass(frozen=True, slots=True)
class FileStat:
    """What is at a path."""

    is_file: bool
    is_directory: bool
    size: int
    """Bytes."""
    modified: float
    """Seconds since 1970."""
    type: FileType = "unknown"
    permissions: int = 0
    """Bits, 0 to 0o7777."""
    etag: bytes = b""
    """Of a file: names this version of it, for `expected_etag`."""
    modified_ns: int = 0


def file_stat(info: common_pb2.FileInfo) -> FileStat:
    """From the wire."""
    kind = _TYPES.get(info.type, "unknown")
    return FileStat(
        is_file=kind == "file",
        is_directory=kind == "directory",
        size=info.size,
        modified=info.modified_ns / 1e9,
        type=kind,
        permissions=info.permissions,
        etag=info.etag,
        modified_ns=info.modified_ns,
    )


@dataclass(frozen=True, slots=True)
class FoundFile:
    """Something that a search came upon. `stat` is None where it was not asked for, or the file vanished."""

    path: str
    """Beneath /workspace."""
    type: FileType
    stat: FileStat | None


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """What a search found, in the order of names."""

    files: list[FoundFile]
    truncated: bool
    """There may be more."""
    skipped: int
    """Directories that could not be read, and files that cannot be named."""


def found_file(found: files_pb2.FoundFile) -> FoundFile:
    """From the wire."""
    stat = file_stat(found.info) if found.HasField("info") else None
    return FoundFile(absolute(found.path), _TYPES.get(found.type, "unknown"), stat)


@dataclass(frozen=True, slots=True)
class GrepMatch:
    """A line that matches."""

    path: str
    """Beneath /workspace."""
    line: int
    """Counted from 1."""
    text: str
    """Without its newline; the first 4096 bytes of a long one."""
    before: list[str]
    after: list[str]


@dataclass(frozen=True, slots=True)
class GrepResult:
    """What a search for lines found, files in the order of names."""

    matches: list[GrepMatch]
    truncated: bool
    """There may be more."""
    skipped: int
    """Directories and files that could not be read."""


def grep_matches(file: files_pb2.GrepFile) -> list[GrepMatch]:
    """From the wire."""
    path = absolute(file.path)
    return [
        GrepMatch(
            path,
            match.line,
            match.text.decode(errors="replace"),
            [line.decode(errors="replace") for line in match.before],
            [line.decode(errors="replace") for line in match.after],
        )
        for match in file.matches
    ]


@dataclass(frozen=True, slots=True)
class TextEdit:
    """A text that is there once, or with `replace_all` any number of times, and what takes its place."""

    old: str | bytes
    new: str | bytes
    replace_all: bool = False


@dataclass(frozen=True, slots=True)
class EditResult:
    """What edits did."""

    stat: FileStat
    """After them; of a dry run, as it is."""
    replacements: list[int]
    """How many texts each of them replaced."""
    diff: str | None
    """As of diff(1), unified. None: it would be too long."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines of a file."""

    content: bytes
    """Each with its newline."""
    count: int
    total: int
    """How many the file has."""
    truncated: bool
    """There was no room for all that were asked for."""
    stat: FileStat

    @property
    def text(self) -> str:
        """The lines; what is not UTF-8 is replaced."""
        return self.content.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A name in a directory. `stat` is None where the file vanished meanwhile."""

    name: str
    stat: FileStat | None


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """What is in a directory, hidden names included, or one file. Bytes."""

    files: int
    directories: int
    bytes: int
    allocated_bytes: int
    skipped: int


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What was copied; directories do not count."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class FileContents:
    """The beginning of a file, or all of it."""

    content: bytes
    truncated: bool
    """It has more."""
    stat: FileStat


StatOrError = FileStat | BackendError
ContentsOrError = FileContents | BackendError


def entry(found: files_pb2.DirectoryEntry) -> DirectoryEntry:
    """From the wire."""
    return DirectoryEntry(as_text(found.name), file_stat(found.info) if found.HasField("info") else None)
