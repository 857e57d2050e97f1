"""The metrics held against what `loadtest` has counted, and every expression of the dashboard and of the alert rules in a
real Prometheus that scrapes a loaded broker.

suite.py PROGRAM SCRATCH: the agent-broker to test, with `loadtest` beside it, and an empty directory.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from counts import compare

PROGRAM, SCRATCH = sys.argv[1:]
# What a panel or a rule asks for that a broker without trouble has not: it is evaluated, and may be empty.
ABSENT = {"agent_broker_refusals_total", "agent_broker_pool_wait_seconds_bucket"}


def path(name):
    return os.path.join(SCRATCH, name)


def run(*command, stdin=None, check=True):
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if check and result.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    return result


def until(what, condition):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        value = condition()
        if value is not None:
            return value
        time.sleep(0.05)
    return sys.exit(f"{what}: not within a minute")


class Broker:
    def __init__(self):
        tokens = {
            name: json.loads(run(PROGRAM, "token", "new", "--json", "--org", org, "--name", name, "--role", role).stdout)
            for name, org, role in [
                ("ci", "acme", "agent"),
                ("driver", "loaded", "agent"),
                ("single", "crowded", "agent"),
                ("ops", "operations", "operator"),
                ("scraper", "operations", "agent"),
            ]
        }

        def org(name, token, role, limits=""):
            token = tokens[token]
            return f"""
  - name: {name}
    tokens: [{{id: {token["id"]}, hash: {token["hash"]}, role: {role}}}]
{limits}"""

        with open(path("broker.yml"), "w", encoding="utf-8") as file:
            file.write(
                f"""
root: {SCRATCH}/root
listen: ["127.0.0.1:0"]
http: {{listen: ["127.0.0.1:0"], metrics_token_hash: {tokens["scraper"]["hash"]}}}
limits: {{drain_timeout: 2s}}
orgs:{org("acme", "ci", "agent")}{org("loaded", "driver", "agent")}{
                    org("crowded", "single", "agent", "    limits: {max_entries: 1}")}{org("operations", "ops", "operator")}"""
            )
        self.token = tokens["ci"]["token"]
        self.operator = tokens["ops"]["token"]
        self.scraper = tokens["scraper"]["token"]
        self.driver = tokens["driver"]["token"]
        self.single = tokens["single"]["token"]
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--json", "--config", path("broker.yml")],
            stdout=subprocess.PIPE,
            stderr=open(path("broker.log"), "w", encoding="utf-8"),
            text=True,
        )
        ready = self.process.stdout.readline()
        if not ready:
            sys.exit(open(path("broker.log"), encoding="utf-8").read())
        ready = json.loads(ready)
        self.wire, self.http = ready["wire"], ready["http"]

    def call(self, *arguments, stdin=None, token=None):
        """What its status is does not matter: some are to fail."""
        common = ["--address", self.wire, "--token", token or self.token, "--key", "demo"]
        run(PROGRAM, *common, *arguments, stdin=stdin, check=False)

    def load(self):
        """Some of everything that the dashboard shows."""
        self.call("write", "file", stdin="text\n")
        self.call("read", "file")
        self.call("read", "none")
        self.call("grep", "text")
        self.call("exec", "--", "sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")
        self.call("exec", "--", "false")
        self.call("exec", "--", "there-is-no-such-program")
        self.call("write", "file", stdin="text\n", token=self.single)
        self.call("stats", token=self.operator)
        self.call("stats", token="ab_0123456789abcdef_" + "0" * 64)

    def run_loadtest(self):
        """What it reports of a run by its org, which nobody else speaks for."""
        with open(path("counted.yaml"), "w", encoding="utf-8") as file:
            file.write(
                """
name: counted
about: All kinds of calls, for what the broker counts of them.
connections: 4
population: {orgs: 1, keys: 3, files: 4}
mix: {echo: 20, read: 30, missing: 15, write: 8, edit: 4, stat: 10, list: 4, grep: 4, sleep: 5}
stages: [{name: all, duration: 2s, depth: 4}]
"""
            )
        loadtest = os.path.join(os.path.dirname(PROGRAM), "loadtest")
        said = run(loadtest, "run", path("counted.yaml"), "--address", self.wire, "--token", self.driver, "--json")
        return json.loads(said.stdout)["runs"][0]

    def scrape(self):
        request = urllib.request.Request(
            f"http://{self.http}/metrics", headers={"Authorization": f"Bearer {self.scraper}"}
        )
        with urllib.request.urlopen(request) as reply:
            return reply.read().decode()


class Prometheus:
    def __init__(self, broker):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        with open(path("prometheus.yml"), "w", encoding="utf-8") as file:
            file.write(
                f"""
global: {{scrape_interval: 250ms, evaluation_interval: 250ms}}
rule_files: [alerts.yml, alerts-at-once.yml]
scrape_configs:
  - job_name: agent-broker
    authorization: {{credentials: {broker.scraper}}}
    static_configs: [{{targets: ["{broker.http}"]}}]
