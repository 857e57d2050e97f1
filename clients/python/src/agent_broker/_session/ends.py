"""Why a connection takes no more calls, and what its calls are told."""

from __future__ import annotations

from enum import Enum, auto

from agent_broker.errors import BackendError, ErrorCode


class EndKind(Enum):
    """Who ended it, and how."""

    REFUSED = auto()
    """The broker did not accept the hello."""
    BROKER_DRAINS = auto()
    """The broker starts nothing more."""
    LOST = auto()
    """It is gone."""
    FAULT = auto()
    """The broker broke the protocol."""
    CLOSED = auto()
    """This side closed it."""


_WHAT = {
    EndKind.REFUSED: "the broker ended the connection",
    EndKind.BROKER_DRAINS: "the broker ended the connection",
    EndKind.LOST: "the connection to the broker was lost",
    EndKind.FAULT: "the connection was closed for a fault of the broker",
    EndKind.CLOSED: "the connection is closed",
}


class ConnectionEnd:
    """How a connection ended."""

    __slots__ = ("cause", "kind")

    def __init__(self, kind: EndKind, cause: Exception | None = None) -> None:
        self.kind = kind
        self.cause = cause
        """What the broker said, or the system. None of `BROKER_DRAINS`: a planned shutdown."""

    def of_greeting(self) -> BackendError:
        """For whoever waits for a connection that never came to be."""
        if self.kind in (EndKind.REFUSED, EndKind.FAULT) and isinstance(self.cause, BackendError):
            return self.cause
        return self.of_unsent_call()

    def of_unsent_call(self) -> BackendError:
        """For a call that the broker cannot have begun."""
        if self.kind is EndKind.BROKER_DRAINS and self.cause is None:
            error = BackendError(
                "the broker shuts down and did not start the call: connect again and repeat it",
                ErrorCode.SHUTTING_DOWN,
            )
        else:
            error = BackendError(
                f"{_WHAT[self.kind]} before the call was sent: connect again and repeat it",
                ErrorCode.CONNECTION_CLOSED,
            )
        error.retryable = True
        error.__cause__ = self.cause
        return error

    def of_sent_call(self) -> BackendError:
        """For a call that was sent and not answered to its end."""
        if self.kind is EndKind.FAULT and isinstance(self.cause, BackendError):
            error = BackendError(str(self.cause), self.cause.code)
        else:
            error = BackendError(
                f"{_WHAT[self.kind]} before the call was answered: find out whether it had its effect before you "
                "repeat it",
                ErrorCode.CONNECTION_CLOSED,
            )
            error.__cause__ = self.cause
        error.maybe_executed = True
        return error

    def of_connection(self) -> BackendError:
        """For whoever watches the connection itself."""
        if self.kind is EndKind.BROKER_DRAINS and self.cause is None:
            error = BackendError("the broker shuts down: it will be asked again", ErrorCode.SHUTTING_DOWN)
            error.retryable = True
            return error
        if self.kind is not EndKind.LOST and isinstance(self.cause, BackendError):
            return self.cause
        error = BackendError(_WHAT[self.kind], ErrorCode.CONNECTION_CLOSED)
        error.retryable = True
        error.__cause__ = self.cause
        return error
