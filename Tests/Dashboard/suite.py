"""The dashboard in headless Chromium.

Prints one line per step; exits with 1 at the first that fails.
"""

import json

import mock
from browser import Browser

HOSTILE = "<img src=x onerror=alert(1)>"
ROWS = "return document.querySelectorAll('.table-row').length"
# The page asks whether there is a session before it shows the login.
EXPECTED = "api/session - Failed to load resource: the server responded with a status of 401"


def step(words):
    print("ok", words, flush=True)


def log_in(browser, address, token):
    browser.open(address)
    browser.type("input[name=token]", token)
    browser.press("Enter")
    browser.until_text(".connection", "Live")


def log_out(browser):
    browser.click(".button", "Log out")
    browser.until_text(".login-note", "logged out")


def quiet_console(browser, *expected):
    """Nothing but what is expected came to the console: no error, no refusal of the content security policy."""
    entries = [entry["message"] for entry in browser.logged() if entry["level"] == "SEVERE" or "Content Security Policy" in entry["message"]]
    unexpected = [message for message in entries if not any(words in message for words in (EXPECTED, *expected))]
    assert not unexpected, unexpected
    step("nothing unexpected on the console")


def walk(browser, address, token, key, start_command, audited):
    """Log in, see a command start, watch its output, kill it, find it in the audit log, log out."""
    log_in(browser, address, token)
    step("logged in, live")
    assert "agent_broker_session" not in browser.run("return document.cookie"), "the cookie is readable"
    browser.press("3")
    command = start_command()
    browser.until_text(".table-commands .table-row", key)
    step("the command is seen as it starts")
    browser.type(".filter", key)
    browser.press("ArrowDown", "j", "Enter")
    browser.until_text(".drawer .command", HOSTILE)
    browser.until_text(".line.stdout", f"out {HOSTILE}")
    browser.until_text(".line.stderr", "err red")
    assert browser.run("return document.querySelectorAll('.line img, .table img, .drawer img').length") == 0
    step("its output is watched, both streams, and markup in it is inert")
    command.write_more()
    browser.until_text(".line.stdout", "and more")
    step("more of it as it comes")
    browser.press("x")
    browser.until_text("dialog h2", "Kill command")
    browser.press("Escape")
    browser.until("return !document.querySelector('dialog')")
    assert command.runs(), "killed without being asked to"
    step("a kill that is not confirmed does nothing")
    browser.press("x")
    browser.click("dialog .danger")
    browser.until_text(".announcement", "was killed")
    browser.until_text(".line.notice", "ended by signal 9")
    browser.until("return document.querySelector('.drawer .danger').disabled")
    browser.until(f"return !document.querySelector('.table-commands').textContent.includes({json.dumps(key)})")
    assert not command.runs(), "still runs"
    step("killed")
    if audited:
        browser.click(".drawer .button", "Audit of this key")
        browser.until_text(".table-audit .table-row", "exec")
        browser.until_text(".table-audit .table-row", HOSTILE[:12])
        step("found in the audit log")
    log_out(browser)
    assert browser.run_async("return (await fetch('/api/session')).status") == 401
    browser.open(address)
    browser.find("input[name=token]")
    step("logged out")


# MARK: Against the mock


