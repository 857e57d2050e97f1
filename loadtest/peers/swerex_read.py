"""Reads of files through swe-rex's HTTP server.

By its own client, which makes a connection for each request; or by the least that does: requests that were encoded once,
on connections that are kept, one for each call in flight, since HTTP/1.1 answers one request of a connection at a time.
"""

import asyncio
import json
import pathlib
import time

import driver

from swerex.runtime.abstract import ReadFileRequest
from swerex.runtime.remote import RemoteRuntime


def contents(number, size):
    """Text, which is all that swe-rex reads."""
    return "".join(chr(97 + (number * 7 + place * 5) % 26) for place in range(size))


class OwnClient:
    """One for all calls."""

    def __init__(self, options):
        host, _, port = options.address.rpartition(":")
        self.runtime = RemoteRuntime(host=f"http://{host}", port=int(port), auth_token=options.auth_token)

    async def open(self, path):
        async def read():
            return (await self.runtime.read_file(ReadFileRequest(path=str(path)))).content

        return read


class KeptConnections:
    """One for each call in flight."""

    def __init__(self, options):
        self.options = options

    async def open(self, path):
        host, _, port = self.options.address.rpartition(":")
        body = json.dumps({"path": str(path)}).encode()
        message = (
            f"POST /read_file HTTP/1.1\r\nHost: {self.options.address}\r\nX-API-Key: {self.options.auth_token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        reader, writer = await asyncio.open_connection(host, int(port))

        async def read():
            writer.write(message)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            status = head[0].split(" ")[1]
            fields = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(fields["content-length"]))
            if status != "200":
                raise SystemExit(f"HTTP status {status}: {body[:1000]}")
            return json.loads(body)["content"]

        return read


async def main():
    parser = driver.arguments(__doc__, "swe-rex", "1.4.0")
    parser.add_argument("client", choices=["own", "kept"])
    parser.add_argument("--address", required=True, help="HOST:PORT")
    parser.add_argument("--auth-token", required=True)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--calls", type=int, default=128, help="in flight; each has a file of its own")
    parser.add_argument("--size", type=int, default=4096, help="bytes of a file")
    options = parser.parse_args()
    client = OwnClient(options) if options.client == "own" else KeptConnections(options)

    async def work(number):
        path = pathlib.Path(options.directory, str(number))
        expected = contents(number, options.size)
        path.write_text(expected)
        read = await client.open(path)
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
