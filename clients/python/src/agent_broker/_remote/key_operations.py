"""What a memory backend of the broker's has beside files."""

from __future__ import annotations

from agent_broker._protos import memory_pb2
from agent_broker._remote.view import View, changes
from agent_broker._session import operations
from agent_broker.paths import PathLike, as_bytes, as_text, within


class KeyOperations(View):
    """Every method raises `BackendError`."""

    async def list_keys(self, prefix: PathLike | None = None) -> list[str]:
        """The keys that begin with this, sorted as bytes: text by text, not name by name."""
        beginning = as_bytes(prefix or b"")
        found: list[bytes] = []
        while True:
            message = memory_pb2.ListKeys(prefix=beginning, after=found[-1] if found else b"")
            content, _ = await self._call(operations.LIST_KEYS, message.SerializeToString(), as_text(beginning))
            reply = memory_pb2.ListKeysReply.FromString(content)
            found += reply.keys
            if not reply.truncated or not reply.keys:
                return [as_text(key) for key in found]

    async def delete(self, key: PathLike, *, idempotency_key: str | None = None) -> bool:
        """Removes one key, and nothing below it. False: there was none."""
        message = memory_pb2.DeleteKey(key=within(key)).SerializeToString()
        more = changes(idempotency_key)
        content, _ = await self._call(operations.DELETE_KEY, message, as_text(as_bytes(key)), more=more)
        return memory_pb2.DeleteKeyReply.FromString(content).deleted

    async def clear(self, *, idempotency_key: str | None = None) -> int:
        """Removes all keys of the scope. Returns how many."""
        content, _ = await self._call(operations.CLEAR_KEYS, b"", "", more=changes(idempotency_key))
        return memory_pb2.ClearKeysReply.FromString(content).cleared
