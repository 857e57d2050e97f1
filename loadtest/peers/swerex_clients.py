"""How swe-rex's HTTP server is called.

By its own client, which makes a connection for each request; or by the least that does: requests that were encoded once,
on connections that are kept, one for each call in flight, since HTTP/1.1 answers one request of a connection at a time.
"""

import asyncio
import json

from swerex.runtime.remote import RemoteRuntime


def add_arguments(parser):
    parser.add_argument("client", choices=["own", "kept"])
    parser.add_argument("--address", required=True, help="HOST:PORT")
    parser.add_argument("--auth-token", required=True)


def own(options):
    """One for all calls."""
    host, _, port = options.address.rpartition(":")
    return RemoteRuntime(host=f"http://{host}", port=int(port), auth_token=options.auth_token)


async def kept(options, path, request):
    """Connects, and returns a function that makes the same request again and again and returns the answers."""
    host, _, port = options.address.rpartition(":")
    body = json.dumps(request).encode()
    message = (
        f"POST {path} HTTP/1.1\r\nHost: {options.address}\r\nX-API-Key: {options.auth_token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    reader, writer = await asyncio.open_connection(host, int(port))

    async def call():
        writer.write(message)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        status = head[0].split(" ")[1]
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(fields["content-length"]))
        if status != "200":
            raise SystemExit(f"HTTP status {status}: {body[:1000]}")
        return json.loads(body)

    return call
