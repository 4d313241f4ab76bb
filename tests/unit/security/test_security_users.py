"""The user database of a listener."""

from __future__ import annotations

import pytest

from syncproton.codec import symbol
from syncproton.errors import ProtonException
from syncproton.security import Negotiation
from syncproton.security.sasl.negotiation import PERM
from syncproton.security.sasl.users import CONFIG_PATH_VARIABLE, UserDatabase, find_users
from syncproton.wire.sasl_frames import SaslInit


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(CONFIG_PATH_VARIABLE, raising=False)


def found(path, name=None) -> UserDatabase:
    users = find_users(str(path), name)
    assert users is not None
    return users


def test_a_file_of_users(tmp_path):
    (tmp_path / "proton-server").write_text("# ours\n\njoe@here:secret\nann:with:colon \nbad line\n", "utf-8")
    users = found(tmp_path)
    assert len(users) == 2 and users.mechanisms is None
    assert users.check("joe@here", "secret")
    assert users.check("ann", "with:colon ")
    for user, password in (("joe", "secret"), ("joe@here", "secre"), ("joe@here", ""), ("nobody", ""), ("", "")):
        assert not users.check(user, password)


def test_settings_that_name_the_file_and_the_mechanisms(tmp_path):
    (tmp_path / "mine.conf").write_text("sasldb_path: db/users\nmech_list: plain ANONYMOUS\npwcheck_method:auxprop\n")
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "users").write_text("joé@here:pässword\n", "utf-8")
    users = found(tmp_path, "mine")
    assert users.mechanisms == ["PLAIN", "ANONYMOUS"]
    assert users.check("joé@here", "pässword")
    assert not users.check("pwcheck_method", "auxprop")


def test_settings_with_users_among_them(tmp_path):
    (tmp_path / "proton-server.conf").write_text("joe@here:secret\npwcheck_method: auxprop\n")
    (tmp_path / "proton-server").write_text("ann:other\n")
    users = found(tmp_path)
    assert users.check("joe@here", "secret") and users.check("ann", "other")
    assert not users.check("pwcheck_method", " auxprop") and not users.check("pwcheck_method", "auxprop")


def test_the_first_directory_that_has_it_counts(tmp_path, monkeypatch):
    import os

    for directory in ("a", "b", "c"):
        (tmp_path / directory).mkdir()
    (tmp_path / "b" / "proton-server").write_text("joe:b\n")
    (tmp_path / "c" / "proton-server").write_text("joe:c\n")
    monkeypatch.setenv(CONFIG_PATH_VARIABLE, os.pathsep.join(str(tmp_path / d) for d in "abc"))
    users = find_users(None, None)
    assert users is not None and users.check("joe", "b") and not users.check("joe", "c")


def test_no_configuration(tmp_path):
    assert find_users(None, None) is None
    assert find_users(str(tmp_path), None) is None


def test_a_database_of_cyrus_is_refused_by_name(tmp_path):
    (tmp_path / "proton-server").write_bytes(b"\x00\x06\x15\x61\xff\xfe")
    with pytest.raises(ProtonException, match="proton-server is not a text file of users"):
        found(tmp_path).check("joe", "secret")


def test_a_missing_file_is_refused_by_name(tmp_path):
    (tmp_path / "proton-server.conf").write_text("sasldb_path: nowhere\n")
    with pytest.raises(ProtonException, match="nowhere: No such file"):
        len(found(tmp_path))


def test_nothing_is_shown(tmp_path):
    (tmp_path / "proton-server").write_text("joe:secret\n")
    users = found(tmp_path)
    assert users.check("joe", "secret") and "secret" not in repr(users) and "joe" not in repr(users)


def server(path) -> Negotiation:
    negotiation = Negotiation(server=True)
    negotiation.config_path = str(path)
    negotiation.allow_insecure_mechs = True
    negotiation.start()
    return negotiation


def test_a_server_checks_passwords_with_it(tmp_path):
    (tmp_path / "proton-server").write_text("joe:secret\n")
    for message, user in ((b"\0joe\0secret", "joe"), (b"\0joe\0wrong", None), (b"\0ann\0secret", None)):
        negotiation = server(tmp_path)
        assert negotiation.output()[0].sasl_server_mechanisms == ["PLAIN", "ANONYMOUS"]
        negotiation.receive(SaslInit(symbol("PLAIN"), message))
        assert negotiation.authenticated_user == user


def test_a_server_offers_what_the_settings_say(tmp_path):
    (tmp_path / "proton-server.conf").write_text("mech_list: PLAIN GSSAPI\njoe@here:secret\n")
    assert server(tmp_path).output()[0].sasl_server_mechanisms == ["PLAIN"]


def test_a_server_without_a_user_offers_no_plain(tmp_path):
    (tmp_path / "proton-server").write_text("# nobody yet\n")
    assert server(tmp_path).output()[0].sasl_server_mechanisms == ["ANONYMOUS"]


def test_a_server_says_what_is_wrong_with_its_database(tmp_path):
    (tmp_path / "proton-server.conf").write_text("sasldb_path: nowhere\n")
    negotiation = server(tmp_path)
    assert negotiation.done and negotiation.outcome == PERM and negotiation.output() == []
    assert "nowhere: No such file" in negotiation.error.description
