"""Writing down what happens to a program.  It runs in the processes of both libraries, and knows them as ``proton``."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Type

import proton
import proton.utils
from proton.handlers import MessagingHandler, TransactionHandler
from proton.reactor import Container

__all__ = ["Everything", "Run", "conditions", "events", "kind_of", "states"]

#: What happens at times of its own, and says nothing of the peer: the turns of the loop, and that there are bytes to
#: write.
UNTOLD = re.compile("on_(transport|reactor_quiesced|selectable_.*|connection_wakeup)$")

#: The callbacks of MessagingHandler that are not events of the engine.
CALLBACKS = (
    "on_accepted", "on_aborted", "on_connection_closed", "on_connection_closing", "on_connection_error",
    "on_connection_opened", "on_connection_opening", "on_connection_reconnected", "on_disconnected", "on_link_closed",
    "on_link_closing", "on_link_error", "on_link_opened", "on_link_opening", "on_message", "on_rejected",
    "on_released", "on_modified", "on_sendable", "on_session_closed", "on_session_closing", "on_session_error",
    "on_session_opened", "on_session_opening", "on_settled", "on_start", "on_transport_error", "on_transport_closed",
    "on_transaction_declared", "on_transaction_committed", "on_transaction_aborted", "on_transaction_declare_failed",
    "on_transaction_commit_failed",
)

#: What the two call the failure of a socket; there is a scenario that says which is whose.
IO_ERRORS = ("proton.pythonio", "proton:io")

_ENDPOINT = proton.Endpoint


def states(state: int) -> str:
    """A state's two halves, ours and the peer's: U for uninitialised, A for active, C for closed."""
    local = {_ENDPOINT.LOCAL_UNINIT: "U", _ENDPOINT.LOCAL_ACTIVE: "A", _ENDPOINT.LOCAL_CLOSED: "C"}
    remote = {_ENDPOINT.REMOTE_UNINIT: "U", _ENDPOINT.REMOTE_ACTIVE: "A", _ENDPOINT.REMOTE_CLOSED: "C"}
    return "".join(
        letter for half in (local, remote) for bit, letter in half.items() if int(state) & int(bit))


def conditions(event: Any) -> str:
    """The endpoints of an event: their states, and why the peer closed them."""
    shown = []
    for word in ("connection", "session", "link"):
        endpoint = getattr(event, word)
        if endpoint is not None:
            text = f"{word} {states(endpoint.state)}"
            if word == "link":
                text += f" {endpoint.name}" + ("" if endpoint.is_sender else " receiver")
            condition = endpoint.remote_condition
            if condition:
                text += f" ({condition.name}, {condition.description}, {condition.info})"
            shown.append(text)
    transport = event.transport
    if transport is not None and transport.condition is not None:
        name = transport.condition.name
        shown.append(f"transport ({'io' if name in IO_ERRORS else name})")
    return ", ".join(shown)


_PUBLIC = set(dir(proton)) | set(dir(proton.utils))


def kind_of(error: BaseException) -> str:
    """The names by which a program could catch an exception, proton's own and Python's, the nearest first.

    Where the traces are compared, one raises the same as the other if it can be caught by what the other is.
    """
    return "/".join(cls.__name__ for cls in type(error).__mro__
                    if cls is not object and (cls.__module__ == "builtins" or cls.__name__ in _PUBLIC))


def events(collector: Any) -> List[str]:
    """Take the events off a collector: their names."""
    names = []
    while True:
        event = collector.peek()
        if not event:
            return names
        names.append(str(event.type).replace("PN_", ""))
        collector.pop()


class Everything:
    """A handler that is told of everything by ``on_unhandled``, after the others."""

    def __init__(self, run: "Run") -> None:
        self._run = run

    def on_unhandled(self, name: str, event: Any) -> None:
        if not UNTOLD.match(name):
            self._run.note("global", name)


Act = Callable[[Any], Any]


class Run:
    """One run of one scenario.

    :param urls: of its servers.

    :ivar trace: what happened.
    """

    def __init__(self, urls: List[str]) -> None:
        self.urls = urls
        self.trace: List[str] = []

    @property
    def url(self) -> str:
        return self.urls[0]

    def note(self, *what: Any) -> None:
        """Write a line."""
        self.trace.append(" ".join(str(each) for each in what).rstrip())

    def tried(self, word: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call something, and write down what it returns or raises."""
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            self.note(word, "raises", kind_of(error))
            return None
        self.note(word, "->", repr(result))
        return result

    def handler(self, acts: Dict[str, Act], mark: str = "", **options: Any) -> Any:
        """A MessagingHandler that writes down its callbacks and its events, and acts where it is told to."""
        run = self
        before = f"{mark} " if mark else ""

        class Told(MessagingHandler, TransactionHandler):  # type: ignore[misc]
            def on_unhandled(self, name: str, event: Any) -> None:
                if not UNTOLD.match(name):
                    run.note(f"{before}event", name, conditions(event))
                if name in acts:
                    acts[name](event)

        def callback(name: str) -> Callable[[Any, Any], None]:
            def told(self: Any, event: Any) -> None:
                details = conditions(event)
                delivery = event.delivery
                if delivery is not None and name != "on_sendable":
                    details += f", delivery {int(delivery.local_state)}/{int(delivery.remote_state)}"
                    details += " settled" if delivery.settled else ""
                run.note(f"{before}callback", name, details)
                if name in acts:
                    acts[name](event)
            return told

        for name in CALLBACKS:
            setattr(Told, name, callback(name))
        unknown = [name for name in acts if not name.startswith("on_")]
        assert not unknown, unknown
        return Told(**options)

    def client(self, options: Optional[Dict[str, Any]] = None, **acts: Act) -> Any:
        """Run a container whose handler and global handler write down all they are told.

        :param options: of the MessagingHandler.
        :param acts: what to do in some callbacks.
        """
        return self.run(self.handler(acts, **(options or {})))

    def run(self, handler: Any, container: Type[Any] = Container) -> Any:
        """Run a container with a handler."""
        made = container(handler)
        made.container_id = "client"
        made.global_handler.add(Everything(self))
        try:
            made.run()
        except Exception as error:
            self.note("run raises", kind_of(error))
        return made
