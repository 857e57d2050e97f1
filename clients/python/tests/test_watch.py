"""What changes in a directory."""

from __future__ import annotations

import asyncio

import pytest
from broker import Broker, run

from agent_broker import BackendError, RemoteFilesystemBackend


def test_changes_are_told_as_they_happen(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="watch")) as files:
            await files.mkdir("d/e")
            watch = await files.watch("d", recursive=True, excludes=["*.tmp"])
            await files.write("d/skipped.tmp", "x")
            await files.exec("echo x > d/e/f; mv d/e/f d/e/g; rm d/e/g")
            seen: list[tuple[str, str, str | None]] = []
            async for change in watch:
                if not seen or (change.kind, change.path) != seen[-1][:2]:
                    seen.append((change.kind, change.path, change.moved_from))
                if change.kind == "removed":
                    break
            assert seen[0] == ("created", "/workspace/d/e/f", None)
            assert ("moved", "/workspace/d/e/g", "/workspace/d/e/f") in seen
            assert seen[-1] == ("removed", "/workspace/d/e/g", None)
            await files.rm("d", recursive=True)
            async with asyncio.timeout(30):
                rest = [(change.kind, change.path) async for change in watch]
            assert rest[-1] == ("removed", "/workspace/d")
            with pytest.raises(BackendError):
                await files.watch("missing")

    run(body())


def test_a_watch_that_is_left_is_over(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="watch-left")) as files:
            await files.mkdir("d")
            for _ in range(300):
                async with await files.watch("d"):
                    pass
            waiting = asyncio.create_task(anext(await files.watch("d")))
            await files.exists("d")
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    run(body())
