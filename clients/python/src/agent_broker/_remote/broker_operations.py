"""What is asked of the broker itself, and of workspaces as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from agent_broker._protos import admin_pb2, lease_pb2, workspace_pb2
from agent_broker._remote.view import View, changes
from agent_broker._session import operations


@dataclass(frozen=True, slots=True)
class Workspace:
    """A key that has files."""

    key: str
    live: bool
    """It has an entry in the pool now."""
    used: float
    """When it was last used, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class EntryDescription:
    """What the pool has of the key."""

    live: bool
    """There is an entry; the rest means nothing where there is none."""
    leases: int
    isolation: str
    """How commands are isolated. Empty: no commands."""
    environment_names: list[str]


@dataclass(frozen=True, slots=True)
class BrokerStats:
    """Counters of the org."""

    server_version: str
    node: str
    org: str
    uptime_seconds: float
    connections: int
    calls_ok: int
    calls_failed: int
    calls_in_flight: int
    """That wait for something; this one does not."""
    execs_running: int


class BrokerOperations(View):
    """Every method raises `BackendError`."""

    async def stats(self) -> BrokerStats:
        """What the broker counts for the token's org."""
        content, _ = await self._call(operations.STATS, b"", "")
        reply = admin_pb2.StatsReply.FromString(content)
        return BrokerStats(
            reply.server_version,
            reply.node,
            reply.org,
            reply.uptime_ms / 1000,
            reply.connections,
            reply.calls_ok,
            reply.calls_failed,
            reply.calls_in_flight,
            reply.execs_running,
        )

    async def describe(self) -> EntryDescription:
        """What the key's entry is, without making one."""
        content, _ = await self._call(operations.DESCRIBE, b"", "")
        reply = lease_pb2.DescribeReply.FromString(content)
        names = [name.decode(errors="replace") for name in reply.environment_names]
        return EntryDescription(reply.live, reply.leases, reply.isolation, names)

    async def list_workspaces(self) -> list[Workspace]:
        """The keys of the org that have files, as far as the token allows them, sorted."""
        found: list[Workspace] = []
        while True:
            message = workspace_pb2.ListWorkspaces(after=found[-1].key if found else "").SerializeToString()
            content, _ = await self._call(operations.LIST_WORKSPACES, message, "")
            reply = workspace_pb2.ListWorkspacesReply.FromString(content)
            found += [Workspace(each.key, each.live, each.used_ns / 1e9) for each in reply.workspaces]
            if not reply.truncated or not reply.workspaces:
                return found

    async def delete_workspace(self, key: str, *, force: bool = False, idempotency_key: str | None = None) -> bool:
        """Deletes all files of a key, for good. False: it had none.

        Without `force` it is `CONFLICT` while somebody uses it.
        """
        message = workspace_pb2.DeleteWorkspace(key=key, force=force).SerializeToString()
        more = changes(idempotency_key)
        content, _ = await self._call(operations.DELETE_WORKSPACE, message, key, more=more)
        return workspace_pb2.DeleteWorkspaceReply.FromString(content).deleted
