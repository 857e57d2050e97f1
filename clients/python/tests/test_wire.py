"""Frames, without a connection."""

from __future__ import annotations

import random
import time

import pytest
from google.protobuf.message import DecodeError

from agent_broker._protos import common_pb2, error_pb2, files_pb2, frame_pb2
from agent_broker._session import operations
from agent_broker._wire import faults
from agent_broker._wire.decoding import FrameAccumulator, ProtocolFault, body_of, parse
from agent_broker._wire.encoding import call_frame, field, frame, number_field, varint
from agent_broker.errors import BackendError, ErrorCode, ErrorReason


@pytest.mark.parametrize("value", [0, 1, 127, 128, 16383, 16384, 1 << 32, (1 << 64) - 1])
def test_numbers_are_those_of_protobuf(value: int) -> None:
    assert frame_pb2.ClientFrame(id=value).SerializeToString() == number_field(1, value)
    assert frame_pb2.ClientFrame.FromString(b"\x08" + varint(value)).id == value


def test_a_call_is_the_frame_that_protobuf_makes() -> None:
    message = files_pb2.Read(path=b"a/\xff").SerializeToString()
    head = field(2, common_pb2.Target(key="k").SerializeToString()) + field(operations.READ.number, message)
    encoded = b"".join(call_frame(300, head, b"payload"))
    assert encoded[:5] == b"\0" + (len(encoded) - 5).to_bytes(4, "big")
    found = frame_pb2.ClientFrame.FromString(encoded[5:])
    assert (found.id, found.target.key, found.read.path, found.payload) == (300, "k", b"a/\xff", b"payload")


def test_every_operation_is_in_the_contract() -> None:
    asked = frame_pb2.ClientFrame.DESCRIPTOR.fields_by_number
    answered = frame_pb2.ServerFrame.DESCRIPTOR.fields_by_number
    known = [value for value in vars(operations).values() if isinstance(value, operations.Operation)]
    assert len(known) > 35
    for operation in known:
        assert operation.number in asked
        assert operation.reply in answered


def sample(identifier: int, size: int) -> frame_pb2.ServerFrame:
    info = common_pb2.FileInfo(type=common_pb2.FILE_TYPE_REGULAR, size=size, etag=b"e" * 16)
    return frame_pb2.ServerFrame(
        id=identifier, last=identifier % 2 == 0, read_reply=files_pb2.ReadReply(info=info), payload=b"x" * size
    )


@pytest.mark.parametrize("size", [0, 1, 127, 128, 300_000])
def test_a_frame_is_taken_apart(size: int) -> None:
    message = sample(70_000, size)
    taken = parse(message.SerializeToString())
    assert (taken.id, taken.last, taken.payload) == (70_000, True, b"x" * size)
    body, content = body_of(taken)
    assert (body, content) == (operations.READ.reply, getattr(taken, operations.READ.answer))
    assert files_pb2.ReadReply.FromString(content) == message.read_reply


def test_fields_in_another_order_and_unknown_ones_are_taken() -> None:
    plain = frame_pb2.ServerFrame(id=7, last=True, read_reply=files_pb2.ReadReply()).SerializeToString()
    odd = field(2047, b"first") + number_field(1000, 5) + b"\x0d1234" + b"\x119876543\0" + plain
    taken = parse(odd)
    assert (taken.id, taken.last, taken.payload) == (7, True, b"first")
    assert body_of(taken) == (operations.READ.reply, b"")


def test_whatever_is_broken_is_a_fault_and_nothing_else() -> None:
    source = random.Random(1)
    intact = sample(70_000, 200).SerializeToString()
    faulty = 0
    for _ in range(20_000):
        data = bytearray(intact[: source.randrange(len(intact) + 1)])
        for _ in range(source.randrange(4)):
            if data:
                data[source.randrange(len(data))] = source.randrange(256)
        try:
            body_of(parse(bytes(data)))
        except DecodeError:
            faulty += 1
    assert faulty > 1000


def test_frames_come_in_any_pieces() -> None:
    source = random.Random(2)
    messages = [sample(identifier, source.choice([0, 5, 5000])).SerializeToString() for identifier in range(1, 200)]
    stream = b"".join(map(frame, messages))
    accumulator = FrameAccumulator(1 << 20)
    found = []
    at = 0
    while at < len(stream):
        size = source.choice([1, 3, 700, 40_000])
        found += accumulator.append(stream[at : at + size])
        at += size
    assert found == messages


def test_a_large_frame_in_small_pieces_takes_linear_time() -> None:
    def seconds(size: int) -> float:
        stream = frame(field(2047, b"x" * size))
        accumulator = FrameAccumulator(1 << 28)
        begun = time.process_time()
        for at in range(0, len(stream), 1000):
            accumulator.append(stream[at : at + 1000])
        return time.process_time() - begun

    small = min(seconds(1 << 20) for _ in range(3))
    large = seconds(1 << 24)
    # 16 times the size: quadratic would be 256 times the time.
    assert large < 100 * max(small, 0.001)


@pytest.mark.parametrize("header", [b"\x01\0\0\0\0", b"\0\0\x10\0\x01"])
def test_flags_and_long_messages_are_faults(header: bytes) -> None:
    with pytest.raises(ProtocolFault):
        FrameAccumulator(1 << 20).append(header)


def test_errors_carry_what_the_broker_said() -> None:
    error = error_pb2.Error(
        code=error_pb2.ERROR_CODE_RESOURCE_EXHAUSTED,
        message="too much",
        operation="write",
        retryable=True,
        retry_after_ms=1500,
        limit=error_pb2.LimitDetails(limit="memory_bytes", used=2, allowed=1),
    )
    found = faults.backend_error(error)
    assert (found.code, str(found), found.operation) == (ErrorCode.RESOURCE_EXHAUSTED, "too much", "write")
    assert found.retryable
    assert found.retry_after == 1.5
    assert found.limit is not None
    assert (found.limit.name, found.limit.used, found.limit.allowed) == ("memory_bytes", 2, 1)
    newer = error_pb2.Error(code=4000, reason=5000)  # type: ignore[arg-type]
    assert faults.backend_error(newer).code == ErrorCode.INTERNAL
    assert faults.backend_error(newer).reason == 5000


def test_every_code_and_reason_of_the_contract_is_known() -> None:
    for name, value in error_pb2.ErrorCode.items():
        if value:
            found = faults.backend_error(error_pb2.Error(code=value))  # type: ignore[arg-type]
            assert isinstance(found, BackendError)
            assert f"ERROR_CODE_{found.code}" == name
    known = {f"ERROR_REASON_{reason}" for reason in ErrorReason}
    assert known == set(error_pb2.ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"}
