"""Messages in Flask applications: an extension, with its settings in ``app.config``.

::

    from flask import Flask
    from syncproton.contrib.flask import AMQP

    amqp = AMQP()

    def create_app():
        app = Flask(__name__)
        app.config["AMQP_URL"] = "amqp://user:password@broker"
        amqp.init_app(app)
        return app

    @amqp.consumer("orders")            # flask amqp consume
    def pack(message): ...

Nothing is connected before the first use, in each process anew: gunicorn may load the application before it forks.
Needs Flask: ``pip install syncproton[flask]``.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Callable, ContextManager, Optional, Sequence, TypeVar

import click
from flask import Flask, current_app, g
from flask.cli import AppGroup

from ..engine import Delivery
from ..errors import ProtonException
from ..message import Message
from ..sync import Connection, ConnectionPool, Deadline
from ..url import Url
from ._consumer import Worker
from ._registry import Consumers
from ._settings import Settings, read_settings

__all__ = ["AMQP"]

F = TypeVar("F", bound=Callable[[Any], Any])

_PREFIX = "AMQP_"
_KEY = "amqp"
_HELD = "_syncproton_amqp"


class _State:
    """What belongs to one application.

    :ivar extension: the object that set it up.
    :ivar settings: the application's.
    :ivar pool: its connections; empty until one is wanted.
    """

    def __init__(self, extension: AMQP, settings: Settings) -> None:
        self.extension = extension
        self.settings = settings
        self.pool = ConnectionPool(settings.url, timeout=settings.timeout, **settings.pool, **settings.connect)


class AMQP:
    """The extension.  One object serves any number of applications: what belongs to one is kept with it, not here.

    :param app: an application to set up at once; others, or all, by :meth:`init_app`.
    """

    def __init__(self, app: Optional[Flask] = None) -> None:
        self._consumers = Consumers()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Set an application up: check its settings, and give it the command ``flask amqp``.  Connects to nothing.

        :raises SettingsError: (a ``ValueError``) naming each ``AMQP_...`` setting that is missing, misspelt, or makes
            no sense.
        :raises RuntimeError: if the application has been set up already.
        """
        if _KEY in app.extensions:
            raise RuntimeError("this application has an AMQP extension already")
        mine = {key[len(_PREFIX):]: value for key, value in app.config.items() if key.startswith(_PREFIX)}
        others = [key for key in app.config if not key.startswith(_PREFIX)]
        app.extensions[_KEY] = _State(self, read_settings(mine, lambda name: _PREFIX + name, others))
        app.teardown_appcontext(_give_back)
        app.cli.add_command(self._commands())

    # --- use, in an application context

    @property
    def pool(self) -> ConnectionPool:
        """The connections of the current application."""
        return self._state().pool

    def send(self, address: str, message: Any, *, timeout: Optional[float] = False) -> Delivery:
        """Send a message, and wait until the broker has accepted it.

        :param address: where to, such as a queue.
        :param message: a :class:`~syncproton.Message`, or what is to be the body of one: a ``dict``, ``str``,
            ``bytes`` ...  A message made of a body is durable unless ``AMQP_DURABLE`` is ``False``.
        :param timeout: how long it may take altogether, in seconds; ``False`` for ``AMQP_TIMEOUT``; ``None`` for no
            limit.
        :returns: the delivery.
        :raises SendException: if the broker did not accept it.
        :raises Timeout: if time ran out, also because the broker was not there.
        :raises ConnectionException: if the broker refuses the login.
        """
        state = self._state()
        if not isinstance(message, Message):
            message = Message(body=message, durable=state.settings.durable)
        return state.pool.send(address, message, timeout)

    def request(self, address: str, message: Any, *, timeout: Optional[float] = False) -> Message:
        """Send a request, and wait for the reply to it.

        :param address: where to.
        :param message: a :class:`~syncproton.Message`, or what is to be the body of one, which is not durable then.
        :param timeout: how long it may take altogether, the reply included, as in :meth:`send`.
        :returns: the reply.
        :raises Timeout: if there is none in time; and whatever :meth:`send` raises.
        """
        state = self._state()
        deadline = Deadline(timeout, state.settings.timeout)
        with state.pool.connection(deadline.remaining()) as connection:
            return connection.request(address, message, deadline.remaining())

    def connection(self, timeout: Optional[float] = False) -> ContextManager[Connection]:
        """Lend a connection, for a ``with`` statement.

        :param timeout: how long to wait for it, in seconds; ``False`` for ``AMQP_TIMEOUT``; ``None`` for no limit.
        :raises Timeout: if none is to be had in time; its ``__cause__`` may tell why.
        :raises ConnectionException: if the broker refuses the login.
        """
        return self._state().pool.connection(timeout)

    @property
    def current_connection(self) -> Connection:
        """A connection of the application context, the same one each time: lent when first asked for, and given back
        when the context, such as that of a request, ends.  Raises as :meth:`connection` does.
        """
        self._state()
        held = g.get(_HELD)
        if held is None:
            stack = ExitStack()
            held = stack, stack.enter_context(self.connection())
            setattr(g, _HELD, held)
        connection: Connection = held[1]
        return connection

    def close(self) -> None:
        """Close the connections of the current application for good.  (When the program ends they are, too.)"""
        self._state().pool.close()

    # --- consumers

    def consumer(self, address: str, *, threads: Optional[int] = None, credit: Optional[int] = None,
                 on_error: Optional[str] = None) -> Callable[[F], F]:
        """Register the decorated function for the messages of a queue, which ``flask amqp consume`` calls it with.

        It gets each :class:`~syncproton.sync.ReceivedMessage` in an application context of its own.  When it returns
        the message is accepted, unless the function has settled it by itself.  It stays a plain function.

        :param address: the queue; each has one function.
        :param threads: how many messages to handle at a time; by default ``AMQP_CONSUMER_THREADS``.
        :param credit: how many messages each thread may have sent in advance; by default ``AMQP_CONSUMER_CREDIT``.
        :param on_error: what becomes of a message when the function raises: ``"modify"`` gives it back and counts the
            failure, ``"release"`` gives it back as if nothing had been, ``"reject"`` tells that it is invalid; by
            default ``AMQP_CONSUMER_ON_ERROR``.
        :raises ValueError: if an argument makes no sense, or the queue has a function; ``TypeError`` likewise.
        """
        return self._consumers.consumer(address, threads=threads, credit=credit, on_error=on_error)

    def worker(self, queues: Sequence[str] = ()) -> Worker:
        """What handles the messages of queues with the functions for them, for the current application.

        :param queues: which; all that have a function if not given.
        :raises LookupError: if one has none, or there are none at all.
        """
        state = self._state()
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        return Worker(state.settings, self._consumers.chosen(queues), app.app_context, app.logger)

    # --- inside

    def _state(self) -> _State:
        state = current_app.extensions.get(_KEY)
        if not isinstance(state, _State) or state.extension is not self:
            raise RuntimeError(f"the application {current_app.name!r} is not set up for this AMQP object: "
                               "call its init_app(app)")
        return state

    def _commands(self) -> click.Group:
        commands = AppGroup(_KEY, help="Work with messages.")

        @commands.command("consume")
        @click.option("--queue", "-q", "queues", multiple=True, metavar="QUEUE",
                      help="Only this queue; may be given several times.")
        def consume(queues: Sequence[str]) -> None:
            """Handle messages with the functions registered for their queues.

            Runs until SIGTERM or SIGINT (Ctrl-C) comes. Then no more messages are taken, and what is in hand is
            finished; a second signal ends that, and gives back what is not.
            """
            try:
                worker = self.worker(queues)
            except LookupError as error:
                raise click.UsageError(str(error)) from None
            try:
                worker.run(lambda: _announce(worker), lambda: click.echo("stopping"))
            except ProtonException as error:
                why = f"{error}, {error.__cause__}" if error.__cause__ is not None else str(error)
                raise click.ClickException(f"{Url(worker.settings.url).redacted}: {why}") from None

        return commands


def _announce(worker: Worker) -> None:
    queues = ", ".join(consumer.address for consumer in worker.consumers)
    click.echo(f"consuming from {queues}; stop with Ctrl-C")


def _give_back(error: Optional[BaseException] = None) -> None:
    """At the end of an application context."""
    held = g.pop(_HELD, None)
    if held is not None:
        held[0].close()
