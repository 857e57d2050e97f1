"""Broker frames from bytes: where their parts are. The message of an answer is parsed by whoever wants it."""

from __future__ import annotations

from struct import Struct

from agent_broker._wire.encoding import HEADER_LENGTH

_header = Struct(">BI").unpack_from

HELLO_REPLY = 16
PING = 17
PONG = 18
WINDOW = 20
GO_AWAY = 21
CHUNK = 22
ERROR = 23
PAYLOAD = 2047


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

    def append(self, data: bytes) -> tuple[bytes, int, int] | None:
        """What can be cut now: a buffer and where its whole frames begin and end. None: no frame is whole yet.

        Raises `ProtocolFault` for flags that are not 0 and for a message that is too long.
        """
        partial = self._partial
        if partial:
            partial += data
            if len(partial) < self._missing:
                return None
            data = bytes(partial)
            partial.clear()
        end = self._end_of_whole_frames(data)
        if end < len(data):
            partial += memoryview(data)[end:]
        return (data, 0, end) if end else None

    def _end_of_whole_frames(self, data: bytes) -> int:
        at = 0
        length_of_data = len(data)
        maximum = self.maximum
        while True:
            if length_of_data - at < HEADER_LENGTH:
                self._missing = HEADER_LENGTH
                return at
            flags, length = _header(data, at)
            if flags:
                raise ProtocolFault(f"a frame has the flags {flags}, which this version of the protocol does not know")
            if length > maximum:
                raise ProtocolFault(f"a frame has {length} bytes, at most {maximum} are allowed")
            end = at + HEADER_LENGTH + length
            if end > length_of_data:
                self._missing = HEADER_LENGTH + length
                return at
            at = end


def long_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of more than one byte, and where it ends."""
    if at + 2 < end:
        # As most are.
        low, middle, high = data[at : at + 3]
        if middle < 0x80:
            return low & 0x7F | middle << 7, at + 2
        if high < 0x80:
            return low & 0x7F | (middle & 0x7F) << 7 | high << 14, at + 3
    value = shift = 0
    while at < end and shift <= 63:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise ProtocolFault("a frame holds a number that is cut off or too long")


def decode(data: bytes, at: int, end: int) -> tuple[int, bool, int, bytes, bytes]:
    """The message of one `ServerFrame`: id, whether it says `last`, number and bytes of its body, payload.

    A body of 0 is none. Raises `ProtocolFault`.
    """
    identifier = body = 0
    last = False
    content = payload = b""
    while at < end:
        tag = data[at]
        at += 1
        if tag >= 0x80:
            tag, at = long_varint(data, at - 1, end)
        kind = tag & 7
        if kind == 2:
            if at >= end:
                raise ProtocolFault("a frame is cut off within a field")
            length = data[at]
            at += 1
            if length >= 0x80:
                length, at = long_varint(data, at - 1, end)
            stop = at + length
            if stop > end:
                raise ProtocolFault("a frame is cut off within a field")
            if tag == 16378:
                payload = data[at:stop]
            elif tag >= 128:
                body = tag >> 3
                content = data[at:stop]
            at = stop
        elif kind == 0:
            if at >= end:
                raise ProtocolFault("a frame is cut off within a field")
            value = data[at]
            at += 1
            if value >= 0x80:
                value, at = long_varint(data, at - 1, end)
            if tag == 8:
                identifier = value
            elif tag == 24:
                last = value != 0
        else:
            at += {1: 8, 5: 4}.get(kind, end + 1)
            if at > end:
                raise ProtocolFault("a frame holds a field of an unknown kind")
    return identifier, last, body, content, payload
