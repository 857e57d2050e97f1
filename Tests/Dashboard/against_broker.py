"""The dashboard in headless Chromium, against a broker.

against_broker.py PROGRAM

Prints one line per step; exits with 1 at the first that fails.
"""

import sys

from broker import Broker, BrokerCommand, Raw
from browser import Browser
from steps import log_in, log_out, quiet_console, step, walk


def refused(broker, address):
    """What a page of another origin, another org, or a script in the page may not do."""
    raw = Raw(address)
    for path in ("/", "/dashboard/app.js", "/api/session"):
        _, headers, _ = raw.send("GET", path)
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy, policy
        assert headers["X-Content-Type-Options"] == "nosniff", dict(headers)
    cookie = raw.log_in(broker.tokens["acme"])
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie, cookie
    command = BrokerCommand(broker, "guarded")
    kill = f"/api/orgs/acme/keys/guarded/execs/{command.number}/kill"
    assert raw.send("POST", kill, **{"X-CSRF-Token": ""})[0] == 403, "without the page's token"
    assert raw.send("POST", kill, **{"X-CSRF-Token": "guessed"})[0] == 403, "with another token"
    assert raw.send("POST", kill, Origin="http://elsewhere.example")[0] == 403, "from another origin"
    assert raw.send("POST", kill, Origin="null")[0] == 403, "from an origin that hides"
    assert raw.send("POST", kill, Cookie="")[0] == 401, "without the cookie"
    assert (
        raw.send("POST", "/api/session", {"token": broker.tokens["acme"]}, Origin="http://elsewhere.example")[0] == 403
    ), "a login from another origin"
    assert raw.send("POST", "/api/drain")[0] == 403, "drained by a token of an org"
    other = Raw(address)
    other.log_in(broker.tokens["umbrella"])
    assert other.send("POST", kill)[0] in (403, 404), "killed by another org"
    assert other.send("POST", "/api/orgs/acme/keys/guarded/destroy")[0] in (403, 404), "destroyed by another org"
    assert other.send("GET", f"/api/orgs/acme/keys/guarded/execs/{command.number}/output")[0] in (403, 404), (
        "read by another org"
    )
    assert other.send("GET", "/api/audit?org=acme")[0] in (403, 404), "searched by another org"
    for trick in (
        "/api/orgs/umbrella%2F..%2Facme/keys/guarded/destroy",
        "/api/orgs/umbrella/../acme/keys/guarded/destroy",
        "/api/orgs/acme%00/keys/guarded/destroy",
    ):
        assert other.send("POST", trick)[0] in (400, 403, 404), trick
    assert command.runs(), "something ended the command all the same"
    assert raw.send("POST", kill)[0] == 204
    assert raw.send("DELETE", "/api/session")[0] == 204
    assert raw.send("GET", "/api/session")[0] == 401
    step("refused: other origins, no or another CSRF token, other orgs, tricks in paths")


def live(browser, broker, address):
    log_in(browser, address, broker.tokens["operations"])
    browser.until(
        "return [...document.querySelectorAll('.table-orgs .column-org')].map((cell) => cell.textContent).includes('umbrella')",
        what="all orgs",
    )
    for number in range(20):
        broker.client("write", "--create", "--key", "lively", f"file-{number}", text="x")
    broker.client("rm", "--key", "lively", "none", fails=True)
    broker.client("read", "--key", "lively", "none", fails=True)
    browser.until(
        "return Number(document.querySelector('.figure-note').textContent.replace(/[^0-9]/g, '')) >= 20",
        what="the calls",
    )
    browser.until(
        "return document.querySelector('.chart-line').getAttribute('d').includes('L')", what="a line of calls"
    )
    drawn = "return [...document.querySelectorAll('.chart')[1].querySelectorAll('.chart-line')]"
    browser.until(drawn + ".every((line) => line.getAttribute('d'))", what="percentiles")
    browser.press("2")
    browser.until_text(".table-entries .table-row", "lively")
    browser.press("4")
    for operation in ("rm", "read"):
        browser.until(
            "return [...document.querySelectorAll('.table-errors .column-operation')].some((cell) => cell.textContent === arguments[0])",
            operation,
            what=f"the {operation} that failed",
        )
    browser.press("2")
    browser.click(".table-entries .table-row", "lively")
    browser.press("x")
    browser.click("dialog .danger")
    browser.until_text(".announcement", "was destroyed")
    browser.until_text(".drawer .inline-note", "is gone")
    assert "file-1\n" in broker.client("ls", "--key", "lively"), "its files went too"
    log_out(browser)
    step("orgs, calls, entries and a failure are seen; an entry is destroyed, its files stay")


def drained(browser, broker, address):
    log_in(browser, address, broker.tokens["operations"])
    browser.click(".button", "Drain…")
    browser.type("dialog input", browser.run("return document.querySelector('dialog .field b').textContent"))
    browser.press("Enter")
    broker.process.wait(timeout=30)
    browser.until_text(".connection", "Reconnecting")
    step("drained, and the page says so")


def against_broker(program):
    broker = Broker(program)
    browser = Browser()
    try:
        address = f"http://{broker.ready['http']}"
        raw = Raw(address)
        raw.log_in(broker.tokens["acme"])
        audited = raw.send("GET", "/api/audit")[0] != 404
        for name in ("operations", "acme"):
            step(f"with a token of {name}")
            key = f"by-{name}"
            walk(browser, address, broker.tokens[name], key, lambda key=key: BrokerCommand(broker, key), audited)
        live(browser, broker, address)
        refused(broker, address)
        quiet_console(browser, *([] if audited else ["/api/audit"]))
        drained(browser, broker, address)
    except BaseException:
        print(broker.said()[-4000:], file=sys.stderr)
        raise
    finally:
        browser.close()
        broker.close()


if __name__ == "__main__":
    against_broker(sys.argv[1])
