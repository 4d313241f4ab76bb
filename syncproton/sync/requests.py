"""Request and response: one link for all responses on a connection, and a sender for each address."""

from __future__ import annotations

import logging
import uuid
from collections import OrderedDict
from concurrent.futures import Future
from copy import copy
from functools import partial
from itertools import count
from typing import Any, Callable, Dict, List, Optional

from ..engine import Condition, Delivery, Link, Session
from ..engine.trace_text import one_line
from ..errors import MessageException, Timeout
from ..message import Message
from ..reactor.futures import new_future
from .connection_driver import ConnectionDriver
from .errors import InDoubt
from .inlet import Inlet
from .link_driver import LinkDriver
from .receiver_driver import Arrival, ReceiverDriver
from .sender_driver import SenderDriver
from .sending import Sending
from .waiting import fail, fresh, resolve

__all__ = ["Request", "Requests"]

logger = logging.getLogger("syncproton.sync")

#: How many responses may be on their way.
CREDIT = 100

#: How many senders are kept, each for one address.  Beyond that, those not used for longest are closed.
SENDERS = 32


class Request(Sending):
    """A request, from its being made to its response.

    :ivar future: of the response.
    :ivar token: the correlation id.
    :ivar address: where to.
    :ivar answer_to: where the response is to come; ``None`` for a node that the peer makes.
    :ivar sent: whether it was handed over to the link.
    """

    __slots__ = (
        "address", "answer_to", "token", "future", "sent", "_message", "_reply_to", "_responses", "_sender", "_url",
    )

    def __init__(
        self, url: str, address: Optional[str], answer_to: Optional[str], token: str, message: Message,
        future: "Future[Message]",
    ) -> None:
        super().__init__(b"")
        self.address = address
        self.answer_to = answer_to
        self.token = token
        self.future = future
        self.sent = False
        self._url = url
        self._message = message
        self._reply_to: Optional[str] = None
        self._responses: "_Responses"
        self._sender: SenderDriver

    def encode(self, reply_to: str) -> None:
        """Encode it, for its response to come to an address."""
        self._message.reply_to = self._reply_to = reply_to
        self.data = self._message.encode()

    def go(self, responses: "_Responses", sender: SenderDriver) -> None:
        """Send it when there is credit.  On the I/O thread, as all that follows."""
        self._responses = responses
        self._sender = sender
        sender.enqueue(self)

    def go_on(self) -> None:
        """Send it after all: there is an address for the response now."""
        self._sender.enqueue(self)

    def claim(self) -> bool:
        responses = self._responses
        if self.future.done():
            return False
        if responses.ended is not None:
            self.failed(fresh(responses.ended))
            return False
        if responses.address is None:
            responses.early.append(self)
            return False
        if responses.address != self._reply_to:
            self.encode(responses.address)
        self.sent = True
        return True

    def done(self, delivery: Delivery) -> None:
        """The peer has it; what counts is the response."""

    def failed(self, error: BaseException) -> None:
        fail(self.future, error)

    def timed_out(self, taken_back: bool) -> Timeout:
        """What to raise when no response came in time."""
        said = "it was sent" if self.sent else "it was not sent"
        return Timeout(f"Connection {self._url} timed out: Waiting for the response to a request: {said}")


class _Responses(ReceiverDriver):
    """The link for responses, on a session of its own: RabbitMQ, for one, ends the session of a link it does not like.

    :param answer_to: the address to receive from; ``None`` to have the peer make a node.
    :ivar requests: those that wait for a response, by their correlation id.
    :ivar early: those for whose response there is no address yet.
    """

    def __init__(self, connection: ConnectionDriver, answer_to: Optional[str]) -> None:
        super().__init__(connection, connection.link_name("receiver", answer_to), CREDIT)
        self._answer_to = answer_to
        self.requests: Dict[str, Request] = {}
        self.early: List[Request] = []

    def _find_session(self) -> Session:
        return self.connection.new_session()

    def _attached(self, link: Link) -> None:
        super()._attached(link)
        if self.address is not None:
            early, self.early = self.early, []
            for request in early:
                request.go_on()

    def _hand_out(self, arrival: Arrival) -> None:
        message = Message()
        try:
            message.decode(arrival.data)
        except MessageException as error:
            logger.warning("%s: what came for a response is no message: %s", self.connection.url, one_line(error))
            self.settle(arrival, Delivery.REJECTED, Condition("amqp:decode-error", str(error)))
            return
        self.settle(arrival, Delivery.ACCEPTED)
        token = message.correlation_id
        request = self.requests.get(token) if isinstance(token, str) else None
        if request is not None:
            resolve(request.future, message)
        else:
            logger.debug("%s: a response came that nobody waits for", self.connection.url)

    def interrupted(self, error: BaseException) -> None:
        super().interrupted(error)
        self.address = None
        for request in list(self.requests.values()):
            if request.sent and self._answer_to is None:
                # The node was a temporary one: no response to what was sent can come any more.
                request.failed(InDoubt(error))

    def _fail_all(self, error: BaseException) -> None:
        super()._fail_all(error)
        self.early = []
        for request in list(self.requests.values()):
            request.failed(InDoubt(error) if request.sent else fresh(error))
        if self.session is not None:
            self.session.close()


