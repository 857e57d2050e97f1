"""A client of agent-broker, made from the proto files alone: framing, credit, calls. Blocking, for one thread."""

from __future__ import annotations

import importlib
import socket
import subprocess
import sys
import tempfile
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# Seconds without a byte from the broker after which a wait fails.
SILENCE = 60
# The names of all proto files; filled by `generate`.
pb: Any = SimpleNamespace()


def generate(proto_dir: Path) -> None:
    sources = sorted(proto_dir.glob("agentbroker/v1/*.proto"))
    if not sources:
        sys.exit(f"no proto files in {proto_dir}/agentbroker/v1: check --proto-dir")
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(["protoc", f"-I{proto_dir}", f"--python_out={out}", *sources], check=True)
        sys.path.insert(0, out)
        for source in sources:
            vars(pb).update(vars(importlib.import_module(f"agentbroker.v1.{source.stem}_pb2")))


def expect(condition: bool, otherwise: object) -> None:
    if not condition:
        raise AssertionError(str(otherwise)[:500])


class GoneAway(Exception):
    """The broker ended the connection; `args[0]` is the GoAway's Error."""


def encoded(frame: Any) -> bytes:
    message: bytes = frame.SerializeToString()
    return message


class Connection:
    """Calls over one socket. Frames of other calls than the one waited for are kept for those."""

    def __init__(self, address: tuple[str, int], key: str) -> None:
        self.address = address
        self.socket = socket.create_connection(address, timeout=SILENCE)
        self.input = self.socket.makefile("rb")
        self.sending = True
        self.target = pb.Target(key=key)
        self.limits = pb.SessionLimits()
        self.last_id = 0
        self.answers: defaultdict[int, deque[Any]] = defaultdict(deque)
        # By stream, 0 being the connection: the payload bytes that may be sent ...
        self.credit: defaultdict[int, int] = defaultdict(lambda: self.limits.stream_window_bytes)
        # ... and those received that no credit was given back for.
        self.owed: defaultdict[int, int] = defaultdict(int)

    def hello(self, token: str) -> Any:
        self.send(pb.ClientFrame(hello=pb.Hello(min_version=1, max_version=1, token=token, client_name="interop")))
        reply = self.answer(0, "hello_reply").hello_reply
        self.limits = reply.limits
        self.credit[0] = self.limits.connection_window_bytes
        return reply

    def call(self, encode: Callable[[Any], bytes] = encoded, **fields: Any) -> int:
        """Starts a call, by default one that sends nothing more; returns its id."""
        frame = pb.ClientFrame(**{"id": self.last_id + 1, "target": self.target, "last": True} | fields)
        self.last_id = frame.id
        self.send(frame, encode)
        return self.last_id

    def cancel(self, call: int) -> None:
        self.send(pb.ClientFrame(cancel=pb.Cancel(call=call)))

    def ping(self) -> None:
        self.send(pb.ClientFrame(ping=pb.Ping(nonce=7)))
        expect(self.answer(0, "pong").pong.nonce == 7, "another nonce")

    def stream(self, call: int, blocks: Iterable[bytes]) -> None:
        """Sends chunks as large as credit allows; stops early if the call is over."""
        largest = self.limits.max_frame_bytes - self.limits.max_head_bytes
        for block in blocks:
            while block:
                while not self.room(call):
                    self.receive()
                if any(answer.last or answer.HasField("error") for answer in self.answers[call]):
                    return
                size = min(self.room(call), largest)
                self.send(pb.ClientFrame(id=call, chunk=pb.Chunk(), payload=block[:size]))
                block = block[size:]
        self.send(pb.ClientFrame(id=call, chunk=pb.Chunk(), last=True))

    def answer(self, call: int, *kinds: str) -> Any:
        """Waits for the next frame of a call, which must be of one of these kinds."""
        while not self.answers[call]:
            self.receive()
        frame = self.answers[call].popleft()
        self.give_credit(frame)
        if frame.WhichOneof("body") not in kinds:
            raise AssertionError(f"{' or '.join(kinds)} expected, not {str(frame)[:500]}")
        return frame

    def result(self, call: int, kind: str) -> Any:
        """The whole answer of a call that is answered by one frame."""
        frame = self.answer(call, kind)
        expect(frame.last or kind == "error", f"{kind} does not say last")
        return frame

    def send(self, frame: Any, encode: Callable[[Any], bytes] = encoded) -> None:
        """Waits for credit for the frame's payload, if it has one."""
        size = len(frame.payload)
        while size > 0 and size > self.room(frame.id):
            self.receive()
        if size > 0:
            self.credit[frame.id] -= size
            self.credit[0] -= size
        message = encode(frame)
        self.socket.sendall(b"\x00" + len(message).to_bytes(4, "big") + message)

    def receive(self) -> None:
        """Takes one frame from the socket. Memory stays within the windows, or it is the broker's fault."""
        header = self.read_exactly(5)
        expect(header[0] == 0, f"unknown flags {header[0]}")
        frame = pb.ServerFrame.FromString(self.read_exactly(int.from_bytes(header[1:], "big")))
        match frame.WhichOneof("body"):
            case "ping":
                if self.sending:
                    self.send(pb.ClientFrame(pong=pb.Pong(nonce=frame.ping.nonce)))
            case "window":
                self.credit[frame.window.stream] += frame.window.bytes
            case "go_away":
                raise GoneAway(frame.go_away.error)
            case _:
                self.answers[frame.id].append(frame)
        if frame.payload:
            self.owed[frame.id] += len(frame.payload)
            self.owed[0] += len(frame.payload)
            within = self.owed[frame.id] <= self.limits.stream_window_bytes
            within = within and self.owed[0] <= self.limits.connection_window_bytes
            expect(within, "the broker sent more payload than it had credit for")

    def read_exactly(self, count: int) -> bytes:
        data = self.input.read(count)
        expect(len(data) == count, "the broker closed the connection")
        return data

    def give_credit(self, frame: Any) -> None:
        """Its bytes are used: the broker may send as many more. A stream that is over needs none."""
        if not frame.payload or not self.sending:
            return
        for stream in (0,) if frame.last else (0, frame.id):
            self.owed[stream] -= len(frame.payload)
            self.send(pb.ClientFrame(window=pb.Window(stream=stream, bytes=len(frame.payload))))

    def room(self, call: int) -> int:
        return min(self.credit[call], self.credit[0])

    def pieces(self, call: int, kind: str) -> Iterator[bytes]:
        """The payload of an answer that goes on in chunks: of a Read, or of an Echo."""
        frame = self.answer(call, kind)
        yield frame.payload
        while not frame.last:
            frame = self.answer(call, "chunk")
            yield frame.payload

    def exec_result(self, call: int) -> tuple[bytes, bytes, int]:
        """Standard output, standard error and exit code of the command that an ExecStart runs."""
        output = {pb.OUTPUT_STREAM_STDOUT: b"", pb.OUTPUT_STREAM_STDERR: b""}
        self.answer(call, "exec_started")
        while (frame := self.answer(call, "exec_output", "exec_end")).HasField("exec_output"):
            output[frame.exec_output.stream] += frame.payload
        expect(frame.last and frame.exec_end.HasField("exited"), f"an exit that says last expected, not {frame}")
        return output[pb.OUTPUT_STREAM_STDOUT], output[pb.OUTPUT_STREAM_STDERR], frame.exec_end.exited.code
