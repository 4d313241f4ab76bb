"""Requests: who gets which response, the links that they share, and what is told where no response comes."""

from __future__ import annotations

import queue
from typing import Any, Callable, Iterator, List

import pytest

import syncproton
from syncproton import Message, Timeout
from syncproton.broker import Broker
from syncproton.engine import Delivery
from syncproton.sync import Connection, InDoubt, LinkDetached, SendException, connect
from syncproton.sync.requests import SENDERS

TIMEOUT = 20


class Service:
    """Takes the requests that come to a peer, and answers those that a test says.

    :ivar asked: the requests, as they came.
    :ivar senders: the addresses of the links that requests came over, one for each link.
    :ivar reply_links: the links for responses.
    """

    def __init__(self, peer: Any) -> None:
        self._peer = peer
        self.asked: "queue.Queue[Message]" = queue.Queue()
        self.senders: List[Any] = []
        self.reply_links: List[Any] = []
        self.closed: "queue.Queue[Any]" = queue.Queue()
        peer.on_attach = self._attach
        peer.on_message = lambda event: (peer.on_transfer(event.delivery), self.asked.put(event.message))
        peer.on_link_closing = lambda event: self.closed.put(event.link.remote_target.address)

    def _attach(self, link: Any) -> None:
        (self.reply_links if link.is_sender else self.senders).append(link)
        self._peer.accept_link(link)

    def next(self) -> Message:
        """The next request."""
        return self.asked.get(timeout=TIMEOUT)

    def answer(self, request: Message, body: Any, link: int = -1) -> None:
        """Respond."""
        response = Message(body, correlation_id=request.correlation_id)
        self._peer.do(lambda: response.send(self.reply_links[link]))


@pytest.fixture
def service(peer: Any) -> Service:
    return Service(peer)


@pytest.fixture
def connection(peer: Any) -> Iterator[Connection]:
    with connect(peer.url, timeout=TIMEOUT) as connection:
        yield connection


def test_each_gets_its_own_response_in_whatever_order_they_come(service: Service, connection: Connection) -> None:
    futures = [connection.submit_request("service", number) for number in range(10)]
    requests = [service.next() for _ in futures]
    assert [request.body for request in requests] == list(range(10))
    assert len({request.correlation_id for request in requests}) == 10
    for request in reversed(requests):
        service.answer(request, request.body * 2)
    assert [future.result(TIMEOUT).body for future in futures] == [2 * number for number in range(10)]
    # All of them went over one link, and all came back over one.
    assert len(service.senders) == len(service.reply_links) == 1
    assert {request.reply_to for request in requests} == {"dynamic-1"}


def test_threads_share_the_links(broker: Broker, background: Callable[..., Any]) -> None:
    with connect(broker.url, timeout=TIMEOUT) as connection, connect(broker.url, timeout=TIMEOUT) as server:
        receiver, sender = server.create_receiver("service", credit=100), server.create_sender()

        def serve() -> None:
            for request in receiver:
                request.accept()  # before the answer, after which the receiver may be closed
                sender.send(Message(request.body * 2, correlation_id=request.correlation_id, address=request.reply_to))

        serving = background(serve)
        asking = [background(lambda start: [connection.request("service", start + n).body for n in range(25)], 100 * t)
                  for t in range(8)]
        assert [each.result(TIMEOUT) for each in asking] == [[2 * (100 * t + n) for n in range(25)] for t in range(8)]
        assert len(connection._driver.links) == 2
        receiver.close()
        serving.result(TIMEOUT)


def test_a_copy_is_sent_and_the_message_stays_as_it_was(service: Service, connection: Connection) -> None:
    message = Message("a question", subject="s", properties={"a": 1}, reply_to="mine", correlation_id="mine")
    future = connection.submit_request("service", message)
    request = service.next()
    assert (request.body, request.subject, request.properties) == ("a question", "s", {"a": 1})
    assert request.reply_to == "dynamic-1" and request.id == request.correlation_id != "mine"
    service.answer(request, "an answer")
    assert future.result(TIMEOUT).body == "an answer"
    assert (message.reply_to, message.correlation_id, message.id) == ("mine", "mine", None)
    named = connection.submit_request("service", Message("another", id=7))
    assert service.next().id == 7
    assert named.cancel()


def test_the_address_may_come_from_the_url_or_the_message(service: Service, peer: Any) -> None:
    with connect(f"{peer.url}/from-url", timeout=TIMEOUT) as connection:
        asked = connection.submit_request(None, "x")
        service.next()
        assert service.senders[-1].remote_target.address == "from-url"
        assert asked.cancel()
    with connect(peer.url, timeout=TIMEOUT) as connection:
        asked = connection.submit_request(None, Message("y", address="its-own"))
        assert service.next().address == "its-own"
        assert service.senders[-1].remote_target.address is None
        with pytest.raises(ValueError, match="there is no address"):
            connection.request(None, "z")
        for wrong in (5, b"service"):
            with pytest.raises(TypeError, match="an address is a string"):
                connection.request(wrong, "z")  # type: ignore[arg-type]
            with pytest.raises(TypeError, match="an address is a string"):
                connection.request("service", "z", reply_to=wrong)  # type: ignore[arg-type]