def modules(browser):
    """What the modules without a page do."""
    found = browser.run_async("""
        const { visible, visibleLine } = await import("/dashboard/text.js");
        const { EscapeFilter, OutputLines } = await import("/dashboard/terminal.js");
        const format = await import("/dashboard/format.js");
        const { Store } = await import("/dashboard/store.js");
        const encode = (text) => new TextEncoder().encode(text);
        const filter = new EscapeFilter();
        const lines = new OutputLines();
        const euro = encode("€");
        lines.write("stdout", encode("a\\x1b[3"));
        lines.write("stdout", encode("1mred\\x1b[0m "));
        lines.write("stdout", euro.slice(0, 1));
        lines.write("stdout", euro.slice(1));
        lines.write("stderr", encode("err\\r\\n"));
        lines.write("stdout", encode("10%\\r100%\\nok\\b\\bno\\n"));
        lines.notice("gap");
        const many = new OutputLines();
        for (let at = 0; at < 30; at += 1) many.write("stdout", encode("line\\n".repeat(1000)));
        const long = new OutputLines();
        for (let at = 0; at < 80; at += 1) long.write("stdout", encode("x".repeat(1 << 16)));
        const store = new Store();
        const org = (time, ok) => store.receive({ type: "overview", data: { time_ms: time, entries: [], execs: [], orgs: [{ org: "a", calls_ok: ok, calls_failed: 0, calls_waiting: 0, latency: { count: 1, p50_us: 5, p90_us: 6, p99_us: 7 } }] } });
        for (let at = 0; at < 1000; at += 1) org(at * 1000, at * 10);
        org(1_000_000, 3);
        org(1_010_000, 90);
        const samples = store.samples("a");
        for (let at = 0; at < 500; at += 1) store.receive({ type: "operation", data: { org: "a", error: "NO", n: at } });
        return {
            visible: visible("a\\u202eb\\n\\u001b<\\u0000\\u200b"), line: visibleLine("a\\tb\\u0007"),
            text: filter.plain("\\x1b]0;title\\x07a\\x1b(Bb\\x1b]8;;http://x\\x1b\\\\c\\x9b1md\\x1bPq\\ne"),
            lines: lines.lines.map(({ stream, text }) => [stream, text]), numbers: lines.lines.map(({ number }) => number),
            many: many.lines.length, long: long.lines.reduce((sum, { text }) => sum + text.length, 0), longest: Math.max(...long.lines.map(({ text }) => text.length)),
            duration: [0, 999, 1500, 2_000_000, 90_000_000].map(format.duration), bytes: [0, 1023, 1024, 1536, 5 * 2 ** 30].map(format.bytes),
            age: [0, 61_000, 90_000_000].map(format.age), unknown: [format.count(null), format.rate(undefined), format.duration(NaN)],
            samples: samples.length, span: samples[samples.length - 1].time - samples[0].time, rate: samples[10].ok, restarted: samples[samples.length - 2].ok, gap: samples[samples.length - 1].ok,
            failures: store.failures.length, newest: store.failures[0].n,
        };
    """)
    narrow = "\u202f"
    wanted = {
        "visible": "a⟨202E⟩b↵⟨ESC⟩<⟨NUL⟩⟨200B⟩", "line": "a\tb⟨BEL⟩", "text": "abcd\ne",
        "lines": [["stdout", "ared €"], ["stderr", "err"], ["stdout", "100%"], ["stdout", "no"], ["notice", "gap"]], "numbers": [0, 1, 2, 3, 4],
        "many": 4000, "longest": 4096,
        "duration": [f"0{narrow}µs", f"999{narrow}µs", f"1.5{narrow}ms", f"2{narrow}s", f"1{narrow}min 30{narrow}s"],
        "bytes": [f"0{narrow}B", f"1,023{narrow}B", f"1{narrow}KiB", f"1.5{narrow}KiB", f"5{narrow}GiB"],
        "age": [f"0{narrow}s", f"1{narrow}min 1{narrow}s", f"1{narrow}d 1{narrow}h"], "unknown": ["–", "–", "–"],
        "rate": 10, "restarted": None, "gap": None, "failures": 200, "newest": 499,
    }
    assert isinstance(found, dict), found
    for name, value in wanted.items():
        assert found[name] == value, f"{name}: {found[name]!r} is not {value!r}"
    assert found["long"] <= 1 << 20 and found["samples"] <= 400 and found["span"] <= 300_000, found
    step("text, terminal, numbers, series")


class MockCommand:
    def __init__(self, world, key):
        self.world = world
        self.running = world.start("acme", key, f"build '{HOSTILE}'", writes=False)
        self.running.write("stdout", f"out {HOSTILE}\n".encode())
        self.running.write("stderr", b"err \x1b[31mred\x1b[0m\n")

    def write_more(self):
        self.running.write("stdout", b"and more\n")

    def runs(self):
        return self.running.number in self.world.execs


def against_mock():
    server, address = mock.serve()
    world = mock.Handler.world
    browser = Browser()
    try:
        browser.open(address)
        browser.type("input[name=token]", "ab_wrong")
        browser.press("Enter")
        browser.until_text(".refusal", "does not know this token")
        step("a wrong token is refused in words")
        modules(browser)
        walk(browser, address, "ab_operator", "walked", lambda: MockCommand(world, "walked"), audited=True)
        log_in(browser, address, "ab_operator")
        overview(browser)
        entries(browser, world)
        output(browser, world)
        errors_and_audit(browser, world)
        keyboard_and_theme(browser, address)
        narrow(browser)
        quiet_console(browser, "/api/session - Failed to load resource", "the server responded with a status of 404")
        connection(browser, world)
        draining(browser, world)
        log_out(browser)
        rights(browser, address)
        browser.logged()
    finally:
        browser.close()


