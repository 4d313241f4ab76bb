"""What a broker refuses: a wrong password, a queue that does not exist, a broker that is not there."""

from __future__ import annotations

from typing import Any, List, Optional

import pytest

from broker_under_test import BrokerUnderTest
from server_process import free_port
from syncproton import ConnectionException, ProtonException
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container
from syncproton.utils import BlockingConnection


class Refused(MessagingHandler):
    """Connects, asks for a sender or a receiver if told so, and notes every refusal."""

    def __init__(self, url: str, address: str = "", role: str = "", allowed_mechs: Optional[str] = None) -> None:
        super().__init__()
        self.url = url
        self.allowed_mechs = allowed_mechs
        self.address = address
        self.role = role
        self.opened = False
        self.refusals: List[str] = []

    def on_start(self, event: Any) -> None:
        connection = event.container.connect(self.url, reconnect=False, allowed_mechs=self.allowed_mechs)
        if self.role == "sender":
            event.container.create_sender(connection, self.address)
        elif self.role == "receiver":
            event.container.create_receiver(connection, self.address)

    def on_connection_opened(self, event: Any) -> None:
        self.opened = True
        if not self.role:
            event.connection.close()

    def on_transport_error(self, event: Any) -> None:
        self.refusals.append(event.transport.condition.name)

    def on_link_error(self, event: Any) -> None:
        self.refusals.append(event.link.remote_condition.name)
        event.connection.close()

    def on_session_error(self, event: Any) -> None:
        self.refusals.append(event.session.remote_condition.name)
        event.connection.close()

    def on_connection_error(self, event: Any) -> None:
        self.refusals.append(event.connection.remote_condition.name)


@pytest.fixture(params=["artemis", "rabbitmq"])
def refusing_broker(request: pytest.FixtureRequest) -> BrokerUnderTest:
    """The brokers that refuse a queue; the Proton C broker makes every queue it is asked for."""
    running: BrokerUnderTest = request.getfixturevalue(request.param)
    return running


def test_a_wrong_password_is_told_to_the_handler(broker: BrokerUnderTest) -> None:
    handler = Refused(broker.wrong_password_url, allowed_mechs="PLAIN")
    Container(handler).run()
    assert handler.refusals == ["amqp:unauthorized-access"]
    assert not handler.opened


def test_a_wrong_password_is_raised(broker: BrokerUnderTest) -> None:
    with pytest.raises(ConnectionException, match="amqp:unauthorized-access") as raised:
        BlockingConnection(broker.wrong_password_url, timeout=30, allowed_mechs="PLAIN")
    assert "wrong" not in str(raised.value), "the password is in the text of the exception"


@pytest.mark.parametrize("role", ["sender", "receiver"])
def test_a_missing_address_is_told_to_the_handler(refusing_broker: BrokerUnderTest, role: str) -> None:
    handler = Refused(refusing_broker.url, refusing_broker.missing[role], role)
    Container(handler).run()
    assert handler.opened
    assert handler.refusals == ["amqp:not-found"]


@pytest.mark.parametrize("role", ["sender", "receiver"])
def test_a_missing_address_is_raised(refusing_broker: BrokerUnderTest, role: str) -> None:
    connection = BlockingConnection(refusing_broker.url, timeout=30)
    try:
        create = connection.create_sender if role == "sender" else connection.create_receiver
        with pytest.raises(ProtonException, match="amqp:not-found"):
            create(refusing_broker.missing[role])
    finally:
        connection.close()


def test_a_broker_that_is_not_there_is_told_to_the_handler() -> None:
    handler = Refused(f"amqp://127.0.0.1:{free_port()}")
    Container(handler).run()
    assert handler.refusals == ["proton:io"]


def test_a_broker_that_is_not_there_is_raised() -> None:
    with pytest.raises(ConnectionException):
        BlockingConnection(f"amqp://127.0.0.1:{free_port()}", timeout=30, reconnect=False)
