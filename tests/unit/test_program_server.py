"""A program that a server starts is as one that starts from nothing."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

Launch = Callable[..., Any]

PROGRAM = """
import os, sys, threading
assert __name__ == "__main__" and sys.modules["__main__"].__dict__ is globals()
assert [name for name in globals() if not name.startswith("__")] == ["os", "sys", "threading"]
assert threading.current_thread() is threading.main_thread()
print(*sys.argv[1:], os.environ["SAID"], os.getcwd(), sys.path[0], __file__)
print("to the other stream", file=sys.stderr)
if sys.argv[1] == "wait":
    print("waiting", flush=True)
    threading.Event().wait()
if sys.argv[1] == "fail":
    raise ValueError("as told")
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture(params=["server", "nothing"])
def start(request: pytest.FixtureRequest, launch: Launch, program_server: Any, tmp_path: Path,
          monkeypatch: pytest.MonkeyPatch) -> Launch:
    """Starts the program."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    monkeypatch.setenv("SAID", "hello")
    monkeypatch.chdir(tmp_path)
    return lambda *words: launch("-u", str(path), *words, server=program_server if request.param == "server" else None)


@pytest.mark.parametrize("status", [0, 3])
def test_what_it_is_given_and_what_comes_of_it(start: Launch, status: int, tmp_path: Path) -> None:
    program = start(str(status), "two words")
    assert program.finish(status) == [f"{status} two words hello {tmp_path} {tmp_path} {tmp_path / 'program.py'}"]
    assert program.errors == "to the other stream\n"


def test_what_it_does_not_catch(start: Launch) -> None:
    program = start("fail")
    program.finish(1)
    assert "Traceback" in program.errors and program.errors.endswith("ValueError: as told\n")


@pytest.mark.skipif(sys.platform == "win32", reason="signals end a process at once there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals(start: Launch, number: signal.Signals) -> None:
    program = start("wait")
    assert program.line().startswith("wait hello") and program.line() == "waiting"
    assert program.process.poll() is None
    program.process.send_signal(number)
    program.finish(-number)


def test_modules(launch: Launch, program_server: Any) -> None:
    for server in (program_server, None):
        program = launch("-m", "this", server=server)
        assert "Beautiful is better than ugly." in program.finish()
