"""Subscribe to a topic, go away, come back, and receive what was published meanwhile.

Needs a broker that has topics:

    python -m syncproton broker
    python durable_subscription.py --messages 5
"""

import argparse
import logging
import sys

from syncproton import Message, symbol
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container, DurableSubscription, LinkOption

# A subscription is known by these two. Come back under other names, and it is another subscription.
CONTAINER_ID = "example-subscriber"
SUBSCRIPTION = "example-subscription"


class Topic(LinkOption):
    """Says that an address is a topic, where each subscriber gets each message, rather than a queue."""

    def apply(self, link):
        terminus = link.source if link.is_receiver else link.target
        terminus.capabilities.put_object(symbol("topic"))


class Subscriber(MessagingHandler):
    def __init__(self, url, topic):
        super().__init__()
        self.url = url
        self.topic = topic
        self.done = False

    def on_start(self, event):
        connection = event.container.connect(self.url, reconnect=False)
        event.container.create_receiver(
            connection, self.topic, name=SUBSCRIPTION, options=[Topic(), DurableSubscription()])


class Subscribe(Subscriber):
    def on_link_opened(self, event):
        # A link that is refused is opened, too, without an address; then it is closed with the reason.
        if not event.receiver.remote_source.address:
            return
        print("subscribed")
        self.done = True
        # To detach is to leave the subscription behind; to close the link would be to give it up.
        event.receiver.detach()
        event.connection.close()


class Publish(MessagingHandler):
    def __init__(self, url, topic, count):
        super().__init__()
        self.url = url
        self.topic = topic
        self.count = count
        self.sent = 0
        self.accepted = 0
        self.done = False

    def on_start(self, event):
        connection = event.container.connect(self.url, reconnect=False)
        event.container.create_sender(connection, self.topic, options=Topic())

    def on_sendable(self, event):
        while event.sender.credit and self.sent < self.count:
            self.sent += 1
            event.sender.send(Message(id=self.sent, durable=True, body={"sequence": self.sent}))

    def on_accepted(self, event):
        self.accepted += 1
        if self.accepted == self.count:
            print(f"{self.accepted} messages were published, and nobody was there")
            self.done = True
            event.connection.close()

    def on_rejected(self, event):
        print("a message was not accepted", file=sys.stderr)
        event.connection.close()

    on_released = on_rejected


class ComeBack(Subscriber):
    def __init__(self, url, topic, count):
        super().__init__(url, topic)
        self.count = count
        self.received = 0

    def on_message(self, event):
        self.received += 1
        print(event.message.body)
        if self.received == self.count:
            print("unsubscribed")
            self.done = True
            event.receiver.close()
            event.connection.close()


def run(handler, container_id=None):
    container = Container(handler)
    if container_id:
        container.container_id = container_id
    container.run()
    if not handler.done:
        sys.exit(f"it ended at: {type(handler).__name__}")


parser = argparse.ArgumentParser(description="Receive what is published to a topic while the subscriber is away.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672", help="the broker (default: %(default)s)")
parser.add_argument("topic", nargs="?", default="examples.topic", help="the topic (default: %(default)s)")
parser.add_argument("-m", "--messages", type=int, default=10, help="how many (default: %(default)s)")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

try:
    run(Subscribe(arguments.url, arguments.topic), CONTAINER_ID)
    run(Publish(arguments.url, arguments.topic, arguments.messages))
    run(ComeBack(arguments.url, arguments.topic, arguments.messages), CONTAINER_ID)
except KeyboardInterrupt:
    pass
