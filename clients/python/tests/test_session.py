"""The conversation, without a connection, loop or clock."""

from __future__ import annotations

import dataclasses

import pytest

from agent_broker._protos import error_pb2, exec_pb2, files_pb2, frame_pb2, session_pb2
from agent_broker._session import operations
from agent_broker._session.call import ENDED, SENT, STOPPED, Call
from agent_broker._session.ends import ConnectionEnd, EndKind
from agent_broker._session.handshake import Handshake
from agent_broker._session.keepalive import Keepalive
from agent_broker._session.limits import Greeting
from agent_broker._session.operations import Operation
from agent_broker._session.send_queue import Write
from agent_broker._session.session import Keeper, Session
from agent_broker._session.target import Target
from agent_broker._wire.decoding import FrameAccumulator
from agent_broker._wire.encoding import field, frame, number_field
from agent_broker.errors import BackendError, ErrorCode

GREETING = Greeting("0", "node", "org", frozenset(), 77, 4 << 20, 1 << 20, 1000, 3000, 2, 30)


class Recorded(Call):
    """Keeps what it is told."""

    def __init__(self, operation: Operation, message: bytes = b"", payload: bytes = b"") -> None:
        super().__init__(operation, Target(1, "k"), field(operation.number, message), payload)
        self.parts: list[tuple[int, bytes, bool]] = []
        self.error: BackendError | None = None
        self.over = False
        self.rewinds = False

    def received(self, body: int, content: bytes, payload: bytes, *, last: bool) -> int:
        self.parts.append((body, payload, last))
        return 0

    def failed(self, error: BackendError) -> None:
        assert self.error is None
        self.error = error

    def stopped(self) -> None:
        self.over = True

    def rewind(self) -> bool:
        return self.rewinds


class Again:
    """A keeper that makes again what it may."""

    def __init__(self) -> None:
        self.taken: list[Call] = []
        self.events: list[str] = []
        self.repeats = True

    def may_repeat(self, call: Call) -> bool:
        return self.repeats

    def take_back(self, call: Call) -> None:
        self.taken.append(call)

    def session_drains(self, session: Session, end: ConnectionEnd) -> None:
        self.events.append("drains")

    def session_ended(self, session: Session, end: ConnectionEnd) -> None:
        self.events.append(f"ended {end.kind.name}")


class Conversation:
    """A session, and the broker's side of it."""

    def __init__(self, keeper: Again | None = None, greeting: Greeting = GREETING) -> None:
        self.wakes = 0
        self.time = 100.0
        kept: Keeper | None = keeper
        self.session = Session(greeting, FrameAccumulator(4 << 20), lambda: self.time, self._wake, lambda: kept)

    def _wake(self) -> None:
        self.wakes += 1

    def begin(self, operation: Operation = operations.STAT, payload: bytes = b"") -> Recorded:
        call = Recorded(operation, payload=payload)
        self.session.begin(call)
        return call

    def sent(self) -> list[frame_pb2.ClientFrame]:
        data = b"".join(self.session.take_outgoing())
        frames = []
        while data:
            length = int.from_bytes(data[1:5], "big")
            frames.append(frame_pb2.ClientFrame.FromString(data[5 : 5 + length]))
            data = data[5 + length :]
        self.session.pump()
        return frames

    def answer(self, **fields: object) -> None:
        message = frame_pb2.ServerFrame(**fields)  # type: ignore[arg-type]
        self.session.receive_data(frame(message.SerializeToString()))

    def stat(self, call: Call) -> None:
        self.answer(id=call.identifier, last=True, stat_reply=files_pb2.StatReply())


def test_a_call_is_sent_and_answered() -> None:
    talk = Conversation()
    call = talk.begin()
    [sent] = talk.sent()
    assert (sent.id, sent.last, sent.target.key, sent.WhichOneof("body")) == (1, True, "k", "stat")
    talk.stat(call)
    assert call.parts == [(operations.STAT.reply, b"", True)]
    assert (call.state, talk.session.calls_in_flight) == (ENDED, 0)


