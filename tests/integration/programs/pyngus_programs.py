"""What pyngus, a client library that others wrote on proton's engine, does with whatever is called ``proton``.

pyngus_programs.py pair                    two of its connections talk to each other in memory
pyngus_programs.py broker URL ADDRESS      sends to a broker's queue and receives from it, over a socket

Prints one JSON object: what the callbacks were told.
"""

import json
import select
import socket
import sys
import time
from urllib.parse import urlsplit

import proton
import pyngus


class Log:
    """Keeps what each connection and link was told, apart from each other."""

    def __init__(self):
        self.told = {}

    def add(self, who, *what):
        self.told.setdefault(who, []).append([str(item) for item in what])


class OnConnection(pyngus.ConnectionEventHandler):
    def __init__(self, name, log):
        self.name, self.log = name, log
        self.outgoing = None

    def connection_active(self, connection):
        self.log.add(self.name, "active")

    def connection_remote_opened(self, connection):
        self.log.add(self.name, "remote opened", connection.remote_container, connection.remote_hostname,
                     connection.remote_properties)
        connection.open()

    def connection_remote_closed(self, connection, condition):
        self.log.add(self.name, "remote closed", condition)
        connection.close()

    def connection_closed(self, connection):
        if ["closed"] not in self.log.told[self.name]:
            self.log.add(self.name, "closed")

    def connection_failed(self, connection, error):
        self.log.add(self.name, "failed", error)

    def sender_requested(self, connection, handle, name, requested_source, properties):
        self.log.add(self.name, "sender requested", name, requested_source, properties)
        self.outgoing = connection.accept_sender(handle, event_handler=OnSender(f"{self.name} to {name}", self.log))
        self.outgoing.open()

    def receiver_requested(self, connection, handle, name, requested_target, properties):
        self.log.add(self.name, "receiver requested", name, requested_target, properties)
        if requested_target == "refused":
            connection.reject_receiver(handle, proton.Condition("amqp:not-found", "no such place", {"where": "here"}))
            return
        link = connection.accept_receiver(handle, event_handler=OnReceiver(f"{self.name} from {name}", self.log))
        link.open()
        link.add_capacity(10)


class OnSender(pyngus.SenderEventHandler):
    def __init__(self, name, log):
        self.name, self.log = name, log

    def sender_active(self, link):
        self.log.add(self.name, "active", link.source_address, link.target_address)

    def sender_remote_closed(self, link, condition):
        self.log.add(self.name, "remote closed", condition)
        link.close()

    def sender_closed(self, link):
        self.log.add(self.name, "closed")

    def credit_granted(self, link):
        self.log.add(self.name, "credit", link.credit)


class OnReceiver(pyngus.ReceiverEventHandler):
    def __init__(self, name, log):
        self.name, self.log = name, log

    def receiver_active(self, link):
        self.log.add(self.name, "active", link.source_address, link.target_address)

    def receiver_remote_closed(self, link, condition):
        self.log.add(self.name, "remote closed", condition)
        link.close()

    def receiver_closed(self, link):
        self.log.add(self.name, "closed")

    def message_received(self, link, message, handle):
        self.log.add(self.name, "message", message.body, message.properties, link.capacity)
        if message.body == "reject":
            link.message_rejected(handle, proton.Condition("amqp:decode-error", "unreadable", {"at": 7}))
        elif message.body == "release":
            link.message_released(handle)
        elif message.body == "modify":
            link.message_modified(handle, True, True, {proton.symbol("note"): "again"})
        else:
            link.message_accepted(handle)


def connections(log):
    for name, properties in (("client", {"hostname": "host", "idle-time-out": 30, "properties": {"kind": "client"}}),
                             ("server", {"x-server": True, "max-frame-size": 1024, "idle-time-out": 20})):
        connection = pyngus.Container(name).create_connection(name, OnConnection(name, log), properties=properties)
        connection.open()
        yield connection


