"""One event loop in one thread, for programs without their own."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import threading
import weakref
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from agent_broker._remote import forks
from agent_broker.errors import BackendError, ErrorCode

T = TypeVar("T")


class Destroyable(Protocol):
    """Something that is destroyed at the end of the process."""

    async def destroy(self) -> None:
        """For good."""
        ...


class LoopThread:
    """Begins when it is first used, and ends with the process. Safe to use from any other thread.

    In a child of fork(2) it begins anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._live: weakref.WeakSet[Destroyable] = weakref.WeakSet()
        forks.watch(self)
        atexit.register(self._end)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine and returns what it does. What interrupts the wait, such as Ctrl-C, cancels it."""
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise BackendError(
                "this was called by a callback of a synchronous backend, and would wait for itself: call it from "
                "another thread",
                ErrorCode.INVALID_ARGUMENT,
            )
        future = self.begin(coroutine)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Runs a coroutine, and does not wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._running())

    def destroy_at_exit(self, backend: Destroyable) -> None:
        """Unless it is let go before."""
        self._live.add(backend)

    def forked(self) -> None:
        forks.keep([self._loop, self._thread])
        self._lock = threading.Lock()
        self._loop = self._thread = None
        self._live.clear()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="agent_broker", daemon=True)
                self._thread.start()
            return self._loop

    def _end(self) -> None:
        with self._lock:
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return

        async def destroy_all() -> None:
            await asyncio.gather(*(backend.destroy() for backend in list(self._live)), return_exceptions=True)

        asyncio.run_coroutine_threadsafe(destroy_all(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


shared = LoopThread()
