#!/usr/bin/env python3
"""Proves that a client author needs only the proto files: client.py against a running broker.

    apt-get install protobuf-compiler; pip install -r requirements.txt
    ./interop.py --address HOST:PORT --token TOKEN [--proto-dir ../../Protos]

Every check has a connection of its own. It prints `ok NAME` or `FAILED NAME: why`; the exit status
is 1 if one failed. The files that it writes stay with the broker, under a key new for each run.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from client import Connection, GoneAway, encoded, expect, generate, pb

MEBIBYTE = 1 << 20


def varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def bytes_field(number: int, value: bytes) -> bytes:
    """A length-delimited field as protobuf encodes it."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def expect_echo(c: Connection, content: bytes = b"still there", **fields: Any) -> None:
    call = c.call(echo=pb.Echo(), payload=content, **fields)
    expect(b"".join(c.pieces(call, "echo_reply")) == content, "the echo differs")


def expect_error(c: Connection, call: int, code: str, reason: str = "UNSPECIFIED") -> None:
    error = c.result(call, "error").error
    got = pb.ErrorCode.Name(error.code), pb.ErrorReason.Name(error.reason)
    expect(got == (f"ERROR_CODE_{code}", f"ERROR_REASON_{reason}"), f"{code}, {reason} expected, not {error}")


def expect_end(c: Connection, code: str) -> None:
    """The broker says why it goes away, and closes."""
    try:
        while True:
            c.receive()
    except GoneAway as reason:
        error = reason.args[0]
        expect(error.code == pb.ErrorCode.Value(f"ERROR_CODE_{code}"), f"{code} expected, not {error}")
    expect(c.input.read(1) == b"", "a go-away without a close")


def write(c: Connection, path: bytes, content: bytes, **options: Any) -> None:
    c.result(c.call(write=pb.Write(path=path), payload=content, **options), "write_reply")


def read(c: Connection, path: bytes) -> bytes:
    return b"".join(c.pieces(c.call(read=pb.Read(path=path)), "read_reply"))


def hello(c: Connection) -> None:
    expect(c.limits.max_frame_bytes > 0 and c.limits.stream_window_bytes > 0, f"no limits: {c.limits}")
    c.ping()


def wrong_token_is_auth_failed(c: Connection) -> None:
    stranger = Connection(c.address, c.target.key)
    with stranger.socket:
        stranger.send(pb.ClientFrame(hello=pb.Hello(min_version=1, max_version=1, token="ab_nobody_" + "0" * 32)))
        expect_end(stranger, "AUTH_FAILED")


def echo_with_payload(c: Connection) -> None:
    for size in (0, 1, 50_000, c.limits.stream_window_bytes):
        expect_echo(c, random.Random(size).randbytes(size))


def write_then_read(c: Connection) -> None:
    # Neither the path nor the contents are UTF-8.
    content = b"\x00\x80\xff" * 100
    write(c, b"small/\xff\xfe", content)
    expect(read(c, b"/workspace/small/\xff\xfe") == content, "the contents differ")


def large_file_streams_within_the_windows(c: Connection) -> None:
    sent, received = hashlib.sha256(), hashlib.sha256()

    def contents() -> Iterator[bytes]:
        source = random.Random(64)
        for _ in range(64):
            block = source.randbytes(MEBIBYTE)
            sent.update(block)
            yield block

    call = c.call(write=pb.Write(path=b"large"), last=False)
    c.stream(call, contents())
    expect(c.result(call, "write_reply").write_reply.info.size == 64 * MEBIBYTE, "another size")

    call = c.call(read=pb.Read(path=b"large"))
    # At first without giving credit: the broker uses the window up and then waits, so that the
    # pong is all that it still sends.
    while c.owed[call] < min(c.limits.stream_window_bytes, c.limits.connection_window_bytes):
        c.receive()
    c.ping()
    for piece in c.pieces(call, "read_reply"):
        received.update(piece)
    expect(sent.digest() == received.digest(), "the contents differ")


def payload_field_first(c: Connection) -> None:
    def payload_first(frame: Any) -> bytes:
        head = pb.ClientFrame.FromString(encoded(frame))
        head.ClearField("payload")
        return bytes_field(2047, frame.payload) + encoded(head)

    expect_echo(c, b"payload first", encode=payload_first)
    for content in (b"payload first", b""):
        write(c, b"first", content, encode=payload_first)
        expect(read(c, b"first") == content, "the contents differ")


def exec_with_stdin(c: Connection) -> None:
    start = pb.ExecStart(shell_line=b"tr a-z A-Z; echo oops >&2; exit 3", open_stdin=True)
    call = c.call(exec_start=start, payload=b"with the start, ", last=False)
    c.stream(call, [b"then in ", b"chunks"])
    result = c.exec_result(call)
    expect(result == (b"WITH THE START, THEN IN CHUNKS", b"oops\n", 3), result)


def exec_without_a_shell(c: Connection) -> None:
    words = pb.ArgumentVector(argument=[b"printf", b"%s|", b"$HOME", b"\xff"])
    result = c.exec_result(c.call(exec_start=pb.ExecStart(arguments=words)))
    expect(result == (b"$HOME|\xff|", b"", 0), result)


