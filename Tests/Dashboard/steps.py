"""What the tests against the mock and against a broker have in common."""

import json

HOSTILE = "<img src=x onerror=alert(1)>"
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
    entries = [
        entry["message"]
        for entry in browser.logged()
        if entry["level"] == "SEVERE" or "Content Security Policy" in entry["message"]
    ]
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
        # The log may be a moment behind.
        found = "return document.querySelector('.table-audit .table-body').textContent.includes(arguments[0])"
        for attempt in range(5):
            try:
                browser.until(found, HOSTILE[:12], seconds=3)
                break
            except AssertionError:
                if attempt == 4:
                    raise
                browser.click(".button", "Search")
        step("found in the audit log")
    else:
        browser.press("Escape", "5")
        browser.until_text(".empty", "There is no audit log")
        step("told that there is no audit log")
    log_out(browser)
    assert browser.run_async("return (await fetch('/api/session')).status") == 401
    browser.open(address)
    browser.find("input[name=token]")
    step("logged out")
