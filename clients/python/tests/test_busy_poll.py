"""Answers that are asked for, and those that are slept for."""

from __future__ import annotations

import asyncio
import os
import socket
from itertools import count

import pytest
from broker import Broker, run

from agent_broker import BackendError, ErrorCode, RemoteFilesystemBackend
from agent_broker._remote.busy_poll import BusyPoll
from agent_broker._session.patience import Patience

needs_two_processors = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) == 1, reason="with one processor nothing is asked for"
)


def test_what_is_not_answered_in_time_is_left_alone_longer_and_longer() -> None:
    patience = in_a_row(7)
    pauses = []
    for _ in range(10):
        patience.asked(1, in_time=False)
        pauses.append(next(calls for calls in count() if patience.pays(7, 1)))
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 256, 256]
    # Other operations are another matter.
    assert patience.pays(7, 2)
    patience.asked(1, in_time=True)
    assert patience.pays(7, 1)
    patience.asked(1, in_time=False)
    assert [patience.pays(7, 1) for _ in range(3)] == [False, False, True]


def in_a_row(connection: int) -> Patience:
    """Of a loop where one connection made calls, and nobody else."""
    patience = Patience()
    patience.sends(connection)
    assert [patience.pays(connection, 1) for _ in range(4)] == [False, False, False, True]
    return patience


def test_who_is_not_alone_on_the_loop_asks_for_nothing() -> None:
    patience = in_a_row(7)
    patience.sends(8)
    # It has sent, and the other one waits for its answer.
    assert not patience.pays(7, 1)
    for _ in range(10):
        for connection in (7, 8):
            patience.sends(connection)
            assert not patience.pays(connection, 1)


@pytest.mark.parametrize(("readable_after", "found"), [(0, True), (3, True), (8, True), (9, False), (1000, False)])
def test_it_is_asked_until_something_comes_or_the_time_is_over(readable_after: int, found: bool) -> None:
    asked = 0
    ticks = count()

    def is_readable() -> bool:
        nonlocal asked
        asked += 1
        return asked > readable_after

    assert BusyPoll(is_readable, 9, lambda: next(ticks)).wait() is found
    assert asked == min(readable_after + 1, 9)


@needs_two_processors
def test_only_a_broker_on_this_host_is_asked() -> None:
    ends = socket.socketpair()
    with ends[0], ends[1], socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as near, socket.socket() as unconnected:
            assert BusyPoll.of(near, 1e-4) is not None
            assert BusyPoll.of(ends[0], 1e-4) is not None
            assert BusyPoll.of(near, 0) is None
            assert BusyPoll.of(unconnected, 1e-4) is None
        # Another address of this host's stands for another host.
        with socket.socket() as far:
            far.bind(("127.0.0.2", 0))
            far.connect(server.getsockname())
            assert BusyPoll.of(far, 1e-4) is None


class Recording(BusyPoll):
    """Counts how often it waits, for as long as it takes."""

    def __init__(self) -> None:
        super().__init__(lambda: True, 1, lambda: 0)
        self.waits = 0

    def wait(self) -> bool:
        self.waits += 1
        return True


@needs_two_processors
def test_the_answer_of_a_lone_call_is_asked_for(broker: Broker) -> None:
    async def main() -> None:
        async with RemoteFilesystemBackend(broker.config(key="lone")) as backend:
            await backend.write("a", "text")
            link = backend._connection._link
            assert link is not None
            assert link.busy_poll is not None
            link.busy_poll = recording = Recording()
            for _ in range(20):
                assert await backend.read("a") == "text"
            assert recording.waits >= 17
            # The answers of many come while others are made.
            waits = recording.waits
            await asyncio.gather(*(backend.read("a") for _ in range(8)))
            assert recording.waits == waits

    run(main())


@needs_two_processors
def test_backends_that_share_a_loop_do_not_wait_for_each_other(broker: Broker) -> None:
    async def read(backend: RemoteFilesystemBackend, turn: asyncio.Barrier) -> int:
        link = backend._connection._link
        assert link is not None
        link.busy_poll = recording = Recording()
        for _ in range(20):
            await turn.wait()
            assert await backend.read("a") == "text"
        return recording.waits

    async def main() -> None:
        turn = asyncio.Barrier(2)
        async with (
            RemoteFilesystemBackend(broker.config(key="one")) as one,
            RemoteFilesystemBackend(broker.config(key="two")) as two,
        ):
            for backend in (one, two):
                await backend.write("a", "text")
            assert [*await asyncio.gather(read(one, turn), read(two, turn))] == [0, 0]

    run(main())


def test_it_can_be_turned_off(broker: Broker) -> None:
    async def main() -> None:
        async with RemoteFilesystemBackend(broker.config(key="lone", busy_poll_us=0)) as backend:
            await backend.write("a", "text")
            assert backend._connection._link is not None
            assert backend._connection._link.busy_poll is None

    run(main())
    with pytest.raises(BackendError) as refused:
        RemoteFilesystemBackend(broker.config(busy_poll_us=10_001))
    assert refused.value.code == ErrorCode.INVALID_CONFIGURATION