def exec_cancelled(c: Connection) -> None:
    call = c.call(exec_start=pb.ExecStart(shell_line=b"sleep 1000"))
    c.answer(call, "exec_started")
    c.cancel(call)
    expect_error(c, call, "CANCELLED")
    expect_echo(c)


def error_ends_only_its_call(c: Connection) -> None:
    expect_error(c, c.call(read=pb.Read(path=b"missing")), "READ_FAILED", "NOT_FOUND")
    expect_echo(c)


def id_that_does_not_rise_is_protocol_error(c: Connection) -> None:
    expect_echo(c, id=2)
    c.call(echo=pb.Echo(), id=2)
    expect_end(c, "PROTOCOL_ERROR")


def unknown_operation_is_not_implemented(c: Connection) -> None:
    call = c.call(encode=lambda frame: encoded(frame) + bytes_field(1999, b""))
    expect_error(c, call, "NOT_IMPLEMENTED")
    expect_echo(c)


def unknown_feature_has_no_effect(c: Connection) -> None:
    call = c.call(write=pb.Write(path=b"never written"), payload=b"x", requires=[9999])
    expect_error(c, call, "NOT_IMPLEMENTED")
    expect_error(c, c.call(read=pb.Read(path=b"never written")), "READ_FAILED", "NOT_FOUND")


def readdir_in_pages(c: Connection) -> None:
    names = [b"a", b"b", b"c", b"d", b"\xff"]
    for name in reversed(names):
        write(c, b"pages/" + name, name)
    pages: list[list[bytes]] = []
    after, truncated = b"", True
    while truncated:
        call = c.call(readdir=pb.Readdir(path=b"pages", after=after, limit=2))
        reply = c.result(call, "readdir_reply").readdir_reply
        pages.append([entry.name for entry in reply.entries])
        after, truncated = reply.entries[-1].name, reply.truncated
    expect(pages == [names[:2], names[2:4], names[4:]], pages)


def leases(c: Connection) -> None:
    entry = pb.Target(key=f"{c.target.key}.lease")

    def acquire() -> Any:
        return c.result(c.call(acquire=pb.Acquire(), target=entry), "acquire_reply").acquire_reply

    def release(lease: int) -> bool:
        return bool(c.result(c.call(release=pb.Release(lease=lease)), "release_reply").release_reply.released)

    def live_and_leases() -> tuple[bool, int]:
        reply = c.result(c.call(describe=pb.Describe(), target=entry), "describe_reply").describe_reply
        return reply.live, reply.leases

    expect(live_and_leases() == (False, 0), "live before it was acquired")
    first, second = acquire(), acquire()
    expect((first.created, second.created) == (True, False), "not made by the first acquire alone")
    expect(live_and_leases() == (True, 2), "not live with two leases")
    expect_echo(c, target=pb.Target(lease=first.lease))
    expect((release(first.lease), release(first.lease)) == (True, False), "not released once")
    expect(release(second.lease), "no second lease")
    expect(live_and_leases() == (True, 0), "not idle after the last release")


def later_call_is_answered_first(c: Connection) -> None:
    cat = pb.ExecStart(arguments=pb.ArgumentVector(argument=[b"cat"]), open_stdin=True)
    earlier = c.call(exec_start=cat, last=False)
    expect_echo(c)
    c.stream(earlier, [b"end"])
    result = c.exec_result(earlier)
    expect(result == (b"end", b"", 0), result)


def half_close_answers_everything(c: Connection) -> None:
    contents = [b"%d" % number for number in range(8)]
    echoes = [c.call(echo=pb.Echo(), payload=content) for content in contents]
    slow = c.call(exec_start=pb.ExecStart(shell_line=b"sleep 0.2; echo done"))
    c.sending = False
    c.socket.shutdown(socket.SHUT_WR)
    expect([c.result(echo, "echo_reply").payload for echo in echoes] == contents, "the echoes differ")
    result = c.exec_result(slow)
    expect(result == (b"done\n", b"", 0), result)
    expect(c.input.read(1) == b"", "not closed after the last answer")


CHECKS: list[Callable[[Connection], None]] = [
    hello,
    wrong_token_is_auth_failed,
    echo_with_payload,
    write_then_read,
    large_file_streams_within_the_windows,
    payload_field_first,
    exec_with_stdin,
    exec_without_a_shell,
    exec_cancelled,
    error_ends_only_its_call,
    id_that_does_not_rise_is_protocol_error,
    unknown_operation_is_not_implemented,
    unknown_feature_has_no_effect,
    readdir_in_pages,
    leases,
    later_call_is_answered_first,
    half_close_answers_everything,
]


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--address", required=True, metavar="HOST:PORT")
    parser.add_argument("--token", required=True)
    parser.add_argument("--proto-dir", type=Path, default=Path(__file__).parents[2] / "Protos")
    arguments = parser.parse_args()
    generate(arguments.proto_dir)
    host, _, port = arguments.address.rpartition(":")
    key = f"interop-{uuid.uuid4()}"

    failed = 0
    for check in CHECKS:
        try:
            connection = Connection((host.strip("[]"), int(port)), key)
            with connection.socket:
                connection.hello(arguments.token)
                check(connection)
            print(f"ok {check.__name__}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAILED {check.__name__}: {type(error).__name__}: {' '.join(str(error).split())}", flush=True)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
