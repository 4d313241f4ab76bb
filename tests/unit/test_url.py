"""Url: what it reads, what it fills in, what it refuses, what it prints."""

from __future__ import annotations

import copy
import pickle
from typing import Any, Optional

import pytest

from syncproton.errors import ProtonException
from syncproton.url import Url, UrlError


def parts(url: Url) -> tuple[Optional[str], ...]:
    return url.scheme, url.username, url.password, url.host, url.port and int(url.port), url.path


@pytest.mark.parametrize("text, expected", [
    ("", (None, None, None, None, None, None)),
    ("foo", (None, None, None, "foo", None, None)),
    ("foo:1234", (None, None, None, "foo", 1234, None)),
    ("foo:amqps", (None, None, None, "foo", 5671, None)),
    ("foo:", (None, None, None, "foo", None, None)),
    (":1234", (None, None, None, None, 1234, None)),
    ("foo/path", (None, None, None, "foo", None, "path")),
    ("foo/", (None, None, None, "foo", None, "")),
    ("foo//path", (None, None, None, "foo", None, "/path")),
    ("/path", (None, None, None, None, None, "path")),
    ("//foo/path", (None, None, None, "foo", None, "path")),
    ("amqp://", ("amqp", None, None, None, None, None)),
    ("amqp:///path", ("amqp", None, None, None, None, "path")),
    ("amqps://foo", ("amqps", None, None, "foo", None, None)),
    ("AMQP://Foo", ("amqp", None, None, "foo", None, None)),
    ("amqp://me:secret@foo:5000/path/to", ("amqp", "me", "secret", "foo", 5000, "path/to")),
    ("me@foo", (None, "me", None, "foo", None, None)),
    ("me:@foo", (None, "me", "", "foo", None, None)),
    ("@foo", (None, "", None, "foo", None, None)),
    ("me:secret@", (None, "me", "secret", None, None, None)),
    ("me:a:b@foo", (None, "me", "a:b", "foo", None, None)),
    ("a@b@foo", (None, "a@b", None, "foo", None, None)),
    ("m%65:p%40s%2Fs%3A@foo", (None, "me", "p@s/s:", "foo", None, None)),
    ("me:%C3%A9@foo", (None, "me", "é", "foo", None, None)),
    ("me:100%@foo", (None, "me", "100%", "foo", None, None)),
    ("me:a+b@foo", (None, "me", "a+b", "foo", None, None)),
    ("[::1]", (None, None, None, "::1", None, None)),
    ("amqp://me:pw@[::1]:5672/path", ("amqp", "me", "pw", "::1", 5672, "path")),
    ("[::1]:amqps", (None, None, None, "::1", 5671, None)),
    ("[fe80::1%eth0]:1", (None, None, None, "fe80::1%eth0", 1, None)),
    ("::1/path", (None, None, None, "::1", None, "path")),
    ("1.2.3.4:0", (None, None, None, "1.2.3.4", 0, None)),
    ("foo/a:b@c", (None, None, None, "foo", None, "a:b@c")),
    ("foo/a://b", (None, None, None, "foo", None, "a://b")),
    ("foo/%70 x", (None, None, None, "foo", None, "%70 x")),
    ("foo/path?query#fragment", (None, None, None, "foo", None, "path")),
    ("foo#fragment", (None, None, None, "foo", None, None)),
    ("bücher", (None, None, None, "bücher", None, None)),
    ("ws://foo:80", ("ws", None, None, "foo", 80, None)),
])
def test_parts_without_defaults(text: str, expected: tuple[Optional[str], ...]) -> None:
    url = Url(text, defaults=False)
    assert parts(url) == expected
    assert parts(Url(str(url), defaults=False))[3:] == expected[3:]


@pytest.mark.parametrize("text, printed", [
    (None, "amqp://0.0.0.0:amqp"),
    ("", "amqp://0.0.0.0:amqp"),
    ("foo", "amqp://foo:amqp"),
    ("foo:1234", "amqp://foo:1234"),
    ("amqps://foo", "amqps://foo:amqps"),
    ("amqp://foo:amqps/", "amqp://foo:amqps/"),
    ("amqp://:1234", "amqp://0.0.0.0:1234"),
    ("/path", "amqp://0.0.0.0:amqp/path"),
    ("amqp://me:p%40%2f@foo/path?query#fragment", "amqp://me:p%40%2F@foo:amqp/path?query#fragment"),
    ("a%40b@foo", "amqp://a%40b@foo:amqp"),
    ("[::1]", "amqp://[::1]:amqp"),
])
def test_defaults_and_text(text: Optional[str], printed: str) -> None:
    url = Url(text)
    assert str(url) == printed
    assert Url(printed) == url


@pytest.mark.parametrize("text", [
    "foo:bar", "amqp:foo", "foo:65536", "foo:-1", "foo:+5", "foo: 12", "foo:1_0", "foo:\u0661", "foo:5672:1",
    "[::1", "::1]", "[::1]x", "[]", "[]:1", "[foo]", "foo[", "foo bar", " foo", "foo\n", "foo\0", "foo\tbar:1",
    "://", "1x://foo", "x y://foo", "1:2:3", "ws://foo", "amqp+ssl://foo", "me@x://foo",
])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        Url(text).require_amqp()
    assert isinstance(caught.value, ProtonException)


