"""What the drivers of the peers have in common: their arguments, their clock and what they print."""

import argparse
import importlib.metadata
import json
import time


def arguments(description, package, version):
    """A parser with the options of every driver. Refuses another version of the peer."""
    found = importlib.metadata.version(package)
    if found != version:
        raise SystemExit(f"{package} {found} is installed: install {version}, see requirements.txt")
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--warmup", type=float, default=0.5, help="seconds before measuring")
    parser.add_argument("--duration", type=float, default=2, help="seconds that are measured")
    return parser


class Run:
    """Counts the calls that end in the time that is measured. It begins when it is made."""

    def __init__(self, options, clock=time.perf_counter):
        self.clock = clock
        self.begin = clock() + options.warmup
        self.end = self.begin + options.duration
        self.first = None
        self.last = None
        self.calls = 0
        self.latencies = []

    def goes_on(self):
        return self.clock() < self.end

    def ended(self, calls=1, since=None):
        """So many calls have ended. `since`: when the one began, where its latency counts."""
        now = self.clock()
        if now < self.begin:
            return
        if self.first is None:
            self.first = now
            return
        self.last = now
        self.calls += calls
        if since is not None:
            self.latencies.append(now - since)

    def report(self):
        """Prints the figures as one line of JSON."""
        if not self.calls:
            raise SystemExit("no call ended in the time that was measured")
        seconds = self.last - self.first
        figures = {"calls": self.calls, "seconds": seconds, "callsPerSecond": self.calls / seconds}
        if self.latencies:
            ordered = sorted(self.latencies)
            at = lambda part: ordered[min(int(len(ordered) * part), len(ordered) - 1)] * 1e6
            figures["latencyMicroseconds"] = {"p50": at(0.5), "p99": at(0.99), "p999": at(0.999), "max": at(1)}
        print(json.dumps(figures), flush=True)
