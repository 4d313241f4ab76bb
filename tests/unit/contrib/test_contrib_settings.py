"""The settings of the web frameworks' integrations: what is read, and that each fault names its setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trustme

from syncproton import SSLDomain
from syncproton.contrib._settings import Settings, SettingsError, read_settings

URL = "amqp://user:topsecret@broker"


def read(*others: str, **values: Any) -> Settings:
    return read_settings(values, "AMQP_{}".format, others)


def refusal(*others: str, **values: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        read(*others, **values)
    assert "topsecret" not in str(caught.value)
    return str(caught.value)


def test_a_url_is_enough_and_every_timeout_is_finite() -> None:
    settings = read(URL=URL)
    assert settings.url.startswith("amqp://user:topsecret@broker")
    assert settings.timeout == 30 and settings.stop_timeout == 25
    assert settings.connect == {"heartbeat": 30} and settings.pool == {}
    assert (settings.threads, settings.credit, settings.on_error, settings.durable) == (1, 0, "modify", True)
    assert "topsecret" not in repr(settings)


def test_all_settings_are_read() -> None:
    def check(connection: Any) -> None:
        """Nothing."""

    settings = read(
        URL=URL, TIMEOUT=5, HEARTBEAT=None, DURABLE=False, POOL_MIN_SIZE=1, POOL_MAX_SIZE=4,
        POOL_MAX_WAITING=9, POOL_MAX_LIFETIME=60, POOL_MAX_IDLE=30.5, POOL_CHECK=check, CONSUMER_THREADS=3,
        CONSUMER_CREDIT=7, CONSUMER_ON_ERROR="reject", CONSUMER_STOP_TIMEOUT=0)
    assert settings.timeout == 5 and settings.connect == {"heartbeat": None} and not settings.durable
    assert settings.pool == {"min_size": 1, "max_size": 4, "max_waiting": 9, "max_lifetime": 60,
                             "max_idle": 30.5, "check": check}
    assert (settings.threads, settings.credit, settings.on_error, settings.stop_timeout) == (3, 7, "reject", 0)


def test_a_missing_url_is_named() -> None:
    assert "AMQP_URL is missing" in refusal()
    assert "AMQP_URL is missing" in refusal(URL=None)


def test_what_may_be_meant_for_the_missing_url_is_named() -> None:
    assert refusal("DEBUG", "AMPQ_URL") == "AMQP_URL is missing (you have AMPQ_URL: is it that?)"


@pytest.mark.parametrize("url, says", [
    ("", "is empty"), ("  ", "is empty"), (5672, "not int"), ("http://broker", "unknown URL scheme 'http'"),
    ("amqp://broker:port:5", "is no address of a broker"), ("amqp://user:topsecret@bro ker", "not a host name")])
def test_a_url_that_is_none_is_refused(url: Any, says: str) -> None:
    text = refusal(URL=url)
    assert text.startswith("AMQP_URL ") and says in text


def test_a_misspelt_setting_is_named_with_what_is_meant() -> None:
    assert refusal(URL=URL, POOL_MAXSIZE=5) == "AMQP_POOL_MAXSIZE is not a setting (did you mean AMQP_POOL_MAX_SIZE?)"
    assert "AMQP_COLOUR is not a setting (see the doc" in refusal(URL=URL, COLOUR="red")


@pytest.mark.parametrize("name, value, says", [
    ("TIMEOUT", 0, "must be a number of seconds, more than 0, or None, not 0"),
    ("TIMEOUT", -1, "more than 0"), ("TIMEOUT", True, "not True"), ("TIMEOUT", float("nan"), "not nan"),
    ("TIMEOUT", "10", "not '10' (it is a text)"), ("HEARTBEAT", float("inf"), "at most 86400"),
    ("DURABLE", 1, "True or False"), ("POOL_MIN_SIZE", -1, "a whole number, 0 or more, not -1"),
    ("POOL_MAX_SIZE", 0, "1 or more"), ("POOL_MAX_SIZE", 2.5, "1 or more"), ("POOL_MAX_SIZE", True, "1 or more"),
    ("POOL_MAX_IDLE", 0, "more than 0"), ("POOL_MAX_WAITING", "many", "it is a text"),
    ("POOL_CHECK", "yes", "a function"),
    ("CONSUMER_THREADS", 0, "1 or more"), ("CONSUMER_CREDIT", -1, "0 or more"),
    ("CONSUMER_ON_ERROR", "ignore", "must be one of 'modify', 'release', 'reject', not 'ignore'"),
    ("CONSUMER_STOP_TIMEOUT", -0.1, "0 or more"), ("SSL_CA", b"topsecret", "the path of a PEM file, not bytes"),
    ("SSL_KEY", "", "the path of a PEM file")])
def test_a_value_that_makes_no_sense_names_its_setting(name: str, value: Any, says: str) -> None:
    text = refusal(URL=URL, **{name: value})
    assert text.startswith(f"AMQP_{name} must be ") and says in text


def test_a_pool_that_cannot_be_is_refused() -> None:
    assert refusal(URL=URL, POOL_MIN_SIZE=5, POOL_MAX_SIZE=4) == (
        "AMQP_POOL_MIN_SIZE is 5, more than AMQP_POOL_MAX_SIZE, which is 4")
    # The pool has a limit where none is set.
    assert "AMQP_POOL_MIN_SIZE is 99, more than AMQP_POOL_MAX_SIZE, which is " in refusal(URL=URL, POOL_MIN_SIZE=99)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read(TIMOUT=1, POOL_MAX_SIZE=0)
    assert [problem.setting for problem in caught.value.problems] == ["AMQP_URL", "AMQP_TIMOUT", "AMQP_POOL_MAX_SIZE"]
    assert isinstance(caught.value, ValueError)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    authority = trustme.CA()
    issued = authority.issue_cert("client.test")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    return tmp_path


def test_tls_settings_make_a_domain(certificates: Path) -> None:
    settings = read(URL="amqps://broker", SSL_CA=certificates / "ca.pem", SSL_CERTIFICATE=certificates / "client.pem",
                    SSL_KEY=certificates / "key.pem")
    domain = settings.connect["ssl_domain"]
    assert isinstance(domain, SSLDomain) and domain.verifies and domain.verifies_name
    assert domain.own_subject is not None


def test_files_of_tls_that_are_of_no_use_name_their_setting(certificates: Path) -> None:
    missing, ca, key = certificates / "missing.pem", certificates / "ca.pem", certificates / "key.pem"
    assert refusal(URL="amqps://broker", SSL_CA=missing).startswith("AMQP_SSL_CA is of no use: ")
    assert refusal(URL="amqps://broker", SSL_CERTIFICATE=missing).startswith("AMQP_SSL_CERTIFICATE is of no use: ")
    assert "AMQP_SSL_CERTIFICATE is of no use" in refusal(URL="amqps://broker", SSL_CERTIFICATE=ca, SSL_KEY=key)
    assert refusal(URL="amqps://broker", SSL_KEY=key) == "AMQP_SSL_KEY needs AMQP_SSL_CERTIFICATE beside it"
    assert refusal(URL="amqp://broker", SSL_CA=ca) == (
        "AMQP_SSL_CA is for TLS, and AMQP_URL has the scheme amqp (make it amqps)")
