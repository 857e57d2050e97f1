"""Memory in this process."""

from __future__ import annotations

import pytest
from broker import run

from agent_broker import (
    ArrayOperationsLogger,
    BackendError,
    BackendType,
    ConnectionStatus,
    ErrorCode,
    LoggingMode,
    MemoryBackend,
    MemoryBackendConfig,
    NotImplementedBackendError,
    PathEscapeError,
    ReadOptions,
    ScopeConfig,
)


def test_files_in_memory() -> None:
    async def body() -> None:
        memory = MemoryBackend(MemoryBackendConfig(initial_data={"a/1": "one", "a/2": b"\xff"}))
        assert memory.type is BackendType.MEMORY
        assert await memory.read("/workspace/a/1") == "one"
        assert await memory.read("a/2", ReadOptions(encoding="buffer")) == b"\xff"
        with pytest.raises(BackendError) as text:
            await memory.read("a/2")
        assert text.value.code == ErrorCode.READ_FAILED
        await memory.touch("a/1")
        assert (await memory.stat("a/1")).size == 3
        await memory.rename("a/1", "b")
        assert await memory.readdir("") == ["a", "b"]
        assert (await memory.exists("a"), await memory.exists("a/1")) == (True, False)
        await memory.rm("a", recursive=True)
        with pytest.raises(BackendError) as missing:
            await memory.rm("a")
        assert missing.value.code == ErrorCode.KEY_NOT_FOUND
        await memory.rm("a", force=True)
        with pytest.raises(NotImplementedBackendError):
            await memory.exec("true")
        with pytest.raises(PathEscapeError):
            await memory.read("../x")
        assert (await memory.delete("b"), await memory.delete("b")) == (True, False)

    run(body())


def test_scopes_loggers_and_the_end() -> None:
    async def body() -> None:
        memory = MemoryBackend()
        log = ArrayOperationsLogger(LoggingMode.VERBOSE)
        scope = memory.scope("s", ScopeConfig(operations_logger=log)).scope("t")
        await scope.write("k", "v")
        with pytest.raises(BackendError):
            await scope.read("missing")
        assert [(entry.operation, entry.success) for entry in log.get_entries()] == [("write", True), ("read", False)]
        assert await memory.list_keys("s/") == ["s/t/k"]
        assert await scope.list_keys() == ["k"]
        assert await memory.list_active_scopes() == ["s", "s/t"]
        assert await scope.clear() == 1
        await scope.destroy()
        assert await memory.list_active_scopes() == ["s"]
        events = []
        memory.on_status_change(lambda event: events.append(event.to_status))
        await memory.destroy()
        await memory.destroy()
        assert events == [ConnectionStatus.DESTROYED]
        with pytest.raises(BackendError) as ended:
            await memory.write("k", "v")
        assert ended.value.code == ErrorCode.BACKEND_DESTROYED

    run(body())