"""
            )
        run("promtool", "check", "config", path("prometheus.yml"))
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={path('prometheus.yml')}",
                f"--storage.tsdb.path={path('tsdb')}",
                f"--web.listen-address={self.address}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=open(path("prometheus.log"), "w", encoding="utf-8"),
        )

    def get(self, call, **parameters):
        url = f"http://{self.address}/api/v1/{call}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url) as reply:
                return json.load(reply)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:
                # It has not read its own files yet.
                return None
            return sys.exit(f"{parameters}: {error.read().decode()}")
        except OSError:
            if self.process.poll() is not None:
                sys.exit(open(path("prometheus.log"), encoding="utf-8").read())
            return None

    def query(self, expression):
        data = self.get("query", query=expression)
        return data and data["result"]

    def wait_for_scrapes(self, count):
        """So many more, without a failure since the first."""

        def scrapes():
            result = self.query('count_over_time(up{job="agent-broker"}[5m])')
            return int(float(result[0]["value"][1])) if result else None

        before = until("the first scrape", scrapes)
        until("more scrapes", lambda: (scrapes() or 0) >= before + count or None)


def variables(expression):
    for name, value in {
        "$__rate_interval": "1m", "$job": "agent-broker", "$instance": ".*", "$org": ".*",
    }.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def check(prometheus, what, expression):
    """It can be evaluated, and there is something to it. False: that there is nothing is no fault."""
    result = prometheus.query(expression)
    names = set(re.findall(r"\b(?:agent_broker|process)_\w+", expression))
    if not result and not names & ABSENT:
        sys.exit(f"{what}: nothing comes of {expression}")
    return bool(result)


def check_dashboard(prometheus, dashboard):
    expressions = [
        (panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel.get("targets", [])
    ] + [("annotation", one["expr"]) for one in dashboard["annotations"]["list"]]
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids), "two panels have one id"
    found = sum(check(prometheus, title, variables(expression)) for title, expression in expressions)
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()
        data = prometheus.get("series", **{"match[]": variables(selector)})
        assert any(label in series for series in data), variable["definition"]
    return len(expressions), found


def check_alerts(prometheus):
    """Each as it is, and without the bound that it compares with: that there is something it could be above."""
    rules, at_once = (rules_of(prometheus, name) for name in ("alerts.yml", "alerts-at-once.yml"))
    assert [rule["query"] for rule in rules] == [rule["query"] for rule in at_once], "other expressions"
    for rule in rules:
        assert rule["health"] == "ok", rule
        assert re.fullmatch(r".* [<>] [\d.]+", rule["query"], re.DOTALL), rule["query"]
        measure = re.sub(r" [<>] [\d.]+", "", rule["query"])
        # What went wrong need not have happened: of the like that has.
        measure = re.sub(r',?(code|end|result)[=!~]+"[^"]*"', "", measure).replace("{,", "{")
        check(prometheus, rule["name"], measure)
    firing = [rule["name"] for rule in rules if rule["state"] == "firing"]
    assert not firing, firing
    return len(rules)


def rules_of(prometheus, file):
    groups = until("the rules", lambda: (prometheus.get("rules") or {}).get("groups") or None)
    return [rule for group in groups if os.path.basename(group["file"]) == file for rule in group["rules"]]


def fires(prometheus, name, **labels):
    """Waits until a rule fires for what has these labels. Returns all alerts of that rule that fire then."""

    def firing():
        alerts = (prometheus.get("alerts") or {}).get("alerts", [])
        alerts = [one for one in alerts if one["labels"]["alertname"] == name and one["state"] == "firing"]
        return alerts if any(labels.items() <= one["labels"].items() for one in alerts) else None

    return until(f"{name} {labels}", firing)


def check_full_limit(prometheus):
    """An org that has all entries that it may have, and it alone, is told of."""
    alerts = fires(prometheus, "AgentBrokerLimitNearlyUsed", org="crowded", limit="org_entries")
    told = [one["annotations"]["summary"] for one in alerts]
    assert told == ["Org crowded uses 100% of its org_entries."], told


def main():
    rules = run(PROGRAM, "metrics", "alerts").stdout
    with open(path("alerts.yml"), "w", encoding="utf-8") as file:
        file.write(rules)
    # The same for what is to fire while somebody waits for it.
    with open(path("alerts-at-once.yml"), "w", encoding="utf-8") as file:
        file.write(re.sub(r"\bfor: \d+m\b", "for: 250ms", rules))
    run("promtool", "check", "rules", path("alerts.yml"))
    dashboard = json.loads(run(PROGRAM, "metrics", "dashboard").stdout)

    broker = Broker()
    try:
        before = broker.scrape()
        report = broker.run_loadtest()
        calls = compare(report, before, broker.scrape(), "loaded")
        broker.load()
        said = run("promtool", "check", "metrics", stdin=broker.scrape())
        assert not said.stdout + said.stderr, said
        prometheus = Prometheus(broker)
        try:
            prometheus.wait_for_scrapes(2)
            broker.load()
            prometheus.wait_for_scrapes(2)
            count, found = check_dashboard(prometheus, dashboard)
            alerts = check_alerts(prometheus)
            check_full_limit(prometheus)
            broker.process.terminate()
            broker.process.wait()
            fires(prometheus, "AgentBrokerDown", instance=broker.http)
        finally:
            prometheus.process.terminate()
            prometheus.process.wait()
    finally:
        broker.process.terminate()
        broker.process.wait()
    print("metrics: a full limit and a broker that is gone are alerts that fire")
    print(f"metrics: {calls} calls counted as loadtest counts them")
    print(f"metrics: {count} expressions of the dashboard, {found} of them with data, and {alerts} alert rules")


main()
