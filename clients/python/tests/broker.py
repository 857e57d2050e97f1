"""A broker process for tests."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from agent_broker import RemoteFilesystemBackendConfig

T = TypeVar("T")
_REPOSITORY = Path(__file__).resolve().parents[3]
PATIENCE = 60
"""Seconds after which a test that waits for an event is stuck."""


def binary() -> str:
    """The broker's program. Fails where there is none: a suite that runs nothing must not pass."""
    given = os.environ.get("AGENT_BROKER_BINARY")
    candidates = (
        [Path(given)] if given else [_REPOSITORY / ".build" / kind / "agent-broker" for kind in ("release", "debug")]
    )
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            return str(candidate)
    raise RuntimeError(f"no broker at {' or '.join(map(str, candidates))}: build it, or set AGENT_BROKER_BINARY")


class Broker:
    """Serves a root of its own. Killed and started again it has the same address and token."""

    def __init__(self, *arguments: str, config: str | None = None) -> None:
        """`config` is YAML, without root and listen."""
        self._binary = binary()
        self.root = tempfile.TemporaryDirectory(prefix="broker-", dir="/var/tmp")
        os.chmod(self.root.name, 0o711)
        self._arguments = list(arguments)
        if config is not None:
            path = Path(self.root.name, "broker.yaml")
            path.write_text(config)
            self._arguments += ["--config", str(path)]
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.token = ""
        self.start()

    def start(self) -> None:
        """Returns when it accepts connections."""
        command = [
            binary(),
            "serve",
            "--json",
            "--root",
            f"{self.root.name}/root",
            "--listen",
            f"127.0.0.1:{self.port}",
        ]
        with open(Path(self.root.name, "log"), "ab") as log:
            self._process = subprocess.Popen([*command, *self._arguments], stdout=subprocess.PIPE, stderr=log)
        output = self._process.stdout
        assert output is not None
        line = output.readline()
        output.close()
        if not line:
            raise RuntimeError(f"the broker does not start: {Path(self.root.name, 'log').read_text()}")
        ready = json.loads(line)
        self.ready = ready
        self.port = int(ready["wire"].rpartition(":")[2])
        self.token = ready.get("token") or self.token

    def kill(self) -> None:
        """Without a word of farewell."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """It is there, and does nothing; `close` ends it all the same."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def terminate(self) -> None:
        """In order."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE)
            self._process = None

    def close(self) -> None:
        self._end(signal.SIGKILL)
        self.root.cleanup()

    def config(self, **options: Any) -> RemoteFilesystemBackendConfig:
        """Of a backend of this broker."""
        fields: dict[str, Any] = {"port": self.port, "auth_token": self.token, "key": "test"}
        return RemoteFilesystemBackendConfig(**fields | options)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a test's coroutine, which must leave no task behind."""

    async def main() -> T:
        async with asyncio.timeout(PATIENCE):
            result = await coroutine
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks are left: {left}"
        return result

    return asyncio.run(main())


class Proxy:
    """Stands between a client and its broker, and cuts their connections."""

    def __init__(self, port: int) -> None:
        self._broker_port = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.accepted = 0
        self.bytes_before_cut: int | None = None
        """Of the broker's, of each connection; then it is cut. None: all of them pass."""

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Every connection is reset."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            upper_reader, upper_writer = await asyncio.open_connection("127.0.0.1", self._broker_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, upper_writer}
        for source, target, limit in ((reader, upper_writer, None), (upper_reader, writer, self.bytes_before_cut)):
            task = asyncio.create_task(self._pass(source, target, limit))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, limit: int | None) -> None:
        try:
            while data := await source.read(1 << 16):
                if limit is not None and (limit := limit - len(data)) < 0:
                    self.cut()
                    return
                target.write(data)
                await target.drain()
        except OSError:
            pass
        finally:
            target.close()