def overview(browser):
    browser.until_text(".figure", "/s")
    browser.until("return [...document.querySelectorAll('.chart-line')].filter((path) => path.getAttribute('d').includes('L')).length >= 6", what="lines in the charts")
    browser.run("document.querySelector('.chart-plot').focus()")
    browser.press("ArrowLeft")
    browser.until_text(".chart [aria-live]", "answered")
    assert browser.run("return [...document.querySelectorAll('.chart-moment')].every((moment) => moment.textContent.includes('ago'))"), "one cursor for all charts"
    browser.press("Escape")
    # To the right of the middle of the first chart, where the last samples are.
    width = browser.run("return document.querySelector('.chart-plot').clientWidth")
    browser.point(".chart-plot", width // 2 - 14, 0)
    browser.until_text(".chart-moment", "ago")
    browser.until_text(".limit.full", "full")
    browser.until_text(".limit.warn", "nearly full")
    browser.click(".table-orgs .table-row", "globex")
    browser.click(".drawer .button", "Show only this org")
    browser.until("return document.querySelector('.orgs').value === 'globex'")
    browser.press("Escape", "2")
    browser.until("return [...document.querySelectorAll('.table-row .column-org')].every((cell) => cell.textContent === 'globex')")
    browser.run("const orgs = document.querySelector('.orgs'); orgs.value = ''; orgs.dispatchEvent(new Event('change'))")
    step("charts with a read-out, limits, one org")


def entries(browser, world):
    browser.press("2")
    browser.until_text(".shown", "2,00")
    assert browser.run(ROWS) < 80, "all rows are elements"
    browser.press("End")
    browser.until("return document.querySelector('[aria-selected=true]')?.getAttribute('aria-rowindex') === document.querySelector('.table').getAttribute('aria-rowcount')")
    browser.click(".table-titles button", "Size")
    sizes = "return [...document.querySelectorAll('.table-row')].sort((a, b) => a.getAttribute('aria-rowindex') - b.getAttribute('aria-rowindex')).map((row) => row.querySelector('.column-bytes').textContent)"
    browser.press("Home")
    browser.until("return document.querySelector('[aria-sort]').textContent === 'Size'")
    largest = f"{max(entry['bytes'] for entry in world.entries.values()) / 2**30:.2f}".rstrip("0").rstrip(".")
    assert browser.run(sizes)[0] == f"{largest}\u202fGiB", browser.run(sizes)[:3]
    drawn = browser.run_async("""
        const table = document.querySelector(".table");
        const started = performance.now();
        for (let at = 0; at < 60; at += 1) {
            table.scrollTop = at * 1000;
            await new Promise(requestAnimationFrame);
        }
        return { rows: table.querySelectorAll(".table-row").length, ms: performance.now() - started };
    """)
    assert drawn["rows"] < 80, drawn
    step("2,000 entries: few elements, sorted, scrolled")
    browser.press("/")
    browser.type(".filter", "acme review-0002")
    browser.until_text(".empty-title", "Nothing matches")
    browser.click(".button", "Show all")
    world.entries[("globex", "to-destroy")] = {"born": mock.now(), "bytes": 10, "idle": True}
    browser.type(".filter", "to-destroy")
    browser.until("return document.querySelectorAll('.table-row').length === 1", what="one row")
    browser.click(".table-row", "to-destroy")
    browser.press("x")
    browser.until_text("dialog", "files stay")
    browser.click("dialog .danger")
    browser.until_text(".drawer .inline-note", "is gone")
    assert ("globex", "to-destroy") not in world.entries
    browser.press("Escape", "/")
    browser.type(".filter", " ")
    step("filtered; destroyed after a question")


def output(browser, world):
    running = world.start("acme", "output", "yes", writes=False)
    browser.press("Escape", "3")
    browser.until_text(".table-commands .table-row", "output")
    browser.click(".table-commands .table-row", "output")
    running.write("stdout", b"first\n")
    running.gap("stdout", 4096)
    running.write("stdout", b"after the gap\n")
    browser.until_text(".line.notice", "4\u202fKiB of stdout are not kept any more")
    browser.until_text(".line.stdout", "after the gap")
    for number in range(60):
        running.write("stdout", b"".join(b"%d of a lot\n" % (number * 1000 + line) for line in range(1000)))
    running.write("stderr", b"the last\n")
    browser.until_text(".line.stderr", "the last")
    assert browser.run("return document.querySelectorAll('.line').length") <= 4000
    bottom = "const text = document.querySelector('.output-text'); return text.scrollHeight - text.scrollTop - text.clientHeight < 8"
    browser.until(bottom)
    browser.run("document.querySelector('.output-text').scrollTop = 100")
    browser.until_text(".output .button", "Paused")
    running.write("stdout", b"while paused\n")
    browser.until_text(".output .button", "1 new")
    assert not browser.run(bottom), "scrolled while paused"
    browser.press("f")
    browser.until(bottom)
    step("output: gap told, bounded, followed and paused")
    before = running.offsets["stdout"]
    world.epoch += 1
    browser.until_text(".output-state", "trying again")
    browser.until_text(".output-state", "Live")
    running.write("stdout", b"after the cut\n")
    browser.until_text(".line.stdout", "after the cut")
    assert running.offsets["stdout"] == before + 14
    assert browser.run("return [...document.querySelectorAll('.line')].filter((line) => line.textContent === 'while paused').length") == 1, "output came twice"
    world.end(running, exit_code=3)
    browser.until_text(".line.notice", "exited with status 3")
    browser.until_text(".connection", "Live")
    browser.press("Escape")
    step("output goes on after a lost connection, and nothing of it twice; then its end")


def errors_and_audit(browser, world):
    world.fail(org="acme", key="broken", operation="read", subject=HOSTILE, error="NOT_FOUND", exit_code=None)
    browser.press("4", "/")
    browser.type(".filter", "broken")
    browser.until_text(".table-errors .table-row", HOSTILE)
    browser.press("Escape", "j", "Enter")
    browser.until_text(".drawer .command", HOSTILE)
    browser.click(".drawer .button", "Audit of this key")
    browser.until_text(".empty-title", "No record matches")
    browser.click(".button", "Reset")
    browser.until_text(".pager", "Page 1, 100 records")
    first = browser.run("return document.querySelector('.table-audit .table-row').textContent")
    browser.click(".pager .button", "Older")
    browser.until_text(".pager", "Page 2")
    browser.click(".pager .button", "Newer")
    browser.until_text(".pager", "Page 1")
    assert first
    browser.click(".check")
    browser.until("return [...document.querySelectorAll('.table-audit .table-row')].length > 0 && [...document.querySelectorAll('.column-outcome .badge')].every((badge) => badge.classList.contains('bad'))", what="failed records only")
    world.audit_on = False
    browser.click(".button", "Search")
    browser.until_text(".empty", "no audit log is configured")
    world.audit_on = True
    browser.click(".button", "Reset")
    browser.until_text(".pager", "Page 1")
    step("errors as they come; audit in pages, filtered, and said where there is none")


def keyboard_and_theme(browser, address):
    browser.press("?")
    browser.until_text("dialog", "Keyboard")
    browser.press("2")
    assert browser.run("return location.hash") == "#/audit", "a key went past the dialog"
    browser.press("Escape")
    browser.press("1", "t")
    browser.until("return document.documentElement.dataset.theme === 'light'")
    browser.press("t")
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(15, 18, 20)"
    browser.open(address)
    browser.until_text(".connection", "Live")
    assert browser.run("return document.documentElement.dataset.theme") == "dark", "not remembered"
    browser.press("t")
    step("keys and their help; a theme that is remembered")


def narrow(browser):
    browser.size(390, 844)
    for key in "12345":
        browser.press(key)
        browser.until("return document.querySelector('main').firstChild")
        wide = browser.run("return Math.max(document.documentElement.scrollWidth, ...[...document.querySelectorAll('header, main, .table')].map((element) => element.scrollWidth))")
        assert wide <= 390, f"view {key} is {wide} wide"
    browser.size(1440, 900)
    browser.press("1")
    step("every view fits 390 pixels")


def connection(browser, world):
    world.refuses, world.epoch = True, world.epoch + 1
    browser.until_text(".banner", "Next try in")
    browser.until_text(".connection", "Reconnecting")
    world.refuses = False
    browser.click(".banner .button", "Try now")
    browser.until_text(".connection", "Live")
    world.revoked = True
    browser.until_text(".login-note", "its token was revoked")
    world.revoked = False
    browser.type("input[name=token]", "ab_operator")
    browser.press("Enter")
    browser.until_text(".connection", "Live")
    step("lost, tried again; ended, with the reason")


def draining(browser, world):
    browser.click(".button", "Drain…")
    assert browser.run("return document.querySelector('dialog .danger').disabled"), "not to be typed"
    browser.type("dialog input", "vm-moc")
    assert browser.run("return document.querySelector('dialog .danger').disabled"), "half typed"
    browser.type("dialog input", "vm-mock")
    browser.press("Enter")
    browser.until_text(".banner", "The broker drains")
    assert world.draining
    world.draining = False
    browser.until_text(".connection", "Live")
    step("drained after the node was typed")


def rights(browser, address):
    log_in(browser, address, "ab_reader")
    assert browser.run("return [...document.querySelectorAll('.button')].every((button) => !button.textContent.includes('Drain'))")
    assert browser.run("return document.querySelector('.orgs') === null")
    browser.press("3")
    browser.click(".table-commands .table-row")
    browser.until_text(".drawer", "cannot look at the output")
    browser.press("x")
    assert browser.run("return document.querySelector('.drawer .danger, dialog') === null"), "a reader is offered to kill"
    step("a token that reads is offered nothing else")


if __name__ == "__main__":
    against_mock()