class Requests:
    """The requests on a connection.

    :param connection: the driver of the connection.
    """

    def __init__(self, connection: ConnectionDriver) -> None:
        self._connection = connection
        self._inlet: "Inlet[Request]" = Inlet(connection.container, self._take, self._refuse)
        self._stem = uuid.uuid4().hex
        self._numbers = count(1)
        self._responses: Dict[Optional[str], _Responses] = {}
        self._senders: "OrderedDict[Optional[str], SenderDriver]" = OrderedDict()

    def send(self, address: Optional[str], answer_to: Optional[str], message: Any) -> Request:
        """Send a request.  From any thread.

        :raises MessageException: if it cannot be encoded.
        """
        for each in (address, answer_to):
            if each is not None and not isinstance(each, str):
                raise TypeError(f"an address is a string, not {each!r}")
        message = copy(message) if isinstance(message, Message) else Message(body=message)
        if not address and not message.address:
            raise ValueError("there is no address: neither an argument, nor in the URL, nor in the message")
        token = message.correlation_id = f"{self._stem}-{next(self._numbers)}"
        if message.id is None:
            message.id = token
        future: "Future[Message]" = new_future(self._connection.container)
        request = Request(self._connection.url, address or None, answer_to or None, token, message, future)
        # Encoded here, for the response to come where it does now; if that is another place by the time there is
        # credit, or none is known yet, again then.
        responses = self._responses.get(request.answer_to)
        request.encode(responses.address or token if responses is not None else token)
        self._inlet.put(request)
        return request

    # --- on the I/O thread

    @property
    def links(self) -> List[LinkDriver]:
        """Those that are kept for further requests."""
        return [*self._senders.values(), *self._responses.values()]

    def _take(self, request: Request) -> None:
        responses = self._link(request.answer_to)
        sender = self._sender(request.address)
        responses.requests[request.token] = request
        request.future.add_done_callback(partial(_forget, responses, request.token))
        if responses.ended is None:
            request.go(responses, sender)
        else:
            request.failed(fresh(responses.ended))

    def _refuse(self, request: Request, error: BaseException) -> None:
        request.failed(self._connection.why(error))

    def _link(self, answer_to: Optional[str]) -> _Responses:
        """The link for responses, made anew if there is none or it has ended."""
        responses = self._responses.get(answer_to)
        if responses is None or responses.ended is not None:
            responses = self._responses[answer_to] = _Responses(self._connection, answer_to)
            create = self._connection.container.create_receiver
            self._open(responses, partial(create, source=answer_to, dynamic=answer_to is None))
        return responses

    def _sender(self, address: Optional[str]) -> SenderDriver:
        """The sender for an address, made anew if there is none or it has ended."""
        senders = self._senders
        driver = senders.get(address)
        if driver is None or driver.ended is not None:
            driver = SenderDriver(self._connection, self._connection.link_name("sender", address))
            self._open(driver, partial(self._connection.container.create_sender, target=address))
            senders[address] = driver
            self._retire()
        senders.move_to_end(address)
        return driver

    def _open(self, driver: LinkDriver, attach: Callable[..., Link]) -> None:
        self._connection.begin(driver.open, attach).add_done_callback(partial(_opened, driver))

    def _retire(self) -> None:
        """Close senders that have not been used for long, if there are many."""
        for address in list(self._senders)[:max(0, len(self._senders) - SENDERS)]:
            driver = self._senders[address]
            if driver.idle:
                del self._senders[address]
                self._connection.begin(driver.close)


def _forget(responses: _Responses, token: str, future: "Future[Message]") -> None:
    responses.requests.pop(token, None)


def _opened(driver: LinkDriver, future: "Future[None]") -> None:
    """A link could not even be made: its requests are not to wait for it."""
    error = None if future.cancelled() else future.exception()
    if error is not None and driver.ended is None:
        driver._fail_all(error)
