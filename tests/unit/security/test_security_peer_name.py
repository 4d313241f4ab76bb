"""Names in certificates against the host wanted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from security_peers import make_certificate

from syncproton.security.peer_name import certificate_matches, name_matches


@pytest.mark.parametrize(
    "pattern, host",
    [
        ("host", "host"),
        ("Host.Domain.COM", "hOST.domain.com"),
        ("host.domain.com", "host.domain.com."),
        ("*.domain.com", "host.domain.com"),
        ("h*t.domain.com", "host.domain.com"),
        ("h*t.domain.com", "ht.domain.com"),
        ("*.prefix*.domain.com", "foo.prefix.domain.com"),
        ("*.prefix*.domain.com", "bar.prefix123.domain.com"),
        ("*ab*ba*.domain.com", "xabba.domain.com"),
        ("xn--bcher-kva.example", "bücher.example"),
        ("*.domain.com", "xn--bcher-kva.domain.com"),
    ],
)
def test_matches(pattern, host):
    assert name_matches(pattern, host)


@pytest.mark.parametrize(
    "pattern, host",
    [
        ("host", "hos"),
        ("*.domain.com", "domain.com"),
        ("*.domain.com", ".domain.com"),
        ("*.domain.com", "a.b.domain.com"),
        ("*.com", "domain.com"),
        ("*", "host"),
        ("*.*", "host.com"),
        ("host.*", "host.com"),
        ("host.*.com", "host.domain.com"),
        ("*.prefix*.domain.com", "foo.prefi.domain.com"),
        ("*.prefix*.domain.com", "prefix.domain.com"),
        ("*ab*ba*.domain.com", "xaba.domain.com"),
        ("ab*ab.domain.com", "ab.domain.com"),
        ("x*.domain.com", "xn--bcher-kva.domain.com"),
        ("host.domain.com\0.evil.com", "host.domain.com"),
        ("host.domain.com", ""),
        ("", ""),
        ("a" * 300, "a" * 300),
    ],
)
def test_does_not_match(pattern, host):
    assert not name_matches(pattern, host)


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_is_answered(pattern, host):
    assert name_matches(pattern, host) in (True, False)


def test_a_hostile_pattern_ends():
    assert not name_matches("*a" * 100 + "b.domain.com", "a" * 60 + ".domain.com")


def matches(host, common_name=None, names=None) -> bool:
    return certificate_matches(make_certificate(common_name, names)[0], host)


def test_common_name_and_alternative_names_both_count():
    assert matches("cn.one.com", "cn.one.com", ["san.one.com"])
    assert matches("san.one.com", "cn.one.com", ["san.one.com"])
    assert matches("b.x.com", None, ["a.x.com", "B.X.com"])
    assert not matches("other.one.com", "cn.one.com", ["san.one.com"])
    assert not matches("anything.com")


def test_addresses():
    assert matches("127.0.0.1", "127.0.0.1")
    assert matches("127.0.0.1", None, ["127.0.0.1"])
    assert matches("[::1]", "0:0:0:0:0:0:0:1")
    assert not matches("127.0.0.1", "*.0.0.1")
    assert not matches("127.0.0.1", "127.0.0.2")
