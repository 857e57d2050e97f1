from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Optional as _Optional, Union as _Union

ARCHIVE_COMPRESSION_GZIP: ArchiveCompression
ARCHIVE_COMPRESSION_NONE: ArchiveCompression
ARCHIVE_COMPRESSION_ZSTD: ArchiveCompression
DESCRIPTOR: _descriptor.FileDescriptor

class Archive(_message.Message):
    __slots__ = ["compression", "excludes", "path"]
    COMPRESSION_FIELD_NUMBER: _ClassVar[int]
    EXCLUDES_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    compression: ArchiveCompression
    excludes: _containers.RepeatedScalarFieldContainer[bytes]
    path: bytes
    def __init__(self, path: _Optional[bytes] = ..., compression: _Optional[_Union[ArchiveCompression, str]] = ..., excludes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ArchiveReply(_message.Message):
    __slots__ = ["bytes", "changed", "entries", "skipped"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    changed: int
    entries: int
    skipped: int
    def __init__(self, entries: _Optional[int] = ..., bytes: _Optional[int] = ..., skipped: _Optional[int] = ..., changed: _Optional[int] = ...) -> None: ...

class Extract(_message.Message):
    __slots__ = ["keep_existing", "path"]
    KEEP_EXISTING_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    keep_existing: bool
    path: bytes
    def __init__(self, path: _Optional[bytes] = ..., keep_existing: bool = ...) -> None: ...

class ExtractReply(_message.Message):
    __slots__ = ["bytes", "directories", "files", "links"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    directories: int
    files: int
    links: int
    def __init__(self, files: _Optional[int] = ..., directories: _Optional[int] = ..., links: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class ArchiveCompression(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
