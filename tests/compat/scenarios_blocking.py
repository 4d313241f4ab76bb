"""Blocking calls: what they send, what they return, and what they raise, with the words of the exceptions."""

from __future__ import annotations

import socket
import threading
from typing import Any, List

import proton
from proton import Message
from proton.handlers import MessagingHandler
from proton.reactor import AtMostOnce, Container
from proton.utils import (
    BlockingConnection, ConnectionClosed, LinkDetached, SendException, SyncRequestResponse,
)
from pumping import attempt
from scenario import (
    AMQP, ATTACH_RECEIVER, ATTACH_SENDER, BEGIN, CLOSE, FIN, GREET, OPEN, Differs, error, expect, flow, frame, hello,
    part, say, scenario,
)

OPENED = [GREET, *expect("Open"), *say(AMQP, OPEN)]
TO_SENDER = [*OPENED, *expect("Begin", "Attach"), *say(BEGIN, ATTACH_RECEIVER, flow(0))]
TO_RECEIVER = [*OPENED, *expect("Begin", "Attach"), *say(BEGIN, ATTACH_SENDER)]
GIVEN_UP = Differs(
    "A message whose link is lost while a blocking send waits for its outcome is settled at once",
    ours=["peer 1: < 0 Disposition(role=False, first=0, settled=True)"])
BYE = [*expect("Close"), *say(CLOSE)]
DETACH = frame("Detach", handle=0, closed=True)
DETACH_WHY = frame("Detach", handle=0, closed=True, error=error("app:gone", "it went away"))


def connect(run: Any, **options: Any) -> Any:
    """A connection."""
    container = Container()
    container.container_id = "client"
    return BlockingConnection(run.url, container=container, **{"timeout": 5, **options})


def sending(run: Any, **options: Any) -> Any:
    """A connection, and a sender on it."""
    connection = connect(run)
    return connection, connection.create_sender("queue", name="link", **options)


def receiving(run: Any, **options: Any) -> Any:
    """A connection, and a receiver on it."""
    connection = connect(run)
    return connection, connection.create_receiver("queue", name="link", **options)


def shown(failure: BaseException) -> str:
    """An exception with its attributes."""
    words = [type(failure).__name__, str(failure)]
    if isinstance(failure, SendException):
        words.append(f"state {int(failure.state)}")
    if isinstance(failure, (LinkDetached, ConnectionClosed)):
        words.append(f"condition {failure.condition}")
    if isinstance(failure, LinkDetached):
        words.append(f"link {failure.link.name}")
    return ", ".join(words)


def failing(run: Any, function: Any, *args: Any, **kwargs: Any) -> None:
    """Call what is to raise one of proton's exceptions."""
    try:
        function(*args, **kwargs)
        run.note("nothing was raised")
    except proton.ProtonException as failure:
        run.note(shown(failure))


def outcome(kind: str, **fields: Any) -> Any:
    """The peer's answer to a message."""
    answer = frame("Disposition", role=True, first=0, settled=True, state=part(kind, **fields))
    return [*expect("Transfer"), *say(answer)]


# --- sending

@scenario([[*TO_SENDER, *outcome("Accepted"), *BYE]])
def a_message_is_accepted(run: Any) -> None:
    connection, sender = sending(run)
    delivery = sender.send(Message(body="hello"))
    run.note(int(delivery.remote_state), delivery.settled, int(delivery.local_state))
    run.note(sender.name, sender.link.name, sender.is_sender, sender.credit, sender.connection == connection)
    connection.close()


@scenario([[*TO_SENDER, *outcome("Rejected", error=error("app:bad", "no")), *BYE]])
def a_message_is_rejected(run: Any) -> None:
    connection, sender = sending(run)
    failing(run, sender.send, Message(body="hello"))
    connection.close()


@scenario([[*TO_SENDER, *outcome("Released"), *BYE]])
def a_message_is_released(run: Any) -> None:
    connection, sender = sending(run)
    failing(run, sender.send, Message(body="hello"))
    connection.close()


@scenario([[*TO_SENDER, *outcome("Modified", delivery_failed=True), *BYE]])
def a_message_is_modified(run: Any) -> None:
    connection, sender = sending(run)
    delivery = sender.send(Message(body="hello"))
    run.note(int(delivery.remote_state), delivery.remote.failed)
    connection.close()


@scenario([[*TO_SENDER, *outcome("Modified"), *BYE]])
def modified_is_an_error_if_so_wished(run: Any) -> None:
    connection, sender = sending(run)
    failing(run, sender.send, Message(body="hello"), error_states=[proton.Delivery.MODIFIED])
    connection.close()


@scenario([[*TO_SENDER, *outcome("Rejected"), *BYE]])
def rejected_is_no_error_if_so_wished(run: Any) -> None:
    connection, sender = sending(run)
    run.note(int(sender.send(Message(body="hello"), error_states=[]).remote_state))
    connection.close()