@pytest.mark.parametrize("fault", [b"\x01\0\0\0\0", b"\0\xff\0\0\0", frame(b"\x08")])
def test_a_fault_ends_the_session_behind_the_answers_before_it(fault: bytes) -> None:
    talk = Conversation()
    answered, unanswered = talk.begin(), talk.begin()
    talk.sent()
    message = frame_pb2.ServerFrame(id=answered.identifier, last=True, stat_reply=files_pb2.StatReply())
    talk.session.receive_data(frame(message.SerializeToString()) + fault)
    assert answered.parts == [(operations.STAT.reply, b"", True)]
    assert unanswered.error is not None
    assert talk.session.end is not None
    assert talk.session.end.kind is EndKind.FAULT
    [farewell] = talk.sent()
    assert farewell.go_away.error.code == error_pb2.ERROR_CODE_PROTOCOL_ERROR


def test_calls_beyond_the_limit_wait_and_rise() -> None:
    talk = Conversation()
    calls = [talk.begin() for _ in range(4)]
    assert [sent.id for sent in talk.sent()] == [1, 2]
    talk.session.stop(calls[2])
    assert calls[2].over
    talk.stat(calls[0])
    assert [sent.id for sent in talk.sent()] == [3]
    assert calls[3].state == SENT


def test_a_deadline_is_sent_as_the_time_that_is_left() -> None:
    talk = Conversation()
    call = Recorded(operations.STAT)
    call.deadline = 100.25
    talk.session.begin(call)
    [sent] = talk.sent()
    assert sent.deadline_ms == 250


def test_a_stopped_call_is_over_when_the_broker_says_so() -> None:
    talk = Conversation()
    call = talk.begin()
    talk.sent()
    talk.session.stop(call)
    assert [sent.cancel.call for sent in talk.sent()] == [1]
    assert (call.state, call.over) == (STOPPED, False)
    talk.answer(id=1, error=error_pb2.Error(code=error_pb2.ERROR_CODE_CANCELLED))
    assert (call.over, call.error, call.parts) == (True, None, [])


def test_pieces_keep_to_credit_and_take_turns() -> None:
    talk = Conversation()
    calls = [talk.begin(operations.WRITE, b"x" * 2500) for _ in range(2)]
    sent = talk.sent() + talk.sent()
    sizes = [(message.id, len(message.payload)) for message in sent]
    assert sizes == [(1, 1000), (2, 1000)]
    talk.answer(window=session_pb2.Window(stream=1, bytes=5000))
    # The connection has 1000 left.
    assert [(message.id, len(message.payload)) for message in talk.sent()] == [(1, 1000)]
    talk.answer(window=session_pb2.Window(stream=2, bytes=5000))
    assert talk.sent() == []
    talk.answer(window=session_pb2.Window(stream=0, bytes=5000))
    rest = talk.sent()
    assert [(message.id, len(message.payload), message.last) for message in rest] == [(1, 500, True), (2, 1500, True)]
    assert [call.state for call in calls] == [SENT, SENT]


def test_an_answer_before_the_end_of_its_input_ends_the_input() -> None:
    talk = Conversation()
    call = talk.begin(operations.WRITE, b"x" * 2500)
    talk.sent()
    done: list[int] = []
    assert talk.session.write(call, Write(memoryview(b"more"), last=False, sent=lambda: done.append(1)))
    talk.answer(id=1, error=error_pb2.Error(code=error_pb2.ERROR_CODE_WRITE_FAILED))
    assert call.error is not None
    assert done == [1]
    assert not talk.session.write(call, Write(memoryview(b"more"), last=False))
    talk.answer(window=session_pb2.Window(stream=1, bytes=5000))
    assert talk.sent() == []


