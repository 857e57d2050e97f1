"""What tasks are given of answers, without a connection."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from agent_broker import BackendError, ErrorCode, ErrorReason
from agent_broker._remote.calls import StreamCall, UnaryCall
from agent_broker._remote.kept_output import KeptOutput
from agent_broker._session import operations
from agent_broker._wire import decoding


@pytest.mark.parametrize("maximum", [None, 0, 1, 2, 7, 100, 5000])
def test_beginning_and_end_are_kept(maximum: int | None) -> None:
    source = random.Random(maximum)
    for total in (0, 1, 2, 7, 8, 100, 101, 4999, 5001, 300_000):
        output = source.randbytes(total)
        kept = KeptOutput(maximum)
        at = 0
        while at < total:
            size = source.choice([1, 3, 1000, 100_000])
            kept.add(output[at : at + size])
            at += size
        if maximum is None or total <= maximum:
            assert kept.result() == output
        else:
            head, tail = output[: (maximum + 1) // 2], output[total - maximum // 2 :]
            note = b"\n... [%d of %d bytes left out]\n" % (total - maximum, total)
            assert kept.result() == head + note + tail


def test_the_answer_of_a_call_that_was_cancelled_meanwhile_goes_to_nobody() -> None:
    async def body() -> None:
        call = UnaryCall(operations.STAT, None, b"")
        call.future.cancel()
        call.answered(b"", b"")
        assert call.future.cancelled()

    asyncio.run(body())


def test_keeping_small_pieces_takes_linear_time() -> None:
    def seconds(pieces: int) -> float:
        kept = KeptOutput(4 << 20)
        kept.add(bytes(8 << 20))
        begun = time.process_time()
        for _ in range(pieces):
            kept.add(b"x" * 10)
        return time.process_time() - begun

    small = min(seconds(10_000) for _ in range(3))
    # 16 times the pieces: quadratic would be 256 times the time.
    assert seconds(160_000) < 100 * max(small, 0.001)


def test_many_small_parts_are_few() -> None:
    async def body() -> None:
        call = StreamCall(operations.EXEC_START, None, b"")
        for _ in range(100_000):
            call.received(operations.EXEC_OUTPUT, b"\x08\x01", b"x", last=False)
        call.received(operations.EXEC_OUTPUT, b"\x08\x02", b"y", last=False)
        assert len(call._parts) < 10
        size = 0
        while (part := await call.take()).content == b"\x08\x01":
            size += len(part.payload)
        assert (size, part.payload) == (100_000, b"y")

    asyncio.run(body())


def test_an_answer_that_does_not_belong_is_a_fault() -> None:
    async def body() -> None:
        first = UnaryCall(operations.STAT, None, b"")
        first.received(operations.READ.reply, b"", b"", last=True)
        second = UnaryCall(operations.READ, None, b"")
        second.received(operations.READ.reply, b"", b"x", last=False)
        second.received(operations.STAT.reply, b"", b"x", last=True)
        for call in (first, second):
            with pytest.raises(BackendError) as fault:
                await call.future
            assert fault.value.code == ErrorCode.PROTOCOL_ERROR

    asyncio.run(body())


def test_more_than_is_taken_as_a_whole() -> None:
    async def body() -> None:
        call = UnaryCall(operations.READ, None, b"")
        call.maximum = 5
        call.received(operations.READ.reply, b"", b"xxx", last=False)
        call.received(decoding.CHUNK, b"", b"xxx", last=False)
        with pytest.raises(BackendError) as failure:
            await call.future
        assert failure.value.reason == ErrorReason.TOO_LARGE

    asyncio.run(body())
