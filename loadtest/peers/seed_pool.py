"""Acquire and release of agent-backend's BackendPoolManager, each key a hit, in an order without a pattern.

Seconds are those of the processor, as in pool-load.
"""

import asyncio
import random
import time

import driver

from agent_backend.pool import BackendPoolManager, PoolManagerConfig
from agent_backend.types import ConnectionStatus


class Backend:
    """Does nothing, so that the pool alone is measured."""

    status = ConnectionStatus.CONNECTED

    async def destroy(self):
        pass


async def main():
    parser = driver.arguments(__doc__, "agent-backend", "0.15.0")
    parser.add_argument("--keys", type=int, default=10, help="all of them live")
    parser.add_argument("--called", type=int, help="keys that are called; they are among the others")
    options = parser.parse_args()

    pool = BackendPoolManager(PoolManagerConfig(backend_factory=Backend))
    order = []
    for number in range(options.keys):
        key = f"load-{number}"
        backend, release = await pool.acquire_backend(key)
        release()
        order.append((key, backend))
    random.Random(1).shuffle(order)
    order = order[: options.called or options.keys]
    # The clock is read once for many calls, so that it takes no part in the figures.
    batch = order * max(1, 1000 // len(order))

    run = driver.Run(options, clock=time.process_time)
    while run.goes_on():
        for key, expected in batch:
            backend, release = await pool.acquire_backend(key)
            if backend is not expected:
                raise SystemExit(f"wrong backend for {key}")
            release()
        run.ended(len(batch))
    run.report()


asyncio.run(main())