def test_credit_is_given_back_as_answers_are_used() -> None:
    talk = Conversation()
    call = talk.begin(operations.EXEC_ATTACH)
    talk.sent()
    for _ in range(2):
        talk.answer(id=1, exec_output=exec_pb2.ExecOutput(), payload=b"x" * 500)
    assert talk.sent() == []
    talk.session.used(call, 400)
    assert talk.sent() == []
    talk.session.used(call, 200)
    assert [(sent.window.stream, sent.window.bytes) for sent in talk.sent()] == [(1, 600)]
    talk.answer(id=1, exec_output=exec_pb2.ExecOutput(), payload=b"x" * 600)
    # What arrived counts for the connection, used or not.
    assert [(sent.window.stream, sent.window.bytes) for sent in talk.sent()] == [(0, 1600)]


@pytest.mark.parametrize(
    "fields",
    [
        {"id": 1, "exec_output": exec_pb2.ExecOutput(), "payload": b"x" * 1001},
        {"id": 9, "stat_reply": files_pb2.StatReply()},
        {"hello_reply": session_pb2.HelloReply()},
        {"window": session_pb2.Window(stream=0, bytes=1 << 63)},
    ],
)
def test_a_broker_at_fault_hears_why(fields: dict[str, object]) -> None:
    keeper = Again()
    talk = Conversation(keeper)
    call = talk.begin(operations.EXEC_ATTACH)
    talk.sent()
    talk.answer(**fields)
    [farewell] = talk.sent()
    assert farewell.go_away.error.code == error_pb2.ERROR_CODE_PROTOCOL_ERROR
    assert keeper.events == ["ended FAULT"]
    assert call.error is not None
    assert (call.error.code, call.error.maybe_executed) == (ErrorCode.PROTOCOL_ERROR, True)
    late = talk.begin()
    assert late.error is not None
    assert (late.error.code, late.error.retryable) == (ErrorCode.CONNECTION_CLOSED, True)


def test_more_than_the_connections_credit_is_a_fault() -> None:
    keeper = Again()
    talk = Conversation(keeper, dataclasses.replace(GREETING, calls_in_flight=5))
    calls = [talk.begin(operations.EXEC_ATTACH) for _ in range(5)]
    talk.sent()
    # As much as the window of each stream lets through, and all at once.
    messages = [
        frame_pb2.ServerFrame(id=call.identifier, exec_output=exec_pb2.ExecOutput(), payload=b"x" * 1000)
        for call in calls
    ]
    talk.session.receive_data(b"".join(frame(message.SerializeToString()) for message in messages))
    [farewell] = talk.sent()
    assert farewell.go_away.error.code == error_pb2.ERROR_CODE_PROTOCOL_ERROR
    assert keeper.events == ["ended FAULT"]
    assert all(call.error is not None and call.error.code == ErrorCode.PROTOCOL_ERROR for call in calls)


def test_a_message_that_cannot_be_parsed_is_a_fault() -> None:
    talk = Conversation()
    call = talk.begin()
    talk.sent()
    talk.session.receive_data(frame(number_field(1, 1) + field(23, b"\xff\xff\xff")))
    assert talk.session.end is not None
    assert call.error is not None
    assert call.error.code == ErrorCode.PROTOCOL_ERROR


def test_a_lost_connection_fails_what_may_have_begun_and_gives_back_the_rest() -> None:
    keeper = Again()
    keeper.repeats = False
    talk = Conversation(keeper)
    calls = [talk.begin() for _ in range(3)]
    talk.session.close(ConnectionEnd(EndKind.LOST))
    assert keeper.taken == calls[2:]
    for call in calls[:2]:
        assert call.error is not None
        assert (call.error.code, call.error.maybe_executed) == (ErrorCode.CONNECTION_CLOSED, True)


def test_what_may_be_repeated_is_three_times() -> None:
    keeper = Again()
    call = Recorded(operations.STAT)
    call.rewinds = True
    for _ in range(4):
        talk = Conversation(keeper)
        talk.session.begin(call)
        talk.session.close(ConnectionEnd(EndKind.LOST))
    assert keeper.taken == [call] * 3
    assert call.error is not None


