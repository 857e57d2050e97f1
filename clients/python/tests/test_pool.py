"""One live backend per key."""

from __future__ import annotations

import pytest
from broker import Broker, run

from agent_broker import (
    BackendError,
    BackendPoolManager,
    ConnectionStatus,
    ErrorCode,
    MemoryBackend,
    PoolManagerConfig,
    RemoteFilesystemBackend,
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def pool_of_memory(clock: Clock, **options: object) -> BackendPoolManager[MemoryBackend]:
    def make(**_config: object) -> MemoryBackend:
        return MemoryBackend()

    config = PoolManagerConfig(backend_factory=make, enable_periodic_cleanup=False, **options)  # type: ignore[arg-type]
    return BackendPoolManager(config, clock)


def test_a_key_is_one_backend_until_it_is_idle_for_long() -> None:
    async def body() -> None:
        clock = Clock()
        pool = pool_of_memory(clock, idle_timeout_ms=1000)
        first, release_first = await pool.acquire_backend("k")
        second, release_second = await pool.acquire_backend("k")
        assert first is second
        release_first()
        release_first()
        clock.now = 10
        assert await pool.cleanup_idle() == 0
        release_second()
        clock.now = 10.5
        assert await pool.cleanup_idle() == 0
        clock.now = 11
        assert await pool.cleanup_idle() == 1
        assert first.status is ConnectionStatus.DESTROYED
        await pool.with_backend(lambda backend: backend.write("f", "x"), "k")
        stats = pool.get_stats()
        assert (stats.total_backends, stats.active_backends, stats.backends_by_key) == (1, 0, {"k": 1})
        await pool.destroy_all()
        with pytest.raises(BackendError) as closed:
            await pool.acquire_backend("k")
        assert closed.value.code == ErrorCode.SHUTTING_DOWN

    run(body())


def test_the_longest_unused_goes_first() -> None:
    async def body() -> None:
        clock = Clock()
        async with pool_of_memory(clock, max_backends=2) as pool:
            a, release_a = await pool.acquire_backend("a")
            b, release_b = await pool.acquire_backend("b")
            with pytest.raises(BackendError) as full:
                await pool.acquire_backend("c")
            assert full.value.code == ErrorCode.RESOURCE_EXHAUSTED
            release_b()
            release_a()
            async with pool.backend("c"):
                pass
            assert (await pool.acquire_backend("a"))[0] is a
            assert "b" not in pool.get_stats().backends_by_key
        assert b.status is ConnectionStatus.DESTROYED

    run(body())


def test_destroyed_ones_are_replaced_and_configurations_kept_apart() -> None:
    async def body() -> None:
        async with pool_of_memory(Clock()) as pool:
            first, release = await pool.acquire_backend("k", {"a": 1})
            with pytest.raises(BackendError) as conflict:
                await pool.acquire_backend("k", {"a": 2})
            assert conflict.value.code == ErrorCode.CONFLICT
            await first.destroy()
            second, _ = await pool.acquire_backend("k", {"a": 2})
            release()
            assert second.status is ConnectionStatus.CONNECTED
            fresh, release_fresh = await pool.acquire_backend()
            assert fresh is not second
            release_fresh()
        assert fresh.status is ConnectionStatus.DESTROYED

    run(body())


def test_a_pool_of_remote_backends(broker: Broker) -> None:
    async def body() -> None:
        def make(key: str) -> RemoteFilesystemBackend:
            return RemoteFilesystemBackend(broker.config(key=key))

        async with BackendPoolManager(PoolManagerConfig(backend_factory=make)) as pool:
            for turn in range(3):
                async with pool.backend("user", {"key": "pool-user"}) as backend:
                    await backend.write("visits", f"{turn}")
            assert await pool.with_backend(lambda backend: backend.read("visits"), "user") == "2"
            assert pool.get_stats().total_backends == 1

    run(body())
