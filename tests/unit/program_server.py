"""An interpreter that has imported the package once, and forks for each program that is to be run.

Most of the time that a short program takes goes into its start, and that is the same each time.  A program that is
started here is run as the interpreter runs one: as the module ``__main__``, with arguments, environment, streams and
exit of its own, and what it does not catch ends the process.  Only what it would import has been imported already.

Run as a script, this is the server: it takes requests from the socket whose number it is given, and the names of
modules to import follow.
"""

from __future__ import annotations

import builtins
import gc
import importlib
import io
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

__all__ = ["Process", "ProgramServer", "serving", "surroundings"]

ROOT = Path(__file__).resolve().parents[2]


def surroundings() -> Dict[str, str]:
    """The environment of programs that tests start."""
    return dict(os.environ, PYTHONPATH=str(ROOT), PYTHONWARNINGS="default", PYTHONUNBUFFERED="")


class ProgramServer:
    """The test's side of a server.

    :param modules: what is imported before the first program.
    """

    def __init__(self, *modules: str) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno()), *modules], pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, env=surroundings())

    def start(self, *arguments: str) -> Process:
        """Start a program, with the arguments that the interpreter would be given."""
        pipes = [os.pipe() for _ in range(3)]
        theirs = [write for _, write in pipes]
        request = json.dumps([arguments, surroundings(), os.getcwd()]).encode() + b"\n"
        socket.send_fds(self._channel, [request[:1]], theirs)
        self._channel.sendall(request[1:])
        process = Process(*(open(read, encoding="utf-8") for read, _ in pipes))
        for each in theirs:
            os.close(each)
        return process

    def close(self) -> None:
        """End the server; programs go on."""
        self._channel.close()
        self._server.wait()


@contextmanager
def serving(*modules: str) -> Iterator[Optional[ProgramServer]]:
    """A server, which is ended; none where the system cannot fork."""
    if not hasattr(os, "fork"):
        yield None
        return
    server = ProgramServer(*modules)
    try:
        yield server
    finally:
        server.close()


class Process:
    """A program; what a test uses of :class:`subprocess.Popen`."""

    def __init__(self, stdout: Any, stderr: Any, status: Any) -> None:
        self.stdout, self.stderr, self._status = stdout, stderr, status
        self.pid = int(status.readline())
        self.returncode: Optional[int] = None
        self._waiter = threading.Thread(target=self._wait, daemon=True, name="program-waiter")
        self._waiter.start()

    def _wait(self) -> None:
        with self._status:
            self.returncode = int(self._status.readline())

    def poll(self) -> Optional[int]:
        return self.returncode

    def wait(self, timeout: Optional[float] = None) -> int:
        self._waiter.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(f"program {self.pid}", timeout or 0)
        return self.returncode

    def communicate(self, timeout: float) -> Tuple[str, str]:
        """Both streams up to their ends, and the end of the program."""
        read: Dict[Any, str] = {}
        streams = (self.stdout, self.stderr)
        threads = [threading.Thread(target=lambda each: read.update({each: each.read()}), args=[each], daemon=True)
                   for each in streams]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout)
            if thread.is_alive():
                raise subprocess.TimeoutExpired(f"program {self.pid}", timeout)
        self.wait(timeout)
        return read[self.stdout], read[self.stderr]

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


# --- in the server

def serve(channel: socket.socket) -> Tuple[List[str], Dict[str, str], str]:
    """Fork for each request.  Returns in the process that is to run the program."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks what became of the processes that wait for programs
    while True:
        data, descriptors, _, _ = socket.recv_fds(channel, 1, 3)
        if not data:
            os._exit(0)
        while not data.endswith(b"\n"):
            data += channel.recv(1 << 16)
        if not os.fork():
            break
        for each in descriptors:
            os.close(each)
    channel.close()
    stdout, stderr, status = descriptors
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    program = os.fork()
    if program:
        os.close(stdout)
        os.close(stderr)
        os.write(status, b"%d\n" % program)
        os.write(status, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(program, 0)[1]))
        os._exit(0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    for each in descriptors:
        os.close(each)
    request: Tuple[List[str], Dict[str, str], str] = json.loads(data)
    return request


def prepare(arguments: List[str], environment: Dict[str, str], folder: str) -> Any:
    """Make this process one that was started so; returns what the interpreter would run as ``__main__`` then."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if arguments[0] == "-u":
        arguments.pop(0)
        sys.stdout = sys.__stdout__ = io.TextIOWrapper(  # type: ignore[misc]
            io.FileIO(1, "w", closefd=False), encoding=sys.stdout.encoding, errors=sys.stdout.errors,
            write_through=True)
    if arguments[0] == "-m":
        sys.path[0] = folder
        sys.argv[:] = arguments[1:]
        return arguments[1]
    sys.path[0] = os.path.dirname(arguments[0])
    sys.argv[:] = arguments
    with open(arguments[0], "rb") as file:
        return compile(file.read(), arguments[0], "exec")


def emptied(names: Dict[str, Any], file: str) -> Dict[str, Any]:
    """A module's names, as they are at the start of a program."""
    fresh = dict(__name__="__main__", __file__=file, __builtins__=builtins)
    names.clear()
    names.update(fresh)
    return names


if __name__ == "__main__":
    for module in sys.argv[2:]:
        importlib.import_module(module)
    gc.freeze()
    main = prepare(*serve(socket.socket(fileno=int(sys.argv[1]))))
    if isinstance(main, str):
        getattr(runpy, "_run_module_as_main")(main)  # this is what the interpreter does
    else:
        exec(main, emptied(globals(), sys.argv[0]))