def test_a_change_with_a_key_is_not_repeated_to_another_run_of_the_broker() -> None:
    talk = Conversation()
    call = Recorded(operations.RM)
    call.key = "key"
    call.begun_by = GREETING.instance + 1
    talk.session.begin(call)
    assert call.error is not None
    assert call.error.maybe_executed
    assert talk.sent() == []


def test_a_broker_that_drains_answers_what_it_has_begun() -> None:
    keeper = Again()
    talk = Conversation(keeper)
    first, second, third = (talk.begin() for _ in range(3))
    second.rewinds = True
    talk.sent()
    talk.answer(go_away=session_pb2.GoAway(last_id=1))
    assert keeper.events == ["drains"]
    assert keeper.taken == [second, third]
    assert not talk.session.takes_calls
    talk.stat(first)
    assert first.parts
    assert keeper.events == ["drains", "ended BROKER_DRAINS"]


def test_stop_all_fails_everyone_and_tells_the_broker() -> None:
    talk = Conversation()
    calls = [talk.begin() for _ in range(3)]
    talk.sent()
    assert talk.session.stop_all(BackendError("over", ErrorCode.BACKEND_DESTROYED)) == calls[:2]
    assert [sent.cancel.call for sent in talk.sent()] == [1, 2]
    assert all(call.error is not None and call.error.code == ErrorCode.BACKEND_DESTROYED for call in calls)


def test_the_driver_is_woken_by_calls_and_by_answers() -> None:
    talk = Conversation()
    talk.begin()
    talk.begin()
    assert talk.wakes == 1
    for _ in range(30):
        talk.answer(ping=session_pb2.Ping(nonce=4))
    assert talk.wakes == 2
    talk.sent()
    talk.answer(ping=session_pb2.Ping(nonce=5))
    assert talk.wakes == 3
    assert [sent.pong.nonce for sent in talk.sent()] == [5]


def test_the_hello_and_its_answers() -> None:
    handshake = Handshake("token", "client")
    hello = frame_pb2.ClientFrame.FromString(handshake.hello[5:]).hello
    assert (hello.min_version, hello.max_version, hello.token, hello.client_name) == (1, 1, "token", "client")
    reply = frame_pb2.ServerFrame(
        hello_reply=session_pb2.HelloReply(
            version=1, org="acme", limits=session_pb2.SessionLimits(max_frame_bytes=1 << 20, stream_window_bytes=7)
        )
    )
    data = frame(reply.SerializeToString())
    assert handshake.receive(data[:7]) is None
    accepted = handshake.receive(data[7:])
    assert accepted is not None
    assert (accepted.greeting.org, accepted.greeting.stream_window) == ("acme", 7)

    refusals = {
        ErrorCode.AUTH_FAILED: frame_pb2.ServerFrame(
            go_away=session_pb2.GoAway(error=error_pb2.Error(code=error_pb2.ERROR_CODE_AUTH_FAILED))
        ),
        ErrorCode.SHUTTING_DOWN: frame_pb2.ServerFrame(go_away=session_pb2.GoAway()),
        ErrorCode.PROTOCOL_ERROR: frame_pb2.ServerFrame(ping=session_pb2.Ping()),
    }
    for code, refusal in refusals.items():
        with pytest.raises(BackendError) as refused:
            Handshake("t", "c").receive(frame(refusal.SerializeToString()))
        assert refused.value.code == code
    with pytest.raises(BackendError):
        Handshake("t", "c").receive(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_silent_peer_is_pinged_and_given_up() -> None:
    keepalive = Keepalive(2)
    assert keepalive.interval_passed(heard=True) == 0
    assert keepalive.interval_passed(heard=False)
    assert keepalive.interval_passed(heard=True) == 0
    assert keepalive.interval_passed(heard=False)
    assert keepalive.interval_passed(heard=False)
    assert keepalive.interval_passed(heard=False) is None
