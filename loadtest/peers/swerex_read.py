"""Reads of files through swe-rex's HTTP server. HTTP/1.1 answers one request of a connection at a time, so there are as
many connections as calls in flight; they are kept open, which swe-rex's own client does not do.
"""

import asyncio
import json
import pathlib
import time

import driver


async def main():
    parser = driver.arguments(__doc__, "swe-rex", "1.4.0")
    parser.add_argument("--address", required=True, help="HOST:PORT")
    parser.add_argument("--auth-token", required=True)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--connections", type=int, default=128, help="each has a file of its own")
    parser.add_argument("--size", type=int, default=4096, help="bytes of a file")
    options = parser.parse_args()
    host, _, port = options.address.rpartition(":")

    def request(path):
        body = json.dumps({"path": str(path)}).encode()
        return (
            f"POST /read_file HTTP/1.1\r\nHost: {options.address}\r\nX-API-Key: {options.auth_token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    async def response(reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        status = head[0].split(" ")[1]
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(fields["content-length"]))
        if status != "200":
            raise SystemExit(f"HTTP status {status}: {body[:1000]}")
        return json.loads(body)

    async def read(number):
        path = pathlib.Path(options.directory, str(number))
        # Text, which is all that it reads.
        expected = "".join(chr(97 + (number * 7 + place * 5) % 26) for place in range(options.size))
        path.write_text(expected)
        message = request(path)
        reader, writer = await asyncio.open_connection(host, int(port))
        while run.goes_on():
            since = time.perf_counter()
            writer.write(message)
            if (await response(reader))["content"] != expected:
                raise SystemExit(f"wrong text in {path}")
            run.ended(since=since)
        writer.close()

    pathlib.Path(options.directory).mkdir(exist_ok=True)
    run = driver.Run(options)
    await asyncio.gather(*(read(number) for number in range(options.connections)))
    run.report()


asyncio.run(main())
