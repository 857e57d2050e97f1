"""What the wire calls the operations, and what a client has to know of each."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent_broker._wire.encoding import varint


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One kind of call. `number` and `reply` are fields of `ClientFrame` and `ServerFrame`."""

    number: int
    name: str
    """As in errors and in the broker's logs."""
    reply: int
    is_read: bool = True
    """It changes nothing: doing it again does no harm."""
    takes_stream: bool = False
    """It takes its payload in pieces. One that does not takes all of it with its first frame."""
    takes_key: bool = False
    """An idempotency key means something to it."""
    tag: bytes = field(init=False)
    """Of its field, encoded."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "tag", varint(self.number << 3 | 2))


def _read(number: int, name: str, reply: int | None = None) -> Operation:
    return Operation(number, name, reply or number)


def _change(number: int, name: str, *, takes_stream: bool = False, takes_key: bool = True) -> Operation:
    return Operation(number, name, number, is_read=False, takes_stream=takes_stream, takes_key=takes_key)


ECHO = _read(32, "echo")
ACQUIRE = _change(40, "acquire", takes_key=False)
RELEASE = _change(41, "release", takes_key=False)
DESCRIBE = _read(42, "describe")

READ = _read(48, "read")
WRITE = _change(49, "write", takes_stream=True)
READDIR = _read(50, "readdir")
STAT = _read(51, "stat")
RM = _change(52, "rm")
EXISTS = _read(53, "exists")
MKDIR = _change(54, "mkdir")
TOUCH = _change(55, "touch")
RENAME = _change(56, "rename")
COPY = _change(57, "copy")
GLOB = _read(58, "glob")
GREP = _read(59, "grep")
EDIT = _change(60, "edit")
READ_LINES = _read(61, "read_lines")
STAT_MANY = _read(62, "stat_many")
READ_MANY = _read(63, "read_many")
DISK_USAGE = _read(64, "disk_usage")
CHMOD = _change(65, "chmod")
SYMLINK = _change(66, "symlink")
TREE = _read(67, "tree")
WATCH = _read(68, "watch")
ARCHIVE = _read(69, "archive")
EXTRACT = _change(70, "extract", takes_stream=True)
UPLOAD_BEGIN = _change(71, "upload_begin", takes_key=False)
UPLOAD_APPEND = _change(72, "upload_append", takes_stream=True, takes_key=False)
UPLOAD_FINISH = _change(73, "upload_finish")
UPLOAD_ABORT = _change(74, "upload_abort")
CHECKSUM = _read(75, "checksum")

LIST_KEYS = _read(80, "list_keys")
DELETE_KEY = _change(81, "delete_key")
CLEAR_KEYS = _change(82, "clear_keys")

EXEC_START = _change(96, "exec", takes_stream=True, takes_key=False)
EXEC_DETACHED = _change(96, "exec")
EXEC_LIST = _read(97, "exec_list", 99)
EXEC_ATTACH = _read(98, "exec_attach", 100)
EXEC_WAIT = _read(99, "exec_wait", 98)
EXEC_SIGNAL = Operation(100, "exec_signal", 102, is_read=False, takes_key=True)
EXEC_RESIZE = Operation(101, "exec_resize", 103, is_read=False, takes_key=True)

LIST_WORKSPACES = _read(112, "list_workspaces")
DELETE_WORKSPACE = _change(113, "delete_workspace")

STATS = _read(128, "stats")

EXEC_STARTED = 96
EXEC_OUTPUT = 97
EXEC_END = 98
EXEC_ATTACHED = 100
EXEC_GAP = 101
