"""Broker frames from bytes: their parts. The message of an answer is parsed by whoever wants it."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from agent_broker._protos import frame_pb2
from agent_broker._wire.encoding import HEADER_LENGTH

_header = Struct(">BI").unpack_from

HELLO_REPLY: Final = 16
PING: Final = 17
PONG: Final = 18
WINDOW: Final = 20
GO_AWAY: Final = 21
CHUNK: Final = 22
ERROR: Final = 23


class ProtocolFault(Exception):
    """The broker sent what the wire does not allow; `args[0]` says what."""


class FrameAccumulator:
    """Cuts what arrives into messages.

    A frame that is not whole yet is gathered in one growing buffer: every byte is moved a bounded number of times,
    however small the pieces are that it comes in.
    """

    def __init__(self, maximum: int) -> None:
        """`maximum` is the longest message that is accepted, in bytes."""
        self.maximum = maximum
        self._partial = bytearray()
        self._missing = 0

    def append(self, data: bytes) -> list[bytes]:
        """The messages that are whole now.

        Raises `ProtocolFault` for flags that are not 0 and for a message that is too long.
        """
        partial = self._partial
        if partial:
            partial += data
            if len(partial) < self._missing:
                return []
            data = bytes(partial)
            partial.clear()
        messages = []
        at = 0
        end = len(data)
        self._missing = HEADER_LENGTH
        while end - at >= HEADER_LENGTH:
            flags, length = _header(data, at)
            if flags:
                raise ProtocolFault(f"a frame has the flags {flags}, which this version of the protocol does not know")
            if length > self.maximum:
                raise ProtocolFault(f"a frame has {length} bytes, at most {self.maximum} are allowed")
            start = at + HEADER_LENGTH
            stop = start + length
            if stop > end:
                self._missing = HEADER_LENGTH + length
                break
            messages.append(data[start:stop])
            at = stop
        if at < end:
            partial += memoryview(data)[at:]
        return messages


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


parse: Callable[[bytes], Any] = _frame_of_parts().FromString
"""One frame: `id`, `last`, `payload`, and in the field of its body the bytes of that. Raises `DecodeError`."""

UNREADABLE: Final = "a frame is cut off, or holds what protobuf does not know"
"""What a `DecodeError` means."""

BODIES: dict[int, str] = {field.number: field.name for field in frame_pb2.ServerFrame.DESCRIPTOR.fields}
"""Names of the fields that bodies are in."""
_NUMBERS = {name: number for number, name in BODIES.items()}


def body_of(frame: Any) -> tuple[int, bytes]:
    """Number and bytes of the body of a frame. A number of 0: it has none."""
    name = frame.WhichOneof("body")
    return (0, b"") if name is None else (_NUMBERS[name], getattr(frame, name))
