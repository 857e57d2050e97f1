"""Broker frames from bytes: their parts. The message of an answer is parsed by whoever wants it."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from agent_broker._protos import frame_pb2
from agent_broker._wire.encoding import HEADER_LENGTH
from agent_broker._wire.native import Frame, take_frames

_header = Struct(">BI").unpack_from

HELLO_REPLY: Final = 16
PING: Final = 17
PONG: Final = 18
WINDOW: Final = 20
GO_AWAY: Final = 21
CHUNK: Final = 22
ERROR: Final = 23


def _frame_of_parts() -> Any:
    """The class of a `ServerFrame` whose bodies are bytes, so that protobuf leaves the messages in them as they are."""
    # Of what these have, types-protobuf knows a part.
    descriptor: Any = frame_pb2.ServerFrame.DESCRIPTOR
    pool: Any = descriptor_pool.DescriptorPool()
    factory: Any = message_factory
    file = descriptor_pb2.FileDescriptorProto(name="server_frame_of_parts.proto", syntax="proto3")
    message = file.message_type.add()
    descriptor.CopyToProto(message)
    for field in message.field:
        if field.type == field.TYPE_MESSAGE:
            field.type = field.TYPE_BYTES
            field.ClearField("type_name")
    pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindMessageTypeByName(message.name)
    if hasattr(factory, "GetMessageClass"):
        return factory.GetMessageClass(found)
    # Of protobuf 4.21.
    return factory.MessageFactory().GetPrototype(found)


_message_of: Callable[[bytes], Any] = _frame_of_parts().FromString

_NUMBERS = {field.name: field.number for field in frame_pb2.ServerFrame.DESCRIPTOR.oneofs_by_name["body"].fields}
_BODIES = bytes(number in _NUMBERS.values() for number in range(max(_NUMBERS.values()) + 1))

UNREADABLE: Final = "a frame is cut off, or holds what protobuf does not know"
"""What a `DecodeError` means."""


def _parse(message: bytes) -> Frame:
    """One frame, without its header. Raises `DecodeError`."""
    frame = _message_of(message)
    name = frame.WhichOneof("body")
    body, content = (0, b"") if name is None else (_NUMBERS[name], getattr(frame, name))
    return frame.id, frame.last, body, content, frame.payload


class FrameAccumulator:
    """Takes frames out of what arrives.

    A frame that is not whole yet is gathered in one growing buffer: every byte is moved a bounded number of times,
    however small the pieces are that it comes in.
    """

    def __init__(self, maximum: int) -> None:
        """`maximum` is the longest message that is accepted, in bytes."""
        self.maximum = maximum
        self.fault: str | None = None
        """What is wrong with the bytes behind the last frame. Nothing is to be appended then."""
        self._partial = bytearray()
        self._missing = 0

    def append(self, data: bytes) -> list[Frame]:
        """The frames that are whole now, in order, up to one that is at fault; see `fault`."""
        partial = self._partial
        if partial:
            partial += data
            if len(partial) < self._missing:
                return []
            data = bytes(partial)
            partial.clear()
        frames: list[Frame] = []
        at = 0 if take_frames is None else take_frames(data, self.maximum, _BODIES, frames)
        if at < len(data):
            at = self._take(data, at, frames)
            partial += memoryview(data)[at:]
        return frames

    def _take(self, data: bytes, at: int, frames: list[Frame]) -> int:
        """Returns where the first frame begins that is not whole, or is at fault."""
        self._missing = HEADER_LENGTH
        while len(data) - at >= HEADER_LENGTH:
            flags, length = _header(data, at)
            if flags:
                self.fault = f"a frame has the flags {flags}, which this version of the protocol does not know"
                break
            if length > self.maximum:
                self.fault = f"a frame has {length} bytes, at most {self.maximum} are allowed"
                break
            start = at + HEADER_LENGTH
            stop = start + length
            if stop > len(data):
                self._missing = HEADER_LENGTH + length
                break
            try:
                frames.append(_parse(data[start:stop]))
            except DecodeError:
                self.fault = UNREADABLE
                break
            at = stop
        return at
