from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

BACKEND_TYPE_LOCAL_FILESYSTEM: BackendType
BACKEND_TYPE_MEMORY: BackendType
BACKEND_TYPE_REMOTE_FILESYSTEM: BackendType
BACKEND_TYPE_UNSPECIFIED: BackendType
DESCRIPTOR: _descriptor.FileDescriptor
FILE_TYPE_BLOCK_DEVICE: FileType
FILE_TYPE_CHARACTER_DEVICE: FileType
FILE_TYPE_DIRECTORY: FileType
FILE_TYPE_FIFO: FileType
FILE_TYPE_REGULAR: FileType
FILE_TYPE_SOCKET: FileType
FILE_TYPE_SYMBOLIC_LINK: FileType
FILE_TYPE_UNSPECIFIED: FileType

class EnvironmentVariable(_message.Message):
    __slots__ = ["name", "value"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: bytes
    value: bytes
    def __init__(self, name: _Optional[bytes] = ..., value: _Optional[bytes] = ...) -> None: ...

class FileInfo(_message.Message):
    __slots__ = ["etag", "modified_ns", "permissions", "size", "type"]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    MODIFIED_NS_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    etag: bytes
    modified_ns: int
    permissions: int
    size: int
    type: FileType
    def __init__(self, type: _Optional[_Union[FileType, str]] = ..., size: _Optional[int] = ..., modified_ns: _Optional[int] = ..., permissions: _Optional[int] = ..., etag: _Optional[bytes] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ["backend", "key", "lease", "scope_path"]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_PATH_FIELD_NUMBER: _ClassVar[int]
    backend: BackendType
    key: str
    lease: int
    scope_path: bytes
    def __init__(self, backend: _Optional[_Union[BackendType, str]] = ..., key: _Optional[str] = ..., scope_path: _Optional[bytes] = ..., lease: _Optional[int] = ...) -> None: ...

class BackendType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class FileType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
