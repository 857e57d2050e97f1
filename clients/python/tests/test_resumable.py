"""Files that are sent and fetched in several goes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from pathlib import Path

import pytest
from broker import Broker, Proxy, run

from agent_broker import BackendError, ErrorCode, ErrorReason, ReconnectionConfig, RemoteFilesystemBackend, sync

CONTENT = random.Random(7).randbytes((6 << 20) + 11)


def test_the_checksum_of_a_file_and_of_a_range(broker: Broker) -> None:
    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(key="checksums")) as files:
            written = await files.write("f", "xabcx")
            whole = await files.checksum("f")
            assert (whole.sha256, whole.bytes) == (hashlib.sha256(b"xabcx").digest(), 5)
            assert whole.stat.etag == written.etag
            assert (await files.checksum("f", offset=1, length=3)).sha256 == hashlib.sha256(b"abc").digest()
            with pytest.raises(BackendError) as missing:
                await files.checksum("missing")
            assert missing.value.reason == ErrorReason.NOT_FOUND
            with pytest.raises(BackendError) as nothing:
                await files.checksum("f", length=0)
            assert nothing.value.code == ErrorCode.INVALID_ARGUMENT

    run(body())


def test_there_and_back_though_the_connection_is_cut(broker: Broker, tmp_path: Path) -> None:
    async def body() -> None:
        local = tmp_path / "local"
        local.write_bytes(CONTENT)
        async with Proxy(broker.port) as proxy:
            config = broker.config(port=proxy.port, key="cut", reconnection=ReconnectionConfig(initial_delay_ms=0))
            async with RemoteFilesystemBackend(config) as files:
                cuts = [1 << 20, 3 << 20, 5 << 20]

                def cut(done: int, _: int | None) -> None:
                    if cuts and done > cuts[0]:
                        cuts.pop(0)
                        proxy.cut()

                stat = await files.upload(local, "f", mode="create", attempts=100, progress=cut)
                assert not cuts
                assert stat.size == len(CONTENT)
                cuts = [1 << 20, 3 << 20]
                await files.download("f", tmp_path / "back", attempts=100, progress=cut)
                assert not cuts
                assert (tmp_path / "back").read_bytes() == CONTENT
                assert sorted(os.listdir(tmp_path)) == ["back", "local"]
                await files.rm("f")

    run(body())


def test_an_upload_that_was_interrupted_goes_on(broker: Broker, tmp_path: Path) -> None:
    async def body() -> None:
        local = tmp_path / "local"
        local.write_bytes(CONTENT)

        def interrupt(done: int, _: int | None) -> None:
            if done > 4 << 20:
                raise TimeoutError

        async with RemoteFilesystemBackend(broker.config(key="interrupted")) as files:
            with pytest.raises(asyncio.TimeoutError):
                await files.upload(local, "f", progress=interrupt)
            assert not await files.exists("f")
            # To another place it is another upload.
            await files.upload(local, "g")
        async with RemoteFilesystemBackend(broker.config(key="interrupted")) as files:
            steps: list[int] = []
            await files.upload(local, "f", progress=lambda done, _: steps.append(done))
            assert steps[0] > 1 << 20
            assert await files.read_bytes("f") == CONTENT
            with pytest.raises(asyncio.TimeoutError):
                await files.upload(local, "h", name="h", progress=interrupt)
            assert await files.abort_upload("h")
            assert not await files.abort_upload("h")

    run(body())


def test_a_download_goes_on_and_another_version_is_a_conflict(broker: Broker, tmp_path: Path) -> None:
    async def body() -> None:
        target = tmp_path / "target"

        def interrupt(done: int, _: int | None) -> None:
            if done > 4 << 20:
                raise TimeoutError

        async with RemoteFilesystemBackend(broker.config(key="download")) as files:
            stat = await files.write("f", CONTENT)
            part = tmp_path / f".target.{stat.etag.hex()}.part"
            with pytest.raises(asyncio.TimeoutError):
                await files.download("f", target, progress=interrupt)
            assert not part.exists()
            with pytest.raises(asyncio.TimeoutError):
                await files.download("f", target, resume=True, progress=interrupt)
            assert part.stat().st_size > 4 << 20
            steps: list[int] = []
            await files.download("f", target, resume=True, progress=lambda done, _: steps.append(done))
            assert steps[0] > 4 << 20
            assert target.read_bytes() == CONTENT
            assert not part.exists()
            # What came before has other bytes.
            part.write_bytes(b"wrong")
            with pytest.raises(BackendError) as wrong:
                await files.download("f", target, resume=True)
            assert wrong.value.reason == ErrorReason.IO
            assert not part.exists()

            changes: list[asyncio.Task[object]] = []

            def change(done: int, _: int | None) -> None:
                if not changes:
                    changes.append(asyncio.create_task(files.write("f", "other")))

            with pytest.raises(BackendError) as conflict:
                await files.download("f", target, progress=change)
            assert conflict.value.code == ErrorCode.CONFLICT
            await asyncio.gather(*changes)
            assert target.read_bytes() == CONTENT

    run(body())


def test_conditions_hold_at_the_end(broker: Broker, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(CONTENT)
    with sync.RemoteFilesystemBackend(broker.config(key="conditions")) as files:
        old = files.write("f", "old")
        with pytest.raises(BackendError) as exists:
            files.upload(local, "f", mode="create", name="u")
        assert exists.value.reason == ErrorReason.EXISTS
        assert files.abort_upload("u")
        files.write("f", "changed")
        with pytest.raises(BackendError) as conflict:
            files.upload(local, "f", expected_etag=old.etag, name="u")
        assert conflict.value.code == ErrorCode.CONFLICT
        assert files.abort_upload("u")
        assert files.read_text("f") == "changed"
        assert files.checksum("f").bytes == 7
