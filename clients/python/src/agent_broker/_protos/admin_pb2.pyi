from agent_broker._protos import operations_pb2 as _operations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CallStats(_message.Message):
    __slots__ = ["bytes_in_flight", "calls_in_flight_refusals", "longest_wait_us", "org_bytes_in_flight_refusals", "org_bytes_per_second_refusals", "org_calls_in_flight_refusals", "org_calls_per_second_refusals", "org_connections_refusals", "org_queued_calls_refusals", "org_running_commands_refusals", "running_commands_refusals", "waiting"]
    BYTES_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    CALLS_IN_FLIGHT_REFUSALS_FIELD_NUMBER: _ClassVar[int]
    LONGEST_WAIT_US_FIELD_NUMBER: _ClassVar[int]
    ORG_BYTES_IN_FLIGHT_REFUSALS_FIELD_NUMBER: _ClassVar[int]
    ORG_BYTES_PER_SECOND_REFUSALS_FIELD_NUMBER: _ClassVar[int]
    ORG_CALLS_IN_FLIGHT_REFUSALS_FIELD_NUMBER: _ClassVar[int]
    ORG_CALLS_PER_SECOND_REFUSALS_FIELD_NUMBER: _ClassVar[int]
    ORG_CONNECTIONS_REFUSALS_FIELD_NUMBER: _ClassVar[int]
    ORG_QUEUED_CALLS_REFUSALS_FIELD_NUMBER: _ClassVar[int]
    ORG_RUNNING_COMMANDS_REFUSALS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_COMMANDS_REFUSALS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    bytes_in_flight: int
    calls_in_flight_refusals: int
    longest_wait_us: int
    org_bytes_in_flight_refusals: int
    org_bytes_per_second_refusals: int
    org_calls_in_flight_refusals: int
    org_calls_per_second_refusals: int
    org_connections_refusals: int
    org_queued_calls_refusals: int
    org_running_commands_refusals: int
    running_commands_refusals: int
    waiting: int
    def __init__(self, waiting: _Optional[int] = ..., longest_wait_us: _Optional[int] = ..., bytes_in_flight: _Optional[int] = ..., org_connections_refusals: _Optional[int] = ..., org_calls_in_flight_refusals: _Optional[int] = ..., org_running_commands_refusals: _Optional[int] = ..., org_bytes_in_flight_refusals: _Optional[int] = ..., org_queued_calls_refusals: _Optional[int] = ..., org_calls_per_second_refusals: _Optional[int] = ..., org_bytes_per_second_refusals: _Optional[int] = ..., calls_in_flight_refusals: _Optional[int] = ..., running_commands_refusals: _Optional[int] = ...) -> None: ...

class Connection(_message.Message):
    __slots__ = ["age_ms", "bytes_in", "bytes_out", "calls_in_flight", "calls_waiting", "client_name", "number", "org", "peer", "token_id", "token_name"]
    AGE_MS_FIELD_NUMBER: _ClassVar[int]
    BYTES_IN_FIELD_NUMBER: _ClassVar[int]
    BYTES_OUT_FIELD_NUMBER: _ClassVar[int]
    CALLS_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    CALLS_WAITING_FIELD_NUMBER: _ClassVar[int]
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ORG_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_NAME_FIELD_NUMBER: _ClassVar[int]
    age_ms: int
    bytes_in: int
    bytes_out: int
    calls_in_flight: int
    calls_waiting: int
    client_name: str
    number: int
    org: str
    peer: str
    token_id: str
    token_name: str
    def __init__(self, number: _Optional[int] = ..., org: _Optional[str] = ..., token_id: _Optional[str] = ..., token_name: _Optional[str] = ..., client_name: _Optional[str] = ..., peer: _Optional[str] = ..., age_ms: _Optional[int] = ..., calls_in_flight: _Optional[int] = ..., calls_waiting: _Optional[int] = ..., bytes_in: _Optional[int] = ..., bytes_out: _Optional[int] = ...) -> None: ...

