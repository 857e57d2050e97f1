"""Headless Chromium by its driver's WebDriver protocol: what the tests of the dashboard need of it, with Python's library alone."""

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
# Whatever proxy the environment names is not for here.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
KEYS = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "ArrowDown": "\ue015",
    "ArrowUp": "\ue013",
    "ArrowLeft": "\ue012",
    "ArrowRight": "\ue014",
    "Tab": "\ue004",
    "End": "\ue010",
    "Home": "\ue011",
}


class Browser:
    def __init__(self, width=1440, height=900, dark=False):
        self.profile = tempfile.mkdtemp(prefix="dashboard-browser-")
        self.driver = subprocess.Popen(
            [shutil.which("chromedriver"), "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for line in self.driver.stdout:
            if "successfully on port" in line:
                self.base = "http://127.0.0.1:" + line.split("on port")[1].strip(" .\n")
                break
        options = {
            "args": [
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-proxy-server",
                f"--user-data-dir={self.profile}",
            ],
            "binary": shutil.which("chromium"),
        }
        asked = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self.base += (
            "/session/" + self._request("POST", "/session", {"capabilities": {"alwaysMatch": asked}})["sessionId"]
        )
        self.size(width, height)
        self.scheme(dark)

    def _request(self, method, path, body=None):
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = urllib.request.Request(
            self.base + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        try:
            with DIRECT.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def close(self):
        try:
            self._request("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            shutil.rmtree(self.profile, ignore_errors=True)

    def developer_tools(self, command, **parameters):
        return self._request("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def size(self, width, height):
        self.developer_tools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def scheme(self, dark):
        self.developer_tools(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )

    def open(self, url):
        self._request("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self._request("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script, *arguments):
        """`script` is the body of an async function."""
        return self._request(
            "POST",
            "/execute/async",
            {
                "script": f"const done = arguments[arguments.length - 1]; (async (...given) => {{ {script} }})(...arguments).then(done, (error) => done('error: ' + error.stack));",
                "args": list(arguments),
            },
        )

    def until(self, script, *arguments, seconds=30, what=""):
        """Waits for a true value of the script, and returns it."""
        end = time.monotonic() + seconds
        while not (value := self.run(script, *arguments)):
            if time.monotonic() > end:
                raise AssertionError(
                    f"not seen within {seconds} s: {what or script} {arguments or ''}\n{self.run('return document.body.innerText')[:3000]}"
                )
            time.sleep(0.05)
        return value

    def until_text(self, selector, text, **options):
        script = "return [...document.querySelectorAll(arguments[0])].some((element) => element.checkVisibility() && element.textContent.includes(arguments[1]))"
        self.until(script, selector, text, what=f"{text!r} in {selector}", **options)

    def find(self, selector, text=""):
        """The first element of a CSS selector that is shown and has the text."""
        script = "return [...document.querySelectorAll(arguments[0])].find((element) => element.checkVisibility() && element.textContent.includes(arguments[1]))"
        return self.until(script, selector, text, what=f"{selector} with {text!r}")[ELEMENT]

    def click(self, selector, text=""):
        self._request("POST", f"/element/{self.find(selector, text)}/click")

    def type(self, selector, text):
        element = self.find(selector)
        self._request("POST", f"/element/{element}/clear")
        self._request("POST", f"/element/{element}/value", {"text": text})

    def press(self, *keys):
        """Keys, at what has the focus."""
        actions = [
            action
            for key in keys
            for action in (
                {"type": "keyDown", "value": KEYS.get(key, key)},
                {"type": "keyUp", "value": KEYS.get(key, key)},
            )
        ]
        self._request("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def point(self, selector, x, y):
        """Moves the pointer to a place in an element, from its middle."""
        element = self.find(selector)
        self._request(
            "POST",
            "/actions",
            {
                "actions": [
                    {
                        "type": "pointer",
                        "id": "mouse",
                        "actions": [
                            {"type": "pointerMove", "origin": {ELEMENT: element}, "x": x, "y": y, "duration": 0}
                        ],
                    }
                ]
            },
        )

    def logged(self):
        """What came to the console since the last call: errors, and refusals of the content security policy."""
        return self._request("POST", "/se/log", {"type": "browser"})

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._request("GET", "/screenshot")))
