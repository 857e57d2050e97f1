"""Frames, without a connection."""

from __future__ import annotations

import random
import time

import pytest

from agent_broker._protos import common_pb2, error_pb2, files_pb2, frame_pb2, session_pb2
from agent_broker._session import operations
from agent_broker._wire import decoding, encoding, faults, native
from agent_broker._wire.decoding import UNREADABLE, FrameAccumulator
from agent_broker._wire.encoding import call_frame, field, frame, number_field, varint
from agent_broker._wire.native import Frame
from agent_broker.errors import BackendError, ErrorCode, ErrorReason


@pytest.fixture(params=["C", "Python"])
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whom frames are taken apart."""
    if request.param == "Python":
        monkeypatch.setattr(decoding, "take_frames", None)
    elif native.take_frames is None:
        pytest.skip("the part in C is not there")


def frames_of(*pieces: bytes) -> tuple[list[Frame], str | None]:
    """What an accumulator makes of bytes that come in pieces."""
    accumulator = FrameAccumulator(1 << 20)
    found: list[Frame] = []
    for piece in pieces:
        if accumulator.fault is None:
            found += accumulator.append(piece)
    return found, accumulator.fault


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


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("size", [0, 1, 127, 128, 300_000])
def test_a_frame_is_taken_apart(size: int) -> None:
    message = sample(70_000, size)
    [taken], _ = frames_of(frame(message.SerializeToString()))
    content = message.read_reply.SerializeToString()
    assert taken == (70_000, True, operations.READ.reply, content, b"x" * size)


@pytest.mark.usefixtures("implementation")
def test_fields_in_another_order_and_unknown_ones_are_taken() -> None:
    plain = frame_pb2.ServerFrame(id=7, last=True, read_reply=files_pb2.ReadReply()).SerializeToString()
    group = b"\xa3\x3f\x08\x01\xa4\x3f"
    for between in (b"", group):
        odd = field(2047, b"first") + number_field(1000, 5) + b"\x0d1234" + between + b"\x119876543\0" + plain
        assert frames_of(frame(odd) + frame(plain)) == (
            [(7, True, operations.READ.reply, b"", b"first"), (7, True, operations.READ.reply, b"", b"")],
            None,
        )


def test_c_takes_plain_frames_and_leaves_the_rest() -> None:
    if native.take_frames is None:
        pytest.skip("the part in C is not there")
    plain = frame(sample(70_000, 200).SerializeToString()) + frame(b"") + frame(number_field(1000, 5))
    odd = [
        field(1000, b"")[:-1],
        b"\xa3\x3f\xa4\x3f",  # A group.
        b"\x08" + b"\xff" * 9 + b"\x01",  # An id of 64 bits.
        b"\x88\x00\x07",  # A tag with a digit too many.
        b"\0\0",
    ]
    for end in (*map(frame, odd), b"\x01\0\0\0\0", b"\0\0\x10\0\x01", frame(b"12")[:-1], b"\0\0"):
        taken: list[Frame] = []
        assert native.take_frames(plain + end, 1 << 20, decoding._BODIES, taken) == len(plain)
        assert [found[0] for found in taken] == [70_000, 0, 0]
        assert taken[0][4] == b"x" * 200


def samples(source: random.Random) -> bytes:
    """A few frames, one after the other."""
    others = [
        frame_pb2.ServerFrame(window=session_pb2.Window(stream=3, bytes=1 << 40)),
        frame_pb2.ServerFrame(id=1 << 63, last=True, error=error_pb2.Error(message="no")),
        frame_pb2.ServerFrame(),
    ]
    messages = [sample(source.choice([1, 200, 1 << 40]), source.choice([0, 5, 200])) for _ in range(2)] + others
    return b"".join(frame(message.SerializeToString()) for message in source.sample(messages, 3))


@pytest.mark.usefixtures("implementation")
def test_whatever_is_broken_is_a_fault_behind_the_frames_before_it() -> None:
    good = frame(sample(8, 200).SerializeToString())
    long = b"\x08" + b"\xff" * 11
    for broken in (b"\x08", b"\x00\x01", b"\x0a\xff\xff\xff\xff\x0f", b"\xfa\x7f\x05abc", b"\x0f", long):
        frames, fault = frames_of(good + good + frame(broken) + good)
        assert (len(frames), fault) == (2, UNREADABLE), broken


def test_c_and_python_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    if native.take_frames is None:
        pytest.skip("the part in C is not there")
    source = random.Random(1)
    faulty = whole = 0
    for _ in range(20_000):
        data = bytearray(samples(source))
        for _ in range(source.randrange(4)):
            data[source.randrange(len(data))] = source.randrange(256)
        cut = source.randrange(len(data) + 1)
        pieces = bytes(data[:cut]), bytes(data[cut:])
        monkeypatch.setattr(decoding, "take_frames", native.take_frames)
        by_c = frames_of(*pieces)
        monkeypatch.setattr(decoding, "take_frames", None)
        assert by_c == frames_of(*pieces), pieces
        faulty += by_c[1] is not None
        whole += len(by_c[0])
    assert faulty > 1000
    assert whole > 10_000


def test_the_frame_of_a_call_is_the_same_of_c_and_python() -> None:
    if native.plain_call is None:
        pytest.skip("the part in C is not there")
    for identifier in (1, 127, 128, 1 << 32, (1 << 64) - 1):
        for parts in ((), (b"",), (b"\x12\0", b"", b"\x82\x03\x03\n\x01a"), (b"\x12\0" * 70_000,)):
            encoded = native.plain_call(identifier, *parts)
            assert encoded == encoding.plain_call_in_python(identifier, *parts)
            read = frame_pb2.ClientFrame.FromString(encoded[5:])
            assert (read.id, read.last) == (identifier, True)
    with pytest.raises(TypeError):
        native.plain_call(1, "text")


def test_a_field_is_the_same_of_c_and_python() -> None:
    if native.tagged is None:
        pytest.skip("the part in C is not there")
    for size in (0, 127, 128, 16_384, 3_000_000):
        encoded = native.tagged(b"\x82\x03", b"x" * size)
        assert encoded == encoding.tagged_in_python(b"\x82\x03", b"x" * size)
        assert len(frame_pb2.ClientFrame.FromString(encoding.PAYLOAD_TAG + encoded[2:]).payload) == size
    with pytest.raises(TypeError):
        native.tagged(b"\n", "text")  # type: ignore[arg-type]


@pytest.mark.usefixtures("implementation")
def test_frames_come_in_any_pieces() -> None:
    source = random.Random(2)
    messages = [sample(identifier, source.choice([0, 5, 5000])) for identifier in range(1, 200)]
    stream = b"".join(frame(message.SerializeToString()) for message in messages)
    pieces = []
    at = 0
    while at < len(stream):
        size = source.choice([1, 3, 700, 40_000])
        pieces.append(stream[at : at + size])
        at += size
    found, _ = frames_of(*pieces)
    assert [(taken[0], taken[4]) for taken in found] == [(message.id, message.payload) for message in messages]


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


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize(("header", "said"), [(b"\x01\0\0\0\0", "flags 1"), (b"\0\0\x10\0\x01", "1048577 bytes")])
def test_flags_and_long_messages_are_faults(header: bytes, said: str) -> None:
    frames, fault = frames_of(frame(b"") + header)
    assert frames == [(0, False, 0, b"", b"")]
    assert fault is not None
    assert said in fault


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
