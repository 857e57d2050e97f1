from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

AUDIT_KIND_CALL: AuditKind
AUDIT_KIND_END: AuditKind
AUDIT_KIND_INTENT: AuditKind
AUDIT_KIND_UNSPECIFIED: AuditKind
DESCRIPTOR: _descriptor.FileDescriptor

class AuditQuery(_message.Message):
    __slots__ = ["before", "failed", "intents", "key", "limit", "operation", "org", "outcome", "since_ns", "text", "until_ns"]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    INTENTS_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    ORG_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SINCE_NS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    before: int
    failed: bool
    intents: bool
    key: str
    limit: int
    operation: str
    org: str
    outcome: str
    since_ns: int
    text: str
    until_ns: int
    def __init__(self, org: _Optional[str] = ..., key: _Optional[str] = ..., operation: _Optional[str] = ..., outcome: _Optional[str] = ..., failed: bool = ..., text: _Optional[str] = ..., since_ns: _Optional[int] = ..., until_ns: _Optional[int] = ..., before: _Optional[int] = ..., limit: _Optional[int] = ..., intents: bool = ...) -> None: ...

class AuditQueryReply(_message.Message):
    __slots__ = ["next_before", "records"]
    NEXT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    next_before: int
    records: _containers.RepeatedCompositeFieldContainer[AuditRecord]
    def __init__(self, records: _Optional[_Iterable[_Union[AuditRecord, _Mapping]]] = ..., next_before: _Optional[int] = ...) -> None: ...

class AuditRecord(_message.Message):
    __slots__ = ["bytes", "client_name", "connection", "duration_us", "end", "exec", "exit_code", "exited", "key", "kind", "operation", "org", "outcome", "peer", "replay", "scope", "sequence", "subject", "time_ns", "token_id", "token_name"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    EXEC_FIELD_NUMBER: _ClassVar[int]
    EXITED_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    ORG_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    REPLAY_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_NAME_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    client_name: str
    connection: int
    duration_us: int
    end: str
    exec: int
    exit_code: int
    exited: bool
    key: str
    kind: AuditKind
    operation: str
    org: str
    outcome: str
    peer: str
    replay: bool
    scope: str
    sequence: int
    subject: str
    time_ns: int
    token_id: str
    token_name: str
    def __init__(self, sequence: _Optional[int] = ..., time_ns: _Optional[int] = ..., kind: _Optional[_Union[AuditKind, str]] = ..., org: _Optional[str] = ..., key: _Optional[str] = ..., scope: _Optional[str] = ..., token_id: _Optional[str] = ..., token_name: _Optional[str] = ..., connection: _Optional[int] = ..., peer: _Optional[str] = ..., client_name: _Optional[str] = ..., operation: _Optional[str] = ..., subject: _Optional[str] = ..., outcome: _Optional[str] = ..., bytes: _Optional[int] = ..., exited: bool = ..., exit_code: _Optional[int] = ..., end: _Optional[str] = ..., exec: _Optional[int] = ..., duration_us: _Optional[int] = ..., replay: bool = ...) -> None: ...

class AuditKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
