"""Starting and stopping a broker."""

from __future__ import annotations

import socket
import threading
from typing import Any, Callable

import pytest

from syncproton.broker import Broker
from syncproton.broker.handler import BrokerHandler
from syncproton.engine import Endpoint
from syncproton.url import Url


def can_connect(url: str) -> bool:
    address = Url(url)
    try:
        socket.create_connection((address.host, int(address.port or 0)), 10).close()
    except ConnectionRefusedError:
        return False
    return True


def test_it_says_that_it_is_for_demos_and_tests() -> None:
    assert "demos and tests" in (Broker.__doc__ or "")


def test_a_free_port() -> None:
    with Broker("amqp://127.0.0.1:0") as broker, Broker("amqp://127.0.0.1:0") as other:
        assert broker.url.startswith("amqp://127.0.0.1:") and not broker.url.endswith(":0")
        assert broker.url != other.url
        assert can_connect(broker.url) and can_connect(other.url)
    assert not can_connect(broker.url) and not can_connect(other.url)


def test_start_and_close_twice() -> None:
    broker = Broker("amqp://127.0.0.1:0")
    broker.close()
    assert broker.start().start() is broker
    url = broker.url
    broker.close()
    broker.close()
    assert broker.depths() == {}
    with broker:
        assert broker.url == url and can_connect(url)


def test_messages_are_gone_after_a_restart(connect: Callable[[], Any], broker: Broker) -> None:
    client = connect()
    client.send(client.sender("q"), "x")
    client.close()
    broker.close()
    broker.start()
    assert broker.depths() == {}


def test_closing_tells_the_clients_to_come_back_later(connect: Callable[[], Any], broker: Broker) -> None:
    client = connect()
    client.sync()
    closing = threading.Thread(target=broker.close)
    closing.start()
    client.wait(lambda: client.connection.state & Endpoint.REMOTE_CLOSED)
    assert client.connection.remote_condition.name == "amqp:connection:forced"
    client.connection.close()
    client.wait(lambda: True)
    while client.socket.recv(1 << 16):
        pass
    closing.join()


def test_clients_are_told_when_none_can_come_in_any_more(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    shut_down = BrokerHandler.shut_down
    told = []

    def connecting(handler: BrokerHandler) -> None:
        told.append(can_connect(broker.url))
        shut_down(handler)

    monkeypatch.setattr(BrokerHandler, "shut_down", connecting)
    broker.close()
    assert told == [False]


def test_a_port_in_use(broker: Broker) -> None:
    with pytest.raises(Exception, match="in use"):
        Broker(broker.url).start()
    assert can_connect(broker.url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:0", "amqp://127.0.0.1:port", "amqp://127.0.0.1:70000"])
def test_a_url_that_makes_no_sense(url: str) -> None:
    with pytest.raises(ValueError):
        Broker(url)
