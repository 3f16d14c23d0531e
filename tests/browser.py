"""A headless Chromium, driven by W3C WebDriver over HTTP: what the report's tests need of it, without a library."""

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


class Browser:
    """One session."""

    def __init__(self, address: str, session: str) -> None:
        self._base = f"{address}/session/{session}"

    def open(self, path: Path) -> None:
        """Load a file from disk."""
        self._call("POST", "/url", url=path.as_uri())

    def run(self, script: str) -> Any:
        """Return what a function's body returns in the page."""
        return self._call("POST", "/execute/sync", script=script, args=[])

    def press(self, key: str) -> None:
        """Press and release one key."""
        steps = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._call("POST", "/actions", actions=[{"type": "key", "id": "keyboard", "actions": steps}])

    def click(self, selector: str) -> None:
        """Click the first element of a CSS selector as a user does."""
        found = self._call("POST", "/element", using="css selector", value=selector)
        self._call("POST", f"/element/{next(iter(found.values()))}/click")

    def upload(self, selector: str, path: Path) -> None:
        """Choose a file in the first file input of a CSS selector."""
        found = self._call("POST", "/element", using="css selector", value=selector)
        self._call("POST", f"/element/{next(iter(found.values()))}/value", text=str(path))

    def messages(self) -> list[str]:
        """Return what the console has said since the last call."""
        return [str(entry["message"]) for entry in self._call("POST", "/se/log", type="browser")]

    def screen(self, width: int, height: int = 900, *, dark: bool = False, media: str = "screen") -> None:
        """Set the size of the page, pixels, whether the reader prefers a dark one, and ``screen`` or ``print``."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._devtools("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._devtools("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def picture(self) -> bytes:
        """Return the visible part of the page as PNG."""
        return base64.b64decode(self._call("GET", "/screenshot"))

    def pdf(self) -> bytes:
        """Return the page printed on A4."""
        self._devtools("Emulation.setEmulatedMedia", media="", features=[])
        return base64.b64decode(self._call("POST", "/print", page={"width": 21.0, "height": 29.7}))

    def _devtools(self, command: str, **parameters: Any) -> Any:
        return self._call("POST", "/goog/cdp/execute", cmd=command, params=parameters)

    def _call(self, method: str, path: str, **content: Any) -> Any:
        return call(method, self._base + path, content)


def call(method: str, address: str, content: dict[str, Any]) -> Any:
    """Send one command; return its value."""
    data = json.dumps(content).encode() if method == "POST" else None
    request = urllib.request.Request(
        address, data=data, method=method, headers={"Content-Type": "application/json; charset=utf-8"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return json.load(answer)["value"]


@contextmanager
def chromium(folder: Path, *flags: str) -> Iterator[Browser]:
    """Start a browser with a profile of its own in ``folder``; skip the test where there is none."""
    binary = next((found for name in NAMES if (found := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("no Chromium with chromedriver on this machine: apt-get install chromium chromium-driver")
    log = folder / "driver.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [driver, "--port=0"], stdout=output, stderr=output, env={**os.environ, "HOME": str(folder)}
        )
    try:
        address = f"http://127.0.0.1:{_port(log, process)}"
        options = {"binary": binary, "args": [*FLAGS, *flags, f"--user-data-dir={folder / 'profile'}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = call("POST", f"{address}/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        try:
            yield Browser(address, session)
        finally:
            call("DELETE", f"{address}/session/{session}", {})
    finally:
        process.terminate()
        process.wait(timeout=30)


def _port(log: Path, process: "subprocess.Popen[bytes]") -> int:
    """Return the port that the driver chose; it names it in its first lines."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        words = log.read_text().split("started successfully on port ")
        if len(words) > 1 and "." in words[1]:
            return int(words[1].partition(".")[0])
        time.sleep(0.1)
    raise RuntimeError(f"chromedriver did not start: {log.read_text()}")