@scenario([[*TO_SENDER, *expect("Transfer"), *BYE]])
def a_message_is_sent_settled(run: Any) -> None:
    connection, sender = sending(run, options=AtMostOnce())
    delivery = sender.send(Message(body="hello"))
    run.note(int(delivery.remote_state))
    connection.close()


@scenario([[*TO_SENDER, *expect("Transfer"), *BYE]])
def a_message_is_not_answered(run: Any) -> None:
    connection, sender = sending(run)
    failing(run, sender.send, Message(body="hello"), timeout=0.1)
    connection.close()


@scenario([[*OPENED, *expect("Begin", "Attach"), *say(BEGIN, ATTACH_RECEIVER), *BYE]])
def there_is_no_credit(run: Any) -> None:
    connection, sender = sending(run)
    failing(run, sender.send, Message(body="hello"), timeout=0.1)
    connection.close()


@scenario([[*TO_SENDER, *expect("Transfer"), *say(DETACH_WHY), *expect("Detach"), *BYE]], differs=GIVEN_UP)
def the_link_goes_while_sending(run: Any) -> None:
    connection, sender = sending(run)
    failing(run, sender.send, Message(body="hello"))
    connection.close()


@scenario([[*TO_SENDER, *expect("Transfer"), *say(DETACH), *expect("Detach"), *BYE]], differs=GIVEN_UP)
def the_link_goes_without_a_reason(run: Any) -> None:
    connection, sender = sending(run)
    failing(run, sender.send, Message(body="hello"))
    connection.close()


@scenario([[*OPENED, *expect("Begin", "Attach"), *say(BEGIN, frame(
    "Attach", name="link", handle=0, role=True, source=None, target=None), DETACH_WHY), *expect("Detach"), *BYE]])
def a_sender_is_refused(run: Any) -> None:
    connection = connect(run)
    failing(run, connection.create_sender, "queue", name="link")
    connection.close()


@scenario([[*OPENED, *expect("Begin", "Attach"), *say(BEGIN, frame(
    "Attach", name="link", handle=0, role=False, source=None, target=None, initial_delivery_count=0), DETACH_WHY),
    *expect("Detach"), *BYE]])
def a_receiver_is_refused(run: Any) -> None:
    connection = connect(run)
    failing(run, connection.create_receiver, "queue", name="link")
    connection.close()


@scenario([[*OPENED, *expect("Begin", "Attach"), *say(BEGIN, frame(
    "Attach", name="link", handle=0, role=True, source=None, target=part("Target", address="another"))),
    *expect("Detach"), *say(DETACH), *BYE]])
def a_sender_is_given_another_address(run: Any) -> None:
    connection = connect(run)
    failing(run, connection.create_sender, "queue", name="link")
    connection.close()


@scenario([[*TO_SENDER, *expect("Detach"), *say(DETACH), *BYE]])
def a_sender_is_closed(run: Any) -> None:
    connection, sender = sending(run)
    sender.close()
    run.note(bool(sender.state & proton.Endpoint.LOCAL_CLOSED), bool(sender.state & proton.Endpoint.REMOTE_CLOSED))
    sender.close()
    connection.close()


# --- receiving

def received(answer: str, *arguments: Any) -> Any:
    """A scenario in which a message gets an answer."""
    def program(run: Any) -> None:
        connection, receiver = receiving(run)
        message = receiver.receive()
        run.note(bytes(message.body))
        getattr(receiver, answer)(*arguments)
        connection.close()
    return program


for word, *more in (("accept",), ("reject",), ("release",), ("release", False), ("settle",),
                    ("settle", proton.Delivery.MODIFIED)):
    told = received(word, *more)
    told.__name__ = f"a_received_message_gets_{word}{''.join('_' + str(int(each)) for each in more)}"
    told.__module__ = __name__
    scenario([[*TO_RECEIVER, *expect("Flow"), *say(hello()), *expect("Disposition", past="Settled"), *BYE]]
             if word != "settle" or more else
             [[*TO_RECEIVER, *expect("Flow"), *say(hello()), *expect("Settled"), *BYE]])(told)


@scenario([[*TO_RECEIVER, *expect("Flow"), *expect("Flow"), *say(hello()), *expect("Disposition"), *BYE]])
def nothing_comes_for_a_while(run: Any) -> None:
    connection, receiver = receiving(run)
    failing(run, receiver.receive, timeout=0.1)
    receiver.flow(1)
    message = receiver.receive()
    run.note(bytes(message.body), receiver.credit)
    receiver.accept()
    connection.close()


@scenario([[*TO_RECEIVER, *expect("Flow"), *say(DETACH_WHY), *expect("Detach"), *BYE]])
def the_link_goes_while_receiving(run: Any) -> None:
    connection, receiver = receiving(run)
    failing(run, receiver.receive)
    connection.close()


