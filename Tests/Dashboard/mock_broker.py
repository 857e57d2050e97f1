"""A broker of the dashboard's contract with nothing behind it: orgs under load, commands that write, errors, an audit log.

mock_broker.py [--port N] [--entries N] [--quiet] [--no-audit]   prints its address

Tokens: ab_operator, ab_acme (org acme), ab_reader (org acme, read only). Tests move its `World` themselves.
"""

import argparse
import base64
import http.cookies
import http.server
import json
import math
import pathlib
import random
import secrets
import threading
import time
import urllib.parse

ASSETS = pathlib.Path(__file__).resolve().parents[2] / "Sources/BrokerHTTP/Dashboard/Assets"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
TOKENS = {
    "ab_operator": {"org": "operations", "operator": True, "read_only": False},
    "ab_acme": {"org": "acme", "operator": False, "read_only": False},
    "ab_reader": {"org": "acme", "operator": False, "read_only": True},
}
HOSTILE = "<img src=x onerror=alert(1)>"
COMMANDS = [
    "swift build -c release && swift test --parallel",
    "npm run lint -- --fix",
    "python3 train.py --epochs 40 --batch 256 --out runs/2026-11-26",
    "cargo test --workspace --all-features -- --nocapture",
    f"echo '{HOSTILE}' | tee page.html",
    "printf 'safe \u202egnp.exe\u202c \x1b[31mred\x07'",
    "find . -name '*.o' -newer Makefile -print0 | xargs -0 -n 64 sha256sum | sort -k2 > /workspace/build/manifest-of-everything.txt",
]
SUBJECTS = [
    "src/main.swift",
    "docs/index.md",
    HOSTILE,
    "../../etc/passwd",
    "data/תיקייה/קובץ.txt",
    "build/out\nput.log",
    "a" * 400,
]
CODES = ["NOT_FOUND", "READ_FAILED", "PATH_ESCAPE_ATTEMPT", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "WRITE_FAILED"]


def now():
    return int(time.time() * 1000)


class Exec:
    def __init__(self, number, org, key, command, attachable=True, writes=True):
        self.number, self.org, self.key, self.command = number, org, key, command
        self.started, self.attachable, self.writes = now(), attachable, writes
        self.events, self.offsets, self.end = [], {"stdout": 0, "stderr": 0}, None
        self.changed = threading.Condition()

    def write(self, stream, data):
        with self.changed:
            self.events.append(("output", stream, self.offsets[stream], data))
            self.offsets[stream] += len(data)
            self.changed.notify_all()

    def gap(self, stream, length):
        with self.changed:
            self.offsets[stream] += length
            self.events.append(("gap", stream, self.offsets[stream], length))
            self.changed.notify_all()

    def finish(self, end):
        with self.changed:
            self.end = end
            self.changed.notify_all()

    def json(self):
        return {
            "org": self.org,
            "key": self.key,
            "scope": "/" if self.number % 3 else "/packages/web",
            "exec": self.number,
            "command": self.command,
            "isolation": "bwrap",
            "started_ms": self.started,
            "attachable": self.attachable,
            "stdout_bytes": self.offsets["stdout"],
            "stderr_bytes": self.offsets["stderr"],
        }


