"""Commands through swe-rex's HTTP server, which does not isolate them."""

import asyncio
import time

import driver
import swerex_clients

from swerex.runtime.abstract import Command

COMMAND = ["bash", "-c", "echo hi"]


async def main():
    parser = driver.arguments(__doc__, "swe-rex", "1.4.0")
    swerex_clients.add_arguments(parser)
    parser.add_argument("--calls", type=int, default=1, help="at a time")
    options = parser.parse_args()
    runtime = swerex_clients.own(options)

    async def executor():
        if options.client == "kept":
            return await swerex_clients.kept(options, "/execute", Command(command=COMMAND).model_dump())

        async def execute():
            return (await runtime.execute(Command(command=COMMAND))).model_dump()

        return execute

    async def work():
        execute = await executor()
        while run.goes_on():
            since = time.perf_counter()
            answer = await execute()
            if answer["stdout"] != "hi\n" or answer["exit_code"] != 0:
                raise SystemExit(f"wrong answer of {COMMAND}: {answer}")
            run.ended(since=since)

    run = driver.Run(options)
    await asyncio.gather(*(work() for _ in range(options.calls)))
    run.report()


asyncio.run(main())
