"""Connections that are lost, brokers that are killed, tasks that are cancelled."""

from __future__ import annotations

import asyncio
import random
import socket
import time

import pytest
from broker import Broker, Proxy, run

from agent_broker import (
    BackendError,
    ConnectionStatus,
    EntryConfig,
    ErrorCode,
    ExecOptions,
    IsolationMode,
    Output,
    ReconnectionConfig,
    RemoteFilesystemBackend,
    RemoteFilesystemBackendConfig,
    Resend,
    StatusChangeEvent,
)
from agent_broker._protos import frame_pb2, session_pb2
from agent_broker._wire.encoding import frame

SOON = ReconnectionConfig(initial_delay_ms=10, max_delay_ms=50, max_retries=0)


class Steps:
    """The statuses of a backend, as they come."""

    def __init__(self, backend: RemoteFilesystemBackend) -> None:
        self.events: list[StatusChangeEvent] = []
        self._changed = asyncio.Event()
        backend.on_status_change(self._add)

    def _add(self, event: StatusChangeEvent) -> None:
        self.events.append(event)
        self._changed.set()

    @property
    def names(self) -> list[str]:
        return [event.to_status.value for event in self.events]

    async def until(self, status: ConnectionStatus) -> None:
        while not any(event.to_status is status for event in self.events):
            self._changed.clear()
            await self._changed.wait()


