"""Send a message and receive it again, by callbacks.

Needs a broker, for instance the in-memory one:

    python -m syncproton broker
    python helloworld.py
"""

import argparse
import logging
import sys

from syncproton import Message
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container


class HelloWorld(MessagingHandler):
    def __init__(self, url, address):
        super().__init__()
        self.url = url
        self.address = address
        self.done = False

    def on_start(self, event):
        connection = event.container.connect(self.url, reconnect=False)
        event.container.create_receiver(connection, self.address)
        event.container.create_sender(connection, self.address)

    def on_sendable(self, event):
        event.sender.send(Message(body="Hello World!"))
        event.sender.close()

    def on_message(self, event):
        print(event.message.body)
        self.done = True
        event.connection.close()


parser = argparse.ArgumentParser(description="Send a message and receive it again, by callbacks.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672", help="the broker (default: %(default)s)")
parser.add_argument("address", nargs="?", default="examples", help="the queue (default: %(default)s)")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

hello = HelloWorld(arguments.url, arguments.address)
try:
    Container(hello).run()
except KeyboardInterrupt:
    sys.exit()
if not hello.done:
    sys.exit("no message came back")
