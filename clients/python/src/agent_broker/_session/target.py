"""What calls work on."""

from __future__ import annotations

from agent_broker._protos import common_pb2
from agent_broker._wire.encoding import field, number_field

_TARGET = 2
_LEASE = 4


class Target:
    """Backend type, key and scope path of a view, encoded once."""

    __slots__ = ("_content", "backend", "field", "key", "lease", "scope_path")

    def __init__(self, backend: int, key: str, scope_path: bytes = b"") -> None:
        """`backend` is a `BackendType` of the wire."""
        self.backend = backend
        self.key = key
        self.scope_path = scope_path
        message = common_pb2.Target(backend=backend, key=key, scope_path=scope_path)  # type: ignore[arg-type]
        self._content = message.SerializeToString()
        self.lease = 0
        """Of the connection, for calls to use in place of the key. 0: none."""
        self.field = field(_TARGET, self._content)
        """The field `target` of a frame."""

    def take(self, lease: int) -> None:
        """There is another lease, or none any more."""
        self.lease = lease
        self.field = field(_TARGET, self._content + number_field(_LEASE, lease))

    def scoped(self, scope_path: bytes) -> Target:
        """The same, confined to a directory, which is named from the workspace's root."""
        return Target(self.backend, self.key, scope_path)
