"""swe-rex's server as `swerex-remote` runs it, but on a free port, which is printed as `ready HOST:PORT`."""

import argparse
import socket

import uvicorn
from swerex import server

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--auth-token", required=True)
server.AUTH_TOKEN = parser.parse_args().auth_token
# The protocol is named, as uvicorn's own sockets name it: asyncio turns Nagle's algorithm off for those only.
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listener.bind(("127.0.0.1", 0))
listener.listen(1024)
print("ready 127.0.0.1:{}".format(listener.getsockname()[1]), flush=True)
uvicorn.Server(uvicorn.Config(server.app)).run(sockets=[listener])
