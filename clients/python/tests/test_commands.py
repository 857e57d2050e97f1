"""Commands of a broker."""

from __future__ import annotations

import asyncio

import pytest
from broker import Broker, run

from agent_broker import (
    BackendError,
    DangerousOperationError,
    ErrorCode,
    ExecLimits,
    ExecOptions,
    Gap,
    Output,
    RemoteFilesystemBackend,
    ScopeConfig,
    TerminalSize,
)


def test_results(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="results")) as shell:
            assert await shell.exec("  echo hi; pwd ") == "hi\n/workspace"
            assert (
                await shell.exec(["printf", "%s|", "$HOME", b"\xff"], ExecOptions(encoding="buffer")) == b"$HOME|\xff|"
            )
            assert await shell.exec("cat", ExecOptions(input="given")) == "given"
            assert await shell.exec("cat") == ""
            await shell.mkdir("sub")
            assert await shell.exec("pwd; echo $A", ExecOptions(cwd="sub", env={"A": "1"})) == "/workspace/sub\n1"
            result = await shell.run("echo out; echo err >&2; exit 3")
            assert (result.stdout, result.stderr, result.exit_code) == (b"out\n", b"err\n", 3)
            with pytest.raises(BackendError, match=r"exit code 3: err") as failure:
                await shell.exec("echo out; echo err >&2; exit 3")
            assert failure.value.code == ErrorCode.EXEC_FAILED
            assert failure.value.result is not None
            assert failure.value.result.stdout == b"out\n"
            with pytest.raises(DangerousOperationError) as dangerous:
                await shell.exec("rm -rf /")
            assert dangerous.value.operation == "rm -rf /"
            with pytest.raises(BackendError) as empty:
                await shell.exec("  ")
            assert empty.value.code == ErrorCode.EMPTY_COMMAND
            with pytest.raises(BackendError) as missing:
                await shell.exec(["no-such-program"])
            assert missing.value.code in (ErrorCode.EXEC_ERROR, ErrorCode.EXEC_FAILED)
            assert (await shell.run("kill -9 $$")).exit_code == 137

    run(body())


def test_output_is_cut_in_the_middle(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="cut")) as shell:
            cut = await shell.run("seq 1 100000", ExecOptions(max_output_length=20))
            assert cut.stdout.startswith(b"1\n2\n3\n4\n5\n\n... [")
            assert cut.stdout.endswith(b"of 588895 bytes left out]\n9\n100000\n"[-8:])
            assert b"588875 of 588895" in cut.stdout
            assert (await shell.run("seq 1 100000")).stdout == "".join(f"{n}\n" for n in range(1, 100_001)).encode()

    run(body())


def test_deadlines_and_limits(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="deadlines")) as shell:
            late = await shell.run("echo begun; sleep 600", ExecOptions(timeout_ms=200))
            assert (late.end.outcome, late.stdout) == ("timed_out", b"begun\n")
            busy = await shell.run("yes", ExecOptions(limits=ExecLimits(output_bytes=100_000)))
            assert busy.end.outcome == "output_limit"
            with pytest.raises(BackendError) as zero:
                await shell.run("true", ExecOptions(limits=ExecLimits(processes=0)))
            assert zero.value.code == ErrorCode.INVALID_ARGUMENT
        async with RemoteFilesystemBackend(broker.config(key="deadlines", operation_timeout_ms=300)) as shell:
            with pytest.raises(BackendError) as call:
                await shell.exec("sleep 600")
            assert call.value.code == ErrorCode.DEADLINE_EXCEEDED

    run(body())