@scenario([[*TO_RECEIVER, *expect("Flow"), *say(hello()), *expect("Disposition"), *BYE]])
def a_handler_takes_what_comes(run: Any) -> None:
    class Taker(MessagingHandler):  # type: ignore[misc]
        got: List[Any] = []

        def on_message(self, event: Any) -> None:
            self.got.append(bytes(event.message.body))

    taker = Taker(prefetch=0)
    connection, receiver = receiving(run, handler=taker, credit=1)
    connection.wait(lambda: taker.got)
    run.note(taker.got)
    attempt(run, "receive", receiver.receive, words=True)
    attempt(run, "accept", receiver.accept, words=True)
    connection.close()


# --- connections

@scenario([[*OPENED, *BYE]])
def opened_and_closed(run: Any) -> None:
    connection = connect(run, timeout=None)
    run.note(connection.timeout, connection.url, connection.closing, connection.disconnected,
             connection.conn.remote_container)
    connection.close()
    run.note(connection.closing, connection.conn, connection.container)
    connection.close()


@scenario([])
def nobody_listens(run: Any) -> None:
    try:
        connect(run)
    except proton.ConnectionException as failure:
        run.note(type(failure).__name__)


@scenario([[GREET, *expect("Open"), *say(AMQP, OPEN, frame("Close", error=error("app:full", "no more"))),
            *expect("Close")]])
def the_peer_closes_at_once(run: Any) -> None:
    failing(run, connect, run)


@scenario([[*TO_SENDER, *expect("Transfer"), *say(frame("Close", error=error("app:restart", "bye"))),
            *expect("Close")]], differs=Differs(GIVEN_UP.text, proton=GIVEN_UP.ours))
def the_peer_closes_while_sending(run: Any) -> None:
    connection, sender = sending(run)
    failing(run, sender.send, Message(body="hello"))
    connection.close()


@scenario([[*TO_RECEIVER, *expect("Flow"), *say(CLOSE), *expect("Close")]])
def the_peer_closes_without_a_reason(run: Any) -> None:
    connection, receiver = receiving(run)
    failing(run, receiver.receive)
    connection.close()


@scenario([[*TO_SENDER, *expect("Transfer"), FIN]])
def the_stream_ends_while_sending(run: Any) -> None:
    connection, sender = sending(run)
    try:
        sender.send(Message(body="hello"))
    except proton.ConnectionException as failure:
        run.note(type(failure).__name__)
    connection.close()


@scenario([[*OPENED, *BYE]])
def one_of_a_list_of_hosts(run: Any) -> None:
    connection = BlockingConnection(urls=run.urls, timeout=5)
    run.note(connection.url)
    connection.close()


@scenario([[*OPENED, *BYE]])
def waiting_for_what_does_not_come(run: Any) -> None:
    connection = connect(run)
    connection.wait(lambda: True)
    failing(run, connection.wait, lambda: False, timeout=0.05)
    failing(run, connection.wait, lambda: False, timeout=0.05, msg="something")
    run.note(connection.timeout)
    connection.close()


# --- both ends by the library

class Answering(MessagingHandler):  # type: ignore[misc]
    """Answers requests in capitals, at an address of its own making."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port
        self.ready = threading.Event()
        self.senders: Any = {}

    def on_start(self, event: Any) -> None:
        self.acceptor = event.container.listen(f"127.0.0.1:{self.port}")
        self.ready.set()

    def on_link_opening(self, event: Any) -> None:
        link = event.link
        if link.is_sender and link.remote_source.dynamic:
            link.source.address = "answers"
            self.senders["answers"] = link
        else:
            link.source.copy(link.remote_source)
            link.target.copy(link.remote_target)

    def on_message(self, event: Any) -> None:
        request = event.message
        self.senders[request.reply_to].send(Message(
            body=request.body.upper(), address=request.reply_to, correlation_id=request.correlation_id))

    def on_connection_closing(self, event: Any) -> None:
        self.acceptor.close()


@scenario()
def requests_and_their_answers(run: Any) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = Answering(port)
    thread = threading.Thread(target=Container(server).run, daemon=True)
    thread.start()
    server.ready.wait(5)
    connection = BlockingConnection(f"127.0.0.1:{port}", timeout=5)
    client = SyncRequestResponse(connection, "requests")
    run.note(client.reply_to)
    for body in ("one", "two"):
        request = Message(body=body)
        answer = client.call(request)
        run.note(answer.body, answer.correlation_id == request.correlation_id, request.reply_to, request.address)
    attempt(run, "another address", client.call, Message(body="x", address="elsewhere"), words=True)
    anywhere = SyncRequestResponse(connection)
    attempt(run, "no address", anywhere.call, Message(body="x"), words=True)
    connection.close()
    thread.join(5)
    run.note(thread.is_alive())
