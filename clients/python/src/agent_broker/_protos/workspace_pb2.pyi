from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeleteWorkspace(_message.Message):
    __slots__ = ["force", "key"]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    force: bool
    key: str
    def __init__(self, key: _Optional[str] = ..., force: bool = ...) -> None: ...

class DeleteWorkspaceReply(_message.Message):
    __slots__ = ["deleted"]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    deleted: bool
    def __init__(self, deleted: bool = ...) -> None: ...

class ListWorkspaces(_message.Message):
    __slots__ = ["after", "limit"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    after: str
    limit: int
    def __init__(self, after: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListWorkspacesReply(_message.Message):
    __slots__ = ["truncated", "workspaces"]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    WORKSPACES_FIELD_NUMBER: _ClassVar[int]
    truncated: bool
    workspaces: _containers.RepeatedCompositeFieldContainer[Workspace]
    def __init__(self, workspaces: _Optional[_Iterable[_Union[Workspace, _Mapping]]] = ..., truncated: bool = ...) -> None: ...

class Workspace(_message.Message):
    __slots__ = ["key", "live", "used_ns"]
    KEY_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    USED_NS_FIELD_NUMBER: _ClassVar[int]
    key: str
    live: bool
    used_ns: int
    def __init__(self, key: _Optional[str] = ..., live: bool = ..., used_ns: _Optional[int] = ...) -> None: ...