def test_a_broker_that_is_killed_and_started_again(own_broker: Broker) -> None:
    async def body() -> None:
        backend = RemoteFilesystemBackend(own_broker.config(reconnection=SOON))
        steps = Steps(backend)
        await backend.write("f", "before")
        await backend.exec("mkfifo 0 1 2")
        running = [asyncio.create_task(backend.exec(f"echo > {number}; sleep 1000")) for number in range(3)]
        await backend.exec("cat 0 1 2")
        begun = time.monotonic()
        own_broker.kill()
        for failed in await asyncio.gather(*running, return_exceptions=True):
            assert isinstance(failed, BackendError)
            assert (failed.code, failed.maybe_executed) == (ErrorCode.CONNECTION_CLOSED, True)
        assert time.monotonic() - begun < 30
        await steps.until(ConnectionStatus.RECONNECTING)
        later = asyncio.create_task(backend.read("f"))
        own_broker.start()
        assert await later == "before"
        await backend.destroy()
        await backend.destroy()
        names = steps.names
        # Attempts while there was no broker are steps of their own.
        assert names[:3] == ["connecting", "connected", "disconnected"]
        assert names[-3:] == ["connecting", "connected", "destroyed"]
        between = names[2:-3]
        assert between[: len(between) // 3 * 3] == ["disconnected", "reconnecting", "connecting"] * (len(between) // 3)
        assert between[len(between) // 3 * 3 :] == ["disconnected", "reconnecting"]
        assert [event.from_status.value for event in steps.events] == ["disconnected", *names[:-1]]
        assert all(event.error is not None for event in steps.events if event.to_status.value == "disconnected")

    run(body())


def test_exactly_the_steps_of_one_loss(broker: Broker) -> None:
    async def body() -> None:
        async with Proxy(broker.port) as proxy:
            backend = RemoteFilesystemBackend(broker.config(port=proxy.port, reconnection=SOON))
            steps = Steps(backend)
            assert backend.status is ConnectionStatus.DISCONNECTED
            await backend.connect()
            proxy.cut()
            await steps.until(ConnectionStatus.RECONNECTING)
            await backend.connect()
            await backend.destroy()
        assert steps.names == [
            "connecting", "connected", "disconnected", "reconnecting", "connecting", "connected", "destroyed",
        ]  # fmt: skip

    run(body())


def test_a_broker_in_order_is_followed_to_the_next(own_broker: Broker) -> None:
    async def body() -> None:
        backend = RemoteFilesystemBackend(own_broker.config(reconnection=SOON))
        await backend.exec("mkfifo up")
        under_way = asyncio.create_task(backend.exec("echo > up; sleep 0.3; echo done"))
        await backend.exec("cat up")
        await asyncio.to_thread(own_broker.terminate)
        # What was under way came to its end before the broker did.
        assert await under_way == "done"
        later = asyncio.create_task(backend.exec("echo later"))
        own_broker.start()
        assert await later == "later"
        await backend.destroy()

    run(body())


def test_destroy_ends_what_a_draining_broker_has(own_broker: Broker) -> None:
    async def body() -> None:
        backend = RemoteFilesystemBackend(own_broker.config(reconnection=SOON))
        steps = Steps(backend)
        await backend.exec("mkfifo up")
        under_way = asyncio.create_task(backend.exec("echo > up; sleep 1000"))
        await backend.exec("cat up")
        ending = asyncio.create_task(asyncio.to_thread(own_broker.terminate))
        await steps.until(ConnectionStatus.RECONNECTING)
        await backend.destroy()
        with pytest.raises(BackendError) as stopped:
            await under_way
        assert stopped.value.code == ErrorCode.BACKEND_DESTROYED
        await ending

    run(body())


def test_without_a_broker_calls_fail_and_say_so() -> None:
    async def body() -> None:
        broker = Broker()
        config = broker.config()
        broker.close()
        backend = RemoteFilesystemBackend(config)
        results = await asyncio.gather(*(backend.read("f") for _ in range(5)), return_exceptions=True)
        for failed in results:
            assert isinstance(failed, BackendError)
            assert (failed.code, failed.maybe_executed) == (ErrorCode.CONNECTION_CLOSED, False)
        assert backend.status is ConnectionStatus.DISCONNECTED
        await backend.destroy()
        with pytest.raises(BackendError) as destroyed:
            await backend.read("f")
        assert destroyed.value.code == ErrorCode.BACKEND_DESTROYED

    run(body())


def test_background_output_without_a_lost_byte(broker: Broker) -> None:
    async def body() -> None:
        async with Proxy(broker.port) as proxy:
            proxy.bytes_before_cut = 150_000
            config = broker.config(port=proxy.port, key="reattach", reconnection=SOON)
            async with RemoteFilesystemBackend(config) as backend:
                command = await backend.exec_detached("for i in $(seq 1 100); do seq 1 1000; sleep 0.005; done")
                seen = b""
                async for event in command.attach():
                    assert isinstance(event, Output)
                    assert event.offset == len(seen)
                    seen += event.data
                assert seen == "".join(f"{n}\n" for n in range(1, 1001)).encode() * 100
                assert proxy.accepted > 2

    run(body())


def test_reads_are_made_again_and_changes_once(broker: Broker) -> None:
    async def body() -> None:
        async with Proxy(broker.port) as proxy:
            proxy.bytes_before_cut = 15_000
            config = broker.config(port=proxy.port, key="resend", reconnection=SOON, resend=Resend.ALL)
            async with RemoteFilesystemBackend(config) as backend:
                await backend.write("log", "")
                for number in range(300):
                    await backend.write("log", f"{number}\n", mode="append")
                    await backend.read("log")
                text = await backend.read("log")
                assert text == "".join(f"{number}\n" for number in range(300))
                assert proxy.accepted > 5

    run(body())


def test_200_tasks_cancelled_at_random(broker: Broker) -> None:
    async def body() -> None:
        source = random.Random(200)
        async with RemoteFilesystemBackend(broker.config(key="storm")) as backend:
            await asyncio.gather(*(backend.write(f"f{n}", f"{n}," * (1 + n * 50)) for n in range(40)))
            outcomes = {"ended": 0, "cancelled": 0}

            async def work(number: int) -> None:
                for turn in range(6):
                    n = (number * 7 + turn) % 40
                    match (number + turn) % 4:
                        case 0:
                            assert await backend.read(f"f{n}") == f"{n}," * (1 + n * 50)
                        case 1:
                            await backend.write(f"own/{number}", f"{number}-{turn}")
                            assert await backend.read(f"own/{number}") == f"{number}-{turn}"
                        case 2:
                            assert (await backend.stat(f"f{n}")).size == len(f"{n},") * (1 + n * 50)
                        case _ if number % 5 == 0:
                            assert await backend.exec(f"echo {number}; sleep 0.01") == str(number)
                        case _:
                            async with await backend.open_reader(f"f{n}") as reader:
                                assert b"".join([p async for p in reader]) == (f"{n}," * (1 + n * 50)).encode()

            async def cancelled(number: int) -> None:
                task = asyncio.create_task(work(number))
                if source.random() < 0.7:
                    # Turns of the loop: as many as it takes, however fast the machine is.
                    for _ in range(source.randrange(100)):
                        await asyncio.sleep(0)
                    task.cancel()
                try:
                    await task
                    outcomes["ended"] += 1
                except asyncio.CancelledError:
                    outcomes["cancelled"] += 1

            await asyncio.gather(*(cancelled(number) for number in range(200)))
            assert min(outcomes.values()) > 20
            # Reads that were given up without waiting are answered by now, or soon.
            session = backend._connection._session
            assert session is not None
            while session.calls_in_flight:
                await backend.exists("f0")
                await asyncio.sleep(0)
            stats = await backend.stats()
            assert (stats.calls_in_flight, stats.execs_running) == (0, 0)

    run(body())


def test_a_slow_reader_holds_up_the_command_and_nothing_else(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="slow")) as backend:
            async with await backend.start("yes | head -c 20000000; echo end > done") as command:
                await anext(command)
                await backend.exec("sleep 0.1")
                assert not await backend.exists("done")
                assert sum([len(output.data) async for output in command]) > 19_000_000
            assert await backend.read("done") == "end\n"

    run(body())


def test_deadlines_count_while_there_is_no_connection() -> None:
    async def body() -> None:
        # Accepts, in the kernel's queue, and says nothing.
        silent = socket.create_server(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        backend = RemoteFilesystemBackend(
            RemoteFilesystemBackendConfig(port=port, auth_token="ab_x_y", operation_timeout_ms=100)
        )
        with pytest.raises(BackendError) as late:
            await backend.read("f")
        assert (late.value.code, late.value.maybe_executed) == (ErrorCode.DEADLINE_EXCEEDED, False)
        await backend.destroy()
        short = RemoteFilesystemBackend(
            RemoteFilesystemBackendConfig(port=port, auth_token="ab_x_y", connect_timeout_ms=100)
        )
        with pytest.raises(BackendError) as silence:
            await short.connect()
        assert silence.value.code == ErrorCode.DEADLINE_EXCEEDED
        await short.destroy()
        silent.close()

    run(body())


def test_a_broker_that_says_nothing_any_more_counts_as_lost(own_broker: Broker) -> None:
    async def body() -> None:
        config = own_broker.config(
            keepalive_interval_ms=50, keepalive_count_max=2, reconnection=ReconnectionConfig(enabled=False)
        )
        backend = RemoteFilesystemBackend(config)
        steps = Steps(backend)
        await backend.exec("mkfifo up")
        under_way = asyncio.create_task(backend.exec("echo > up; sleep 1000"))
        await backend.exec("cat up")
        own_broker.pause()
        with pytest.raises(BackendError) as lost:
            await under_way
        assert (lost.value.code, lost.value.maybe_executed) == (ErrorCode.CONNECTION_CLOSED, True)
        assert steps.names[-1] == "disconnected"
        assert "pings" in str(lost.value.__cause__)
        await backend.destroy()

    run(body())


@pytest.mark.parametrize("fault", [None, b"\x01\0\0\0\0", frame(b"\x08")])
def test_a_fault_right_behind_the_greeting_is_told_as_one(fault: bytes | None) -> None:
    async def main() -> None:
        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(5)
            hello = frame_pb2.ServerFrame(hello_reply=session_pb2.HelloReply(version=1)).SerializeToString()
            writer.write(frame(hello) + (fault or frame(hello)))
            await reader.read()
            writer.close()
            await writer.wait_closed()
            closed.set()

        closed = asyncio.Event()
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            config = RemoteFilesystemBackendConfig(port=port, reconnection=ReconnectionConfig(enabled=False))
            with pytest.raises(BackendError) as failed:
                await RemoteFilesystemBackend(config).connect()
            assert failed.value.code == ErrorCode.PROTOCOL_ERROR
            await closed.wait()

    run(main())


def test_refusals(broker: Broker) -> None:
    async def body() -> None:
        stranger = RemoteFilesystemBackend(broker.config(auth_token="ab_nobody_" + "0" * 32))
        with pytest.raises(BackendError) as refused:
            await stranger.read("f")
        assert refused.value.code == ErrorCode.AUTH_FAILED
        await stranger.destroy()
        for mistake in ({"key": "../x"}, {"key": ""}, {"operation_timeout_ms": 0}, {"client_name": "x" * 129}):
            with pytest.raises(BackendError) as wrong:
                RemoteFilesystemBackend(broker.config(**mistake))
            assert wrong.value.code == ErrorCode.INVALID_CONFIGURATION
        async with RemoteFilesystemBackend(broker.config(key="entry", entry=EntryConfig(env={"A": "1"}))) as first:
            assert await first.exec("echo $A") == "1"
            other = RemoteFilesystemBackend(broker.config(key="entry", entry=EntryConfig(env={"A": "2"})))
            with pytest.raises(BackendError) as conflict:
                await other.connect()
            assert conflict.value.code == ErrorCode.CONFLICT
            await other.destroy()
        alone = EntryConfig(max_leases=1)
        async with RemoteFilesystemBackend(broker.config(key="alone", entry=alone, queue_timeout_ms=1)) as only:
            # By its own lease: there is no other to be had.
            await only.write("f", "x")
            assert await only.scope("s").exec("echo here") == "here"
        async with RemoteFilesystemBackend(broker.config(key="isolated", isolation=IsolationMode.SOFTWARE)) as safe:
            assert await safe.exec("echo safe") == "safe"

    run(body())


def test_an_unknown_feature_has_no_effect(broker: Broker) -> None:
    async def body() -> None:
        from agent_broker._session import operations, options
        from agent_broker._wire.encoding import field

        async with RemoteFilesystemBackend(broker.config(key="feature")) as backend:
            with pytest.raises(BackendError) as unknown:
                await backend._call(operations.WRITE, field(1, b"never"), "never", more=options.requires(100))
            assert unknown.value.code == ErrorCode.NOT_IMPLEMENTED
            assert not await backend.exists("never")

    run(body())


def test_destroy_stops_what_is_under_way_and_refuses_what_comes(broker: Broker) -> None:
    async def body() -> None:
        backend = RemoteFilesystemBackend(broker.config(key="destroy"))
        await backend.exec("mkfifo up")
        stubborn = asyncio.create_task(backend.exec("trap '' TERM; echo > up; while :; do sleep 1; done"))
        await backend.exec("cat up")
        ending = asyncio.create_task(backend.destroy())
        with pytest.raises(BackendError) as stopped:
            await stubborn
        assert (stopped.value.code, stopped.value.maybe_executed) == (ErrorCode.BACKEND_DESTROYED, True)
        assert not ending.done()
        late = asyncio.create_task(backend.read("f"))
        with pytest.raises(BackendError) as refused:
            await backend.connect()
        assert refused.value.code == ErrorCode.BACKEND_DESTROYED
        with pytest.raises(BackendError) as failed:
            await late
        assert (failed.value.code, failed.value.maybe_executed) == (ErrorCode.BACKEND_DESTROYED, False)
        await ending
        assert backend.status is ConnectionStatus.DESTROYED
        async with RemoteFilesystemBackend(broker.config(key="destroy")) as after:
            assert await after.exec("pgrep -c sleep || true") == "0"

    run(body())


def test_cancelling_twice_does_not_wait(own_broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(own_broker.config()) as backend:
            await backend.exec("mkfifo up")
            stubborn = asyncio.create_task(
                backend.exec("trap '' TERM; echo > up; while :; do sleep 1; done", ExecOptions(timeout_ms=60_000))
            )
            await backend.exec("cat up")
            stubborn.cancel()
            done, _ = await asyncio.wait([stubborn], timeout=0.2)
            assert not done
            stubborn.cancel()
            await asyncio.wait([stubborn])
            assert stubborn.cancelled()

    run(body())
