"""A broker to test against, its command line client, and requests past the page."""

import http.client
import json
import os
import pathlib
import subprocess
import tempfile

from steps import HOSTILE


class BrokerCommand:
    """A command in the background, started by the program's own client."""

    LINE = f"echo 'out {HOSTILE}'; printf 'err \\033[31mred\\033[0m\\n' >&2; until [ -e more ]; do sleep 0.05; done; echo and more; sleep 600"

    def __init__(self, broker, key):
        self.broker, self.key = broker, key
        self.number = broker.client("exec", "--detach", "--key", key, "--", self.LINE).split()[0]

    def write_more(self):
        self.broker.client("write", "--create", "--key", self.key, "more", text="")

    def runs(self):
        return '"running":true' in self.broker.client("ps", "--json", "--key", self.key)


class Broker:
    """A broker with two orgs and an operator, on loopback, in a directory of its own."""

    def __init__(self, program):
        self.program = program
        self.directory = tempfile.TemporaryDirectory(prefix="dashboard-broker-")
        path = pathlib.Path(self.directory.name)
        path.chmod(0o755)
        made = {"acme": self.token("acme"), "umbrella": self.token("umbrella")}
        made["operations"] = self.token("operations", "--role", "operator")
        self.tokens = {org: token["token"] for org, token in made.items()}
        kept = ("id", "name", "hash", "role")
        configuration = {
            "root": str(path / "root"),
            "listen": ["127.0.0.1:0"],
            "http": {"listen": ["127.0.0.1:0"]},
            "limits": {"drain_timeout": "2s"},
            "audit": {"enabled": True},
            "orgs": [{"name": org, "tokens": [{name: token[name] for name in kept}]} for org, token in made.items()],
        }
        # YAML takes JSON.
        (path / "configuration.yaml").write_text(json.dumps(configuration))
        with open(path / "log", "w") as log:
            self.process = subprocess.Popen(
                [program, "serve", "--json", "--config", str(path / "configuration.yaml")],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self.process.stdout.readline()
        assert line, self.said()
        self.ready = json.loads(line)

    def token(self, org, *options):
        command = [self.program, "token", "new", "--json", "--org", org, "--name", "test", *options]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def said(self):
        return (pathlib.Path(self.directory.name) / "log").read_text()

    def client(self, *arguments, text=None, fails=False):
        environment = {
            **os.environ,
            "AGENT_BROKER_ADDRESS": self.ready["wire"],
            "AGENT_BROKER_TOKEN": self.tokens["acme"],
        }
        done = subprocess.run(
            [self.program, *arguments], input=text, capture_output=True, text=True, env=environment, timeout=60
        )
        assert (done.returncode != 0) == fails, (arguments, done.stdout, done.stderr)
        return done.stdout

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.directory.cleanup()


class Raw:
    """Requests past the page, as another page or program would send them."""

    def __init__(self, address):
        self.host = address.removeprefix("http://")
        self.cookie = self.csrf = ""

    def send(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(self.host, timeout=20)
        try:
            sent = {
                "Cookie": self.cookie,
                "Origin": f"http://{self.host}",
                "X-CSRF-Token": self.csrf,
                "Content-Type": "application/json",
                **headers,
            }
            connection.request(
                method,
                path,
                None if body is None else json.dumps(body),
                {name: value for name, value in sent.items() if value},
            )
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def log_in(self, token):
        status, headers, body = self.send("POST", "/api/session", {"token": token})
        assert status == 200, (status, body)
        self.csrf = json.loads(body)["csrf"]
        cookie = headers["Set-Cookie"]
        self.cookie = cookie.split(";")[0]
        return cookie
