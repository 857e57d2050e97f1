"""Pictures of every view and state of the dashboard against the mock, light and dark, 1440 and 390 pixels wide.

screenshots.py DIRECTORY [NAME…]   NAME: only those whose name contains it

For somebody to look at: nothing is decided here, and the pauses are for what a picture is to show, such as a chart that
has filled.
"""

import pathlib
import sys
import time

import mock_broker as mock
from browser import Browser

directory = pathlib.Path(sys.argv[1])
directory.mkdir(parents=True, exist_ok=True)
server, address = mock.serve()
world = mock.Handler.world
only = sys.argv[2:]


def sign_in(browser, token="ab_operator"):
    browser.open(address)
    browser.type("input[name=token]", token)
    browser.press("Enter")
    browser.until_text(".connection", "Live")


def main(width, height, dark):
    browser = Browser(width, height, dark)
    prefix = f"{width}-{'dark' if dark else 'light'}"

    def shoot(name):
        if not only or any(part in name for part in only):
            browser.screenshot(directory / f"{prefix}-{name}.png")

    try:
        browser.open(address)
        browser.find("input[name=token]")
        shoot("01-login")
        browser.type("input[name=token]", "ab_wrong")
        browser.press("Enter")
        browser.until_text(".refusal", "does not know")
        shoot("02-login-refused")
        sign_in(browser)
        time.sleep(2)
        shoot("03-overview-first-seconds")
        time.sleep(0 if only else 45)
        browser.point(".chart-plot", width // 6 if width > 600 else 100, 0)
        shoot("04-overview-cursor")
        if width < 600:
            for part in (1, 2, 3):
                browser.run("document.querySelector('main').scrollTop += 640")
                time.sleep(0.3)
                shoot(f"04-overview-part{part}")
        browser.run("document.querySelector('main').scrollTop = 1e6")
        time.sleep(0.3)
        shoot("05-overview-end")
        browser.click(".table-orgs .table-row", "acme")
        time.sleep(0.5)
        shoot("06-org")
        browser.press("Escape", "2")
        browser.find(".table-entries .table-row")
        browser.press("j", "j", "j")
        shoot("07-entries")
        browser.press("Enter")
        time.sleep(0.5)
        shoot("08-entry")
        browser.press("x")
        browser.find("dialog")
        shoot("09-destroy")
        browser.press("Escape", "Escape")
        browser.type(".filter", "nothing like this")
        browser.until_text(".empty-title", "Nothing matches")
        shoot("10-no-match")
        browser.press("Escape", "3")
        browser.find(".table-commands .table-row")
        shoot("11-commands")
        running = world.start(
            "acme", "e2e", "make test VERBOSE=1 | tee '<img src=x onerror=alert(1)>.log'", writes=False
        )
        for number in range(60):
            running.write("stdout", f"[{number:3d}/60] Compiling \x1b[1mModule{number}\x1b[0m.swift\n".encode())
        running.write(
            "stderr",
            "warning: \x1b[33mvar\x1b[0m 'x' was never mutated \u202egnp.exe <img src=x onerror=alert(1)>\n".encode(),
        )
        running.gap("stdout", 262_144)
        running.write("stdout", b"progress 10 %\rprogress 100 %\n\ttabbed\tcolumns\n")
        running.write("stderr", b"error: linker command failed with exit code 1\n")
        browser.click(".table-commands .table-row", "make test VERBOSE")
        browser.until_text(".line", "linker")
        shoot("12-command-output")
        browser.press("x")
        browser.find("dialog")
        shoot("13-kill")
        browser.click("dialog .danger")
        browser.until_text(".line.notice", "signal 9")
        shoot("14-killed")
        browser.press("Escape", "4")
        browser.until_text(".table-errors", "Time")
        time.sleep(1)
        shoot("15-errors")
        browser.press("j", "Enter")
        time.sleep(0.3)
        shoot("16-error")
        browser.press("Escape", "5")
        browser.find(".table-audit .table-row")
        shoot("17-audit")
        browser.press("j", "Enter")
        time.sleep(0.3)
        shoot("18-record")
        browser.press("Escape", "?")
        browser.find("dialog")
        shoot("19-keys")
        browser.press("Escape", "1")
        browser.click(".button", "Drain")
        browser.find("dialog")
        shoot("20-drain")
        browser.press("Escape")
        world.draining = True
        browser.until_text(".banner", "drains")
        shoot("21-draining")
        world.draining, world.refuses, world.epoch = False, True, world.epoch + 1
        browser.until_text(".banner", "Next try")
        shoot("22-reconnecting")
        world.refuses, world.revoked = False, True
        browser.until_text(".login-note", "ended")
        shoot("23-ended")
        sign_in(browser, "ab_reader")
        time.sleep(2)
        shoot("24-reader")
        browser.press("3")
        browser.click(".table-commands .table-row")
        time.sleep(0.5)
        shoot("25-reader-command")
        browser.press("Escape")
        browser.click(".button", "Log out")
        # A broker where nothing goes on.
        before = world.entries, world.execs, world.orgs, world.operations, world.quiet, world.audit_on
        world.entries, world.execs, world.quiet, world.audit_on = {}, {}, True, False
        world.orgs = {"default": {"ok": 0, "failed": 0, "rate": 0}, "operations": {"ok": 0, "failed": 0, "rate": 0}}
        sign_in(browser)
        time.sleep(4)
        for key, name in (("1", "overview"), ("2", "entries"), ("3", "commands"), ("4", "errors"), ("5", "audit")):
            browser.press(key)
            time.sleep(1.2)
            shoot(f"26-empty-{name}")
        world.entries, world.execs, world.orgs, world.operations, world.quiet, world.audit_on = before
        for entry in browser.logged():
            if entry["level"] == "SEVERE":
                print(prefix, entry["message"])
    finally:
        browser.close()


for size in ((390, 844), (1440, 900)):
    for dark in (False, True):
        main(*size, dark)
