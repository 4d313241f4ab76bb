"""The JSON configuration file of connect()."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, List

import pytest

from syncproton.handlers import MessagingHandler
from syncproton.reactor import ConfigError, Container
from syncproton.reactor.config import PLACES, ConnectConfig, read_config


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place with no configuration file in any of the usual places."""
    monkeypatch.delenv("MESSAGING_CONNECT_FILE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def load(values: Any) -> ConnectConfig:
    return ConnectConfig("connect.json", values)


def test_everything() -> None:
    config = load(
        {
            "scheme": "amqp",
            "host": "broker",
            "port": 1234,
            "user": "u",
            "password": "p",
            "sasl": {"enabled": False, "mechanisms": ["PLAIN", "EXTERNAL"]},
            "tls": {"verify": False},
        }
    )
    assert str(config.url) == "amqp://broker:1234"
    assert (config.user, config.password) == ("u", "p")
    assert config.sasl_enabled is False
    assert config.allowed_mechs == "PLAIN EXTERNAL"
    assert config.ssl_domain() is not None


def test_nothing() -> None:
    config = load({})
    assert (config.url.scheme, config.url.host, int(config.url.port or 0)) == ("amqps", "localhost", 5671)
    assert config.user is config.password is config.sasl_enabled is config.allowed_mechs is None
    assert config.ssl_domain() is None


@pytest.mark.parametrize("port, number", [(None, 5672), (7, 7), ("7", 7), ("amqps", 5671)])
def test_ports(port: Any, number: int) -> None:
    assert int(load({"scheme": "amqp", "port": port}).url.port or 0) == number


@pytest.mark.parametrize(
    "values, key",
    [
        ({"scheme": "http"}, "scheme"),
        ({"hots": "x"}, "hots"),
        ({"port": 70000}, "port"),
        ({"port": "no-such-service"}, "port"),
        ({"port": True}, "port"),
        ({"port": 1.5}, "port"),
        ({"host": 3}, "host"),
        ({"host": "a b"}, "host"),
        ({"user": 3}, "user"),
        ({"host": "a\ud800"}, "host"),
        ({"port": 0}, "port"),
        ({"port": "0"}, "port"),
        ({"port": -1}, "port"),
        ({"port": [5672]}, "port"),
        ({"user": "\udc00"}, "user"),
        ({"password": 3}, "password"),
        ({"password": "\udc00"}, "password"),
        ({"scheme": 3}, "scheme"),
        ({"scheme": "AMQP"}, "scheme"),
        ({"sasl": []}, "sasl"),
        ({"sasl": "PLAIN"}, "sasl"),
        ({"sasl": {"enabled": 1}}, "sasl.enabled"),
        ({"sasl": {"mechanisms": ["PLAIN", 3]}}, "sasl.mechanisms"),
        ({"sasl": {"mechanisms": "\udc00"}}, "sasl.mechanisms"),
        ({"tls": "yes"}, "tls"),
        ({"tls": {"verify": 0}}, "tls.verify"),
        ({"tls": {"ca": 3}}, "tls.ca"),
        ({"tls": {"cert": []}}, "tls.cert"),
        ({"tls": {"cert": "c", "key": True}}, "tls.key"),
        ({"tls": {"key": "k"}}, "tls.key"),
        ({"sasl": {"mechanism": "PLAIN"}}, "sasl.mechanism"),
        ({"sasl": {"enabled": "yes"}}, "sasl.enabled"),
        ({"sasl": {"mechanisms": 3}}, "sasl.mechanisms"),
        ({"sasl": {"mechanisms": "PLIAN"}}, "sasl.mechanisms"),
        ({"sasl": {"mechanisms": "PLAIN,EXTERNAL"}}, "sasl.mechanisms"),
        ({"sasl": {"mechanisms": ["PLIAN", "XTERNAL"]}}, "sasl.mechanisms"),
        ({"tls": {"verify": "no"}}, "tls.verify"),
        ({"tls": {"certificate": "x"}}, "tls.certificate"),
    ],
)
def test_nonsense_names_the_file_and_the_key(values: Any, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(values)
    assert str(caught.value).startswith(f"connect.json: {key}: ")


def test_missing_tls_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"connect\.json: tls\.ca: .*missing\.pem"):
        load({"tls": {"ca": "missing.pem"}}).ssl_domain()


def test_password_is_never_quoted() -> None:
    with pytest.raises(ConfigError) as caught:
        load({"password": ["secret"]})
    assert "secret" not in str(caught.value)


def test_places_in_order(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_config() is None
    places = [
        nowhere / "home" / ".config" / "messaging" / "connect.json",
        nowhere / "connect.json",
        nowhere / ".connect.json",
        nowhere / "named.json",
    ]
    for index, place in enumerate(places):
        if place.name == "named.json":
            monkeypatch.setenv("MESSAGING_CONNECT_FILE", str(place))
        write(place, {"host": f"h{index}"})
        config = read_config()
        assert config is not None and config.url.host == f"h{index}"


def test_comments(nowhere: Path) -> None:
    write(nowhere / "connect.json", '{ // where\n "host": "a", /* not\n "host": "b", */ "user": "//x/*y*/" }')
    config = read_config()
    assert config is not None
    assert config.url.host == "a" and config.user == "//x/*y*/"


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"host": }', "/* {}"])
def test_malformed_file_is_named(nowhere: Path, text: str) -> None:
    write(nowhere / "connect.json", text)
    with pytest.raises(ConfigError, match=r"connect\.json"):
        read_config()


def test_error_names_the_right_line_below_a_comment(nowhere: Path) -> None:
    write(nowhere / "connect.json", '{\n/* one\ntwo */\n"host": oops}')
    with pytest.raises(ConfigError, match="line 4"):
        read_config()


def test_named_file_must_be_there(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESSAGING_CONNECT_FILE", str(nowhere / "gone.json"))
    with pytest.raises(ConfigError, match="gone.json"):
        read_config()


@pytest.mark.parametrize("deep", ["[" * 100000, '{"tls": ' * 100000])
def test_nested_too_deep(deep: str, nowhere: Path) -> None:
    write(nowhere / "connect.json", deep)
    with pytest.raises(ConfigError, match=r"connect\.json"):
        read_config()


def test_a_mark_of_the_byte_order_is_passed_over(nowhere: Path) -> None:
    write(nowhere / "connect.json", '\ufeff{"host": "h"}')
    config = read_config()
    assert config is not None and config.url.host == "h"


def test_null_is_as_if_the_key_was_not_there() -> None:
    keys = ("scheme", "host", "port", "user", "password", "sasl", "tls")
    assert vars(load(dict.fromkeys(keys))) == {**vars(load({})), "url": load({}).url}
    assert vars(load({"sasl": dict.fromkeys(("enabled", "mechanisms"))})) == vars(load({}))


def test_mechanisms_that_are_not_known_may_stand_beside_one_that_is() -> None:
    assert load({"sasl": {"mechanisms": "GSSAPI PLAIN"}}).allowed_mechs == "GSSAPI PLAIN"
    assert load({"sasl": {"enabled": False, "mechanisms": "GSSAPI"}}).allowed_mechs == "GSSAPI"
    assert load({"sasl": {"mechanisms": ["external"]}}).allowed_mechs == "external"
    for none in ("", []):
        assert load({"sasl": {"mechanisms": none}}).allowed_mechs is None


def test_a_folder_in_the_place_of_a_folder_above_is_no_hindrance(nowhere: Path) -> None:
    write(nowhere / "home" / ".config", "a file")
    assert read_config() is None


def test_a_file_that_cannot_be_read_is_named(nowhere: Path) -> None:
    (nowhere / ".connect.json").mkdir()
    with pytest.raises(ConfigError, match=r"\.connect\.json"):
        read_config()


def test_the_last_place_is_for_the_whole_machine(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PLACES[-1] == "/etc/messaging/connect.json"
    monkeypatch.setattr("syncproton.reactor.config.PLACES", (*PLACES[:-1], str(nowhere / "etc.json")))
    write(nowhere / "etc.json", {"host": "machine"})
    config = read_config()
    assert config is not None and config.url.host == "machine"
    write(nowhere / "home" / ".config" / "messaging" / "connect.json", {"host": "user"})
    config = read_config()
    assert config is not None and config.url.host == "user"


def test_an_empty_variable_names_no_file(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESSAGING_CONNECT_FILE", "")
    assert read_config() is None


@pytest.mark.parametrize("values", ["{", '{"user": 3}', '{"hots": "x"}', '{"port": 0}'])
def test_the_container_is_usable_after_an_error(
    nowhere: Path, values: str, run: Callable[[Container], None], background: Callable[..., Container]
) -> None:
    port = background(MessagingHandler()).listen("127.0.0.1:0").port
    opened: List[str] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            write(nowhere / "connect.json", values)
            with pytest.raises(ConfigError, match=r"connect\.json"):
                event.container.connect()
            write(nowhere / "connect.json", {"scheme": "amqp", "host": "127.0.0.1", "port": port})
            event.container.connect()

        def on_connection_opened(self, event: Any) -> None:
            opened.append(event.connection.connected_address)
            event.connection.close()

    run(Container(Program()))
    assert opened == [f"amqp://127.0.0.1:{port}"]


def test_not_text(nowhere: Path) -> None:
    (nowhere / "connect.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"connect\.json"):
        read_config()


def test_connect_needs_one_or_the_other() -> None:
    with pytest.raises(ValueError, match="configuration file"):
        Container().connect()
