"""LangChain's standard tests of sandboxes."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator

import pytest
from broker import Broker
from deepagents.backends.protocol import SandboxBackendProtocol
from langchain_tests.integration_tests import SandboxIntegrationTests

from agent_broker.deepagents import BrokerSandbox, Compatibility

VERSION = tuple(int(part) for part in importlib.metadata.version("deepagents").split(".")[:2])
COMPATIBILITY: Compatibility = "0.7" if VERSION >= (0, 7) else "0.6"

_overwrites = pytest.mark.xfail(
    VERSION >= (0, 7),
    reason="asserts what was so before deepagents 0.7: since then a write to a file that is there replaces it",
    strict=True,
)
_absolute = pytest.mark.xfail(
    VERSION >= (0, 7),
    reason="asserts what was so before deepagents 0.7: since then glob gives absolute paths, and of files alone",
    strict=True,
)


def sandbox_of(broker: Broker, key: str) -> BrokerSandbox:
    """A sandbox that has `python`, which the tests need and Debian calls python3."""
    sandbox = BrokerSandbox(
        broker.config(key=key), env={"PATH": "/workspace/.bin:/usr/bin:/bin"}, compatibility=COMPATIBILITY
    )
    sandbox.upload_files([("/.bin/python", b'#!/bin/sh\nexec python3 "$@"\n')])
    assert sandbox.execute("chmod +x .bin/python").exit_code == 0
    return sandbox


class TestBrokerSandbox(SandboxIntegrationTests):
    """All of them, and those that assert what was so before 0.7 are expected to fail with 0.7."""

    @property
    def sandbox_root_dir(self) -> str:
        return "/workspace/test_sandbox_ops/"

    @pytest.fixture(scope="class")
    def sandbox(self, broker: Broker) -> Iterator[SandboxBackendProtocol]:
        with sandbox_of(broker, f"standard-{'.'.join(map(str, VERSION))}") as sandbox:
            yield sandbox

    @_overwrites
    def test_write_existing_file_fails(self, sandbox_backend: SandboxBackendProtocol, sandbox_test_root: str) -> None:
        super().test_write_existing_file_fails(sandbox_backend, sandbox_test_root)

    @_absolute
    def test_glob(self, sandbox_backend: SandboxBackendProtocol, sandbox_test_root: str) -> None:
        super().test_glob(sandbox_backend, sandbox_test_root)

    @_absolute
    def test_glob_basic_pattern(self, sandbox_backend: SandboxBackendProtocol, sandbox_test_root: str) -> None:
        super().test_glob_basic_pattern(sandbox_backend, sandbox_test_root)

    @_absolute
    def test_glob_with_directories(self, sandbox_backend: SandboxBackendProtocol, sandbox_test_root: str) -> None:
        super().test_glob_with_directories(sandbox_backend, sandbox_test_root)

    @_absolute
    def test_glob_hidden_files_explicitly(
        self, sandbox_backend: SandboxBackendProtocol, sandbox_test_root: str
    ) -> None:
        super().test_glob_hidden_files_explicitly(sandbox_backend, sandbox_test_root)

    @_absolute
    def test_glob_with_character_class(self, sandbox_backend: SandboxBackendProtocol, sandbox_test_root: str) -> None:
        super().test_glob_with_character_class(sandbox_backend, sandbox_test_root)

    @_absolute
    def test_glob_with_question_mark(self, sandbox_backend: SandboxBackendProtocol, sandbox_test_root: str) -> None:
        super().test_glob_with_question_mark(sandbox_backend, sandbox_test_root)