def test_responses_may_be_wanted_at_an_address_of_ones_own(service: Service, connection: Connection) -> None:
    future = connection.submit_request("service", "x", reply_to="answers")
    request = service.next()
    assert request.reply_to == "answers" and not service.reply_links[0].remote_source.dynamic
    service.answer(request, "y")
    assert future.result(TIMEOUT).body == "y"


def test_a_response_that_comes_too_late_is_dropped(peer: Any, service: Service, connection: Connection) -> None:
    with pytest.raises(Timeout, match="Waiting for the response to a request: it was sent"):
        connection.request("service", "slow", 0.1)
    late = service.next()
    service.answer(late, "too late")
    assert peer.outcomes.get(timeout=TIMEOUT)[0] == Delivery.ACCEPTED
    future = connection.submit_request("service", "quick")
    service.answer(service.next(), "in time")
    assert future.result(TIMEOUT).body == "in time"


def test_a_response_to_nobody_and_one_that_is_no_message_cost_nothing(
    peer: Any, service: Service, connection: Connection
) -> None:
    future = connection.submit_request("service", "x")
    request = service.next()
    for stray in (Message("stray", correlation_id="nobody's"), Message("stray"), Message("s", correlation_id=5)):
        peer.do(stray.send, service.reply_links[0])
        assert peer.outcomes.get(timeout=TIMEOUT)[0] == Delivery.ACCEPTED
    peer.give(service.reply_links[0], b"\x00\x53\x77")
    assert peer.outcomes.get(timeout=TIMEOUT)[0] == Delivery.REJECTED
    service.answer(request, "the one")
    assert future.result(TIMEOUT).body == "the one"


def test_one_that_waits_for_credit_can_be_taken_back(peer: Any, service: Service, connection: Connection) -> None:
    peer.credit = 0
    first, second = connection.submit_request("service", "first"), connection.submit_request("service", "second")
    # Both links are there.
    assert {peer.links.get(timeout=TIMEOUT).is_sender for _ in range(2)} == {True, False}
    assert first.cancel()
    with pytest.raises(Timeout, match="it was not sent"):
        connection.request("service", "third", 0.05)
    peer.do(service.senders[0].flow, 10)
    request = service.next()
    assert request.body == "second"
    service.answer(request, "yes")
    assert second.result(TIMEOUT).body == "yes" and service.asked.empty()


def test_a_request_that_is_not_accepted(peer: Any, service: Service, connection: Connection) -> None:
    def reject(delivery: Any) -> None:
        delivery.update(Delivery.REJECTED)
        delivery.settle()

    peer.on_transfer = reject
    with pytest.raises(SendException, match="rejected"):
        connection.request("service", "x")


def test_the_link_for_responses_is_made_anew(peer: Any, service: Service, connection: Connection) -> None:
    future = connection.submit_request("service", "first")
    service.next()
    peer.close_with(service.reply_links[0], "amqp:resource-deleted")
    error = future.exception(TIMEOUT)
    assert isinstance(error, InDoubt) and error.condition == "amqp:resource-deleted"
    assert isinstance(error.__cause__, LinkDetached)
    again = connection.submit_request("service", "second")
    service.answer(service.next(), "there")
    assert again.result(TIMEOUT).body == "there" and len(service.reply_links) == 2


def test_a_link_for_requests_is_made_anew(peer: Any, service: Service, connection: Connection) -> None:
    future = connection.submit_request("service", "first")
    service.answer(service.next(), "there")
    assert future.result(TIMEOUT).body == "there"
    peer.close_with(service.senders[0], "amqp:link:detach-forced")
    connection.check()  # by the answer to this the link is known to be gone
    future = connection.submit_request("service", "second")
    service.answer(service.next(), "again")
    assert future.result(TIMEOUT).body == "again" and len(service.senders) == 2


def test_links_that_were_not_used_for_long_are_closed(service: Service, connection: Connection) -> None:
    for number in range(SENDERS + 3):
        future = connection.submit_request(f"service-{number}", number)
        service.answer(service.next(), number)
        assert future.result(TIMEOUT).body == number
    assert [service.closed.get(timeout=TIMEOUT) for _ in range(3)] == ["service-0", "service-1", "service-2"]
    assert service.closed.empty() and len(service.reply_links) == 1


def test_the_loss_of_the_connection_puts_in_doubt_what_was_sent_and_the_rest_goes_on(broker: Broker) -> None:
    with connect(broker.url, timeout=TIMEOUT, reconnect=[0.01] * 1000) as connection, syncproton.connect(
            broker.url, timeout=TIMEOUT, reconnect=[0.01] * 1000) as server:
        receiver = server.create_receiver("service")
        lost = connection.submit_request("service", "lost")
        assert receiver.receive().body == "lost"
        url = broker.url
        broker.close()
        error = lost.exception(TIMEOUT)
        assert isinstance(error, InDoubt)
        waits = connection.submit_request("service", "waits")
        with Broker(url):
            request = receiver.receive()
            server.create_sender(request.reply_to).send(Message("here", correlation_id=request.correlation_id))
            assert waits.result(TIMEOUT).body == "here"
            connection.close()
            server.close()