def test_streams(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="streams")) as shell:
            async with await shell.start(
                "while read line; do echo got $line; done; echo end >&2", open_stdin=True
            ) as command:
                await command.write("one\n")
                first = await anext(command)
                assert (first.stream, first.data, first.offset) == ("stdout", b"got one\n", 0)
                await command.write(b"two\n")
                await command.close_stdin()
                rest = [(output.stream, output.data) async for output in command]
                assert rest == [("stdout", b"got two\n"), ("stderr", b"end\n")]
                assert command.end is not None
                assert command.end.ok
            # Standard input as large as it comes, in and out at once.
            async with await shell.start("cat", open_stdin=True) as cat:

                async def feed() -> None:
                    for _ in range(100):
                        await cat.write(bytes(100_000))
                    await cat.close_stdin()

                async with asyncio.TaskGroup() as group:
                    group.create_task(feed())
                    assert sum([len(output.data) async for output in cat]) == 10_000_000
            async with await shell.start(
                "trap 'echo caught; exit 5' USR1; echo ready; while :; do sleep 0.01; done"
            ) as trap:
                assert (await anext(trap)).data == b"ready\n"
                await trap.signal(10)
                assert (await trap.wait()).exit_code == 5

    run(body())


def test_a_command_ends_with_its_block_and_with_its_task(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="ends")) as shell:
            async with await shell.start("echo $$ > leader; (setsid sleep 1000 &) ; echo up; sleep 1000") as command:
                assert (await anext(command)).data == b"up\n"
            await shell.exec("mkfifo running")
            task = asyncio.create_task(shell.exec("echo > running; sleep 1000"))
            await shell.exec("cat running")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await shell.exec("pgrep -c sleep || true") == "0"

    run(body())


def test_a_terminal(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="terminal")) as shell:
            size = TerminalSize(rows=33, columns=101)
            async with await shell.start(
                "stty size; read line; stty size; echo $TERM", open_stdin=True, terminal=size
            ) as tty:
                seen = b""
                while b"33 101" not in seen:
                    seen += (await anext(tty)).data
                await tty.resize(TerminalSize(rows=44, columns=122))
                await tty.write("\r")
                seen += b"".join([output.data async for output in tty])
                assert b"44 122" in seen

    run(body())


def test_the_environment_of_scopes(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="scopes")) as shell:
            outer = shell.scope("outer", ScopeConfig(env={"A": "1", "B": "2"}))
            inner = outer.scope("inner", ScopeConfig(env={"B": "3"}))
            assert await inner.exec("echo $A $B $C; pwd", ExecOptions(env={"C": "4"})) == "1 3 4\n/workspace"
            assert await shell.list_active_scopes() == ["outer", "outer/inner"]
            await inner.write("f", "x")
            assert await shell.read("outer/inner/f") == "x"
            await outer.destroy()
            assert await shell.list_active_scopes() == ["outer/inner"]
            with pytest.raises(BackendError) as ended:
                await inner.read("f")
            assert ended.value.code == ErrorCode.BACKEND_DESTROYED
            assert await shell.exec("echo [$A]") == "[]"

    run(body())


def test_in_the_background(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="background")) as shell:
            command = await shell.exec_detached("for i in 1 2 3; do echo $i; echo e$i >&2; sleep 0.05; done; exit 7")
            async with command.attach() as output:
                seen: dict[str, bytes] = {"stdout": b"", "stderr": b""}
                async for event in output:
                    assert isinstance(event, Output)
                    assert event.offset == len(seen[event.stream])
                    seen[event.stream] += event.data
            assert seen == {"stdout": b"1\n2\n3\n", "stderr": b"e1\ne2\ne3\n"}
            assert output.end is not None
            assert output.end.exit_code == 7
            assert (await command.wait()).exit_code == 7
            late = [event async for event in command.attach(stdout_offset=4, stderr_offset=9)]
            assert [event.data for event in late if isinstance(event, Output)] == [b"3\n"]
            endless = await shell.exec_detached("sleep 1000")
            found = await shell.background_commands()
            assert [info.id for info in found] == [command.id, endless.id]
            assert found[1].end is None
            await endless.kill()
            assert (await endless.wait()).outcome in ("signaled", "cancelled")
            with pytest.raises(BackendError) as missing:
                await shell.background_command(1).wait()
            assert missing.value.code == ErrorCode.NOT_FOUND
            large = await shell.exec_detached("head -c 3000000 /dev/zero")
            await large.wait()
            events = [event async for event in large.attach()]
            assert isinstance(events[0], Gap)
            assert events[0].length + sum(len(event.data) for event in events if isinstance(event, Output)) == 3_000_000

    run(body())
