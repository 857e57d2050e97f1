"""The dashboard in headless Chromium, against the mock: what a broker does not do when it is asked to.

Prints one line per step; exits with 1 at the first that fails.
"""

import mock_broker as mock
from browser import Browser
from modules import modules
from steps import HOSTILE, log_in, log_out, quiet_console, step, walk

ROWS = "return document.querySelectorAll('.table-row').length"


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
    server, address = mock.serve(interval=0.2)
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
    browser.until(
        "return [...document.querySelectorAll('.chart-line')].filter((path) => path.getAttribute('d').includes('L')).length >= 6",
        what="lines in the charts",
    )
    browser.run("document.querySelector('.chart-plot').focus()")
    browser.press("ArrowLeft")
    browser.until_text(".chart [aria-live]", "answered")
    assert browser.run(
        "return [...document.querySelectorAll('.chart-moment')].every((moment) => moment.textContent.includes('ago'))"
    ), "one cursor for all charts"
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
    browser.until(
        "return [...document.querySelectorAll('.table-row .column-org')].every((cell) => cell.textContent === 'globex')"
    )
    browser.run(
        "const orgs = document.querySelector('.orgs'); orgs.value = ''; orgs.dispatchEvent(new Event('change'))"
    )
    step("charts with a read-out, limits, one org")


def entries(browser, world):
    browser.press("2")
    browser.until_text(".shown", "2,00")
    assert browser.run(ROWS) < 80, "all rows are elements"
    browser.press("End")
    browser.until(
        "return document.querySelector('[aria-selected=true]')?.getAttribute('aria-rowindex') === document.querySelector('.table').getAttribute('aria-rowcount')"
    )
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
    browser.press("Escape")
    browser.click(".button", "Show all")
    made = {"born": mock.now(), "bytes": 0, "idle": False, "state": "creating"}
    world.entries[("globex", "in-the-making")] = made
    browser.type(".filter", "in-the-making")
    browser.until("return document.querySelectorAll('.table-row').length === 1", what="one row")
    browser.press("Escape", "j", "x")
    browser.press("Enter")
    browser.until_text(".drawer .inline-note", "It is not there yet")
    browser.press("x")
    assert browser.run("return document.querySelector('dialog') === null"), "asked to destroy what is not there"
    assert browser.run("return document.querySelector('.drawer .danger').disabled"), "offered to destroy it"
    made["state"] = "idle"
    browser.until("return !document.querySelector('.drawer .danger').disabled", what="the button")
    browser.until("return document.querySelector('.drawer .inline-note').textContent === ''", what="no note")
    browser.press("Escape", "/")
    browser.type(".filter", " ")
    step("filtered; destroyed after a question, and not before it is there")


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
    assert (
        browser.run(
            "return [...document.querySelectorAll('.line')].filter((line) => line.textContent === 'while paused').length"
        )
        == 1
    ), "output came twice"
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
    browser.until(
        "return [...document.querySelectorAll('.table-audit .table-row')].length > 0 && [...document.querySelectorAll('.column-outcome .badge')].every((badge) => badge.classList.contains('bad'))",
        what="failed records only",
    )
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
        wide = browser.run(
            "return Math.max(document.documentElement.scrollWidth, ...[...document.querySelectorAll('header, main, .table')].map((element) => element.scrollWidth))"
        )
        assert wide <= 390, f"view {key} is {wide} wide"
    browser.size(1440, 900)
    browser.press("1")
    step("every view fits 390 pixels")


def connection(browser, world):
    world.trouble = "RESOURCE_EXHAUSTED: too many calls"
    browser.until_text(".banner", "does not tell its state: RESOURCE_EXHAUSTED")
    browser.until_text(".connection", "No news")
    drain = "return [...document.querySelectorAll('.button')].find((b) => b.textContent === 'Drain…')"
    assert not browser.run(f"{drain}.disabled"), "not to be drained when it is in trouble"
    browser.until("return document.querySelector('main').classList.contains('stale')")
    world.trouble = None
    browser.until_text(".connection", "Live")
    hidden = "return document.querySelector('.banner').hidden"
    browser.until(hidden, what="no banner")
    world.unfollowed = "RESOURCE_EXHAUSTED: as many follow as may"
    browser.until_text(".banner", "Errors are not shown as they come: RESOURCE_EXHAUSTED")
    world.unfollowed = None
    browser.until(hidden, what="no banner")
    step("told why there is no news, and shown when there is")
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
    assert browser.run(
        "return [...document.querySelectorAll('.button')].every((button) => !button.textContent.includes('Drain'))"
    )
    assert browser.run("return document.querySelector('.orgs') === null")
    browser.press("3")
    browser.click(".table-commands .table-row")
    browser.until_text(".drawer", "cannot look at the output")
    browser.press("x")
    assert browser.run("return document.querySelector('.drawer .danger, dialog') === null"), (
        "a reader is offered to kill"
    )
    step("a token that reads is offered nothing else")


if __name__ == "__main__":
    against_mock()
