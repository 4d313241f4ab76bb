"""Write each message into a table of a database, and accept it once it is there for good.

A database makes its callers wait, and callbacks must not wait. So a thread works with the database: it gets its jobs
from a queue, and tells of what it has done by events.

Needs a broker, and something to send:

    python -m syncproton broker
    python db_send.py --database outbox.sqlite --add 100
    python db_recv.py --database inbox.sqlite --messages 100

Stop it at any moment and start it again: no message is lost. One that comes twice is written once.
"""

import argparse
import logging
import queue
import sqlite3
import sys
import threading

from syncproton import ProtonException
from syncproton.handlers import MessagingHandler
from syncproton.reactor import ApplicationEvent, Container, EventInjector


class Inbox(threading.Thread):
    """The thread that works with the database."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = path
        self.jobs = queue.Queue()
        self.injector = EventInjector()

    def run(self):
        try:
            database = sqlite3.connect(self.path)
            with database:
                database.execute("CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, body TEXT)")
            for message, delivery in iter(self.jobs.get, None):
                with database:
                    database.execute("INSERT OR IGNORE INTO inbox VALUES (?, ?)", (str(message.id), str(message.body)))
                # The delivery is handed back as it came: it must not be touched but on the container's thread.
                self.tell("written", delivery=delivery, subject=message.id)
            database.close()
        except sqlite3.Error as error:
            self.tell("inbox_failed", subject=error)
        finally:
            # The container runs for as long as the injector is open.
            self.injector.close()

    def tell(self, name, **about):
        try:
            # The handler's on_<name> will be called, on its own thread.
            self.injector.trigger(ApplicationEvent(name, **about))
        except ProtonException:
            pass  # The container has ended.


class Receive(MessagingHandler):
    def __init__(self, url, address, inbox, count):
        # Accepted is what has been written, not what has come.
        super().__init__(auto_accept=False)
        self.url = url
        self.address = address
        self.inbox = inbox
        self.count = count
        self.received = 0
        self.accepted = 0
        self.done = False

    def on_start(self, event):
        event.container.selectable(self.inbox.injector)
        self.inbox.start()
        self.connection = event.container.connect(self.url, reconnect=False)
        event.container.create_receiver(self.connection, self.address)

    def on_message(self, event):
        if self.received == self.count != 0:
            return  # More than were asked for: not accepted, so the broker keeps them.
        self.received += 1
        self.inbox.jobs.put((event.message, event.delivery))

    def on_written(self, event):
        self.accept(event.delivery)
        self.accepted += 1
        print(f"written: {event.subject}")
        if self.accepted == self.count:
            self.done = True
            self.connection.close()

    def on_inbox_failed(self, event):
        print(f"database: {event.subject}", file=sys.stderr)
        self.connection.close()

    def on_transport_closed(self, event):
        # The connection has ended, for whatever reason; when it has done its jobs, so does the thread.
        self.inbox.jobs.put(None)


parser = argparse.ArgumentParser(description="Write messages into a table of a database.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672", help="the broker (default: %(default)s)")
parser.add_argument("address", nargs="?", default="examples", help="the queue (default: %(default)s)")
parser.add_argument("-d", "--database", default="inbox.sqlite", help="the file (default: %(default)s)")
parser.add_argument("-m", "--messages", type=int, default=100, help="how many; 0 for ever (default: %(default)s)")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

receive = Receive(arguments.url, arguments.address, Inbox(arguments.database), arguments.messages)
try:
    Container(receive).run()
except KeyboardInterrupt:
    sys.exit()
if not receive.done:
    sys.exit(f"{receive.accepted} messages were written")
