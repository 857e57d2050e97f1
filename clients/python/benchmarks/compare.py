"""How fast small reads are, beside those of the peers: swe-rex's client over HTTP, and the seed's in process.

    python clients/python/benchmarks/compare.py --broker .build/release/agent-broker --peers-python PEERS/bin/python

`--peers-python` has the packages of loadtest/peers/requirements.txt; without it the broker alone is measured. Each
figure is the median of `--repeat` runs that take turns. On a machine that does other things too they mean little.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from agent_broker import RemoteFilesystemBackend, RemoteFilesystemBackendConfig

PEERS = Path(__file__).parents[3] / "loadtest" / "peers"
WARMUP, DURATION = 0.5, 2.0


async def measure(backend: RemoteFilesystemBackend, tasks: int, size: int) -> dict[str, float]:
    """Reads files of so many bytes, each task its own, and compares every answer."""
    contents = {f"load/{number}": os.urandom(size) for number in range(tasks)}
    for path, content in contents.items():
        await backend.write(path, content)
    begin = time.perf_counter() + WARMUP
    end = begin + DURATION
    latencies: list[float] = []
    processor = 0.0

    async def work(path: str, content: bytes) -> None:
        nonlocal processor
        now = time.perf_counter()
        while now < end:
            since = now
            if await backend.read_bytes(path) != content:
                raise SystemExit(f"wrong bytes in {path}")
            now = time.perf_counter()
            if since >= begin:
                processor = processor or time.process_time()
                latencies.append(now - since)

    await asyncio.gather(*(work(path, content) for path, content in contents.items()))
    used = time.process_time() - processor
    return {
        "calls_per_second": len(latencies) / DURATION,
        "p50_us": statistics.median(latencies) * 1e6,
        "client_cpu_us_per_call": used / len(latencies) * 1e6,
    }


class BrokerProcess:
    """A broker with a root of its own."""

    def __init__(self, binary: str, root: str) -> None:
        self.process = subprocess.Popen(
            [binary, "serve", "--json", "--root", root, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        ready = json.loads(self.process.stdout.readline())
        self.config = RemoteFilesystemBackendConfig(
            port=int(ready["wire"].rpartition(":")[2]), auth_token=ready["token"], key="compare"
        )

    def measure(self, tasks: int, size: int) -> dict[str, float]:
        async def run() -> dict[str, float]:
            async with RemoteFilesystemBackend(self.config) as backend:
                return await measure(backend, tasks, size)

        return asyncio.run(run())


def peer(python: str, *arguments: str) -> dict[str, float]:
    """What a driver of loadtest/peers reports."""
    timing = ["--warmup", str(WARMUP), "--duration", str(DURATION)]
    done = subprocess.run([python, *arguments, *timing], cwd=PEERS, check=True, capture_output=True, text=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    return {
        "calls_per_second": figures["callsPerSecond"],
        "p50_us": figures.get("latencyMicroseconds", {}).get("p50", 0.0),
    }


def swerex(python: str, directory: str, size: int) -> dict[str, float]:
    """Reads by swe-rex's own client, one at a time."""
    token = secrets.token_hex(8)
    server = subprocess.Popen(
        [python, "swerex_server.py", "--auth-token", token],
        cwd=PEERS,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[1]
        # It logs every request there, and waits for whoever reads that.
        threading.Thread(target=server.stdout.read, daemon=True).start()
        arguments = ["--address", address, "--auth-token", token, "--directory", f"{directory}/swerex"]
        return peer(python, "swerex_read.py", "own", *arguments, "--calls", "1", "--size", str(size))
    finally:
        server.kill()
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--broker", required=True, help="the program")
    parser.add_argument("--peers-python", help="an interpreter that has the peers")
    parser.add_argument("--size", type=int, default=100, help="bytes of a file")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        os.chmod(directory, 0o711)
        broker = BrokerProcess(options.broker, f"{directory}/root")
        try:
            for _ in range(options.repeat):
                runs.setdefault("one at a time", []).append(broker.measure(1, options.size))
                runs.setdefault("64 at a time", []).append(broker.measure(64, options.size))
                if options.peers_python:
                    one = swerex(options.peers_python, directory, options.size)
                    runs.setdefault("swe-rex, one at a time", []).append(one)
                    arguments = ["--directory", f"{directory}/seed", "--tasks", "64", "--size", str(options.size)]
                    seed = peer(options.peers_python, "seed_files.py", "read", *arguments)
                    runs.setdefault("seed in process, 64 tasks", []).append(seed)
        finally:
            broker.process.terminate()
            broker.process.wait()
    for name, figures in runs.items():
        median = {key: round(statistics.median(run[key] for run in figures), 1) for key in figures[0]}
        print(json.dumps({"what": name, "size": options.size, **median}))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
