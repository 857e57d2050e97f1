"""Directories as tar archives."""

from __future__ import annotations

import io
import tarfile

import pytest
from broker import Broker, run

from agent_broker import BackendError, PathEscapeError, RemoteFilesystemBackend


def test_a_directory_there_and_back(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="archives")) as files:
            content = bytes(range(256)) * 20_000
            await files.write("a/b/big", content)
            await files.write("a/skipped.tmp", "x")
            await files.symlink("a/link", "b/big")
            async with await files.archive("a", compression="gzip", excludes=["*.tmp"]) as archive:
                packed = b"".join([piece async for piece in archive])
            assert archive.result is not None
            assert (archive.result.entries, archive.result.bytes) == (3, len(content))
            with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
                assert sorted(tar.getnames()) == ["b", "b/big", "link"]
            steps: list[int] = []
            pieces = [packed[at : at + 1000] for at in range(0, len(packed), 1000)]
            result = await files.extract("copy", pieces, progress=lambda done, _total: steps.append(done))
            assert (result.files, result.links, result.bytes) == (1, 1, len(content))
            assert steps[-1] == len(packed)
            assert await files.exec("diff -r a/b copy/b && readlink copy/link") == "b/big"
            with pytest.raises(BackendError):
                await files.archive("missing")

    run(body())


def test_an_archive_that_leads_outside_is_refused(broker: Broker) -> None:
    async def body() -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.addfile(tarfile.TarInfo("fine"))
            tar.addfile(tarfile.TarInfo("../outside"))
        async with RemoteFilesystemBackend(broker.config(key="outside")) as files:
            with pytest.raises(PathEscapeError):
                await files.extract("into", [packed.getvalue()])
            assert not await files.exists("into/fine")

    run(body())
