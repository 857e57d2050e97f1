"""Files through agent-backend in process: LocalFilesystemBackend without isolation, as many tasks as calls in flight.

None of its file operations waits for anything, so a task keeps the event loop for as long as it likes: nothing is faster
for the seed than that.
"""

import asyncio
import logging
import os

import driver

from agent_backend.backends.local import LocalFilesystemBackend
from agent_backend.types import IsolationMode, LocalFilesystemBackendConfig, ReadOptions


async def main():
    parser = driver.arguments(__doc__, "agent-backend", "0.15.0")
    parser.add_argument("operation", choices=["read", "write", "stat"])
    parser.add_argument("--directory", required=True)
    parser.add_argument("--tasks", type=int, default=128, help="each has a file of its own")
    parser.add_argument("--size", type=int, default=4096, help="bytes of a file")
    options = parser.parse_args()

    # It warns that nothing is isolated, which is asked for.
    logging.disable(logging.WARNING)
    backend = LocalFilesystemBackend(
        LocalFilesystemBackendConfig(root_dir=options.directory, isolation=IsolationMode.NONE)
    )
    contents = {f"load/{number}": os.urandom(options.size) for number in range(options.tasks)}
    for path, expected in contents.items():
        await backend.write(path, expected)
    as_bytes = ReadOptions(encoding="buffer")
    run = driver.Run(options)

    # The clock is read once for many calls, so that it takes no part in the figures.
    batch = range(16)

    async def read(path, expected):
        while run.goes_on():
            for _ in batch:
                if await backend.read(path, as_bytes) != expected:
                    raise SystemExit(f"wrong bytes in {path}")
            run.ended(len(batch))

    async def stat(path, expected):
        while run.goes_on():
            for _ in batch:
                if (await backend.stat(path)).size != len(expected):
                    raise SystemExit(f"wrong size of {path}")
            run.ended(len(batch))

    async def write(path, expected):
        while run.goes_on():
            await backend.write(path, expected)
            run.ended()

    work = {"read": read, "write": write, "stat": stat}[options.operation]
    await asyncio.gather(*(work(path, expected) for path, expected in contents.items()))
    for path, expected in contents.items():
        if await backend.read(path, as_bytes) != expected:
            raise SystemExit(f"wrong bytes in {path}")
    run.report()


asyncio.run(main())
