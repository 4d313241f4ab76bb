"""Flask's extension: set up lazily and checked, sending and lending connections, for several applications."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any, Iterator

import pytest
from flask import Flask, g

import syncproton
from syncproton import ConnectionException, Message, SSLDomain, Timeout
from syncproton.broker import Broker, Limits
from syncproton.contrib._settings import SettingsError
from syncproton.contrib.flask import AMQP
from syncproton.sync import SendException

LIMIT = 20.0  # seconds


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker("amqp://127.0.0.1:0") as running:
        yield running


def make(broker_url: str, name: str = "shop", **settings: Any) -> Flask:
    app = Flask(name)
    app.config.update(AMQP_URL=broker_url, AMQP_TIMEOUT=LIMIT, **settings)
    return app


@pytest.fixture
def amqp() -> AMQP:
    return AMQP()


@pytest.fixture
def app(amqp: AMQP, broker: Broker) -> Iterator[Flask]:
    """An application that is set up; its connections are closed at the end."""
    made = make(broker.url)
    amqp.init_app(made)
    yield made
    with made.app_context():
        amqp.close()


def take(broker: Broker, address: str) -> Any:
    return syncproton.receive(f"{broker.url}/{address}", timeout=LIMIT)


def test_a_dict_is_sent_as_the_body_of_a_durable_message(app: Flask, amqp: AMQP, broker: Broker) -> None:
    with app.app_context():
        assert amqp.send("orders", {"tea": "assam", "tins": 3}).remote_state == syncproton.Delivery.ACCEPTED
    message = take(broker, "orders")
    assert message.body == {"tea": "assam", "tins": 3} and message.durable


def test_a_message_is_sent_as_it_is(app: Flask, amqp: AMQP, broker: Broker) -> None:
    with app.app_context():
        amqp.send("orders", Message(body="x", subject="y", id=5))
    message = take(broker, "orders")
    assert (message.body, message.subject, message.id, message.durable) == ("x", "y", 5, False)


def test_what_is_made_of_a_body_need_not_be_durable(amqp: AMQP, broker: Broker) -> None:
    app = make(broker.url, AMQP_DURABLE=False)
    amqp.init_app(app)
    with app.app_context():
        amqp.send("orders", "x")
        amqp.close()
    assert not take(broker, "orders").durable


def test_nothing_is_connected_before_the_first_use(amqp: AMQP, broker: Broker) -> None:
    threads = threading.active_count()
    broker.close()
    app = make(broker.url)
    amqp.init_app(app)  # no broker is there
    with app.app_context():
        assert threading.active_count() < threads  # those of the broker are gone, and there are no others
        broker.start()
        amqp.send("orders", "now")
        amqp.close()
    assert take(broker, "orders").body == "now"


def test_flask_is_imported_by_its_extension_alone() -> None:
    modules = "syncproton, syncproton.sync, syncproton.broker, syncproton.contrib._consumer, sys"
    program = f"import {modules}; print('flask' in sys.modules, 'click' in sys.modules, 'django' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT, check=True)
    assert printed.stdout.split() == ["False"] * 3


def test_several_applications_each_have_their_own_broker(amqp: AMQP, broker: Broker) -> None:
    with Broker("amqp://127.0.0.1:0") as other:
        for number, url in enumerate((broker.url, other.url)):
            app = make(url, f"app{number}")
            amqp.init_app(app)
            with app.app_context():
                amqp.send("orders", number)
                amqp.close()
        assert take(broker, "orders").body == 0 and take(other, "orders").body == 1


def test_an_application_may_be_given_at_once(broker: Broker) -> None:
    app = make(broker.url)
    amqp = AMQP(app)
    with app.app_context():
        amqp.send("orders", "x")
        amqp.close()
    assert broker.depths() == {"orders": 1}


def test_a_second_set_up_is_refused(app: Flask, amqp: AMQP) -> None:
    for extension in (amqp, AMQP()):
        with pytest.raises(RuntimeError, match="has an AMQP extension already"):
            extension.init_app(app)


def test_an_application_that_was_not_set_up_is_told_so(app: Flask, amqp: AMQP, broker: Broker) -> None:
    with Flask("other").app_context(), pytest.raises(RuntimeError, match="'other' is not set up.*init_app"):
        amqp.send("orders", "x")
    with app.app_context(), pytest.raises(RuntimeError, match="'shop' is not set up for this AMQP object"):
        AMQP().send("orders", "x")
    with pytest.raises(RuntimeError, match="application context"):
        amqp.send("orders", "x")
    assert broker.depths() == {}


@pytest.mark.parametrize("settings, says", [
    ({}, "AMQP_URL is missing"), ({"AMPQ_URL": "amqp://host"}, "AMQP_URL is missing .you have AMPQ_URL"),
    ({"AMQP_URL": "amqp://host", "AMQP_POOLMAXSIZE": 5}, "AMQP_POOLMAXSIZE is not a setting .* AMQP_POOL_MAX_SIZE"),
    ({"AMQP_URL": "amqp://host", "AMQP_POOL_MAX_SIZE": 0}, "AMQP_POOL_MAX_SIZE must be"),
    ({"AMQP_URL": "amqp://host", "AMQP_POOL_MIN_SIZE": 99}, "AMQP_POOL_MIN_SIZE")])
def test_settings_that_are_missing_misspelt_or_wrong_are_named_at_the_set_up(
        amqp: AMQP, settings: Any, says: str) -> None:
    app = Flask("shop")
    app.config.update(settings)
    with pytest.raises(SettingsError, match=says):
        amqp.init_app(app)
    # It can be mended.
    for name in settings:
        del app.config[name]
    app.config["AMQP_URL"] = "amqp://host"
    amqp.init_app(app)


def test_settings_of_tls_are_used(amqp: AMQP, tmp_path: Any) -> None:
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    domain = SSLDomain(SSLDomain.MODE_SERVER)
    domain.set_credentials(str(tmp_path / "server.pem"), str(tmp_path / "server.pem"), None)
    with Broker("amqps://127.0.0.1:0", ssl_domain=domain) as broker:
        app = make(broker.url, AMQP_SSL_CA=tmp_path / "ca.pem")
        amqp.init_app(app)
        with app.app_context():
            amqp.send("orders", "secret")
            amqp.close()
        assert broker.depths() == {"orders": 1}


def test_a_lent_connection_does_what_connections_do(app: Flask, amqp: AMQP) -> None:
    with app.app_context():
        amqp.send("orders", "x")
        with amqp.connection() as connection, connection.create_receiver("orders") as receiver:
            message = receiver.receive(LIMIT)
            message.accept()
        assert message.body == "x"


def test_the_connection_of_a_context_stays_the_same_and_is_given_back(amqp: AMQP, broker: Broker) -> None:
    app = make(broker.url, AMQP_POOL_MAX_SIZE=1, AMQP_POOL_MIN_SIZE=0)
    amqp.init_app(app)
    kept = []  # so that nothing is given back only because nobody knows of it any more

    @app.route("/<mood>")
    def view(mood: str) -> str:
        connection = amqp.current_connection
        kept.append(dict(vars(g)))
        assert amqp.current_connection is connection
        with pytest.raises(Timeout), amqp.connection(timeout=0.01):
            pass  # the pool has no other
        if mood == "bad":
            raise ValueError(mood)
        return "fine"

    client = app.test_client()
    # Were one not given back, the next would wait for it in vain.
    assert [client.get(f"/{mood}").status_code for mood in ("good", "bad", "good")] == [200, 500, 200]
    with app.app_context():
        with amqp.connection(timeout=LIMIT):
            pass
        amqp.close()


def test_a_broker_that_is_not_there_is_told_in_time_and_may_come_back(app: Flask, amqp: AMQP, broker: Broker) -> None:
    with app.app_context():
        amqp.send("orders", "first")
        broker.close()
        with pytest.raises((ConnectionException, Timeout)):
            amqp.send("orders", "second", timeout=0.5)
        broker.start()
        amqp.send("orders", "third")
    assert take(broker, "orders").body == "third"


def test_what_the_broker_does_not_take_is_told(amqp: AMQP) -> None:
    with Broker("amqp://127.0.0.1:0", limits=Limits(queue_depth=1)) as broker:
        app = make(broker.url)
        amqp.init_app(app)
        with app.app_context():
            amqp.send("orders", "x")
            with pytest.raises(SendException):
                amqp.send("orders", "y")
            amqp.close()


@pytest.mark.parametrize("timeout, error", [(-1, ValueError), ("1", TypeError), (True, TypeError)])
def test_a_timeout_that_is_none_is_refused(app: Flask, amqp: AMQP, timeout: Any, error: Any) -> None:
    with app.app_context():
        with pytest.raises(error, match="timeout"):
            amqp.send("orders", "x", timeout=timeout)
        with pytest.raises(error, match="timeout"), amqp.connection(timeout=timeout):
            pass


def test_threads_share_an_application(app: Flask, amqp: AMQP, broker: Broker) -> None:
    def work() -> None:
        for _ in range(10):
            with app.app_context():
                amqp.send("orders", "x")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert broker.depths() == {"orders": 80}