class World:
    def __init__(self, entries, quiet, audit, interval):
        self.random = random.Random(7)
        self.lock = threading.RLock()
        self.started, self.quiet, self.audit_on, self.interval = time.time(), quiet, audit, interval
        self.draining, self.revoked, self.refuses, self.epoch = False, False, False, 0
        self.trouble, self.unfollowed = None, None
        self.sessions, self.execs, self.records, self.operations = {}, {}, [], []
        self.operation_added = threading.Condition()
        self.orgs = {
            name: {"ok": 0, "failed": 0, "rate": rate, "now": (0, 0)}
            for name, rate in (("acme", 900), ("globex", 240), ("umbrella", 35), ("operations", 0))
        }
        names = ["ci", "nightly", "review", "agent", "session"]
        self.entries = {}
        for number in range(0 if quiet else entries):
            org = ["acme", "acme", "globex", "umbrella"][number % 4]
            key = f"{names[number % 5]}-{number:04d}"
            self.entries[(org, key)] = {
                "born": now() - self.random.randrange(9_000_000),
                "bytes": self.random.randrange(1, 1 << 31),
                "idle": self.random.random() < 0.6,
            }
        self.next_exec = 1
        if not quiet:
            for number, (org, key) in enumerate(list(self.entries)[:14]):
                started = self.start(org, key, COMMANDS[number % len(COMMANDS)], attachable=number != 9)
                started.started -= self.random.randrange(4_000_000)
            for number in range(350):
                self.record(time_ms=now() - (350 - number) * 7000)
        threading.Thread(target=self.work, daemon=True).start()

    def start(self, org, key, command, attachable=True, writes=True):
        with self.lock:
            self.entries.setdefault((org, key), {"born": now(), "bytes": 4096, "idle": False})["idle"] = False
            started = Exec(self.next_exec, org, key, command, attachable, writes)
            self.execs[self.next_exec] = started
            self.next_exec += 1
            return started

    def end(self, running, **end):
        with self.lock:
            self.execs.pop(running.number, None)
        running.finish({"exit_code": None, "signal": None, "end": "exited", **end})
        outcome = "ok" if end.get("end", "exited") == "exited" else "CANCELLED"
        self.record(org=running.org, key=running.key, operation="exec", subject=running.command, outcome=outcome)

    def record(self, **given):
        pick = self.random.choice
        with self.lock:
            org, key = pick(list(self.entries)) if self.entries else ("acme", "ci-0000")
            self.records.append(
                {
                    "seq": len(self.records) + 1,
                    "time_ms": now(),
                    "org": org,
                    "key": key,
                    "principal": f"{pick(['ci', 'nightly', HOSTILE])} (9445f5d5524ed4f1)",
                    "operation": pick(["write", "rm", "rename", "mkdir", "exec"]),
                    "subject": pick(SUBJECTS),
                    "scope": "/",
                    "outcome": pick(["ok"] * 6 + CODES),
                    "duration_us": self.random.randrange(80, 900_000),
                    **given,
                }
            )

    def fail(self, **given):
        pick = self.random.choice
        org, key = pick(list(self.entries)) if self.entries else ("acme", "ci-0000")
        operation = {
            "time_ms": now(),
            "org": org,
            "key": key,
            "operation": pick(["read", "write", "ls", "exec"]),
            "subject": pick(SUBJECTS),
            "scope": "/",
            "duration_us": self.random.randrange(80, 90_000),
            "bytes": 0,
            "error": pick(CODES),
            "exit_code": None,
        }
        if operation["operation"] == "exec":
            operation.update(error=None, exit_code=2, subject=pick(COMMANDS))
        operation.update(given)
        with self.operation_added:
            self.operations.append(operation)
            self.operation_added.notify_all()

    def work(self):
        tick = 0
        while True:
            time.sleep(0.25)
            tick += 1
            if self.quiet:
                continue
            wave = 1 + 0.35 * math.sin(tick / 40) + 0.2 * self.random.random()
            for org in self.orgs.values():
                org["ok"] += int(org["rate"] * wave / 4)
                org["failed"] += int(
                    org["rate"] * wave / 4 * (0.08 if tick % 200 > 180 else 0.006)
                    + self.random.random() * (org["rate"] > 0) * 0.3
                )
            for running in list(self.execs.values()):
                if running.writes and self.random.random() < 0.5:
                    running.write(
                        "stdout", f"[{tick}] compiling module {self.random.randrange(400)} \x1b[32mok\x1b[0m\n".encode()
                    )
                if running.writes and self.random.random() < 0.06:
                    running.write("stderr", f"warning: unused variable 'x{tick}' {HOSTILE}\n".encode())
            if self.random.random() < 0.08:
                self.fail()
                self.record()

    def org(self, name, wave):
        org = self.orgs[name]
        busy = org["rate"] > 0 and not self.quiet
        waiting = max(0, int(6 * wave - 3)) if name == "acme" and busy else 0
        spike = 40 if waiting > 3 else 1
        entries = [entry for (owner, _), entry in list(self.entries.items()) if owner == name]
        execs = sum(running.org == name for running in list(self.execs.values()))
        rate = int(org["rate"] * wave) if busy else 0
        latency = {
            "count": rate,
            "p50_us": int(90 * wave),
            "p90_us": int(400 * wave * (1 + self.random.random() / 4)),
            "p99_us": int(2400 * wave * spike * (0.8 + self.random.random() / 2)),
            "max_us": 90_000,
        }

        def limit(kind, used, allowed, unit):
            return {"name": kind, "used": used, "allowed": allowed, "unit": unit}

        return {
            "org": name,
            "connections": 12 if busy else 0,
            "calls_ok": org["ok"],
            "calls_failed": org["failed"],
            "calls_in_flight": int(9 * wave) if busy else 0,
            "calls_waiting": waiting,
            "longest_wait_us": waiting * 41_000,
            "bytes_in_flight": int(3e6 * wave) if busy else 0,
            "execs_running": execs,
            **({"latency": latency} if busy else {}),
            "pool": {
                "active": sum(not entry["idle"] for entry in entries),
                "idle": sum(entry["idle"] for entry in entries),
                "creating": int(wave) % 2,
                "waiting": waiting // 2,
                "longest_wait_us": waiting // 2 * 90_000,
                "hits": org["ok"],
                "misses": 40 + len(entries),
                "evictions": 12,
                "timeouts": 1,
                "refusals": 3,
            },
            "refusals": {
                "org_connections": 0,
                "org_calls_in_flight": 17 if busy else 0,
                "org_calls_per_second": 4 if busy else 0,
                "calls_in_flight": 1 if busy else 0,
            },
            "limits": [
                limit("org_entries", len(entries), 1000, "entries"),
                limit("org_connections", 12 if busy else 0, 100, "connections"),
                limit("org_calls_in_flight", int(9 * wave) if busy else 0, 64, "calls"),
                limit("org_queued_calls", waiting, 8, "calls"),
                limit("org_running_commands", execs, 8, "commands"),
                limit("org_bytes_in_flight", int(3e6 * wave) if busy else 0, 1 << 26, "bytes"),
                limit("org_disk_bytes", 29 << 30 if name == "globex" else 4 << 30, 32 << 30, "bytes"),
                limit("org_disk_inodes", 120_000, 1_000_000, "inodes"),
            ],
        }

    def overview(self, session):
        wave = 1 + 0.5 * math.sin(time.time() / 13)

        def sees(org):
            return session["operator"] or org == session["org"]

        with self.lock:
            entries = [(place, entry) for place, entry in self.entries.items() if sees(place[0])]
            execs = [running.json() for running in self.execs.values() if sees(running.org)]
        busy = {(running["org"], running["key"]) for running in execs}
        rows = [
            {
                "org": org,
                "key": key,
                "backend": "memory" if entry["bytes"] % 9 == 0 else "local",
                "state": entry.get("state") or ("leased" if (org, key) in busy or not entry["idle"] else "idle"),
                "leases": 0 if entry["idle"] else 1,
                "age_ms": now() - entry["born"],
                "idle_ms": (now() - entry["born"]) // 3 if entry["idle"] else 0,
                "execs": sum((running["org"], running["key"]) == (org, key) for running in execs)
                if (org, key) in busy
                else 0,
                "bytes": entry["bytes"],
            }
            for (org, key), entry in entries
        ]
        return {
            "time_ms": now(),
            "uptime_ms": int((time.time() - self.started) * 1000) + 275_000_000,
            "version": "0.1.0",
            "node": "vm-mock",
            "draining": self.draining,
            "orgs": [self.org(name, wave) for name in self.orgs if sees(name)],
            "entries": rows,
            "entries_truncated": False,
            "execs": execs,
            "execs_truncated": False,
            **({"unfollowed": self.unfollowed} if self.unfollowed else {}),
        }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: World

    def log_message(self, *_):
        pass

    def send(self, status, body=None, headers=(), kind="application/json"):
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in [*HEADERS.items(), *headers]:
            self.send_header(name, value)
        if body is not None:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status, reason, message):
        self.send(status, {"error": {"reason": reason, "message": message}})

    def session(self):
        cookie = http.cookies.SimpleCookie(self.headers.get("Cookie", ""))
        found = (
            self.world.sessions.get(cookie["agent_broker_session"].value) if "agent_broker_session" in cookie else None
        )
        return None if self.world.revoked else found

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/" or url.path.startswith("/dashboard/"):
            file = ASSETS / ("index.html" if url.path == "/" else url.path.removeprefix("/dashboard/"))
            if file.parent != ASSETS or not file.is_file():
                return self.refuse(404, "NOT_FOUND", "no such asset")
            return self.send(200, file.read_bytes(), kind=TYPES[file.suffix])
        if not url.path.startswith("/api/"):
            return self.refuse(404, "NOT_FOUND", "nothing is here")
        session = self.session()
        if session is None:
            return self.refuse(401, "AUTH_FAILED", "log in first")
        if self.world.refuses:
            return self.refuse(503, "SHUTTING_DOWN", "the broker is about to end")
        if url.path == "/api/session":
            return self.send(200, session["shown"])
        if url.path == "/api/events":
            return self.events(session)
        if url.path == "/api/audit":
            return self.audit(session, dict(urllib.parse.parse_qsl(url.query)))
        parts = [urllib.parse.unquote(part) for part in url.path.split("/")]
        if len(parts) == 9 and parts[8] == "output":
            return self.output(session, parts[3], parts[5], int(parts[7]), dict(urllib.parse.parse_qsl(url.query)))
        return self.refuse(404, "NOT_FOUND", "nothing is here")

    def stream(self):
        self.send_response(200)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def event(self, kind, data):
        self.wfile.write(f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def events(self, session):
        world, epoch = self.world, self.world.epoch
        self.stream()
        seen, next_overview = len(world.operations), 0.0
        try:
            while world.epoch == epoch:
                if time.time() >= next_overview:
                    next_overview = time.time() + self.world.interval
                    if world.trouble:
                        self.event("trouble", {"message": world.trouble})
                    else:
                        self.event("overview", world.overview(session))
                with world.operation_added:
                    world.operation_added.wait(min(0.2, self.world.interval))
                    fresh, seen = world.operations[seen:], len(world.operations)
                for operation in fresh:
                    if session["operator"] or operation["org"] == session["org"]:
                        self.event("operation", operation)
                if world.revoked:
                    return self.event("bye", {"reason": "token revoked"})
        except OSError:
            pass

    def output(self, session, org, key, number, query):
        running = self.world.execs.get(number)
        if (
            running is None
            or (running.org, running.key) != (org, key)
            or not (session["operator"] or session["org"] == org)
        ):
            return self.refuse(404, "NOT_FOUND", "there is no such command")
        start, at, epoch = (
            {"stdout": int(query.get("from", 0)), "stderr": int(query.get("stderr_from", 0))},
            0,
            self.world.epoch,
        )
        self.stream()
        try:
            while self.world.epoch == epoch:
                with running.changed:
                    running.changed.wait_for(lambda: len(running.events) > at or running.end, timeout=0.5)
                    fresh, end = running.events[at:], running.end
                    at += len(fresh)
                for kind, stream, offset, data in fresh:
                    if kind == "gap" and offset > start[stream]:
                        self.event("gap", {"stream": stream, "bytes": data})
                    elif kind == "output" and offset + len(data) > start[stream]:
                        cut = max(0, start[stream] - offset)
                        self.event(
                            "output",
                            {"stream": stream, "offset": offset + cut, "data": base64.b64encode(data[cut:]).decode()},
                        )
                if end:
                    return self.event("end", end)
        except OSError:
            pass

    def audit(self, session, query):
        if not self.world.audit_on:
            return self.refuse(
                404,
                "NOT_FOUND",
                "no audit log is configured; set audit.path in the configuration and restart the broker",
            )
        org = query.get("org") or ("" if session["operator"] else session["org"])
        if not session["operator"] and org != session["org"]:
            return self.refuse(403, "PERMISSION_DENIED", "the token is not of that org")
        wanted = [
            record
            for record in reversed(self.world.records)
            if (not org or record["org"] == org)
            and query.get("key", record["key"]) == record["key"]
            and query.get("operation", record["operation"]) == record["operation"]
            and (not query.get("failed") or record["outcome"] != "ok")
            and query.get("text", "") in record["subject"]
            and int(query.get("since_ms", 0)) <= record["time_ms"] <= int(query.get("until_ms", 1 << 60))
            and record["seq"] < int(query.get("before", 1 << 60))
        ]
        page = wanted[: int(query.get("limit", 100))]
        return self.send(200, {"records": page, "next_before": page[-1]["seq"] if len(wanted) > len(page) else None})

    def do_POST(self):
        body = self.body()
        if self.headers.get("Origin") != f"http://{self.headers.get('Host')}":
            return self.refuse(403, "PERMISSION_DENIED", "the request comes from another page")
        if self.path == "/api/session":
            token = TOKENS.get(body.get("token"))
            if token is None:
                return self.refuse(401, "AUTH_FAILED", "the token is not known")
            name, csrf = secrets.token_hex(16), secrets.token_hex(16)
            self.world.revoked = False
            shown = {**token, "csrf": csrf, "version": "0.1.0", "node": "vm-mock"}
            self.world.sessions[name] = {**token, "csrf": csrf, "shown": shown, "name": name}
            return self.send(
                200, shown, [("Set-Cookie", f"agent_broker_session={name}; HttpOnly; SameSite=Strict; Path=/")]
            )
        session = self.guarded()
        if session is None:
            return None
        parts = [urllib.parse.unquote(part) for part in self.path.split("/")]
        if self.path == "/api/drain":
            self.world.draining = True
            return self.send(202)
        if session["read_only"]:
            return self.refuse(403, "PERMISSION_DENIED", "the token only reads")
        if parts[-1] == "kill":
            running = self.world.execs.get(int(parts[7]))
            if running is None:
                return self.refuse(404, "NOT_FOUND", "the command has ended")
            self.world.end(running, signal=9, end="signaled")
            return self.send(204)
        if parts[-1].startswith("destroy"):
            with self.world.lock:
                self.world.entries.pop((parts[3], parts[5]), None)
                for running in [
                    running
                    for running in self.world.execs.values()
                    if (running.org, running.key) == (parts[3], parts[5])
                ]:
                    self.world.end(running, signal=9, end="signaled")
            return self.send(204)
        return self.refuse(404, "NOT_FOUND", "nothing is here")

    def do_DELETE(self):
        session = self.guarded()
        if session is not None:
            del self.world.sessions[session["name"]]
            self.send(
                204, headers=[("Set-Cookie", "agent_broker_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0")]
            )

    def guarded(self):
        session = self.session()
        if session is None:
            self.refuse(401, "AUTH_FAILED", "log in first")
        elif self.headers.get("X-CSRF-Token") != session["csrf"]:
            self.refuse(403, "PERMISSION_DENIED", "the request lacks the page's token")
            session = None
        return session


def serve(port=0, entries=2000, quiet=False, audit=True, interval=1.0):
    Handler.world = World(entries, quiet, audit, interval)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--entries", type=int, default=2000)
    arguments.add_argument("--quiet", action="store_true")
    arguments.add_argument("--no-audit", action="store_true")
    options = arguments.parse_args()
    print(serve(options.port, options.entries, options.quiet, not options.no_audit)[1], flush=True)
    threading.Event().wait()
