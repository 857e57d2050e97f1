"""A call, from its making to the end of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agent_broker._session.operations import Operation
    from agent_broker._session.send_queue import Write
    from agent_broker._session.session import Session
    from agent_broker._session.target import Target
    from agent_broker._session.windows import ReceiveWindow
    from agent_broker.errors import BackendError

WAITING: Final = 0
"""Not sent: it waits for a connection, or for its turn."""
SENT: Final = 1
"""Its answer is awaited."""
STOPPED: Final = 2
"""The broker was asked to end it; what is answered is dropped."""
ENDED: Final = 3
"""Nothing more is heard of it."""


class Call:
    """What is asked for, and how far it is. Subclasses say what becomes of the answer.

    It belongs to one session at a time, which alone changes it.
    """

    # What most calls never change is the class's own, so that making a call costs little.
    options = b""
    whole = True
    """Nothing follows the payload."""
    deadline: float | None = None
    """Of the clock of whoever drives the session. None: never."""
    state: int = WAITING
    identifier = 0
    session: Session | None = None
    window: ReceiveWindow | None = None
    """Of the answer. None: nothing of it has come in pieces yet."""
    writes: list[Write] | None = None
    """Bytes that came before the call was sent."""
    key: str | None = None
    """Its idempotency key."""
    repeats = 0
    """How often it was sent and may have begun."""
    begun_by: int | None = None
    """In which run of the broker it may have begun first."""

    def __init__(
        self,
        operation: Operation,
        target: Target | None,
        head: bytes,
        payload: bytes | memoryview = b"",
        subject: str | None = None,
    ) -> None:
        """`head` is the encoded field of the operation. `subject` is its path or command, for errors."""
        self.operation = operation
        self.target = target
        self.head = head
        self.payload = payload
        self.subject = subject

    def answered(self, content: bytes, payload: bytes) -> None:
        """The whole answer came at once, as that of most calls does: as `received`."""
        self.received(self.operation.reply, content, payload, last=True)

    def received(self, body: int, content: bytes, payload: bytes, *, last: bool) -> int:
        """A part of the answer came. Returns how many payload bytes are used up already."""
        raise NotImplementedError

    def failed(self, error: BackendError) -> None:
        """There will be no answer, or no more of it."""
        raise NotImplementedError

    def to_be_stopped(self) -> None:
        """The broker is asked to end the call."""

    def stopped(self) -> None:
        """A call that was stopped is over: nothing of it goes on."""

    def rewind(self) -> bool:
        """The call is to be made again: forget what came. False: some of it was used."""
        return False
