"""Event loops, threads, processes: where a backend may be used."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import tracemalloc
import warnings
from collections.abc import Callable

import pytest
from broker import Broker, run

from agent_broker import BackendError, ErrorCode, Output, RemoteFilesystemBackend, ScopeConfig, TerminalSize, sync
from agent_broker._remote.link import Link


def in_child(body: Callable[[], None]) -> int:
    """Runs a function in a fork; returns 0 where it raised nothing."""
    with warnings.catch_warnings():
        # That threads are running is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(30)
        try:
            body()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_two_runs_of_asyncio(broker: Broker) -> None:
    backend = RemoteFilesystemBackend(broker.config(key="two-runs"))

    async def first() -> None:
        await backend.write("f", "first")

    async def second() -> None:
        assert await backend.read("f") == "first"
        await backend.destroy()

    asyncio.run(first())
    with warnings.catch_warnings():
        # The first loop was closed over an open connection, of which asyncio warns.
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.run(second())
        gc.collect()


def test_one_loop_per_thread(broker: Broker) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        async def body() -> None:
            async with RemoteFilesystemBackend(broker.config(key=f"thread-{number}")) as backend:
                for turn in range(20):
                    await backend.write("f", f"{number} {turn}")
                    assert await backend.read("f") == f"{number} {turn}"

        try:
            asyncio.run(body())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_backend_of_another_loop_says_so(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="other-loop")) as backend:

            def other() -> BackendError:
                with pytest.raises(BackendError) as wrong:
                    asyncio.run(backend.read("f"))
                return wrong.value

            error = await asyncio.to_thread(other)
            assert error.code == ErrorCode.INVALID_ARGUMENT
            assert "another event loop" in str(error)
            assert not await backend.exists("f")

    run(body())


def test_a_backend_that_is_let_go_warns_and_closes(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="watcher")) as watcher:
            before = (await watcher.stats()).connections
            backend = RemoteFilesystemBackend(broker.config(key="let-go"))
            await backend.write("f", "x")
            assert (await watcher.stats()).connections == before + 1
            del backend
            with pytest.warns(ResourceWarning, match=r"without destroy"):
                gc.collect()
            while (await watcher.stats()).connections > before:
                pass

    run(body())


def test_a_fork_of_a_loop(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="fork")) as backend:
            await backend.write("f", "parent")

            def child() -> None:
                async def inherited() -> None:
                    with pytest.raises(BackendError) as refused:
                        await backend.read("f")
                    assert refused.value.code == ErrorCode.CONNECTION_CLOSED
                    assert "fork" in str(refused.value)
                    async with RemoteFilesystemBackend(broker.config(key="fork")) as fresh:
                        assert await fresh.read("f") == "parent"

                asyncio._set_running_loop(None)
                asyncio.run(inherited())
                gc.collect()

            assert in_child(child) == 0
            # The parent's connection is as it was.
            assert await backend.read("f") == "parent"

    run(body())


def test_a_fork_beside_the_thread_of_the_synchronous_ones(broker: Broker) -> None:
    with sync.RemoteFilesystemBackend(broker.config(key="sync-fork")) as backend:
        backend.write("f", "parent")

        def child() -> None:
            with pytest.raises(BackendError) as refused:
                backend.read("f")
            assert refused.value.code == ErrorCode.CONNECTION_CLOSED
            with sync.RemoteFilesystemBackend(broker.config(key="sync-fork")) as fresh:
                assert fresh.read("f") == "parent"

        assert in_child(child) == 0
        assert backend.read("f") == "parent"


def test_the_synchronous_twin(broker: Broker) -> None:
    with sync.RemoteFilesystemBackend(broker.config(key="sync")) as backend:
        backend.write("a/f", "hello\n")
        assert backend.read("a/f") == "hello\n"
        assert backend.exec("wc -c < a/f") == "6"
        assert backend.readdir("a") == ["f"]
        assert backend.glob("*").files[0].path == "/workspace/a/f"
        with backend.open_reader("a/f") as reader:
            assert b"".join(reader) == b"hello\n"
        with backend.start("cat; echo $LINES", open_stdin=True, env={"LINES": "1"}) as command:
            command.write("x")
            command.close_stdin()
            assert b"".join(output.data for output in command) == b"x1\n"
            assert command.end is not None
            assert command.end.ok
        with backend.start("read x", terminal=TerminalSize(), open_stdin=True) as terminal:
            terminal.write("\r")
            assert terminal.wait().ok
        background = backend.exec_detached("seq 3")
        events = list(background.attach())
        assert b"".join(event.data for event in events if isinstance(event, Output)) == b"1\n2\n3\n"
        assert background.wait().ok
        scope = backend.scope("a", ScopeConfig(env={"A": "1"}))
        assert (scope.exec("echo $A; ls"), scope.scope_path) == ("1\nf", "a")
        with pytest.raises(BackendError):
            backend.read("missing")
        backend.write_from("big", [b"x" * 1000] * 1000)
        assert backend.stat("big").size == 1_000_000
    with sync.RemoteMemoryBackend(broker.config(key="sync-memory")) as memory:
        memory.write("a/1", "x")
        assert memory.list_keys("a/") == ["a/1"]
        assert memory.scope("a").list_keys() == ["1"]


def test_threads_share_one_connection(broker: Broker) -> None:
    with sync.RemoteFilesystemBackend(broker.config(key="threads")) as backend:
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for turn in range(20):
                    backend.write(f"f{number}", f"{number} {turn}")
                    assert backend.read(f"f{number}") == f"{number} {turn}"
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


def test_a_callback_must_not_wait_for_its_own_thread(broker: Broker) -> None:
    backend = sync.RemoteFilesystemBackend(broker.config(key="callback"))
    seen: list[BaseException] = []

    def call(_event: object) -> None:
        try:
            backend.read("f")
        except BackendError as error:
            seen.append(error)

    backend.on_status_change(call)
    backend.connect()
    backend.destroy()
    assert seen
    assert "another thread" in str(seen[0])


def test_a_program_that_destroys_nothing_ends_in_order(broker: Broker) -> None:
    program = f"""
import agent_broker.sync as ab
from agent_broker import RemoteFilesystemBackendConfig
backend = ab.RemoteFilesystemBackend(
    RemoteFilesystemBackendConfig(port={broker.port}, auth_token={broker.token!r}, key="exit")
)
backend.exec("mkfifo up")
command = backend.start("echo > up; sleep 1000")
backend.exec("cat up")
print("done")
"""
    begun = time.monotonic()
    # Every warning, but not "-X dev", whose asyncio tells on stderr of a callback that a busy machine made slow.
    ended = subprocess.run(
        [sys.executable, "-W", "default", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")
    assert time.monotonic() - begun < 30
    with sync.RemoteFilesystemBackend(broker.config(key="exit")) as backend:
        assert backend.exec("pgrep -c sleep || true") == "0"


def test_a_connection_takes_a_large_buffer_when_it_needs_one() -> None:
    loop = asyncio.new_event_loop()
    tracemalloc.start()
    try:
        links = [Link(loop, 30.0, 3) for _ in range(100)]
        assert tracemalloc.get_traced_memory()[0] < 100 * (20 << 10)
        sizes = []
        for _ in range(4):
            sizes.append(len(links[0].get_buffer(-1)))
            links[0].buffer_updated(sizes[-1])
        assert sizes == [16 << 10, 64 << 10, 256 << 10, 256 << 10]
    finally:
        tracemalloc.stop()
        loop.close()
