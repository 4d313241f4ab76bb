"""``manage.py amqp_consume``: run the consumers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections

from syncproton.contrib._consumer import Worker
from syncproton.contrib.django.conf import DEFAULT, read_broker
from syncproton.contrib.django.registry import autodiscover, chosen
from syncproton.errors import ProtonException

__all__ = ["Command"]


class Command(BaseCommand):  # type: ignore[misc]  # Django has no types
    """Runs until SIGTERM or SIGINT.  Then what is in hand is finished, and what came in advance goes back."""

    help = ("Calls the consumers of queues with their messages, until SIGTERM or Ctrl-C: what is in hand is finished "
            "then, and the rest goes back. A second signal does not wait for what is in hand.")
    requires_system_checks = ["syncproton"]

    def add_arguments(self, parser: Any) -> None:
        """The options of the command line."""
        parser.add_argument("--queue", action="append", default=[], metavar="QUEUE",
                            help="consume this queue; may be given several times. All that have a consumer by default")
        parser.add_argument("--using", default=DEFAULT, metavar="ALIAS",
                            help="the broker, as the setting AMQP calls it (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the consumers.

        :raises CommandError: if there are none, or the broker cannot be reached or refuses.
        """
        autodiscover()
        try:
            wanted = chosen(options["queue"], options["using"])
            worker = Worker(read_broker(options["using"]), wanted, _database_connections)
        except (LookupError, ImproperlyConfigured) as error:
            raise CommandError(str(error.args[0])) from error

        def started() -> None:
            self.stdout.write("consuming from " + ", ".join(each.address for each in wanted))
            self.stdout.flush()

        try:
            worker.run(started)
        except ProtonException as error:
            raise CommandError(str(error)) from error


@contextmanager
def _database_connections() -> Iterator[None]:
    """Around each message: what Django does around each request."""
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()
