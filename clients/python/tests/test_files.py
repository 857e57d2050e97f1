"""Files of a broker."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from broker import Broker, run

from agent_broker import (
    BackendError,
    ErrorCode,
    ErrorReason,
    FileStat,
    PathEscapeError,
    ReadOptions,
    RemoteFilesystemBackend,
    RemoteMemoryBackend,
    TextEdit,
)


def test_every_operation(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="every-operation")) as files:
            written = await files.write("a/b/c.txt", "one\ntwo\nthree\n")
            assert await files.read("a/b/c.txt") == "one\ntwo\nthree\n"
            assert (
                await files.read("/workspace/a/b/c.txt", ReadOptions(encoding="buffer", offset=4, length=3)) == b"two"
            )
            assert await files.read("/a/b/c.txt", ReadOptions(length=0)) == ""
            stat = await files.stat("a/b/c.txt")
            assert (stat.is_file, stat.size, stat.etag) == (True, 14, written.etag)
            assert await files.readdir("a") == ["b"]
            [entry] = await files.readdir_entries("a")
            assert entry.stat is not None
            assert entry.stat.is_directory
            await files.mkdir("d/e")
            await files.touch("d/e/f")
            assert await files.exists("d/e/f")
            await files.rename("d/e/f", "g/h")
            assert (await files.exists("d/e/f"), await files.exists("g/h")) == (False, True)
            assert (await files.copy("a", "z", recursive=True)).files == 1
            await files.chmod("a/b/c.txt", 0o600)
            await files.symlink("link", "a/b/c.txt")
            assert (await files.stat("link", follow_link=False)).type == "symlink"
            assert [file.path for file in (await files.glob("*.txt")).files] == [
                "/workspace/a/b/c.txt",
                "/workspace/z/b/c.txt",
            ]
            grep = await files.grep("tw", before=1)
            assert [(match.path, match.line, match.text, match.before) for match in grep.matches] == [
                ("/workspace/a/b/c.txt", 2, "two", ["one"]),
                ("/workspace/z/b/c.txt", 2, "two", ["one"]),
            ]
            edited = await files.edit("a/b/c.txt", [TextEdit("two", "2")])
            assert edited.replacements == [1]
            assert edited.diff is not None
            assert "+2" in edited.diff
            lines = await files.read_lines("a/b/c.txt", 1, 1)
            assert (lines.text, lines.count, lines.total) == ("2\n", 1, 3)
            tree = await files.tree("a")
            assert [file.path for file in tree.files] == ["/workspace/a/b", "/workspace/a/b/c.txt"]
            usage = await files.disk_usage("a")
            assert (usage.files, usage.directories, usage.bytes) == (1, 1, 12)
            there, missing = await files.stat_many(["a/b/c.txt", "nowhere"])
            assert isinstance(there, FileStat)
            assert isinstance(missing, BackendError)
            contents, _ = await files.read_many(["a/b/c.txt", "nowhere"])
            assert not isinstance(contents, BackendError)
            assert contents.content == b"one\n2\nthree\n"
            await files.rm("a", recursive=True)
            await files.rm("a", recursive=True, force=True)
            with pytest.raises(BackendError) as failure:
                await files.read("a/b/c.txt")
            assert (failure.value.code, failure.value.reason) == (ErrorCode.READ_FAILED, ErrorReason.NOT_FOUND)

    run(body())


def test_versions_modes_and_keys(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="versions")) as files:
            first = await files.write("f", "1")
            await files.write("f", "2", expected_etag=first.etag)
            with pytest.raises(BackendError) as conflict:
                await files.write("f", "3", expected_etag=first.etag)
            assert conflict.value.code == ErrorCode.CONFLICT
            assert conflict.value.current_etag == (await files.stat("f")).etag
            with pytest.raises(BackendError) as there:
                await files.write("f", "3", mode="create")
            assert there.value.reason == ErrorReason.EXISTS
            for _ in range(2):
                await files.write("f", "+", mode="append", idempotency_key="append-once")
            assert await files.read("f") == "2+"
            with pytest.raises(BackendError) as twice:
                await files.edit("f", [TextEdit("nothing", "")])
            assert (twice.value.reason, twice.value.occurrences) == (ErrorReason.NO_MATCH, 0)

    run(body())


def test_paths_are_bytes_and_stay_inside(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="paths")) as files:
            name = b"\xff\xfe odd".decode("utf-8", "surrogateescape")
            await files.write(name, b"\x00\xff")
            assert await files.readdir("/") == [name]
            assert await files.read(b"\xff\xfe odd", ReadOptions(encoding="buffer")) == b"\x00\xff"
            with pytest.raises(BackendError) as text:
                await files.read(name)
            assert text.value.reason == ErrorReason.NOT_TEXT
            for path in ("../x", "a/../../x", "/workspace/../x"):
                with pytest.raises(PathEscapeError) as escape:
                    await files.read(path)
                assert escape.value.operation == path
            scope = files.scope("scope")
            await files.write("x", "outside")
            with pytest.raises(PathEscapeError):
                await scope.read("../x")
            with pytest.raises(PathEscapeError):
                files.scope("../x")
            with pytest.raises(BackendError) as nul:
                await files.read("a\0b")
            assert nul.value.code == ErrorCode.INVALID_ARGUMENT

    run(body())


def test_large_transfers_with_progress(broker: Broker, tmp_path: Path) -> None:
    async def body() -> None:
        content = random.Random(3).randbytes((24 << 20) + 17)
        local = tmp_path / "local"
        local.write_bytes(content)
        async with RemoteFilesystemBackend(broker.config(key="large")) as files:
            steps: list[tuple[int, int | None]] = []
            await files.upload(local, "big", progress=lambda done, total: steps.append((done, total)))
            assert steps[-1] == (len(content), len(content))
            assert len(steps) > 50
            assert steps == sorted(steps)
            assert await files.read_bytes("big") == content
            steps.clear()
            await files.download("big", tmp_path / "again", progress=lambda done, total: steps.append((done, total)))
            assert steps[-1] == (len(content), len(content))
            assert (tmp_path / "again").read_bytes() == content
            await files.write("whole", content)
            assert await files.exec("cmp big whole && echo same") == "same"

    run(body())


def test_an_upload_that_fails_leaves_what_was_there(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="failing-upload")) as files:
            await files.write("f", "old")

            async def source() -> AsyncIterator[bytes]:
                yield b"x" * (3 << 20)
                raise OSError("the disk is gone")

            with pytest.raises(OSError, match="the disk is gone"):
                await files.write_from("f", source())
            assert await files.read("f") == "old"
            await files.mkdir("directory")
            with pytest.raises(BackendError) as refused:
                await files.write_from("directory", [b"x" * 1000] * 10)
            assert refused.value.reason == ErrorReason.IS_DIRECTORY

    run(body())


def test_a_reader_that_takes_nothing_holds_up_no_other(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="slow-reader")) as files:
            content = bytes(8 << 20)
            await files.write("big", content)
            readers = [await files.open_reader("big") for _ in range(20)]
            assert await files.read_bytes("big") == content
            assert b"".join([piece async for piece in readers[0]]) == content
            for reader in readers:
                await reader.close()
            assert await files.read_bytes("big", length=5) == bytes(5)

    run(body())


def test_what_is_too_large_to_be_read_as_a_whole(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="too-large", max_read_bytes=3 << 20)) as files:
            await files.write("big", bytes(4 << 20))
            with pytest.raises(BackendError) as failure:
                await files.read_bytes("big")
            assert failure.value.reason == ErrorReason.TOO_LARGE
            assert len(await files.read_bytes("big", length=1 << 20)) == 1 << 20
            with pytest.raises(BackendError) as head:
                await files.edit("big", [TextEdit("x" * (2 << 20), "")])
            assert head.value.limit is not None

    run(body())


def test_memory_of_the_broker(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteMemoryBackend(broker.config(key="memory")) as memory:
            await memory.write("agents/1/task", "building")
            await memory.write("agents/2/task", "waiting")
            assert await memory.list_keys("agents/1") == ["agents/1/task"]
            assert await memory.delete("agents/1/task")
            assert not await memory.delete("agents/1/task")
            with pytest.raises(BackendError) as missing:
                await memory.read("agents/1/task")
            assert missing.value.code == ErrorCode.KEY_NOT_FOUND
            with pytest.raises(BackendError) as refused:
                await memory.exec("true")
            assert refused.value.code == ErrorCode.NOT_IMPLEMENTED
            assert await memory.scope("agents").clear() == 1
            assert await memory.list_keys() == []

    run(body())