def test_unknown_scheme() -> None:
    with pytest.raises(UrlError, match="unknown URL scheme 'ws'"):
        Url("ws://foo")
    # With a port, or one that the system knows by that name, it is a URL, though not one to connect to.
    with pytest.raises(UrlError, match="unknown URL scheme 'ws'"):
        Url("ws://foo:80").require_amqp()
    for text in ("foo", "amqp://foo", "amqps://foo"):
        url = Url(text, defaults=False)
        assert url.require_amqp() is url


@pytest.mark.parametrize("text", [
    "amqp://me:hunter2@foo:bar",
    "amqp://me:hunter2@fo o",
    "amqp://me:hunter2@foo:99999",
    "amqp://me:hunter2@[foo]",
    "me:hunter2@1:2:3",
    "me:hunter2@x y://foo",
    "amqp://me:hunter2/x@foo",
    "amqp://me:hunter2?x@foo",
    "me:hunter2#x@foo",
    "ws://me:hunter2@foo",
])
def test_errors_do_not_tell_the_password(text: str) -> None:
    with pytest.raises(UrlError) as caught:
        Url(text)
    assert "hunter2" not in str(caught.value)


def test_repr_hides_the_password_and_str_does_not() -> None:
    url = Url("amqp://me:hunter2@foo:1/path")
    assert repr(url) == "Url('amqp://me:********@foo:1/path')"
    assert url.redacted == "amqp://me:********@foo:1/path"
    assert str(url) == "amqp://me:hunter2@foo:1/path"
    assert repr(Url("me@foo")) == "Url('amqp://me@foo:amqp')"


def test_keywords_replace_parts() -> None:
    url = Url("amqp://a:b@foo:1/x", scheme="amqps", username="me", password="p/w", host="::1", port="amqps", path="/y")
    assert str(url) == "amqps://me:p%2Fw@[::1]:amqps/y"
    assert str(Url(host="foo")) == "amqp://foo:amqp"
    assert str(Url(host="foo", path="y", defaults=False)) == "//foo/y"


def test_misspelt_keyword_is_named() -> None:
    with pytest.raises(TypeError, match="'hots'"):
        Url(hots="foo")


@pytest.mark.parametrize("argument", [b"foo", 5, ["foo"]])
def test_argument_of_a_wrong_type(argument: Any) -> None:
    with pytest.raises(TypeError):
        Url(argument)
    url = Url("host/path")
    for name in ("host", "path"):
        with pytest.raises(TypeError):
            setattr(url, name, argument)
    assert str(url) == "amqp://host:amqp/path"


def test_copy_of_a_url() -> None:
    url = Url("amqp://me:pw@foo:1/x?q", defaults=False)
    twin = Url(url)
    assert twin == url and twin is not url
    twin.host = "bar"
    assert url.host == "foo"
    for again in (copy.copy(url), copy.deepcopy(url), pickle.loads(pickle.dumps(url))):
        assert again == url and again.port.name == "1"


def test_setters() -> None:
    url = Url("foo:1/x")
    url.host = "[::1]"
    assert url.host == "::1"
    url.port = None
    assert url.port is None
    assert str(url) == "amqp://[::1]/x"
    url.port = "amqps"
    assert url.port == 5671
    url.path = "/y"
    assert url.path == "y"
    url.path = ""
    assert str(url) == "amqp://[::1]:amqps/"
    url.path = None
    assert str(url) == "amqp://[::1]:amqps"
    url.host = None
    url.port = None
    assert str(url.defaults()) == "amqp://0.0.0.0:amqp"
    for bad in ("[x]", "a:b", "a/b", "a b"):
        with pytest.raises(UrlError):
            url.host = bad
    for bad_port in ("zork", -1, 65536):
        with pytest.raises(UrlError):
            url.port = bad_port


def test_equality() -> None:
    assert Url("foo") == Url("amqp://foo:amqp")
    assert Url("foo") == "amqp://foo:amqp"
    assert Url("foo") != "foo"
    assert Url("foo:1") != Url("foo:2")
    assert Url("me:a@foo") != Url("me:b@foo")
    assert Url("foo") != 5
    assert Url("foo") is not None and Url("foo") != None  # noqa: E711
    with pytest.raises(TypeError):
        hash(Url("foo"))


@pytest.mark.parametrize("value, number, name", [
    ("amqp", 5672, "amqp"), ("amqps", 5671, "amqps"), ("5672", 5672, "5672"), (5672, 5672, "5672"), (0, 0, "0"),
    (65535, 65535, "65535"),
])
def test_port_is_equal_to_int_and_text(value: Any, number: int, name: str) -> None:
    port = Url.Port(value)
    assert port == number and number == port and not port != number
    assert port == name and name == port and not port != name
    assert port != number + 1 and port != "other" and port != None  # noqa: E711
    assert str(port) == name and f"{port}" == name and "%s" % port == name
    assert repr(port) == str(number) and "%d" % port == str(number) and f"{port:05d}" == f"{number:05d}"
    assert isinstance(port, int) and {port: 1}[number] == 1
    assert port == Url.Port(number)


@pytest.mark.parametrize("value", ["", "zork", "AMQP", -1, 65536, "70000", "1.5"])
def test_port_refuses(value: Any) -> None:
    with pytest.raises(ValueError):
        Url.Port(value)


def test_port_of_a_system_service() -> None:
    # The names come from the system's table; without one only amqp and amqps are known.
    try:
        assert Url("http://foo").port == 80
    except UrlError:
        assert Url("http://foo:80").port == 80
