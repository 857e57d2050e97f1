"""What a broker says of itself and of a session."""

from __future__ import annotations

from dataclasses import dataclass

from agent_broker._protos import session_pb2

_HEAD_RESERVE = 16 << 10
"""Room in a frame for what stands beside its payload."""
_LARGEST_PIECE = 256 << 10
"""Payload that one frame of a stream carries at most: a large one lets others in between."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the broker answered the hello with. Bytes where the name does not say otherwise."""

    server_version: str
    node: str
    org: str
    features: frozenset[int]
    instance: int
    """Of the broker's run: another one knows nothing of what this one did."""
    frame_length: int
    head_length: int
    stream_window: int
    connection_window: int
    calls_in_flight: int
    keepalive_interval: float
    """Seconds. 0: none."""

    @staticmethod
    def of(reply: session_pb2.HelloReply) -> Greeting:
        """From the wire."""
        limits = reply.limits
        return Greeting(
            server_version=reply.server_version,
            node=reply.node,
            org=reply.org,
            features=frozenset(reply.features),
            instance=reply.instance,
            frame_length=limits.max_frame_bytes,
            head_length=limits.max_head_bytes,
            stream_window=limits.stream_window_bytes,
            connection_window=limits.connection_window_bytes,
            calls_in_flight=max(1, limits.max_calls_in_flight),
            keepalive_interval=limits.keepalive_interval_ms / 1000,
        )

    @property
    def piece_length(self) -> int:
        """Payload of one frame of a stream, at most."""
        return max(1, min(self.frame_length - _HEAD_RESERVE, _LARGEST_PIECE))

    @property
    def whole_payload_length(self) -> int:
        """Payload of an operation that takes all of it with its first frame, at most."""
        return min(max(1, self.frame_length - _HEAD_RESERVE), self.stream_window, self.connection_window)
