"""One live backend per key, for servers that serve many."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from agent_broker.errors import BackendError, ErrorCode, LimitDetails
from agent_broker.status import ConnectionStatus

_logger = logging.getLogger("agent_broker")


class Poolable(Protocol):
    """What a pool holds."""

    @property
    def status(self) -> ConnectionStatus:
        """A destroyed one is replaced."""
        ...

    async def destroy(self) -> None:
        """For good."""
        ...


B = TypeVar("B", bound=Poolable)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolManagerConfig(Generic[B]):
    """Of a `BackendPoolManager`."""

    backend_factory: Callable[..., B]
    """Makes a backend, of what an acquire is configured with, as keyword arguments. It must not block: a remote backend
    connects when it is used."""
    default_config: Mapping[str, Any] = field(default_factory=dict)
    """Each acquire's own goes over it."""
    idle_timeout_ms: int = 300_000
    """Without a user for so long, a backend is destroyed."""
    enable_periodic_cleanup: bool = True
    """False: only by `cleanup_idle`, and to make room."""
    cleanup_interval_ms: int = 60_000
    max_backends: int = 10_000
    """With a key. Beyond it the one that is unused for longest goes; where all are used: `RESOURCE_EXHAUSTED`."""


@dataclass(frozen=True, slots=True)
class PoolStats:
    """What a pool holds now."""

    total_backends: int
    active_backends: int
    idle_backends: int
    backends_by_key: dict[str, int]


class _Entry(Generic[B]):
    def __init__(self, backend: B, config: dict[str, Any], now: float) -> None:
        self.backend = backend
        self.config = config
        self.users = 0
        self.last_used = now


class BackendPoolManager(Generic[B]):
    """Backends by key, each made when it is first acquired and shared by all who acquire it meanwhile.

    It belongs to one event loop. Use it as an asynchronous context manager, or `destroy_all`.
    """

    def __init__(self, config: PoolManagerConfig[B], clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells the time of idleness, in seconds."""
        self._config = config
        self._clock = clock
        # In the order of last use, as far as they are idle.
        self._entries: dict[str, _Entry[B]] = {}
        self._cleanup: asyncio.Task[None] | None = None
        self._destroying: set[asyncio.Task[None]] = set()
        self._closed = False

    async def acquire_backend(
        self, key: str | None = None, config_override: Mapping[str, Any] | None = None
    ) -> tuple[B, Callable[[], None]]:
        """A backend, and what gives it back, which is called on the event loop; a second call does nothing.

        Without a key it is a fresh one, which is destroyed when it is given back. A key whose live backend was made
        with another configuration is `CONFLICT`.
        """
        if self._closed:
            raise BackendError("the pool was destroyed", ErrorCode.SHUTTING_DOWN, "acquire")
        config = {**self._config.default_config, **(config_override or {})}
        if key is None:
            entry = _Entry(self._config.backend_factory(**config), config, self._clock())
            return entry.backend, _once(lambda: self._destroy(entry))
        if self._config.enable_periodic_cleanup and self._cleanup is None:
            self._cleanup = asyncio.get_running_loop().create_task(self._clean_up_periodically())
        found = self._entries.get(key)
        if found is not None and found.backend.status is ConnectionStatus.DESTROYED:
            found = None
        if found is None:
            self._make_room(key)
            found = self._entries[key] = _Entry(self._config.backend_factory(**config), config, self._clock())
        elif config_override is not None and found.config != config:
            raise BackendError(
                f"the backend of {key} was made with another configuration: use that, or another key",
                ErrorCode.CONFLICT,
                "acquire",
            )
        entry = found
        entry.users += 1
        return entry.backend, _once(lambda: self._release(key, entry))

    async def with_backend(
        self,
        function: Callable[[B], Awaitable[T]],
        key: str | None = None,
        config_override: Mapping[str, Any] | None = None,
    ) -> T:
        """Calls a function with a backend, and gives that back however the call ends."""
        async with self.backend(key, config_override) as backend:
            return await function(backend)

    @asynccontextmanager
    async def backend(
        self, key: str | None = None, config_override: Mapping[str, Any] | None = None
    ) -> AsyncIterator[B]:
        """A backend for the time of a block."""
        backend, release = await self.acquire_backend(key, config_override)
        try:
            yield backend
        finally:
            release()

    def get_stats(self) -> PoolStats:
        """What it holds now."""
        active = sum(entry.users > 0 for entry in self._entries.values())
        total = len(self._entries)
        return PoolStats(total, active, total - active, dict.fromkeys(self._entries, 1))

    async def cleanup_idle(self) -> int:
        """Destroys what was idle for too long. Returns how many."""
        limit = self._clock() - self._config.idle_timeout_ms / 1000
        expired = [key for key, entry in self._entries.items() if entry.users == 0 and entry.last_used <= limit]
        await asyncio.gather(*(self._end(self._entries.pop(key)) for key in expired))
        return len(expired)

    async def destroy_all(self) -> None:
        """Destroys every backend, used or not, and refuses to make more. Idempotent."""
        self._closed = True
        if self._cleanup is not None:
            self._cleanup.cancel()
            await asyncio.gather(self._cleanup, return_exceptions=True)
            self._cleanup = None
        entries = list(self._entries.values())
        self._entries.clear()
        await asyncio.gather(*map(self._end, entries), *self._destroying)

    async def __aenter__(self) -> BackendPoolManager[B]:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.destroy_all()

    def _release(self, key: str, entry: _Entry[B]) -> None:
        entry.users -= 1
        entry.last_used = self._clock()
        if self._entries.get(key) is entry:
            # To the end: the first idle one is that which is unused for longest.
            self._entries[key] = self._entries.pop(key)
        elif entry.users == 0:
            # It was replaced meanwhile.
            self._destroy(entry)

    def _make_room(self, key: str) -> None:
        allowed = self._config.max_backends
        if len(self._entries) < allowed or key in self._entries:
            return
        idle = next((key for key, entry in self._entries.items() if entry.users == 0), None)
        if idle is None:
            error = BackendError(
                f"all {allowed} backends of the pool are in use: give some back",
                ErrorCode.RESOURCE_EXHAUSTED,
                "acquire",
            )
            error.limit = LimitDetails("backends", allowed, allowed)
            error.retryable = True
            raise error
        self._destroy(self._entries.pop(idle))

    def _destroy(self, entry: _Entry[B]) -> None:
        task = asyncio.get_running_loop().create_task(self._end(entry))
        self._destroying.add(task)
        task.add_done_callback(self._destroying.discard)

    @staticmethod
    async def _end(entry: _Entry[B]) -> None:
        try:
            await entry.backend.destroy()
        except Exception:
            _logger.exception("a backend of the pool could not be destroyed")

    async def _clean_up_periodically(self) -> None:
        while True:
            await asyncio.sleep(self._config.cleanup_interval_ms / 1000)
            await self.cleanup_idle()


def _once(function: Callable[[], None]) -> Callable[[], None]:
    called = False

    def call() -> None:
        nonlocal called
        if not called:
            called = True
            function()

    return call