def pump(left, right):
    moved = True
    while moved:
        moved = False
        for source, sink in ((left, right), (right, left)):
            source.process(time.time())
            if source.has_output > 0 and sink.needs_input > 0:
                source.output_written(sink.process_input(source.output_data()))
                moved = True
            sink.process(time.time())


def pair():
    log = Log()
    client, server = connections(log)
    pump(client, server)

    def done(link, handle, state, info):
        log.add("outcome of " + str(handle), state, sorted((info or {}).items()))

    sender = client.create_sender("here", "there", event_handler=OnSender("client to there", log), name="out")
    sender.open()
    pump(client, server)
    for body in ("accept", {"a": [1, 2.5, None, "x"]}, "reject", "release", "modify", "z" * 5000):
        sender.send(proton.Message(body=body, properties={"size": len(body)}), done, handle=str(body)[:10])
    sender.send(proton.Message(body="nobody asks"))
    pump(client, server)

    refused = client.create_sender("here", "refused", event_handler=OnSender("refused", log), name="refused")
    refused.open()
    pump(client, server)

    receiver = client.create_receiver("to", "from", event_handler=OnReceiver("client from it", log), name="in")
    receiver.open()
    receiver.add_capacity(3)
    pump(client, server)
    outgoing = server._handler.outgoing
    for number in range(5):
        outgoing.send(proton.Message(body=number), done, handle=number)
    pump(client, server)
    receiver.add_capacity(1)
    pump(client, server)
    receiver.close(proton.Condition("amqp:resource-limit-exceeded", "enough"))
    pump(client, server)
    sender.close()
    pump(client, server)
    client.close(proton.Condition("amqp:internal-error", "done for"))
    pump(client, server)
    return {"told": log.told, "ended": [client.closed, server.closed, client.has_output, server.needs_input]}


def over_socket(url, address):
    url = urlsplit(url)
    log = Log()
    outcomes = []
    login = {"x-sasl-mechs": "ANONYMOUS"}
    if url.username:
        login = {"x-sasl-mechs": "PLAIN", "x-username": url.username, "x-password": url.password}
    connection = pyngus.Container("pyngus").create_connection(
        "broker", OnConnection("connection", log),
        properties={"hostname": url.hostname, "idle-time-out": 10, **login},
    )
    connection.pn_sasl.allow_insecure_mechs = True
    sock = socket.create_connection((url.hostname, url.port), timeout=20)
    connection.open()

    def step():
        connection.process(time.time())
        readable, writable, _ = select.select([sock] if connection.needs_input > 0 else [],
                                              [sock] if connection.has_output > 0 else [], [], 1)
        if readable:
            pyngus.read_socket_input(connection, sock)
        connection.process(time.time())
        if writable:
            pyngus.write_socket_output(connection, sock)

    def until(condition):
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, log.told
            step()

    sender = connection.create_sender("source", address, event_handler=OnSender("sender", log), name="sender")
    sender.open()
    for number in range(20):
        sender.send(proton.Message(body=f"message {number}", durable=True),
                    lambda link, handle, state, info: outcomes.append(str(state)), deadline=time.time() + 30)
    until(lambda: len(outcomes) == 20)
    receiver = connection.create_receiver("target", address, event_handler=OnReceiver("receiver", log), name="receiver")
    receiver.open()
    receiver.add_capacity(20)
    until(lambda: len([told for told in log.told.get("receiver", ()) if told[0] == "message"]) == 20)
    connection.close()
    until(lambda: connection.closed)
    sock.close()
    return {"outcomes": outcomes, "bodies": [told[1] for told in log.told["receiver"] if told[0] == "message"],
            "failed": [told for told in log.told["connection"] if told[0] == "failed"]}


if __name__ == "__main__":
    result = pair() if sys.argv[1] == "pair" else over_socket(*sys.argv[2:])
    print(json.dumps(dict(result, proton=proton.__name__)))
