"""``syncproton broker``: the in-memory broker."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Optional

from syncproton.broker import Broker, Limits
from syncproton.cli.arguments import amqp_url, login, positive
from syncproton.security import SSLDomain

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add_parser"]

_NOTICE = "This broker is for demos and tests: its messages are in memory only"
_OPEN = ", and everyone is let in"


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("broker", help="run an in-memory broker, for demos and tests",
                                 description=f"{_NOTICE}{_OPEN} unless there are users.")
    parser.add_argument("--listen", metavar="URL", type=amqp_url, default="amqp://127.0.0.1:5672",
                        help="where to listen; port 0 takes a free one (default: %(default)s)")
    parser.add_argument("--queue-depth", metavar="N", type=positive, default=Limits.queue_depth,
                        help="the most messages held in a queue; more are rejected (default: %(default)s)")
    parser.add_argument("--memory", metavar="MIB", type=positive, default=Limits.memory >> 20,
                        help="the most memory for all messages, in MiB; more are rejected (default: %(default)s)")
    logins = parser.add_argument_group("who is let in")
    users = logins.add_mutually_exclusive_group()
    users.add_argument("--user", metavar="NAME:PASSWORD", type=login, action="append",
                       help="a user; may be given several times. Others on this machine can see it: better use --users")
    users.add_argument("--users", metavar="FILE", help="a file of users, with lines NAME:PASSWORD")
    logins.add_argument("--anonymous", action="store_true", help="let in those who do not log in, too")
    tls = parser.add_argument_group("TLS, for an amqps URL")
    tls.add_argument("--certificate", metavar="PEM", help="the certificate to show, and those of who issued it")
    tls.add_argument("--key", metavar="PEM", help="its private key, if that is in another file")
    tls.add_argument("--client-ca", metavar="PEM",
                     help="ask clients for a certificate, issued by one of these; they log in by it")
    parser.set_defaults(run=_run, usage_error=parser.error)


def _run(arguments: argparse.Namespace) -> int:
    stopped = threading.Event()

    def stop(*_: Any) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    limits = Limits(queue_depth=arguments.queue_depth, memory=arguments.memory << 20)
    domain = _ssl_domain(arguments)
    users = dict(arguments.user) if arguments.user else arguments.users
    anonymous = True if arguments.anonymous else None
    try:
        broker = Broker(arguments.listen, limits=limits, ssl_domain=domain, users=users, anonymous=anonymous)
    except ValueError as error:
        arguments.usage_error(str(error))
    with broker:
        print(_NOTICE + ("." if users else _OPEN + "."), file=sys.stderr, flush=True)
        print(f"listening on {broker.url}", flush=True)
        # In steps, as a wait without end is deaf to Ctrl-C on Windows; and to notice a broker that has failed.
        while not stopped.wait(1):
            broker.depths()
    return 0


def _ssl_domain(arguments: argparse.Namespace) -> Optional[SSLDomain]:
    """What the arguments say of TLS; ``None`` if there is to be none."""
    secure = str(arguments.listen).startswith("amqps:")
    if secure != bool(arguments.certificate):
        arguments.usage_error("an amqps URL needs --certificate" if secure else "--certificate is for an amqps URL")
    if not secure:
        if arguments.key or arguments.client_ca:
            arguments.usage_error("--key and --client-ca go with --certificate")
        return None
    domain = SSLDomain(SSLDomain.MODE_SERVER)
    domain.set_credentials(arguments.certificate, arguments.key or arguments.certificate, None)
    if arguments.client_ca:
        domain.set_peer_authentication(SSLDomain.VERIFY_PEER, arguments.client_ca)
    return domain
