"""What the standard tests do not ask."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from broker import Broker
from test_deepagents_standard import COMPATIBILITY, VERSION, sandbox_of

from agent_broker import BackendError, ErrorCode, ReconnectionConfig
from agent_broker.deepagents import BrokerSandbox

newer = pytest.mark.skipif(VERSION < (0, 7), reason="deepagents before 0.7 has another contract for it")


@pytest.fixture
def sandbox(broker: Broker, request: pytest.FixtureRequest) -> Iterator[BrokerSandbox]:
    key = f"{request.node.name.replace('_', '-')}-{'.'.join(map(str, VERSION))}"
    with sandbox_of(broker, key) as made:
        yield made


def test_files_start_no_process(sandbox: BrokerSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(sandbox._files, "start", start)
    assert sandbox.write("/a/f.txt", "one\ntwo\n").error is None
    assert sandbox.read("/a/f.txt").file_data == {"content": "one\ntwo\n", "encoding": "utf-8"}
    assert sandbox.edit("/a/f.txt", "two", "2").occurrences == 1
    assert [entry["path"] for entry in sandbox.ls("/a").entries or []] == ["/workspace/a/f.txt"]
    assert sandbox.grep("2", "/a").matches == [{"path": "/workspace/a/f.txt", "line": 2, "text": "2"}]
    assert len(sandbox.glob("*.txt", "/a").matches or []) == 1
    assert sandbox.upload_files([("/b", b"\xff")])[0].error is None
    assert sandbox.download_files(["/b"])[0].content == b"\xff"
    assert sandbox.read("/a/missing").error == "Error: File '/a/missing' not found"
    if VERSION >= (0, 7):
        assert sandbox.delete("/a").error is None
        assert sandbox.ls("/a").error is not None
    with pytest.raises(AssertionError):
        sandbox.execute("true")


@newer
def test_pages_and_strange_windows(sandbox: BrokerSandbox) -> None:
    sandbox.write("/f", "".join(f"{number}\n" for number in range(10)))
    page = sandbox.read("/f", 2, 3)
    assert page.file_data is not None
    assert page.file_data["content"] == "2\n3\n4"
    assert (page.start_line, page.end_line, page.next_offset, page.total_lines) == (3, 5, 5, 10)
    assert sandbox.read("/f", -5, 1).start_line == 1
    assert sandbox.read("/f", 0, 0).no_lines_requested
    assert sandbox.read("/f", 0, -1).no_lines_requested
    assert "exceeds file length (10 lines)" in str(sandbox.read("/f", 10).error)
    sandbox.write("/long", "ä" * 400_000)
    long = sandbox.read("/long")
    assert long.file_data is not None
    assert set(long.file_data["content"]) == {"ä"}


@newer
def test_hidden_names(sandbox: BrokerSandbox) -> None:
    for path in (".github/workflows/ci.yml", "a.yml", ".hidden.yml"):
        sandbox.write(f"/{path}", "x")

    def found(pattern: str) -> set[str]:
        matches = sandbox.glob(pattern).matches or []
        return {match["path"].removeprefix("/workspace/") for match in matches}

    assert found("*.yml") == {".github/workflows/ci.yml", "a.yml"}
    assert found("**/*.yml") == {"a.yml"}
    assert found(".*.yml") == {".hidden.yml"}
    assert sandbox.glob("../*").error is not None


def test_commands(sandbox: BrokerSandbox) -> None:
    both = sandbox.execute("echo out; echo err >&2; exit 3")
    assert sorted(both.output.split()) == ["err", "out"]
    assert both.exit_code == 3
    late = sandbox.execute("echo begun; sleep 60", timeout=1)
    assert late.exit_code == 124
    assert "begun" in late.output
    assert "timeout" in late.output
    refused = sandbox.execute("rm -rf /")
    assert refused.exit_code == 126
    assert "refused" in refused.output
    sandbox.write("/workspace/script.sh", "echo $0")
    assert sandbox.execute("sh /workspace/script.sh").output == "/workspace/script.sh\n"


async def test_any_event_loop(sandbox: BrokerSandbox) -> None:
    assert (await sandbox.awrite("/f", "x")).error is None
    results = await asyncio.gather(*(sandbox.aexecute(f"echo {number}") for number in range(8)))
    assert [result.output for result in results] == [f"{number}\n" for number in range(8)]
    other = await asyncio.to_thread(lambda: asyncio.run(sandbox.aread("/f")))
    assert other.file_data is not None
    assert other.file_data["content"] == "x"
    task = asyncio.create_task(sandbox.aexecute("sleep 1000"))
    await sandbox.aexecute("true")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while (await sandbox.aexecute("pgrep -c sleep || true")).output != "0\n":
        pass


def test_a_lost_connection_is_raised() -> None:
    broker = Broker()
    sandbox = BrokerSandbox(broker.config(reconnection=ReconnectionConfig(enabled=False)), compatibility=COMPATIBILITY)
    assert sandbox.write("/f", "x").error is None
    broker.close()
    with pytest.raises(BackendError) as lost:
        sandbox.ls("/")
    assert lost.value.code == ErrorCode.CONNECTION_CLOSED
    sandbox.close()