class Connections(_message.Message):
    __slots__ = ["after", "limit", "org"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ORG_FIELD_NUMBER: _ClassVar[int]
    after: int
    limit: int
    org: str
    def __init__(self, org: _Optional[str] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ConnectionsReply(_message.Message):
    __slots__ = ["connections", "truncated"]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    connections: _containers.RepeatedCompositeFieldContainer[Connection]
    truncated: bool
    def __init__(self, connections: _Optional[_Iterable[_Union[Connection, _Mapping]]] = ..., truncated: bool = ...) -> None: ...

class Drain(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class DrainReply(_message.Message):
    __slots__ = ["abandoned", "cancelled", "connections", "finished"]
    ABANDONED_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    abandoned: int
    cancelled: int
    connections: int
    finished: int
    def __init__(self, connections: _Optional[int] = ..., finished: _Optional[int] = ..., cancelled: _Optional[int] = ..., abandoned: _Optional[int] = ...) -> None: ...

class DurationStats(_message.Message):
    __slots__ = ["count", "p50_us", "p99_us", "sum_us"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    P50_US_FIELD_NUMBER: _ClassVar[int]
    P99_US_FIELD_NUMBER: _ClassVar[int]
    SUM_US_FIELD_NUMBER: _ClassVar[int]
    count: int
    p50_us: int
    p99_us: int
    sum_us: int
    def __init__(self, count: _Optional[int] = ..., sum_us: _Optional[int] = ..., p50_us: _Optional[int] = ..., p99_us: _Optional[int] = ...) -> None: ...

class Logs(_message.Message):
    __slots__ = ["org", "verbose"]
    ORG_FIELD_NUMBER: _ClassVar[int]
    VERBOSE_FIELD_NUMBER: _ClassVar[int]
    org: str
    verbose: bool
    def __init__(self, org: _Optional[str] = ..., verbose: bool = ...) -> None: ...

class LogsReply(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class OrgPool(_message.Message):
    __slots__ = ["calls", "calls_failed", "calls_in_flight", "calls_ok", "connections", "execs_running", "limits", "org", "pool"]
    CALLS_FAILED_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    CALLS_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    CALLS_OK_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    EXECS_RUNNING_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    ORG_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    calls: CallStats
    calls_failed: int
    calls_in_flight: int
    calls_ok: int
    connections: int
    execs_running: int
    limits: _containers.RepeatedCompositeFieldContainer[_operations_pb2.LimitUse]
    org: str
    pool: PoolStats
    def __init__(self, org: _Optional[str] = ..., pool: _Optional[_Union[PoolStats, _Mapping]] = ..., calls: _Optional[_Union[CallStats, _Mapping]] = ..., connections: _Optional[int] = ..., calls_ok: _Optional[int] = ..., calls_failed: _Optional[int] = ..., calls_in_flight: _Optional[int] = ..., execs_running: _Optional[int] = ..., limits: _Optional[_Iterable[_Union[_operations_pb2.LimitUse, _Mapping]]] = ...) -> None: ...

class PoolStats(_message.Message):
    __slots__ = ["active", "creating", "creation_failures", "creations", "destroying", "evictions", "expirations", "hits", "holds", "idle", "leases", "longest_wait_us", "misses", "queued", "refusals", "replacements", "stale_releases", "timeouts", "waiting", "waits"]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    CREATING_FIELD_NUMBER: _ClassVar[int]
    CREATIONS_FIELD_NUMBER: _ClassVar[int]
    CREATION_FAILURES_FIELD_NUMBER: _ClassVar[int]
    DESTROYING_FIELD_NUMBER: _ClassVar[int]
    EVICTIONS_FIELD_NUMBER: _ClassVar[int]
    EXPIRATIONS_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    IDLE_FIELD_NUMBER: _ClassVar[int]
    LEASES_FIELD_NUMBER: _ClassVar[int]
    LONGEST_WAIT_US_FIELD_NUMBER: _ClassVar[int]
    MISSES_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    REPLACEMENTS_FIELD_NUMBER: _ClassVar[int]
    STALE_RELEASES_FIELD_NUMBER: _ClassVar[int]
    TIMEOUTS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    WAITS_FIELD_NUMBER: _ClassVar[int]
    active: int
    creating: int
    creation_failures: int
    creations: int
    destroying: int
    evictions: int
    expirations: int
    hits: int
    holds: DurationStats
    idle: int
    leases: int
    longest_wait_us: int
    misses: int
    queued: int
    refusals: int
    replacements: int
    stale_releases: int
    timeouts: int
    waiting: int
    waits: DurationStats
    def __init__(self, active: _Optional[int] = ..., idle: _Optional[int] = ..., creating: _Optional[int] = ..., waiting: _Optional[int] = ..., hits: _Optional[int] = ..., misses: _Optional[int] = ..., creations: _Optional[int] = ..., creation_failures: _Optional[int] = ..., evictions: _Optional[int] = ..., stale_releases: _Optional[int] = ..., expirations: _Optional[int] = ..., replacements: _Optional[int] = ..., timeouts: _Optional[int] = ..., refusals: _Optional[int] = ..., leases: _Optional[int] = ..., destroying: _Optional[int] = ..., queued: _Optional[int] = ..., longest_wait_us: _Optional[int] = ..., waits: _Optional[_Union[DurationStats, _Mapping]] = ..., holds: _Optional[_Union[DurationStats, _Mapping]] = ...) -> None: ...

class Pools(_message.Message):
    __slots__ = ["after", "limit"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    after: str
    limit: int
    def __init__(self, after: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class PoolsReply(_message.Message):
    __slots__ = ["pools", "truncated"]
    POOLS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    pools: _containers.RepeatedCompositeFieldContainer[OrgPool]
    truncated: bool
    def __init__(self, pools: _Optional[_Iterable[_Union[OrgPool, _Mapping]]] = ..., truncated: bool = ...) -> None: ...

class Reload(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ReloadReply(_message.Message):
    __slots__ = ["changes", "connections_ended"]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_ENDED_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedScalarFieldContainer[str]
    connections_ended: int
    def __init__(self, changes: _Optional[_Iterable[str]] = ..., connections_ended: _Optional[int] = ...) -> None: ...

class Stats(_message.Message):
    __slots__ = ["org"]
    ORG_FIELD_NUMBER: _ClassVar[int]
    org: str
    def __init__(self, org: _Optional[str] = ...) -> None: ...

class StatsReply(_message.Message):
    __slots__ = ["auth_failures", "calls", "calls_failed", "calls_in_flight", "calls_ok", "connections", "connections_displaced", "connections_refused", "execs_running", "limits", "node", "org", "pool", "server_version", "uptime_ms", "workspaces_deleted", "workspaces_expired"]
    AUTH_FAILURES_FIELD_NUMBER: _ClassVar[int]
    CALLS_FAILED_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    CALLS_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    CALLS_OK_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_DISPLACED_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_REFUSED_FIELD_NUMBER: _ClassVar[int]
    EXECS_RUNNING_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    ORG_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    UPTIME_MS_FIELD_NUMBER: _ClassVar[int]
    WORKSPACES_DELETED_FIELD_NUMBER: _ClassVar[int]
    WORKSPACES_EXPIRED_FIELD_NUMBER: _ClassVar[int]
    auth_failures: int
    calls: CallStats
    calls_failed: int
    calls_in_flight: int
    calls_ok: int
    connections: int
    connections_displaced: int
    connections_refused: int
    execs_running: int
    limits: _containers.RepeatedCompositeFieldContainer[_operations_pb2.LimitUse]
    node: str
    org: str
    pool: PoolStats
    server_version: str
    uptime_ms: int
    workspaces_deleted: int
    workspaces_expired: int
    def __init__(self, server_version: _Optional[str] = ..., node: _Optional[str] = ..., org: _Optional[str] = ..., uptime_ms: _Optional[int] = ..., connections: _Optional[int] = ..., calls_ok: _Optional[int] = ..., calls_failed: _Optional[int] = ..., calls_in_flight: _Optional[int] = ..., execs_running: _Optional[int] = ..., pool: _Optional[_Union[PoolStats, _Mapping]] = ..., workspaces_deleted: _Optional[int] = ..., workspaces_expired: _Optional[int] = ..., calls: _Optional[_Union[CallStats, _Mapping]] = ..., connections_refused: _Optional[int] = ..., connections_displaced: _Optional[int] = ..., auth_failures: _Optional[int] = ..., limits: _Optional[_Iterable[_Union[_operations_pb2.LimitUse, _Mapping]]] = ...) -> None: ...
