"""A headless Chromium: opens pages, fills in and sends forms, and takes pictures.

It is driven by its DevTools protocol over a pair of pipes: JSON, each text with a zero byte behind.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Dict, Optional

import reaper

__all__ = ["Chromium"]

LIMIT = 60.0  # seconds


class Chromium:
    """A browser with one page, as a context manager.

    :param folder: where its profile goes.
    :param width: of the window, in pixels; ``height`` likewise.
    """

    def __init__(self, folder: Path, width: int = 1200, height: int = 850) -> None:
        self._arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                           "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
                           "--disable-component-update", "--disable-sync", "--remote-debugging-pipe",
                           f"--window-size={width},{height}", f"--user-data-dir={folder / 'profile'}"]
        self._log = folder / "chromium.log"
        self._buffer = b""
        self._number = 0
        self._session: Optional[str] = None

    def __enter__(self) -> Chromium:
        program = shutil.which("chromium")
        assert program, "Chromium is missing: apt-get install chromium"
        its_end, mine = os.pipe()
        theirs, his_end = os.pipe()
        # It wants them as 3 and 4; so they are moved out of the way first.
        for_it = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (its_end, his_end)]
        shell = f'exec "$@" 3<&{for_it[0]} 4>&{for_it[1]} {for_it[0]}<&- {for_it[1]}>&-'
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(["bash", "-c", shell, "bash", program, *self._arguments], pass_fds=for_it,
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        reaper.watch(self._process.pid)
        for end in (its_end, his_end, *for_it):
            os.close(end)
        self._write, self._read = mine, theirs
        try:
            target = self._call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: Any) -> None:
        try:
            os.killpg(self._process.pid, 9)
        except ProcessLookupError:
            pass
        self._process.wait()
        reaper.unwatch(self._process.pid)
        os.close(self._write)
        os.close(self._read)

    def open(self, url: str) -> None:
        """Go to a page, and wait until it is there with all that belongs to it."""
        before = self.evaluate("window.before = true")
        assert before is True
        answer = self._call("Page.navigate", url=url)
        assert "errorText" not in answer, answer
        self.wait_for("!window.before && document.readyState == 'complete'")

    def evaluate(self, expression: str) -> Any:
        """The value of a piece of JavaScript."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until a piece of JavaScript is true, on whatever page that be."""
        deadline = time.monotonic() + LIMIT
        while True:
            try:
                if self.evaluate(expression):
                    return
            except (AssertionError, LookupError) as error:
                if time.monotonic() > deadline:
                    raise AssertionError(f"never true: {expression}") from error
            assert time.monotonic() < deadline, f"never true: {expression}; the page: {self.text()}"
            time.sleep(0.05)

    def fill(self, selector: str, value: str) -> None:
        """Put a value into an input."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}; 0")

    def click(self, selector: str) -> None:
        """Click on an element."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click(); 0")

    def text(self, selector: str = "body") -> str:
        """The text that an element shows."""
        text: str = self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")
        return text

    def screenshot(self, path: Path) -> None:
        """Keep a picture of the page, a PNG."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    # --- the protocol

    def _call(self, method: str, **parameters: Any) -> Dict[str, Any]:
        self._number += 1
        request: Dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            request["sessionId"] = self._session
        os.write(self._write, json.dumps(request).encode() + b"\0")
        deadline = time.monotonic() + LIMIT
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise LookupError(answer["error"])
                result: Dict[str, Any] = answer["result"]
                return result

    def _next(self, deadline: float) -> Dict[str, Any]:
        while b"\0" not in self._buffer:
            ready = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))[0]
            came = os.read(self._read, 1 << 20) if ready else b""
            assert came, f"Chromium has ended, or does not answer: {self._log.read_text(errors='replace')[-2000:]}"
            self._buffer += came
        text, _, self._buffer = self._buffer.partition(b"\0")
        answer: Dict[str, Any] = json.loads(text)
        return answer
