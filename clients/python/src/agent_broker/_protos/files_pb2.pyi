from agent_broker._protos import common_pb2 as _common_pb2
from agent_broker._protos import error_pb2 as _error_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
DURABILITY_DATA: Durability
DURABILITY_FULL: Durability
DURABILITY_NONE: Durability
WATCH_EVENT_KIND_CREATED: WatchEventKind
WATCH_EVENT_KIND_MODIFIED: WatchEventKind
WATCH_EVENT_KIND_MOVED: WatchEventKind
WATCH_EVENT_KIND_OVERFLOW: WatchEventKind
WATCH_EVENT_KIND_READY: WatchEventKind
WATCH_EVENT_KIND_REMOVED: WatchEventKind
WATCH_EVENT_KIND_UNSPECIFIED: WatchEventKind
WRITE_MODE_APPEND: WriteMode
WRITE_MODE_CREATE_ONLY: WriteMode
WRITE_MODE_REPLACE: WriteMode

class Chmod(_message.Message):
    __slots__ = ["path", "permissions"]
    PATH_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    permissions: int
    def __init__(self, path: _Optional[bytes] = ..., permissions: _Optional[int] = ...) -> None: ...

class ChmodReply(_message.Message):
    __slots__ = ["info"]
    INFO_FIELD_NUMBER: _ClassVar[int]
    info: _common_pb2.FileInfo
    def __init__(self, info: _Optional[_Union[_common_pb2.FileInfo, _Mapping]] = ...) -> None: ...

class Copy(_message.Message):
    __slots__ = ["destination", "expected_etag", "no_replace", "path", "recursive"]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ETAG_FIELD_NUMBER: _ClassVar[int]
    NO_REPLACE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    destination: bytes
    expected_etag: bytes
    no_replace: bool
    path: bytes
    recursive: bool
    def __init__(self, path: _Optional[bytes] = ..., destination: _Optional[bytes] = ..., recursive: bool = ..., no_replace: bool = ..., expected_etag: _Optional[bytes] = ...) -> None: ...

