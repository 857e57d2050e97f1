"""What a caller may say: of a backend, of a scope, of a call."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from agent_broker.logging import OperationsLogger

Encoding = Literal["utf8", "buffer"]
"""Text, or bytes."""


class BackendType(StrEnum):
    """What a backend is."""

    LOCAL_FILESYSTEM = "local-filesystem"
    REMOTE_FILESYSTEM = "remote-filesystem"
    MEMORY = "memory"


class IsolationMode(StrEnum):
    """How commands are kept apart, from weak to strong. `AUTO`: whatever the broker does."""

    AUTO = "auto"
    NONE = "none"
    SOFTWARE = "software"
    LANDLOCK = "landlock"
    BWRAP = "bwrap"


class Resend(StrEnum):
    """Which of the calls that a lost connection leaves behind are made again.

    One that the broker cannot have begun always is.
    """

    NONE = "none"
    """None of those that may have begun: they fail at once."""
    READS = "reads"
    """Those that change nothing, where the caller has seen nothing of the answer, three times at most."""
    ALL = "all"
    """Those too that change something, but commands in the foreground and files written in pieces: each has an
    idempotency key, by which the broker does it once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectionConfig:
    """When a connection that was lost is made again.

    The wait before an attempt is drawn anew each time, from none to the longest.
    """

    enabled: bool = True
    """False: not before the next call, or `connect`, asks for it."""
    max_retries: int = 5
    """Attempts, one after the other, that may fail; then the backend is disconnected until it is used. 0: unlimited."""
    initial_delay_ms: float = 1000
    """The longest wait before the first attempt."""
    max_delay_ms: float = 30_000
    """What it grows to at most."""
    backoff_multiplier: float = 2.0
    """By how much it grows with each failed attempt."""

    def longest_delay(self, failures: int) -> float:
        """The longest wait before the next attempt, in seconds, after so many failed ones."""
        delay = min(self.initial_delay_ms, self.max_delay_ms)
        for _ in range(failures):
            # Whatever it is multiplied with, it grows no more.
            if delay <= 0 or delay >= self.max_delay_ms or self.backoff_multiplier <= 1:
                break
            delay = min(delay * self.backoff_multiplier, self.max_delay_ms)
        return delay / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSConfig:
    """How TLS is spoken. Paths of PEM files."""

    ca_file: str | None = None
    """Who the broker's certificate is from. None: the system's authorities."""
    cert_file: str | None = None
    key_file: str | None = None
    """What this side shows, where the broker wants that."""
    server_name: str | None = None
    """The name in the broker's certificate. None: the host."""
    context: ssl.SSLContext | None = None
    """In place of the files. ALPN is left as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryConfig:
    """What the key's entry is to be like. A live entry that is otherwise is `CONFLICT`. None: as the org."""

    env: Mapping[str, str] = field(default_factory=dict)
    """Of every command."""
    verbose_log: bool = False
    """The broker logs operations that change nothing, too."""
    max_file_bytes: int | None = None
    max_exec_timeout_ms: int | None = None
    max_memory_bytes: int | None = None
    """Of a memory entry."""
    max_leases: int | None = None
    idle_timeout_ms: int | None = None
    """Without a lease for so long, the entry is destroyed; its files stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFilesystemBackendConfig:
    """What a backend is a view of, and how it goes about it."""

    host: str = "127.0.0.1"
    """Name or address of the broker, or `unix:/path` of its socket."""
    port: int = 7420
    auth_token: str = field(default="", repr=False)
    """From `agent-broker token new`, or of the lines that `agent-broker serve` prints."""
    key: str = "default"
    """Names the workspace: a user, an agent, a project. Made on first use; its files stay."""
    root_dir: str = "/workspace"
    """A directory of the workspace that the backend is confined to. It is what its paths and commands see as
    /workspace. Another absolute path is one in the workspace, as everywhere."""
    secure: bool | None = None
    """Speak TLS. None: where `tls` is given."""
    tls: TLSConfig | None = None
    operation_timeout_ms: int | None = None
    """Of each operation as a whole: the wait for a connection, a command. Then `DEADLINE_EXCEEDED`. None: none."""
    queue_timeout_ms: int | None = None
    """For a place in the broker's pool; then `RESOURCE_EXHAUSTED`. None: the broker's."""
    keepalive_interval_ms: int = 30_000
    """Silence after which the broker is pinged; where the broker has a shorter interval, that."""
    keepalive_count_max: int = 3
    """Pings that may stay unanswered before the connection counts as lost."""
    connect_timeout_ms: int = 10_000
    """To connect, and again for the broker to answer the hello."""
    cancel_timeout_ms: int = 15_000
    """For the broker to say that a call that was cancelled, or is past its deadline, is stopped."""
    busy_poll_us: int = 100
    """How long the event loop asks a broker on the same host for the answer of a call, and does nothing else: to sleep
    and be woken takes longer than most answers. Only after a row of calls that were alone. Up to 10000; 0: never."""
    reconnection: ReconnectionConfig = field(default_factory=ReconnectionConfig)
    resend: Resend = Resend.NONE
    max_waiting_calls: int = 1024
    """Calls that may wait for a connection; one more is `RESOURCE_EXHAUSTED`."""
    isolation: IsolationMode = IsolationMode.AUTO
    """The least that the broker's commands must have; else nothing is run, with `MISSING_UTILITIES`."""
    entry: EntryConfig | None = None
    """With it the backend holds a lease while it is connected. None: whatever the entry is like."""
    max_output_length: int | None = 10 << 20
    """Of each output stream of a command, in bytes; its middle is left out beyond that. None: all."""
    max_read_bytes: int = 1 << 30
    """Longest file that `read` gives as a whole; a longer one is `READ_FAILED`: open it to read it in pieces."""
    client_name: str = "agent-broker-python"
    """For the broker's log, at most 128 bytes."""


@dataclass(frozen=True, slots=True)
class MemoryBackendConfig:
    """Of a memory backend in this process."""

    root_dir: str = "/"
    initial_data: Mapping[str, str | bytes] | None = None


@dataclass(frozen=True, slots=True)
class ScopeConfig:
    """Of a scope: what its commands find in their environment, and who is told what it does."""

    env: Mapping[str, str] = field(default_factory=dict)
    operations_logger: OperationsLogger | None = None


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Of `read`."""

    encoding: Encoding = "utf8"
    offset: int = 0
    length: int | None = None
    """Bytes, at most. None: to the end."""


@dataclass(frozen=True, slots=True)
class ExecOptions:
    """Of a command."""

    encoding: Encoding = "utf8"
    """Text, without white space around it, or bytes as they are."""
    cwd: str | None = None
    env: Mapping[str, str] | None = None
    input: str | bytes | None = None
    """Standard input. None: it is at its end."""
    timeout_ms: int | None = None
    """Then the command is ended with its whole tree. None: the broker's."""
    max_output_length: int | None = None
    """As `RemoteFilesystemBackendConfig.max_output_length`, which None stands for."""
    network: Literal["none", "host"] = "none"
    limits: ExecLimits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecLimits:
    """What a command may use, less than what its entry may. None: as the entry."""

    cpu_time_ms: int | None = None
    memory_bytes: int | None = None
    processes: int | None = None
    open_files: int | None = None
    file_bytes: int | None = None
    output_bytes: int | None = None
