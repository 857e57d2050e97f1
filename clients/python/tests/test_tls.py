"""TLS, with an authority made for the test."""

from __future__ import annotations

import asyncio
import random
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker import Broker, run

from agent_broker import BackendError, ErrorCode, RemoteFilesystemBackend, TLSConfig


class Authority:
    """Signs certificates for brokers and clients, by openssl(1)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.file = directory / "ca.pem"
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem",
        )  # fmt: skip

    def sign(self, name: str) -> tuple[Path, Path]:
        """A certificate for a host name, and its key."""
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
            f"{name}.key", "-out", f"{name}.csr",
        )  # fmt: skip
        (self._directory / f"{name}.ext").write_text(f"subjectAltName=DNS:{name}\n")
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", f"{name}.ext", "-out", f"{name}.pem",
        )  # fmt: skip
        return self._directory / f"{name}.pem", self._directory / f"{name}.key"

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._directory, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def tls_broker(authority: Authority) -> Iterator[Broker]:
    certificate, key = authority.sign("broker.test")
    broker = Broker(
        "--tls-cert", str(certificate), "--tls-key", str(key), "--tls-client-ca", str(authority.file)
    )  # fmt: skip
    yield broker
    broker.close()


def test_both_sides_show_who_they_are(tls_broker: Broker, authority: Authority) -> None:
    certificate, key = authority.sign("client.test")
    tls = TLSConfig(
        ca_file=str(authority.file), cert_file=str(certificate), key_file=str(key), server_name="broker.test"
    )

    async def body() -> None:
        async with RemoteFilesystemBackend(tls_broker.config(tls=tls)) as backend:
            contents = {name: random.Random(name).randbytes((3 << 20) + 17) for name in ("f", "g")}
            await asyncio.gather(*(backend.write(name, content) for name, content in contents.items()))
            assert await asyncio.gather(*map(backend.read_bytes, contents)) == list(contents.values())
            assert await backend.exec("echo private") == "private"

    run(body())


def test_strangers_are_refused(tls_broker: Broker, authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path)

    async def refused(**config: object) -> BackendError:
        backend = RemoteFilesystemBackend(tls_broker.config(connect_timeout_ms=5000, **config))
        with pytest.raises(BackendError) as failure:
            await backend.connect()
        await backend.destroy()
        return failure.value

    async def body() -> None:
        unknown = await refused(tls=TLSConfig(ca_file=str(other.file), server_name="broker.test"))
        assert (unknown.code, unknown.retryable) == (ErrorCode.CONNECTION_CLOSED, False)
        assert "certificate" in str(unknown).lower()
        misnamed = await refused(tls=TLSConfig(ca_file=str(authority.file)))
        assert (misnamed.code, misnamed.retryable) == (ErrorCode.CONNECTION_CLOSED, False)
        nameless = await refused(tls=TLSConfig(ca_file=str(authority.file), server_name="broker.test"))
        assert nameless.code == ErrorCode.CONNECTION_CLOSED
        missing = await refused(tls=TLSConfig(ca_file="/nonexistent.pem"))
        assert missing.code == ErrorCode.INVALID_CONFIGURATION
        plain = await refused()
        assert plain.code in (ErrorCode.CONNECTION_CLOSED, ErrorCode.PROTOCOL_ERROR)

    run(body())


def test_a_unix_socket() -> None:
    directory = tempfile.TemporaryDirectory(dir="/var/tmp")
    broker = Broker("--unix", f"{directory.name}/socket")

    async def body() -> None:
        async with RemoteFilesystemBackend(broker.config(host=f"unix:{directory.name}/socket")) as backend:
            await backend.write("f", "x")
            assert await backend.read("f") == "x"

    try:
        run(body())
    finally:
        broker.close()
        directory.cleanup()