class CopyReply(_message.Message):
    __slots__ = ["bytes", "files"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    files: int
    def __init__(self, files: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class DirectoryEntry(_message.Message):
    __slots__ = ["info", "name"]
    INFO_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    info: _common_pb2.FileInfo
    name: bytes
    def __init__(self, name: _Optional[bytes] = ..., info: _Optional[_Union[_common_pb2.FileInfo, _Mapping]] = ...) -> None: ...

class DiskUsage(_message.Message):
    __slots__ = ["after", "limit", "path"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    after: bytes
    limit: int
    path: bytes
    def __init__(self, path: _Optional[bytes] = ..., after: _Optional[bytes] = ..., limit: _Optional[int] = ...) -> None: ...

class DiskUsageReply(_message.Message):
    __slots__ = ["allocated_bytes", "bytes", "directories", "files", "next", "skipped"]
    ALLOCATED_BYTES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    allocated_bytes: int
    bytes: int
    directories: int
    files: int
    next: bytes
    skipped: int
    def __init__(self, files: _Optional[int] = ..., directories: _Optional[int] = ..., bytes: _Optional[int] = ..., allocated_bytes: _Optional[int] = ..., skipped: _Optional[int] = ..., next: _Optional[bytes] = ...) -> None: ...

class Edit(_message.Message):
    __slots__ = ["dry_run", "edits", "expected_etag", "path"]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    EDITS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ETAG_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    dry_run: bool
    edits: _containers.RepeatedCompositeFieldContainer[TextEdit]
    expected_etag: bytes
    path: bytes
    def __init__(self, path: _Optional[bytes] = ..., edits: _Optional[_Iterable[_Union[TextEdit, _Mapping]]] = ..., expected_etag: _Optional[bytes] = ..., dry_run: bool = ...) -> None: ...

class EditReply(_message.Message):
    __slots__ = ["diff", "diff_omitted", "info", "replacements"]
    DIFF_FIELD_NUMBER: _ClassVar[int]
    DIFF_OMITTED_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    REPLACEMENTS_FIELD_NUMBER: _ClassVar[int]
    diff: bytes
    diff_omitted: bool
    info: _common_pb2.FileInfo
    replacements: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, info: _Optional[_Union[_common_pb2.FileInfo, _Mapping]] = ..., replacements: _Optional[_Iterable[int]] = ..., diff: _Optional[bytes] = ..., diff_omitted: bool = ...) -> None: ...

class Exists(_message.Message):
    __slots__ = ["path"]
    PATH_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    def __init__(self, path: _Optional[bytes] = ...) -> None: ...

class ExistsReply(_message.Message):
    __slots__ = ["exists"]
    EXISTS_FIELD_NUMBER: _ClassVar[int]
    exists: bool
    def __init__(self, exists: bool = ...) -> None: ...

class FileContents(_message.Message):
    __slots__ = ["contents", "info", "truncated"]
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    contents: bytes
    info: _common_pb2.FileInfo
    truncated: bool
    def __init__(self, info: _Optional[_Union[_common_pb2.FileInfo, _Mapping]] = ..., contents: _Optional[bytes] = ..., truncated: bool = ...) -> None: ...

class FileContentsOrError(_message.Message):
    __slots__ = ["contents", "error"]
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    contents: FileContents
    error: _error_pb2.Error
    def __init__(self, contents: _Optional[_Union[FileContents, _Mapping]] = ..., error: _Optional[_Union[_error_pb2.Error, _Mapping]] = ...) -> None: ...

class FileInfoOrError(_message.Message):
    __slots__ = ["error", "info"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    error: _error_pb2.Error
    info: _common_pb2.FileInfo
    def __init__(self, info: _Optional[_Union[_common_pb2.FileInfo, _Mapping]] = ..., error: _Optional[_Union[_error_pb2.Error, _Mapping]] = ...) -> None: ...

class FoundFile(_message.Message):
    __slots__ = ["info", "path", "type"]
    INFO_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    info: _common_pb2.FileInfo
    path: bytes
    type: _common_pb2.FileType
    def __init__(self, path: _Optional[bytes] = ..., type: _Optional[_Union[_common_pb2.FileType, str]] = ..., info: _Optional[_Union[_common_pb2.FileInfo, _Mapping]] = ...) -> None: ...

class Glob(_message.Message):
    __slots__ = ["after", "all_kinds", "details", "hidden", "limit", "path", "pattern"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    ALL_KINDS_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    after: bytes
    all_kinds: bool
    details: bool
    hidden: bool
    limit: int
    path: bytes
    pattern: bytes
    def __init__(self, pattern: _Optional[bytes] = ..., path: _Optional[bytes] = ..., all_kinds: bool = ..., hidden: bool = ..., details: bool = ..., after: _Optional[bytes] = ..., limit: _Optional[int] = ...) -> None: ...

class GlobReply(_message.Message):
    __slots__ = ["files", "next", "skipped"]
    FILES_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[FoundFile]
    next: bytes
    skipped: int
    def __init__(self, files: _Optional[_Iterable[_Union[FoundFile, _Mapping]]] = ..., next: _Optional[bytes] = ..., skipped: _Optional[int] = ...) -> None: ...

class Grep(_message.Message):
    __slots__ = ["after", "context_after", "context_before", "excludes", "hidden", "ignore_case", "includes", "limit", "max_per_file", "path", "pattern", "regular_expression", "version_control"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_AFTER_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    EXCLUDES_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    IGNORE_CASE_FIELD_NUMBER: _ClassVar[int]
    INCLUDES_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    MAX_PER_FILE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    REGULAR_EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    VERSION_CONTROL_FIELD_NUMBER: _ClassVar[int]
    after: bytes
    context_after: int
    context_before: int
    excludes: _containers.RepeatedScalarFieldContainer[bytes]
    hidden: bool
    ignore_case: bool
    includes: _containers.RepeatedScalarFieldContainer[bytes]
    limit: int
    max_per_file: int
    path: bytes
    pattern: bytes
    regular_expression: bool
    version_control: bool
    def __init__(self, pattern: _Optional[bytes] = ..., regular_expression: bool = ..., ignore_case: bool = ..., path: _Optional[bytes] = ..., includes: _Optional[_Iterable[bytes]] = ..., excludes: _Optional[_Iterable[bytes]] = ..., context_before: _Optional[int] = ..., context_after: _Optional[int] = ..., hidden: bool = ..., version_control: bool = ..., max_per_file: _Optional[int] = ..., limit: _Optional[int] = ..., after: _Optional[bytes] = ...) -> None: ...

class GrepFile(_message.Message):
    __slots__ = ["matches", "path", "truncated"]
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    matches: _containers.RepeatedCompositeFieldContainer[GrepMatch]
    path: bytes
    truncated: bool
    def __init__(self, path: _Optional[bytes] = ..., matches: _Optional[_Iterable[_Union[GrepMatch, _Mapping]]] = ..., truncated: bool = ...) -> None: ...

class GrepMatch(_message.Message):
    __slots__ = ["after", "before", "line", "text"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    after: _containers.RepeatedScalarFieldContainer[bytes]
    before: _containers.RepeatedScalarFieldContainer[bytes]
    line: int
    text: bytes
    def __init__(self, line: _Optional[int] = ..., text: _Optional[bytes] = ..., before: _Optional[_Iterable[bytes]] = ..., after: _Optional[_Iterable[bytes]] = ...) -> None: ...

class GrepReply(_message.Message):
    __slots__ = ["files", "next", "skipped", "undecided"]
    FILES_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    UNDECIDED_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[GrepFile]
    next: bytes
    skipped: int
    undecided: int
    def __init__(self, files: _Optional[_Iterable[_Union[GrepFile, _Mapping]]] = ..., next: _Optional[bytes] = ..., skipped: _Optional[int] = ..., undecided: _Optional[int] = ...) -> None: ...

class Mkdir(_message.Message):
    __slots__ = ["path", "permissions", "recursive"]
    PATH_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    permissions: int
    recursive: bool
    def __init__(self, path: _Optional[bytes] = ..., recursive: bool = ..., permissions: _Optional[int] = ...) -> None: ...

class MkdirReply(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Read(_message.Message):
    __slots__ = ["length", "offset", "path"]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    length: int
    offset: int
    path: bytes
    def __init__(self, path: _Optional[bytes] = ..., offset: _Optional[int] = ..., length: _Optional[int] = ...) -> None: ...

class ReadLines(_message.Message):
    __slots__ = ["limit", "offset", "path"]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    limit: int
    offset: int
    path: bytes
    def __init__(self, path: _Optional[bytes] = ..., offset: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ReadLinesReply(_message.Message):
    __slots__ = ["info", "lines", "text", "total_lines", "truncated"]
    INFO_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_LINES_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    info: _common_pb2.FileInfo
    lines: int
    text: bytes
    total_lines: int
    truncated: bool
    def __init__(self, info: _Optional[_Union[_common_pb2.FileInfo, _Mapping]] = ..., text: _Optional[bytes] = ..., lines: _Optional[int] = ..., total_lines: _Optional[int] = ..., truncated: bool = ...) -> None: ...

class ReadMany(_message.Message):
    __slots__ = ["max_bytes_per_file", "paths"]
    MAX_BYTES_PER_FILE_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    max_bytes_per_file: int
    paths: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, paths: _Optional[_Iterable[bytes]] = ..., max_bytes_per_file: _Optional[int] = ...) -> None: ...

class ReadManyReply(_message.Message):
    __slots__ = ["files"]
    FILES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[FileContentsOrError]
    def __init__(self, files: _Optional[_Iterable[_Union[FileContentsOrError, _Mapping]]] = ...) -> None: ...

class ReadReply(_message.Message):
    __slots__ = ["info"]
    INFO_FIELD_NUMBER: _ClassVar[int]
    info: _common_pb2.FileInfo
    def __init__(self, info: _Optional[_Union[_common_pb2.FileInfo, _Mapping]] = ...) -> None: ...

class Readdir(_message.Message):
    __slots__ = ["after", "details", "limit", "path"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    after: bytes
    details: bool
    limit: int
    path: bytes
    def __init__(self, path: _Optional[bytes] = ..., details: bool = ..., after: _Optional[bytes] = ..., limit: _Optional[int] = ...) -> None: ...

class ReaddirReply(_message.Message):
    __slots__ = ["entries", "truncated"]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[DirectoryEntry]
    truncated: bool
    def __init__(self, entries: _Optional[_Iterable[_Union[DirectoryEntry, _Mapping]]] = ..., truncated: bool = ...) -> None: ...

class Rename(_message.Message):
    __slots__ = ["destination", "expected_etag", "no_replace", "path"]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ETAG_FIELD_NUMBER: _ClassVar[int]
    NO_REPLACE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    destination: bytes
    expected_etag: bytes
    no_replace: bool
    path: bytes
    def __init__(self, path: _Optional[bytes] = ..., destination: _Optional[bytes] = ..., no_replace: bool = ..., expected_etag: _Optional[bytes] = ...) -> None: ...

class RenameReply(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Rm(_message.Message):
    __slots__ = ["expected_etag", "force", "path", "recursive"]
    EXPECTED_ETAG_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    expected_etag: bytes
    force: bool
    path: bytes
    recursive: bool
    def __init__(self, path: _Optional[bytes] = ..., recursive: bool = ..., force: bool = ..., expected_etag: _Optional[bytes] = ...) -> None: ...

class RmReply(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Stat(_message.Message):
    __slots__ = ["no_follow", "path"]
    NO_FOLLOW_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    no_follow: bool
    path: bytes
    def __init__(self, path: _Optional[bytes] = ..., no_follow: bool = ...) -> None: ...

class StatMany(_message.Message):
    __slots__ = ["no_follow", "paths"]
    NO_FOLLOW_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    no_follow: bool
    paths: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, paths: _Optional[_Iterable[bytes]] = ..., no_follow: bool = ...) -> None: ...

class StatManyReply(_message.Message):
    __slots__ = ["files"]
    FILES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[FileInfoOrError]
    def __init__(self, files: _Optional[_Iterable[_Union[FileInfoOrError, _Mapping]]] = ...) -> None: ...

class StatReply(_message.Message):
    __slots__ = ["info"]
    INFO_FIELD_NUMBER: _ClassVar[int]
    info: _common_pb2.FileInfo
    def __init__(self, info: _Optional[_Union[_common_pb2.FileInfo, _Mapping]] = ...) -> None: ...

class Symlink(_message.Message):
    __slots__ = ["path", "target"]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    target: bytes
    def __init__(self, path: _Optional[bytes] = ..., target: _Optional[bytes] = ...) -> None: ...

class SymlinkReply(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class TextEdit(_message.Message):
    __slots__ = ["new_text", "old_text", "replace_all"]
    NEW_TEXT_FIELD_NUMBER: _ClassVar[int]
    OLD_TEXT_FIELD_NUMBER: _ClassVar[int]
    REPLACE_ALL_FIELD_NUMBER: _ClassVar[int]
    new_text: bytes
    old_text: bytes
    replace_all: bool
    def __init__(self, old_text: _Optional[bytes] = ..., new_text: _Optional[bytes] = ..., replace_all: bool = ...) -> None: ...

class Touch(_message.Message):
    __slots__ = ["path"]
    PATH_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    def __init__(self, path: _Optional[bytes] = ...) -> None: ...

class TouchReply(_message.Message):
    __slots__ = ["info"]
    INFO_FIELD_NUMBER: _ClassVar[int]
    info: _common_pb2.FileInfo
    def __init__(self, info: _Optional[_Union[_common_pb2.FileInfo, _Mapping]] = ...) -> None: ...

class Tree(_message.Message):
    __slots__ = ["after", "depth", "details", "excludes", "hidden", "limit", "path", "version_control"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDES_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    VERSION_CONTROL_FIELD_NUMBER: _ClassVar[int]
    after: bytes
    depth: int
    details: bool
    excludes: _containers.RepeatedScalarFieldContainer[bytes]
    hidden: bool
    limit: int
    path: bytes
    version_control: bool
    def __init__(self, path: _Optional[bytes] = ..., depth: _Optional[int] = ..., excludes: _Optional[_Iterable[bytes]] = ..., hidden: bool = ..., version_control: bool = ..., details: bool = ..., after: _Optional[bytes] = ..., limit: _Optional[int] = ...) -> None: ...

class TreeReply(_message.Message):
    __slots__ = ["files", "next", "skipped"]
    FILES_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[FoundFile]
    next: bytes
    skipped: int
    def __init__(self, files: _Optional[_Iterable[_Union[FoundFile, _Mapping]]] = ..., next: _Optional[bytes] = ..., skipped: _Optional[int] = ...) -> None: ...

class Watch(_message.Message):
    __slots__ = ["excludes", "includes", "path", "recursive"]
    EXCLUDES_FIELD_NUMBER: _ClassVar[int]
    INCLUDES_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    excludes: _containers.RepeatedScalarFieldContainer[bytes]
    includes: _containers.RepeatedScalarFieldContainer[bytes]
    path: bytes
    recursive: bool
    def __init__(self, path: _Optional[bytes] = ..., recursive: bool = ..., includes: _Optional[_Iterable[bytes]] = ..., excludes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class WatchEvent(_message.Message):
    __slots__ = ["from_length", "is_directory", "kind", "missing", "path_length"]
    FROM_LENGTH_FIELD_NUMBER: _ClassVar[int]
    IS_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    PATH_LENGTH_FIELD_NUMBER: _ClassVar[int]
    from_length: int
    is_directory: bool
    kind: WatchEventKind
    missing: int
    path_length: int
    def __init__(self, kind: _Optional[_Union[WatchEventKind, str]] = ..., is_directory: bool = ..., path_length: _Optional[int] = ..., from_length: _Optional[int] = ..., missing: _Optional[int] = ...) -> None: ...

class WatchEvents(_message.Message):
    __slots__ = ["events"]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[WatchEvent]
    def __init__(self, events: _Optional[_Iterable[_Union[WatchEvent, _Mapping]]] = ...) -> None: ...

class Write(_message.Message):
    __slots__ = ["durability", "expected_etag", "mode", "path", "permissions"]
    DURABILITY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ETAG_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    durability: Durability
    expected_etag: bytes
    mode: WriteMode
    path: bytes
    permissions: int
    def __init__(self, path: _Optional[bytes] = ..., mode: _Optional[_Union[WriteMode, str]] = ..., permissions: _Optional[int] = ..., durability: _Optional[_Union[Durability, str]] = ..., expected_etag: _Optional[bytes] = ...) -> None: ...

class WriteReply(_message.Message):
    __slots__ = ["info"]
    INFO_FIELD_NUMBER: _ClassVar[int]
    info: _common_pb2.FileInfo
    def __init__(self, info: _Optional[_Union[_common_pb2.FileInfo, _Mapping]] = ...) -> None: ...

class WriteMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Durability(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class WatchEventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
