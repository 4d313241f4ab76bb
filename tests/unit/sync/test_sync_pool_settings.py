"""What a pool is told is checked when it is made, and errors name what is wrong."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, Type

import pytest

from syncproton import ConnectionPool, SSLDomain
from syncproton.reactor import Container

URL = "amqp://me:secret@127.0.0.1:1"


@pytest.mark.parametrize("settings, error, text", [
    ({"min_size": -1}, ValueError, "min_size must be at least 0, not -1"),
    ({"max_size": 0}, ValueError, "max_size must be at least 1, not 0"),
    ({"max_size": -3}, ValueError, "max_size must be at least 1, not -3"),
    ({"min_size": 5, "max_size": 4}, ValueError, "min_size must be at most max_size, which is 4, not 5"),
    ({"min_size": 11}, ValueError, "min_size must be at most max_size, which is 10, not 11"),
    ({"min_size": 1.5}, TypeError, "min_size is a whole number, not 1.5"),
    ({"max_size": "4"}, TypeError, "max_size is a whole number, not '4'"),
    ({"max_size": None}, TypeError, "max_size is a whole number, not None"),
    ({"max_size": True}, TypeError, "max_size is a whole number, not True"),
    ({"max_waiting": -1}, ValueError, "max_waiting must be at least 0, not -1"),
    ({"max_waiting": None}, TypeError, "max_waiting is a whole number, not None"),
    ({"timeout": -1}, ValueError, "timeout must be non-negative, not -1"),
    ({"timeout": "5"}, TypeError, "timeout is a number of seconds, or None to wait for ever, not '5'"),
    ({"timeout": math.nan}, ValueError, "timeout must be non-negative, not nan"),
    ({"timeout": True}, TypeError, "timeout is a number of seconds, or None to wait for ever, not True"),
    ({"timeout": False}, TypeError, "timeout is a number of seconds, or None to wait for ever, not False"),
    ({"max_lifetime": 0}, ValueError, "max_lifetime must be more than 0 seconds, or None for no limit, not 0"),
    ({"max_lifetime": -5.0}, ValueError, "max_lifetime must be non-negative, not -5.0"),
    ({"max_lifetime": "1h"}, TypeError, "max_lifetime is a number of seconds"),
    ({"max_idle": 0}, ValueError, "max_idle must be more than 0 seconds, or None for no limit, not 0"),
    ({"max_idle": []}, TypeError, "max_idle is a number of seconds"),
    ({"check": 5}, TypeError, "check must be True, False or a function that takes a connection, not 5"),
    ({"container": Container()}, TypeError, "'container' cannot be given"),
    ({"hearbeat": 5}, TypeError, r"ConnectionPool\(\) got an unexpected keyword argument 'hearbeat'"),
    ({"heartbeat": "5"}, TypeError, "a heartbeat is a number of seconds, not '5'"),
    ({"ssl_domain": 5}, TypeError, "ssl_domain must be an SSLDomain, not int"),
    ({"ssl_domain": SSLDomain(SSLDomain.MODE_SERVER)}, ValueError, "ssl_domain must be of MODE_CLIENT"),
    ({"user": 5}, TypeError, "user must be a string, not int"),
    ({"urls": [URL]}, ValueError, "only one of url and urls can be given"),
    ({"reconnect": 5}, TypeError, "reconnect must be a Backoff, a list of delays, True or False, not 5"),
])
def test_a_setting_that_makes_no_sense_is_named(settings: Dict[str, Any], error: Type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        ConnectionPool(URL, **settings)


@pytest.mark.parametrize("url, error", [("", ValueError), ("amqp://h:0", ValueError), (5, TypeError)])
def test_a_url_that_makes_no_sense_is_refused(url: Any, error: Type[Exception]) -> None:
    with pytest.raises(error):
        ConnectionPool(url)


@pytest.mark.parametrize("settings", [
    {"timeout": None, "max_lifetime": None, "max_idle": None, "check": None},
    {"timeout": 0, "max_lifetime": 0.5, "max_idle": 1, "check": True, "min_size": 4, "max_size": 4},
    {"check": print, "reconnect": True, "heartbeat": 5, "user": "me", "virtual_host": "v"},
])
def test_what_makes_sense_is_taken(settings: Dict[str, Any]) -> None:
    with ConnectionPool(URL, **settings) as pool:
        assert not pool.closed


def test_one_of_several_places_may_be_given(peer: Any) -> None:
    with ConnectionPool(urls=iter([peer.url]), max_size=2) as pool:
        with pool.connection() as first, pool.connection() as second:
            assert first is not second  # an iterator would have been at its end


@pytest.mark.parametrize("use", [
    lambda pool, timeout: pool.connection(timeout),
    lambda pool, timeout: pool.send("q", "x", timeout),
    lambda pool, timeout: pool.wait(timeout),
    lambda pool, timeout: pool.close(timeout),
])
def test_a_timeout_that_makes_no_sense_is_refused_at_the_call(use: Callable[..., Any]) -> None:
    with ConnectionPool(URL) as pool:
        for timeout, error in ((-1, ValueError), ("1", TypeError), (True, TypeError), (math.nan, ValueError)):
            with pytest.raises(error, match="timeout"):
                use(pool, timeout)
        assert not pool.closed and pool.get_stats()["requests_num"] == 0


def test_an_address_is_a_text() -> None:
    with ConnectionPool(URL) as pool:
        with pytest.raises(TypeError, match="address must be a str, not NoneType"):
            pool.send(None, "x")  # type: ignore[arg-type]


def test_the_password_is_shown_nowhere() -> None:
    with ConnectionPool(URL, password="secret") as pool:
        with pytest.raises(Exception) as caught:
            pool.send("q", "x", timeout=0)
        for text in (repr(pool), pool.url, str(caught.value), repr(caught.value)):
            assert "secret" not in text and "127.0.0.1" in text
