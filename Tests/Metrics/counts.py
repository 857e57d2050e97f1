"""The metrics of a broker held against what `loadtest run --json` has counted.

Calls and bytes are compared to the last one. Latencies are two measurements: the broker's ends with the write of the
answer, the client's holds the sockets and the turns of both processes as well. So nothing is slower to the broker than to
the client, for any kind of call; and of commands that wait for 400 ms, where all else is small, percentiles lie in the
same bucket or in the one beside it. Buckets double: it is half a second at least to the end of the next one, which only
a machine that stands still takes.
"""

import math
import re
from collections import Counter

# As the broker counts what the generator calls by its own names.
OPERATIONS = {
    "echo": ("echo", "echo"),
    "read": ("read", "file"),
    "missing": ("read", "file"),
    "write": ("write", "file"),
    "edit": ("edit", "file"),
    "stat": ("stat", "file"),
    "list": ("readdir", "file"),
    "grep": ("grep", "search"),
    "sleep": ("exec", "exec"),
    "run": ("exec", "exec"),
}


def series(text, org):
    """The samples of one org, by name and the other labels."""
    samples = {}
    for line in text.splitlines():
        found = re.fullmatch(r"agent_broker_(\w+)\{(.*)\} (\S+)", line)
        if not found:
            continue
        labels = dict(re.findall(r'(\w+)="([^"]*)"', found[2]))
        if labels.pop("org", None) == org:
            samples[found[1], tuple(sorted(labels.items()))] = float(found[3])
    return samples


def difference(before, after, name):
    """Of one family, by labels: only what has changed."""
    changes = {
        labels: value - before.get((of, labels), 0) for (of, labels), value in after.items() if of == name
    }
    return {labels: value for labels, value in changes.items() if value}


def rank(percentile, count):
    return max(math.ceil(percentile / 100 * count), 1)


def percentile_of(latencies, percentile):
    """In seconds. `latencies`: how many calls took so many nanoseconds."""
    met = 0
    for nanoseconds, count in sorted(latencies.items()):
        met += count
        if met >= rank(percentile, sum(latencies.values())):
            return nanoseconds / 1e9
    raise AssertionError("no call was timed")


def bucket_of(seconds, bounds):
    return next(index for index, bound in enumerate(bounds) if seconds <= bound)


def check_latencies(before, after, operations, latencies):
    buckets = sorted(
        (float(dict(labels)["le"]), value - before.get((name, labels), 0))
        for (name, labels), value in after.items()
        if name == "call_duration_seconds_bucket" and dict(labels)["class"] == operations
    )
    bounds = [bound for bound, _ in buckets]
    total = sum(latencies.values())
    assert buckets[-1][1] == total, f"{operations}: {buckets[-1][1]} calls were timed, and {total} were made"
    for percentile in (50, 99):
        brokers = next(index for index, (_, met) in enumerate(buckets) if met >= rank(percentile, total))
        clients = percentile_of(latencies, percentile)
        distance = bucket_of(clients, bounds) - brokers
        where = f"{operations}: p{percentile} is {clients} s to the client, and up to {bounds[brokers]} s to the broker"
        assert distance >= -1, where
        assert operations != "exec" or distance <= 1, where


def compare(report, before, after, org):
    """Returns how many calls that were. `before` and `after`: all metrics, as text."""
    before, after = series(before, org), series(after, org)
    calls, latencies = Counter(), {}
    for kind, made in report["totals"]["byKind"].items():
        operation, operations = OPERATIONS[kind]
        for code, count in made["codes"].items():
            calls[("code", code), ("operation", operation)] += count
        timed = latencies.setdefault(operations, Counter())
        for nanoseconds, count in zip(made["latencies"]["nanoseconds"], made["latencies"]["counts"]):
            timed[nanoseconds] += count
    unmade = set(OPERATIONS) - set(report["totals"]["byKind"])
    assert not unmade, f"not called: {unmade}"
    assert calls[("code", "READ_FAILED"), ("operation", "read")] > 0, calls

    counted = difference(before, after, "calls_total")
    assert counted == calls, f"the broker counts {counted}, and loadtest {dict(calls)}"
    commands = sum(difference(before, after, "execs_total").values())
    assert commands == sum(latencies["exec"].values()), f"{commands} commands"
    traffic = report["totals"]["traffic"]
    for name, bytes_of_client in [("received", traffic["sentBytes"]), ("sent", traffic["receivedBytes"])]:
        bytes_of_broker = difference(before, after, f"{name}_bytes_total")[()]
        assert bytes_of_broker == bytes_of_client, f"{name}: {bytes_of_broker} bytes, and {bytes_of_client} to loadtest"
    for operations, timed in latencies.items():
        check_latencies(before, after, operations, timed)
    return sum(calls.values())
