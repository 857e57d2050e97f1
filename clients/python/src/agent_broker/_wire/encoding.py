"""Client frames as bytes.

A frame is put together from parts that are encoded already: the target of a view once, the message of an operation per
call. Standard protobuf takes the fields of a message in any order, so that joining the parts is encoding the frame.
"""

from __future__ import annotations

from functools import partial
from struct import Struct

from agent_broker._wire import native

header = Struct(">BI").pack
"""Flags, which are 0, and the length of the message that follows."""

HEADER_LENGTH = 5
PAYLOAD_TAG = b"\xfa\x7f"
LAST = b"\x18\x01"
"""The field `last`: this frame is the final one of its stream."""

_CANCEL_TAG = 19
_WINDOW_TAG = 20
_PONG_TAG = 18
_PING_TAG = 17
_CHUNK = b"\xb2\x01\x00"

ONE_BYTE = tuple(bytes((value,)) for value in range(128))
"""The varints of small numbers."""


def varint(value: int) -> bytes:
    """An unsigned number as protobuf encodes it."""
    if value < 0x80:
        return ONE_BYTE[value]
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    if value < 0x20_0000:
        return bytes((value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14))
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field: bytes, text or a message."""
    return tagged(varint(number << 3 | 2), content)


def tagged_in_python(tag: bytes, content: bytes) -> bytes:
    """A length-delimited field whose tag is encoded already."""
    length = len(content)
    return tag + (ONE_BYTE[length] if length < 0x80 else varint(length)) + content


tagged = native.tagged or tagged_in_python

path_message = partial(tagged, b"\n")
"""The message of most operations, or its beginning: a path in the field 1."""


def number_field(number: int, value: int) -> bytes:
    """An unsigned number; 0, which is the same as none, takes nothing."""
    return varint(number << 3) + varint(value) if value else b""


def frame(message: bytes) -> bytes:
    """A whole message with its header."""
    return header(0, len(message)) + message


def plain_call_in_python(identifier: int, *parts: bytes) -> bytes:
    """The only frame of a call: its id, and parts that are its other fields one after the other."""
    return frame(b"".join((*parts, LAST, b"\x08", varint(identifier))))


plain_call = native.plain_call or plain_call_in_python


def call_frame(identifier: int, head: bytes, payload: bytes | memoryview = b"") -> list[bytes | memoryview]:
    """The first frame of a call, in parts that are to be sent one after the other.

    `head` is everything but id and payload. A payload is not copied.
    """
    name = b"\x08" + varint(identifier)
    if not payload:
        return [header(0, len(name) + len(head)), name, head]
    tail = PAYLOAD_TAG + varint(len(payload))
    return [header(0, len(name) + len(head) + len(tail) + len(payload)), name, head, tail, payload]


def chunk_frame(identifier: int, payload: bytes | memoryview, *, last: bool) -> list[bytes | memoryview]:
    """The next piece of a stream that a call opened."""
    return call_frame(identifier, _CHUNK + LAST if last else _CHUNK, payload)


def hello_frame(hello: bytes) -> bytes:
    """`hello` is an encoded `Hello`."""
    return frame(field(16, hello))


def cancel_frame(identifier: int) -> bytes:
    """Asks the broker to end a call."""
    return frame(field(_CANCEL_TAG, number_field(1, identifier)))


def window_frame(stream: int, credit: int) -> bytes:
    """Allows the broker so many payload bytes more; stream 0 is the connection."""
    return frame(field(_WINDOW_TAG, number_field(1, stream) + number_field(2, credit)))


def ping_frame(nonce: int) -> bytes:
    """`nonce` has 64 bits."""
    return frame(field(_PING_TAG, b"\x09" + nonce.to_bytes(8, "little")))


def pong_frame(ping: bytes) -> bytes:
    """The answer to a ping, whose message is that of the pong."""
    return frame(field(_PONG_TAG, ping))


def go_away_frame(go_away: bytes) -> bytes:
    """`go_away` is an encoded `GoAway`."""
    return frame(field(21, go_away))
