"""A headless Chromium for tests, driven over WebDriver; installed first where the machine has none."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
    "--disable-extensions", "--hide-scrollbars",
)  # fmt: skip
_ITS_OWN = ("data:", "chrome:", "chrome-untrusted:", "about:")
"""Where nothing is loaded from."""


def find_programs() -> tuple[str, str]:
    """Where chromium and chromedriver are; Debian's packages of them are installed first where they are missing."""
    found = _programs()
    if found is None:
        # Several test processes may find none at once.
        with open(Path(tempfile.gettempdir(), "redux-tests-chromium.lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _programs() is None:
                _install()
        found = _programs()
    assert found is not None, "no Chromium here: apt-get install -y chromium chromium-driver, which needs root"
    return found


def _programs() -> tuple[str, str] | None:
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    return None if browser is None or driver is None else (browser, driver)


def _install() -> None:
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", "chromium", "chromium-driver"]):
        subprocess.run(
            ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *words], check=True, capture_output=True, env=quiet
        )


class Browser:
    """A browser with one page, as WebDriver has it."""

    def __init__(self, port: int, session: Mapping[str, Any]) -> None:
        self._port = port
        self._path = f"/session/{session['sessionId']}"

    def open(self, url: str) -> None:
        """Go to a page, and wait until it has loaded."""
        self.logs()
        self.requests()
        self._ask("POST", "/url", {"url": url})

    def run(self, script: str, *given: object) -> Any:
        """What a function's body returns on the page; policies of the page do not hold for it."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(given)})

    def look(self, width: int, height: int = 900, **features: str) -> None:
        """Show pages at a width, with media features such as `prefers_color_scheme="dark"`; `media="print"` too."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.tell("Emulation.setDeviceMetricsOverride", size)
        media = features.pop("media", "")
        said = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.tell("Emulation.setEmulatedMedia", {"media": media, "features": said})

    def tell(self, command: str, given: Mapping[str, object]) -> Any:
        """A command of the devtools."""
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": given})

    def picture(self) -> bytes:
        """The whole page as a PNG."""
        size = self.tell("Page.getLayoutMetrics", {})["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.tell("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        return b64decode(shot["data"])

    def logs(self) -> list[str]:
        """What the console said since it was last asked: errors, warnings, refusals of the page's policy."""
        return [entry["message"] for entry in self._log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for since this was last asked."""
        told = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        asked = (one["params"]["request"]["url"] for one in told if one["method"] == "Network.requestWillBeSent")
        return [url for url in asked if not url.startswith(_ITS_OWN)]

    def _log(self, kind: str) -> Sequence[Mapping[str, Any]]:
        return self._ask("POST", "/se/log", {"type": kind})

    def _ask(self, method: str, path: str, said: object) -> Any:
        return ask(self._port, method, self._path + path, said)


def ask(port: int, method: str, path: str, said: object = None) -> Any:
    """What the driver answers. Raises AssertionError with its error."""
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        body = None if said is None else json.dumps(said)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())["value"]
    finally:
        connection.close()
    assert not (isinstance(answer, dict) and "error" in answer), answer
    return answer


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser in a folder of its own, which goes with it."""
    program, driver = find_programs()
    with tempfile.TemporaryDirectory(prefix="redux-chromium-") as folder:
        process = subprocess.Popen(
            [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=_environment(folder)
        )
        try:
            port = _port_of(process)
            session = ask(port, "POST", "/session", {"capabilities": {"alwaysMatch": _wanted(program, folder)}})
            yield Browser(port, session)
            ask(port, "DELETE", f"/session/{session['sessionId']}")
        finally:
            process.terminate()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _environment(folder: str) -> dict[str, str]:
    """The environment with a home of its own."""
    return {**os.environ, "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder, "TMPDIR": folder}


def _wanted(program: str, folder: str) -> dict[str, object]:
    options = {"binary": program, "args": [*_FLAGS, f"--user-data-dir={folder}/profile"]}
    return {
        "browserName": "chrome",
        "goog:chromeOptions": options,
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
    }


def _port_of(process: subprocess.Popen[str]) -> int:
    """The port that the driver chose, as it says when it is ready."""
    assert process.stdout is not None
    for line in process.stdout:
        if "started successfully on port" in line:
            return int(line.rstrip().rstrip(".").rpartition(" ")[2])
    raise AssertionError("chromedriver ended before it was ready")


_running = ExitStack()


@cache
def shared() -> Browser:
    """The browser of this test process, started when it is first asked for."""
    return _running.enter_context(browser())


def stop() -> None:
    """Stop it if it runs."""
    _running.close()


def url_of(page: Path) -> str:
    """The address of a page on this machine's disk."""
    made = page.resolve().as_uri()
    assert urlparse(made).scheme == "file"
    return made
