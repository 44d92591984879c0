"""A browser through chromedriver, by its HTTP protocol (W3C WebDriver)."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def missing():
    """What is not installed here, or None."""
    if not any(shutil.which(n) for n in ("chromium", "chromium-browser", "google-chrome")):
        return "chromium"
    return None if shutil.which("chromedriver") else "chromedriver"


class Browser:
    def __init__(self, port):
        self.dir = tempfile.mkdtemp(prefix="browser")
        env = dict(os.environ, HOME=self.dir, XDG_CONFIG_HOME=self.dir,
                   XDG_CACHE_HOME=self.dir)
        self.driver = subprocess.Popen(
            ["chromedriver", f"--port={port}", "--log-level=OFF"], env=env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.base = f"http://127.0.0.1:{port}"
        self.session = None
        end = time.monotonic() + 30
        while True:
            try:
                if self.call("GET", "/status")["ready"]:
                    break
            except OSError:
                if time.monotonic() > end or self.driver.poll() is not None:
                    raise
                time.sleep(0.1)
        binary = next(p for p in map(shutil.which, ("chromium", "chromium-browser",
                                                    "google-chrome")) if p)
        options = {"binary": binary, "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-dev-shm-usage", "--disable-background-networking",
            "--disable-component-update", "--hide-scrollbars", "--no-proxy-server",
            "--lang=en-GB", f"--user-data-dir={self.dir}/profile"]}
        answer = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.session = f"/session/{answer['sessionId']}"

    def call(self, method, path, data=None):
        request = urllib.request.Request(
            self.base + path, method=method,
            data=None if data is None else json.dumps(data).encode(),
            headers={"Content-Type": "application/json"})
        try:
            with DIRECT.open(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"][:500]) from None

    def do(self, path, **data):
        return self.call("POST", self.session + path, data)

    def ask(self, path):
        return self.call("GET", self.session + path)

    def go(self, url):
        self.do("/url", url=url)

    def js(self, script, *args):
        return self.do("/execute/sync", script=script, args=list(args))

    def cdp(self, cmd, **params):
        return self.do("/goog/cdp/execute", cmd=cmd, params=params)

    def find(self, css):
        return self.do("/element", using="css selector", value=css)[ELEMENT]

    def click(self, css):
        self.do(f"/element/{self.find(css)}/click")

    def type(self, css, text):
        self.do(f"/element/{self.find(css)}/value", text=text)

    def keys(self, *keys):
        actions = []
        for key in keys:
            actions += [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.do("/actions", actions=[{"type": "key", "id": "k", "actions": actions}])

    def text(self, css="body"):
        return self.js("return document.querySelector(arguments[0])?.innerText ?? ''", css)

    def wait(self, script, *args, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.js("return " + script, *args):
                    return True
            except RuntimeError:
                pass                # between two pages
            time.sleep(0.1)
        return False

    def width(self, pixels, dark=False):
        self.cdp("Emulation.setDeviceMetricsOverride", width=pixels, height=800,
                 deviceScaleFactor=1, mobile=pixels < 600)
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def picture(self, path):
        data = self.cdp("Page.captureScreenshot", captureBeyondViewport=True,
                        format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def complaints(self):
        return [one["message"] for one in self.do("/se/log", type="browser")]

    def close(self):
        try:
            if self.session:
                self.call("DELETE", self.session)
        except (OSError, RuntimeError):
            pass
        self.driver.terminate()
        try:
            self.driver.wait(10)
        except subprocess.TimeoutExpired:
            self.driver.kill()
        shutil.rmtree(self.dir, ignore_errors=True)
