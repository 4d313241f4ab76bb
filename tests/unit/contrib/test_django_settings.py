"""The setting ``AMQP``: what is missing or wrong is named, by the system check and at the first use."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import Any, List

import django_project
import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from syncproton.contrib.django import connection, consumer, send
from syncproton.contrib.django.conf import read_broker
from syncproton.url import Url

URL = django_project.NOWHERE

#: A setting; the identifier of the check; what the message names.
FAULTS = [
    (None, "E001", "AMQP"),
    ({}, "E001", "AMQP"),
    ("amqp://localhost", "E002", "AMQP"),
    ({"URL": URL}, "E002", "AMQP['URL']"),
    ({"default": URL}, "E002", "AMQP['default']"),
    ({"default": {}}, "E003", "AMQP['default']['URL']"),
    ({"default": {"URI": URL}}, "E003", "AMQP['default']['URL']"),
    ({"default": {"URL": URL, "TIMOUT": 5}}, "E004", "AMQP['default']['TIMOUT']"),
    ({"default": {"URL": URL, "timeout": 5}}, "E004", "AMQP['default']['timeout']"),
    ({"default": {"URL": URL, 5: 5}}, "E004", "AMQP['default'][5]"),
    ({"default": {"URL": URL, "POOL_MAX_SIZE": 3}}, "E004", "AMQP['default']['POOL_MAX_SIZE']"),
    ({"default": {"URL": ""}}, "E005", "AMQP['default']['URL']"),
    ({"default": {"URL": "http://localhost"}}, "E005", "AMQP['default']['URL']"),
    ({"default": {"URL": "amqp://localhost:99999"}}, "E005", "AMQP['default']['URL']"),
    ({"default": {"URL": 5672}}, "E005", "AMQP['default']['URL']"),
    ({"default": {"URL": URL, "TIMEOUT": -1}}, "E005", "AMQP['default']['TIMEOUT']"),
    ({"default": {"URL": URL, "TIMEOUT": "30"}}, "E005", "AMQP['default']['TIMEOUT']"),
    ({"default": {"URL": URL, "CONSUMER_THREADS": 0}}, "E005", "AMQP['default']['CONSUMER_THREADS']"),
    ({"default": {"URL": URL, "CONSUMER_ON_ERROR": "ignore"}}, "E005", "AMQP['default']['CONSUMER_ON_ERROR']"),
]


def found() -> List[Any]:
    return run_checks(tags=["syncproton"])


@pytest.mark.parametrize("setting, number, name", FAULTS, ids=lambda value: str(value)[:60])
def test_a_fault_is_an_error_of_the_system_check(setting: Any, number: str, name: str) -> None:
    with override_settings(AMQP=setting):
        errors = [error for error in found() if error.id == f"syncproton.{number}"]
        assert len(errors) == 1 and name in errors[0].msg
        with pytest.raises(SystemCheckError, match=f"syncproton.{number}"):
            call_command("check")


@pytest.mark.parametrize("setting, number, name", FAULTS, ids=lambda value: str(value)[:60])
def test_a_fault_is_named_at_the_first_use(setting: Any, number: str, name: str) -> None:
    with override_settings(AMQP=setting):
        # A dictionary for no alias is only known as a whole.
        name = "AMQP['default'] is missing" if name == "AMQP['URL']" else name
        for use in (lambda: send("orders", "x"), lambda: connection().__enter__()):
            with pytest.raises(ImproperlyConfigured) as raised:
                use()
            assert name in str(raised.value)


def test_a_setting_that_is_not_there_at_all() -> None:
    with override_settings():
        del settings.AMQP
        assert [error.id for error in found()] == ["syncproton.E001"]


def test_a_misspelt_key_gets_a_suggestion() -> None:
    with override_settings(AMQP={"default": {"URL": URL, "TIMOUT": 5}}):
        assert "AMQP['default']['TIMEOUT']" in found()[0].hint


def test_all_faults_are_told_at_once() -> None:
    with override_settings(AMQP={"default": {"TIMOUT": 5}, "other": {"URL": URL, "TIMEOUT": -1}, "third": 3}):
        assert sorted(error.id[-4:] for error in found()) == ["E002", "E003", "E004", "E005"]


def test_right_settings_pass() -> None:
    with override_settings(AMQP={"default": {
        "URL": "amqp://user:secret@localhost", "TIMEOUT": 5, "HEARTBEAT": None,
        "CONSUMER_THREADS": 2,
    }}):
        assert found() == []
        read = read_broker()
        assert (Url(read.url).password, read.timeout, read.threads) == ("secret", 5, 2)


def test_passwords_are_not_told() -> None:
    with override_settings(AMQP={"default": {"URL": "amqp://user:secret@local host", "TIMOUT": 1}}):
        assert len(found()) == 2
        assert "secret" not in str(found())


def test_the_faults_of_one_broker_do_not_keep_from_using_another() -> None:
    with override_settings(AMQP={"default": {"URL": URL}, "other": {"URI": URL}}):
        assert read_broker().url == URL
        with pytest.raises(ImproperlyConfigured, match="other"):
            read_broker("other")


def test_a_consumer_of_a_broker_that_is_not_configured_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncproton.contrib.django.registry._of_broker", {})

    @consumer("lost", using="elsewhere")
    def handle(message: Any) -> None:
        raise AssertionError("never called")

    errors = found()
    assert [error.id for error in errors] == ["syncproton.E006"]
    assert "AMQP['elsewhere']" in errors[0].msg and "'lost'" in errors[0].msg


PROGRAM = """
import sys, threading, django
from django.conf import settings
settings.configure(INSTALLED_APPS=["syncproton.contrib.django", "django_shop"], AMQP={"default": {"URL": sys.argv[1]}})
django.setup()
from syncproton.contrib.django import connection, consumer, send
from django.core.management import call_command
call_command("check")
assert "django_shop.consumers" in sys.modules, "the check looks at the consumers"
assert threading.active_count() == 1, threading.enumerate()
"""


def test_loading_and_checking_connect_to_nothing() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        subprocess.run([sys.executable, "-c", PROGRAM, f"amqp://127.0.0.1:{listener.getsockname()[1]}"], check=True,
                       timeout=30, env={"PYTHONPATH": ":".join(sys.path)}, stdout=subprocess.DEVNULL)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_the_package_does_without_django() -> None:
    subprocess.run([sys.executable, "-c", "import sys, syncproton, syncproton.contrib; assert 'django' not in "
                    "{name.split('.')[0] for name in sys.modules}"], check=True, timeout=30,
                   env={"PYTHONPATH": ":".join(sys.path)})
