"""The examples of the seed's documentation, in its order: only imports and constructions are other ones."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from broker import Broker, binary, run

import agent_broker
from agent_broker import (
    ArrayOperationsLogger,
    BackendError,
    BackendPoolManager,
    BackendType,
    ConnectionStatus,
    ConsoleOperationsLogger,
    DangerousOperationError,
    EntryConfig,
    ExecOptions,
    IsolationMode,
    MemoryBackend,
    NotImplementedBackendError,
    PathEscapeError,
    PoolManagerConfig,
    ReadOptions,
    RemoteFilesystemBackend,
    RemoteFilesystemBackendConfig,
    ScopeConfig,
)

# Of the machine that the examples think of, where Debian has python3 alone.
TOOLS = EntryConfig(env={"PATH": "/workspace/bin:/usr/bin:/bin"})
PYTHON = '#!/bin/sh\nexec python3 "$@"\n'


async def give_tools(backend: Any, **scripts: str) -> None:
    for name, script in scripts.items():
        await backend.write(f"bin/{name}", script)
        await backend.chmod(f"bin/{name}", 0o755)


def test_environment_variables(broker: Broker) -> None:
    async def body() -> None:
        backend = RemoteFilesystemBackend(broker.config(key="seed-env", entry=TOOLS))
        scoped_backend = backend.scope(
            "projects/my-app",
            ScopeConfig(
                env={
                    "PYTHONPATH": "/workspace/lib",
                    "API_KEY": "secret",
                    "DATABASE_URL": "postgres://...",
                }
            ),
        )
        await give_tools(scoped_backend, python=PYTHON)
        await scoped_backend.write(
            "lib/build.py", "import os; print(os.environ['API_KEY'], os.environ['DATABASE_URL'])"
        )

        assert await scoped_backend.exec("python -m build") == "secret postgres://..."
        await backend.destroy()

    run(body())


def test_operations_logging(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    async def body() -> None:
        backend = RemoteFilesystemBackend(broker.config(key="seed-log", entry=TOOLS))
        scoped_backend = backend.scope("project", ScopeConfig(operations_logger=ConsoleOperationsLogger()))
        await give_tools(scoped_backend, pip="#!/bin/sh\necho installed\n")

        await scoped_backend.exec("pip install -r requirements.txt")
        await backend.destroy()

    run(body())
    assert "[AgentBackend] exec: pip install -r requirements.txt" in capsys.readouterr().err


def test_what_loggers_are_told(broker: Broker) -> None:
    async def body() -> None:
        log = ArrayOperationsLogger()
        async with RemoteFilesystemBackend(broker.config(key="seed-array")) as backend:
            scope = backend.scope("s", ScopeConfig(env={"TOKEN": "hush-hush"}, operations_logger=log))
            await scope.write("f", "x")
            await scope.read("f")
            with pytest.raises(BackendError):
                await scope.exec("echo with $TOKEN; exit 3")
            nested = scope.scope("t")
            await nested.touch("g")
        assert [entry.operation for entry in log.get_entries()] == ["write", "exec", "touch"]
        [failed] = log.get_entries_by_status(False)
        assert (failed.command, failed.exit_code, failed.stdout) == ("echo with $TOKEN; exit 3", 3, "with ***\n")
        assert "hush" not in str(log.get_entries())
        assert log.get_entries_by_operation("touch")[0].workspace_path == "/workspace/s/t"
        assert log.length == 3

    run(body())


def test_binary_data(broker: Broker) -> None:
    async def body() -> None:
        backend = RemoteFilesystemBackend(broker.config(key="seed-binary"))
        await backend.write("logo.png", bytes(range(256)))

        image_data = await backend.read("logo.png", ReadOptions(encoding="buffer"))
        tarball = await backend.exec("tar -czf - .", ExecOptions(encoding="buffer"))

        assert image_data == bytes(range(256))
        assert isinstance(tarball, bytes)
        assert tarball.startswith(b"\x1f\x8b")
        await backend.destroy()

    run(body())


def test_timeouts(broker: Broker) -> None:
    async def body() -> None:
        backend = RemoteFilesystemBackend(
            RemoteFilesystemBackendConfig(
                root_dir="/tmp/agentbe-workspace",
                host="localhost",
                port=broker.port,
                auth_token=broker.token,
                operation_timeout_ms=300_000,  # 5 minutes
                max_output_length=10 * 1024 * 1024,  # 10MB
            )
        )
        await backend.write("f", "x")
        assert await backend.exec("pwd; cat f") == "/workspace\nx"
        whole = RemoteFilesystemBackend(broker.config(key="default"))
        assert await whole.read("/tmp/agentbe-workspace/f") == "x"
        await whole.destroy()
        await backend.destroy()

    run(body())


def test_backend_connection_pooling(broker: Broker) -> None:
    async def body() -> None:
        pool = BackendPoolManager(
            PoolManagerConfig(
                backend_factory=lambda **config: RemoteFilesystemBackend(broker.config(**config)),
                default_config={"key": "seed-pool"},
                idle_timeout_ms=5 * 60 * 1000,
                enable_periodic_cleanup=True,
            )
        )
        backend, release = await pool.acquire_backend("user-1")
        await backend.write("f", "x")
        release()

        async def use(backend: RemoteFilesystemBackend) -> str | bytes:
            return await backend.read("f")

        assert await pool.with_backend(use, key="user-1") == "x"
        stats = pool.get_stats()
        assert (stats.total_backends, stats.active_backends, stats.idle_backends) == (1, 0, 1)
        await pool.destroy_all()

    run(body())


def test_code_execution_sandbox(broker: Broker) -> None:
    async def body() -> None:
        user_id, untrusted_code = 7, "import os; print(sorted(os.listdir('/workspace')), os.getuid() != 0)"
        sandbox = RemoteFilesystemBackend(broker.config(key="seed-sandbox", isolation=IsolationMode.AUTO, entry=TOOLS))

        user_code_backend = sandbox.scope(f"users/{user_id}")
        await give_tools(user_code_backend, python=PYTHON)
        await user_code_backend.write("script.py", untrusted_code)
        result = await user_code_backend.exec("python script.py")

        assert result == "['bin', 'script.py'] True"
        await sandbox.destroy()

    run(body())


@pytest.fixture
def two_orgs() -> Iterator[tuple[Broker, list[str]]]:
    tokens, lines = [], ["orgs:"]
    for org in ("org1", "org2"):
        made = subprocess.run(
            [binary(), "token", "new", "--org", org, "--name", "t", "--json"], capture_output=True, check=True
        )
        token = json.loads(made.stdout)
        tokens.append(token["token"])
        lines += [f"  - name: {org}", "    tokens:"]
        lines += [f'      - {{id: "{token["id"]}", name: t, hash: "{token["hash"]}"}}']
    broker = Broker(config="\n".join(lines) + "\n")
    yield broker, tokens
    broker.close()


def test_multi_tenant_saas(two_orgs: tuple[Broker, list[str]]) -> None:
    broker, tokens = two_orgs

    async def body() -> None:
        org1_backend = RemoteFilesystemBackend(
            RemoteFilesystemBackendConfig(root_dir="/var/saas/org1", port=broker.port, auth_token=tokens[0])
        )
        org2_backend = RemoteFilesystemBackend(
            RemoteFilesystemBackendConfig(root_dir="/var/saas/org1", port=broker.port, auth_token=tokens[1])
        )

        org1_user1 = org1_backend.scope("users/user1")
        org1_user2 = org1_backend.scope("users/user2")

        await org1_user1.write("name", "org1 user1")
        await org1_user2.write("name", "org1 user2")
        assert await org1_user1.exec("cat name; ls -A /workspace") == "org1 user1name"
        assert not await org2_backend.exists("users/user1/name")
        await org1_backend.destroy()
        await org2_backend.destroy()

    run(body())


def test_agent_state_management() -> None:
    async def body() -> None:
        state = MemoryBackend()

        await state.write("agents/agent1/current-task", "building")
        await state.write("agents/agent1/progress", "50%")

        all_agents = await state.list_keys("agents/")

        assert all_agents == ["agents/agent1/current-task", "agents/agent1/progress"]

    run(body())


def test_error_handling(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    async def body(command: str, path: str) -> None:
        backend = RemoteFilesystemBackend(broker.config(key="seed-errors"))
        try:
            await backend.exec(command)
            await backend.read(path)
        except DangerousOperationError as e:
            # Command blocked by safety validation
            print("Blocked:", e.operation)
        except PathEscapeError:
            # Path attempted to escape scope
            print("Escape")
        except BackendError as e:
            # General backend error (check e.code)
            print("Error:", e.code, str(e))
        finally:
            await backend.destroy()

    run(body("rm -rf /", ""))
    run(body("true", "../../etc/passwd"))
    run(body("echo why >&2; exit 7", ""))
    blocked, escape, error = capsys.readouterr().out.splitlines()
    assert blocked == "Blocked: rm -rf /"
    assert escape == "Escape"
    assert re.fullmatch(r"Error: EXEC_FAILED .*exit code 7: why", error)


def test_gotchas() -> None:
    async def body() -> None:
        with pytest.raises(NotImplementedBackendError):
            await MemoryBackend().exec("true")

    run(body())
    assert not hasattr(MemoryBackend, "list")
    assert isinstance(IsolationMode.AUTO, IsolationMode)
    assert [each.value for each in BackendType] == ["local-filesystem", "remote-filesystem", "memory"]
    assert RemoteFilesystemBackendConfig(root_dir="/tmp/x").root_dir == "/tmp/x"


def test_closeables_are_closed_before_the_backend_ends(broker: Broker) -> None:
    async def body() -> None:
        class Client:
            def __init__(self) -> None:
                self.seen: list[ConnectionStatus] = []

            async def close(self) -> None:
                self.seen.append(backend.status)
                raise OSError("what a closeable raises is no matter")

        backend = RemoteFilesystemBackend(broker.config(key="seed-closeables"))
        await backend.write("a", "connected")
        scope = backend.scope("scope")
        client = Client()
        scope.track_closeable(client)
        await scope.destroy()
        assert client.seen == []
        await backend.destroy()
        await backend.destroy()
        assert client.seen == [ConnectionStatus.CONNECTED]

    run(body())


def test_the_seeds_names() -> None:
    # All that its 0.15.0 exports, but those that the table in the README tells of.
    for name in [
        "ArrayOperationsLogger",
        "BackendError",
        "BackendPoolManager",
        "BackendType",
        "ConnectionStatus",
        "ConnectionStatusManager",
        "ConsoleOperationsLogger",
        "DangerousOperationError",
        "ErrorCode",
        "ExecOptions",
        "FileStat",
        "IsolationMode",
        "LoggingMode",
        "MemoryBackend",
        "MemoryBackendConfig",
        "NotImplementedBackendError",
        "OperationLogEntry",
        "OperationsLogger",
        "PathEscapeError",
        "PoolManagerConfig",
        "PoolStats",
        "ReadOptions",
        "ReconnectionConfig",
        "RemoteFilesystemBackend",
        "RemoteFilesystemBackendConfig",
        "ScopeConfig",
        "ScopedFilesystemBackend",
        "ScopedMemoryBackend",
        "StatusChangeEvent",
        "__version__",
        "should_log_operation",
    ]:
        assert name in agent_broker.__all__
        assert hasattr(agent_broker, name)
