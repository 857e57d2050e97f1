"""The beginning of a conversation: hello, and its answer."""

from __future__ import annotations

from typing import NamedTuple

from google.protobuf.message import DecodeError

from agent_broker._protos import error_pb2, session_pb2
from agent_broker._session.limits import Greeting
from agent_broker._wire import decoding
from agent_broker._wire.decoding import UNREADABLE, FrameAccumulator
from agent_broker._wire.encoding import hello_frame
from agent_broker._wire.faults import backend_error
from agent_broker._wire.native import Frame
from agent_broker.errors import BackendError, ErrorCode

PROTOCOL_VERSION = 1
_LONGEST_GREETING = 4 << 20


class Accepted(NamedTuple):
    """The broker accepted the hello. `frames` came behind its answer; what is not whole yet is in `accumulator`."""

    greeting: Greeting
    accumulator: FrameAccumulator
    frames: list[Frame]


class Handshake:
    """Says hello, and understands the answer."""

    def __init__(self, token: str, client_name: str) -> None:
        """`client_name` is for the broker's log, at most 128 bytes."""
        self.hello = hello_frame(
            session_pb2.Hello(
                min_version=PROTOCOL_VERSION, max_version=PROTOCOL_VERSION, token=token, client_name=client_name
            ).SerializeToString()
        )
        """What is to be sent."""
        self._accumulator = FrameAccumulator(_LONGEST_GREETING)

    def receive(self, data: bytes) -> Accepted | None:
        """Takes bytes as they come. None: there is more to come. Raises `BackendError` where it is refused."""
        frames = self._accumulator.append(data)
        if not frames:
            if self._accumulator.fault is not None:
                raise BackendError(self._accumulator.fault, ErrorCode.PROTOCOL_ERROR, "connect")
            return None
        _, _, body, content, _ = frames[0]
        try:
            greeting = self._understand(body, content)
        except DecodeError as error:
            raise BackendError(UNREADABLE, ErrorCode.PROTOCOL_ERROR, "connect") from error
        self._accumulator.maximum = greeting.frame_length
        return Accepted(greeting, self._accumulator, frames[1:])

    def _understand(self, body: int, content: bytes) -> Greeting:
        if body == decoding.HELLO_REPLY:
            reply = session_pb2.HelloReply.FromString(content)
            if reply.version == PROTOCOL_VERSION:
                return Greeting.of(reply)
            raise BackendError(
                f"the broker speaks version {reply.version} of the protocol and the client {PROTOCOL_VERSION}: use a "
                "client that speaks it",
                ErrorCode.PROTOCOL_ERROR,
                "connect",
            )
        if body == decoding.ERROR:
            raise backend_error(error_pb2.Error.FromString(content))
        if body == decoding.GO_AWAY:
            go_away = session_pb2.GoAway.FromString(content)
            if go_away.HasField("error"):
                raise backend_error(go_away.error)
            planned = BackendError("the broker shuts down: try again", ErrorCode.SHUTTING_DOWN, "connect")
            planned.retryable = True
            raise planned
        raise BackendError(
            "the broker did not answer the hello first: is it one that listens there?",
            ErrorCode.PROTOCOL_ERROR,
            "connect",
        )
