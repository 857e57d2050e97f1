"""Reads of files through swe-rex's HTTP server."""

import asyncio
import pathlib
import time

import driver
import swerex_clients

from swerex.runtime.abstract import ReadFileRequest


def contents(number, size):
    """Text, which is all that swe-rex reads."""
    return "".join(chr(97 + (number * 7 + place * 5) % 26) for place in range(size))


async def main():
    parser = driver.arguments(__doc__, "swe-rex", "1.4.0")
    swerex_clients.add_arguments(parser)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--calls", type=int, default=128, help="in flight; each has a file of its own")
    parser.add_argument("--size", type=int, default=4096, help="bytes of a file")
    options = parser.parse_args()
    runtime = swerex_clients.own(options)

    async def reader(path):
        if options.client == "kept":
            call = await swerex_clients.kept(options, "/read_file", {"path": str(path)})

            async def read():
                return (await call())["content"]

        else:

            async def read():
                return (await runtime.read_file(ReadFileRequest(path=str(path)))).content

        return read

    async def work(number):
        path = pathlib.Path(options.directory, str(number))
        expected = contents(number, options.size)
        path.write_text(expected)
        read = await reader(path)
        while run.goes_on():
            since = time.perf_counter()
            if await read() != expected:
                raise SystemExit(f"wrong text in {path}")
            run.ended(since=since)

    pathlib.Path(options.directory).mkdir(exist_ok=True)
    run = driver.Run(options)
    await asyncio.gather(*(work(number) for number in range(options.calls)))
    run.report()


asyncio.run(main())
