"""Logging in: with and without a user, refused, impossible, and cut short."""

from __future__ import annotations

from typing import Any

from scenario import AMQP, CLOSE, FIN, OPEN, Differs, Frame, expect, frame, kept, parted, say, scenario

SASL = b"AMQP\x03\x01\x00\x00"


def mechanisms(*names: str) -> Frame:
    return frame("SaslMechanisms", sasl_server_mechanisms=list(names))


def outcome(code: int) -> Frame:
    return frame("SaslOutcome", code=code)


def login(*names: str, code: int = 0) -> Any:
    """The peer's part, up to its answer."""
    return [*expect("header"), *say(SASL, mechanisms(*names)), *expect("SaslInit"), *say(outcome(code))]


OPENED = [*expect("header", "Open"), *say(AMQP, OPEN), *expect("Close"), *say(CLOSE)]
HOST = "The SASL exchange tells the peer the host that is wanted."


def init(proton: str, ours: str, text: str = HOST) -> Differs:
    """What sasl-init says."""
    return Differs(text, proton=[f"peer 1: < 0 SaslInit({proton})"], ours=[f"peer 1: < 0 SaslInit({ours})"])


ANONYMOUS = init("ANONYMOUS, b'anonymous@<host>', None", "ANONYMOUS, b'anonymous', '127.0.0.1'")
PLAIN = init("PLAIN, b'\\x00joe\\x00secret', None", "PLAIN, b'\\x00joe\\x00secret', '127.0.0.1'")
KEPT = kept("CU", "amqp:unauthorized-access")
JOE = {"user": "joe", "password": "secret"}


def client(run: Any, url: str = "", reconnect: Any = False, **options: Any) -> None:
    def start(event: Any) -> None:
        run.connection = event.container.connect(url or run.url, reconnect=reconnect, **options)

    def opened(event: Any) -> None:
        transport = event.transport
        run.note("user", transport.user, "authenticated", transport.authenticated, "encrypted", transport.encrypted)
        sasl = transport.sasl()
        run.note("mechanism", sasl.mech, "outcome", sasl.outcome, "user", sasl.user)
        event.connection.close()

    def wrong(event: Any) -> None:
        sasl = event.transport.sasl()
        run.note("outcome", sasl.outcome)
        if event.transport.condition.name == "amqp:unauthorized-access":
            run.connection.close()

    run.client(on_start=start, on_connection_opened=opened, on_transport_error=wrong)


def with_user(run: Any) -> str:
    return str(run.url).replace("amqp://", "amqp://joe:secret@")


@scenario([[*login("ANONYMOUS"), *OPENED]], differs=ANONYMOUS)
def anonymous(run: Any) -> None:
    client(run)


@scenario([[*login("PLAIN"), *OPENED]], differs=PLAIN)
def plain_by_keywords(run: Any) -> None:
    client(run, **JOE)


@scenario([[*login("PLAIN"), *OPENED]], differs=PLAIN)
def plain_by_url(run: Any) -> None:
    client(run, with_user(run))


@scenario([[*login("ANONYMOUS", "PLAIN"), *OPENED]], differs=PLAIN)
def plain_is_better_than_anonymous(run: Any) -> None:
    client(run, **JOE)


@scenario([[*login("PLAIN", "ANONYMOUS"), *OPENED]], differs=ANONYMOUS)
def only_the_mechanism_that_is_allowed(run: Any) -> None:
    client(run, allowed_mechs="ANONYMOUS", **JOE)


@scenario([[*login("PLAIN", code=1)]], differs=[PLAIN, KEPT])
def refused(run: Any) -> None:
    client(run, **JOE)


@scenario([[*login("PLAIN", code=1)]], differs=[PLAIN, KEPT])
def refused_once_and_for_all(run: Any) -> None:
    client(run, reconnect=[0, 0.05], **JOE)


@scenario([[*login("ANONYMOUS", code=1)]], differs=[ANONYMOUS, KEPT])
def refused_to_anonymous(run: Any) -> None:
    client(run)


@scenario([[*login("PLAIN", code=2)]], differs=[PLAIN, KEPT])
def failed(run: Any) -> None:
    client(run, **JOE)


@scenario([[*login("PLAIN", code=4)]], differs=[PLAIN, KEPT])
def failed_for_a_while(run: Any) -> None:
    client(run, **JOE)


@scenario([[*expect("header"), *say(SASL, mechanisms("GSSAPI"))]], differs=KEPT)
def no_mechanism_in_common(run: Any) -> None:
    client(run, **JOE)


@scenario([[*expect("header"), *say(SASL, mechanisms("PLAIN"))]], differs=KEPT)
def no_user_for_plain(run: Any) -> None:
    client(run)


@scenario([[*expect("header"), *say(SASL, mechanisms("PLAIN"))]], differs=KEPT)
def plain_in_the_clear_is_not_allowed(run: Any) -> None:
    client(run, allow_insecure_mechs=False, **JOE)


@scenario([[*expect("header", "Open"), *say(AMQP, OPEN), *expect("Close"), *say(CLOSE)]])
def without_sasl(run: Any) -> None:
    def opened(event: Any) -> None:
        transport = event.transport
        run.note("user", transport.user, "authenticated", transport.authenticated, "encrypted", transport.encrypted)
        event.connection.close()

    run.client(
        on_start=lambda event: event.container.connect(run.url, reconnect=False, sasl_enabled=False),
        on_connection_opened=opened)


@scenario([[*expect("header"), *say(AMQP)]])
def the_server_has_no_sasl(run: Any) -> None:
    client(run)


@scenario([[*expect("header"), *say(b"AMQP\x03\x01\x00\x01"), FIN]])
def another_version_of_sasl(run: Any) -> None:
    client(run)


@scenario([[*expect("header"), *say(SASL, mechanisms("ANONYMOUS")), *expect("SaslInit"), FIN]],
          differs=[ANONYMOUS, parted("AU")])
def ended_before_the_outcome(run: Any) -> None:
    client(run)
