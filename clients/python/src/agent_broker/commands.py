"""What commands leave behind, and what they write while they run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agent_broker._protos import exec_pb2
from agent_broker.paths import as_text

OutputStream = Literal["stdout", "stderr"]

Outcome = Literal[
    "exited",
    "signaled",
    "timed_out",
    "out_of_memory",
    "output_limit",
    "cancelled",
    "shutting_down",
    "spawn_failed",
    "cpu_time_limit",
    "file_size_limit",
    "disk_quota",
]
"""How a command ended."""

_OUTCOMES: tuple[Outcome, ...] = (
    "exited", "signaled", "timed_out", "out_of_memory", "output_limit", "cancelled", "shutting_down", "spawn_failed",
    "cpu_time_limit", "file_size_limit", "disk_quota",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Usage:
    """Of the whole process tree, as far as its members were waited for."""

    wall_seconds: float
    user_seconds: float
    system_seconds: float
    max_rss_bytes: int
    stdout_bytes: int
    """Written in all, whatever was kept."""
    stderr_bytes: int


@dataclass(frozen=True, slots=True)
class CommandEnd:
    """How a command ended: no process of it is left, and all that it wrote has come before."""

    outcome: Outcome
    exit_code: int | None
    """Of `exited`; of one that a signal ended 128 + signal, as a shell says; else None."""
    signal: int | None
    usage: Usage
    lingering_processes: int
    """Processes that were there yet when the program itself ended, and were killed."""
    tree_not_empty: bool
    """Something of it may be left: only where the broker's isolation cannot see to it."""
    description: str
    """For people, such as "exit code 1"."""

    @property
    def ok(self) -> bool:
        """It ended by itself, with 0."""
        return self.exit_code == 0


@dataclass(frozen=True, slots=True)
class ExecResult:
    """All that a command left."""

    stdout: bytes
    """At most as much as was to be kept: the middle is left out then, and a note stands there."""
    stderr: bytes
    end: CommandEnd
    isolation: str
    """How it was isolated: "none", "software", "landlock" or "bwrap"."""

    @property
    def exit_code(self) -> int | None:
        """As `CommandEnd.exit_code`."""
        return self.end.exit_code


@dataclass(frozen=True, slots=True)
class Output:
    """Bytes of one stream. `offset` is where the first of them is, from the beginning of the stream."""

    stream: OutputStream
    data: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes of a command in the background that the broker keeps no more."""

    stream: OutputStream
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class TerminalSize:
    """In characters, 1 to 65535. `term` is what the command finds as TERM; None: its environment's."""

    rows: int = 24
    columns: int = 80
    term: str | None = None


@dataclass(frozen=True, slots=True)
class BackgroundCommandInfo:
    """A command in the background, as it was at one moment."""

    id: int
    """Names it for as long as the broker runs. Not a process id."""
    command: str
    """Its first 1024 bytes."""
    started: float
    """Seconds since 1970."""
    isolation: str
    written: dict[OutputStream, int]
    """Bytes so far."""
    kept_from: dict[OutputStream, int]
    """The first byte of each stream that the broker keeps."""
    end: CommandEnd | None
    """None: it runs."""


def command_end(end: exec_pb2.ExecEnd) -> CommandEnd:
    """From the wire."""
    kind = end.WhichOneof("outcome")
    outcome: Outcome = next((known for known in _OUTCOMES if known == kind), "cancelled")
    usage = end.usage
    signal = end.signaled.signal if kind == "signaled" else None
    exit_code = end.exited.code if kind == "exited" else 128 + signal if signal is not None else None
    return CommandEnd(
        outcome,
        exit_code,
        signal,
        Usage(
            usage.wall_us / 1e6,
            usage.user_us / 1e6,
            usage.system_us / 1e6,
            usage.max_rss_bytes,
            usage.stdout_bytes,
            usage.stderr_bytes,
        ),
        end.lingering_processes,
        end.tree_not_empty,
        _description(end, outcome),
    )


def _description(end: exec_pb2.ExecEnd, outcome: Outcome) -> str:
    match outcome:
        case "exited":
            return f"exit code {end.exited.code}"
        case "signaled":
            return f"signal {end.signaled.signal}"
        case "timed_out":
            return f"its timeout of {end.timed_out.timeout_ms / 1000} s"
        case "out_of_memory":
            return "its memory limit"
        case "output_limit":
            return f"more output than the {end.output_limit.allowed} bytes that it may write"
        case "cpu_time_limit":
            return f"more processor time than the {end.cpu_time_limit.allowed_ms / 1000} s that it may use"
        case "file_size_limit":
            return f"a file longer than the {end.file_size_limit.allowed} bytes that it may write"
        case "disk_quota":
            return f"more in its workspace than the files or the {end.disk_quota.allowed} bytes that it may hold"
        case "shutting_down":
            return "the end of the broker"
        case "spawn_failed":
            return f"a failed start: {exec_pb2.SpawnFailureKind.Name(end.spawn_failed.kind)}"
        case _:
            return "being cancelled"


def background_info(info: exec_pb2.ExecInfo) -> BackgroundCommandInfo:
    """From the wire."""
    return BackgroundCommandInfo(
        info.exec,
        as_text(info.command),
        info.started_ns / 1e9,
        info.isolation,
        {"stdout": info.written.stdout_offset, "stderr": info.written.stderr_offset},
        {"stdout": info.kept_from.stdout_offset, "stderr": info.kept_from.stderr_offset},
        command_end(info.end) if info.HasField("end") else None,
    )


def output_stream(number: int) -> OutputStream:
    """From the wire."""
    return "stderr" if number == exec_pb2.OUTPUT_STREAM_STDERR else "stdout"
