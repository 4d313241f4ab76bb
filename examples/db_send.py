"""Send what is in a table of a database, and delete each row once the broker has its message.

A database makes its callers wait, and callbacks must not wait. So a thread works with the database: it gets its jobs
from a queue, and tells of what it has done by events.

Needs a broker. The first of these puts 100 rows into the table:

    python -m syncproton broker
    python db_send.py --database outbox.sqlite --add 100
    python db_recv.py --database inbox.sqlite --messages 100

Stop it at any moment and start it again: no row is left out. One that was under way may be sent twice.
"""

import argparse
import logging
import queue
import sqlite3
import sys
import threading

from syncproton import Message, ProtonException
from syncproton.handlers import MessagingHandler
from syncproton.reactor import ApplicationEvent, Container, EventInjector

AT_A_TIME = 100


class Outbox(threading.Thread):
    """The thread that works with the database."""

    def __init__(self, path, add):
        super().__init__(daemon=True)
        self.path = path
        self.add = add
        self.jobs = queue.Queue()
        self.injector = EventInjector()

    def run(self):
        try:
            database = sqlite3.connect(self.path)
            with database:
                database.execute("CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT)")
                database.executemany("INSERT INTO outbox (body) VALUES (?)",
                                     [(f"row {number + 1}",) for number in range(self.add)])
            for job, argument in iter(self.jobs.get, None):
                job(database, argument)
            database.close()
        except sqlite3.Error as error:
            self.tell("outbox_failed", error)
        finally:
            # The container runs for as long as the injector is open.
            self.injector.close()

    def tell(self, name, subject):
        try:
            # The handler's on_<name> will be called, on its own thread.
            self.injector.trigger(ApplicationEvent(name, subject=subject))
        except ProtonException:
            pass  # The container has ended.

    def read(self, database, _):
        rows = database.execute("SELECT id, body FROM outbox ORDER BY id LIMIT ?", (AT_A_TIME,))
        self.tell("rows", rows.fetchall())

    def delete(self, database, row):
        with database:
            database.execute("DELETE FROM outbox WHERE id = ?", (row,))
        self.tell("deleted", row)


class Send(MessagingHandler):
    def __init__(self, url, address, outbox):
        super().__init__()
        self.url = url
        self.address = address
        self.outbox = outbox
        self.unsent = []
        self.sent = {}  # Which row is in which delivery.
        self.left = 0  # How many of the rows that were read last are still in the table.
        self.deleted = 0
        self.done = False

    def on_start(self, event):
        event.container.selectable(self.outbox.injector)
        self.outbox.start()
        self.connection = event.container.connect(self.url, reconnect=False)
        self.sender = event.container.create_sender(self.connection, self.address)
        self.outbox.jobs.put((self.outbox.read, None))

    def on_rows(self, event):
        self.unsent = event.subject
        self.left = len(self.unsent)
        if self.left:
            self.send()
        else:
            print(f"{self.deleted} rows were sent")
            self.done = True
            self.connection.close()

    def on_sendable(self, event):
        self.send()

    def send(self):
        while self.unsent and self.sender.credit:
            row, body = self.unsent.pop(0)
            delivery = self.sender.send(Message(id=row, durable=True, body=body))
            self.sent[delivery.tag] = row

    def on_accepted(self, event):
        self.outbox.jobs.put((self.outbox.delete, self.sent.pop(event.delivery.tag)))

    def on_deleted(self, event):
        self.deleted += 1
        self.left -= 1
        if not self.left:
            self.outbox.jobs.put((self.outbox.read, None))

    def on_rejected(self, event):
        print(f"not accepted: row {self.sent[event.delivery.tag]}", file=sys.stderr)
        self.connection.close()

    on_released = on_rejected

    def on_outbox_failed(self, event):
        print(f"database: {event.subject}", file=sys.stderr)
        self.connection.close()

    def on_transport_closed(self, event):
        # The connection has ended, for whatever reason; when it has done its jobs, so does the thread.
        self.outbox.jobs.put(None)


parser = argparse.ArgumentParser(description="Send what is in a table of a database.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672", help="the broker (default: %(default)s)")
parser.add_argument("address", nargs="?", default="examples", help="the queue (default: %(default)s)")
parser.add_argument("-d", "--database", default="outbox.sqlite", help="the file (default: %(default)s)")
parser.add_argument("-a", "--add", type=int, default=0, help="put so many rows into the table first")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

outbox = Outbox(arguments.database, arguments.add)
send = Send(arguments.url, arguments.address, outbox)
try:
    Container(send).run()
except KeyboardInterrupt:
    sys.exit()
if not send.done:
    sys.exit(f"{send.deleted} rows were sent")
