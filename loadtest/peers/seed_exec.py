"""Commands through agent-backend in process: LocalFilesystemBackend, without isolation or with bubblewrap.

As it is shipped, bubblewrap fails every command: its empty /tmp is mounted over the workspace, which lies there. The
driver has it mounted first, and changes nothing else.
"""

import asyncio
import logging
import pathlib
import time

import driver

from agent_backend.backends.local import LocalFilesystemBackend
from agent_backend.types import IsolationMode, LocalFilesystemBackendConfig

COMMAND = "echo hi"


class Repaired(LocalFilesystemBackend):
    async def _run_process(self, args, env, encoding, command, cwd=None):
        if args[0] == "bwrap":
            place = args.index("--tmpfs")
            mount = args[place : place + 2]
            del args[place : place + 2]
            args[1:1] = mount
        return await super()._run_process(args, env, encoding, command, cwd=cwd)


async def main():
    parser = driver.arguments(__doc__, "agent-backend", "0.15.0")
    parser.add_argument("isolation", choices=["none", "bwrap"])
    parser.add_argument("--directory", required=True)
    parser.add_argument("--calls", type=int, default=1, help="at a time")
    options = parser.parse_args()

    # It warns that nothing is isolated, which is asked for.
    logging.disable(logging.WARNING)
    pathlib.Path(options.directory).mkdir(exist_ok=True)
    backend = Repaired(
        LocalFilesystemBackendConfig(root_dir=options.directory, isolation=IsolationMode(options.isolation))
    )
    run = driver.Run(options)

    async def work():
        while run.goes_on():
            since = time.perf_counter()
            output = await backend.exec(COMMAND)
            if output != "hi":
                raise SystemExit(f"wrong output of {COMMAND}: {output!r}")
            run.ended(since=since)

    await asyncio.gather(*(work() for _ in range(options.calls)))
    run.report()


asyncio.run(main())
