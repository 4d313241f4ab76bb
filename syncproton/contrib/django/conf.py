"""The setting ``AMQP``, read and checked.

It holds a dictionary for each broker, by an alias, as ``DATABASES`` and ``CACHES`` do::

    AMQP = {"default": {"URL": "amqp://user:password@localhost", "TIMEOUT": 10}}
"""

from __future__ import annotations

from typing import Any, List, Mapping, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .._settings import Settings, SettingsError, read_settings

__all__ = ["DEFAULT", "Fault", "configured", "faults", "read_broker"]

#: The alias that is meant where none is named.
DEFAULT = "default"

#: The name of the setting.
SETTING = "AMQP"

_EXAMPLE = "AMQP = {'default': {'URL': 'amqp://user:password@host'}}"


class Fault(NamedTuple):
    """Something wrong with the setting.

    :ivar id: the number of the system check, such as ``syncproton.E001``.
    :ivar text: what is wrong, and with which key.
    :ivar hint: what to do about it; may be empty.
    """

    id: str
    text: str
    hint: str

    def __str__(self) -> str:
        return f"{self.text} ({self.hint})" if self.hint else self.text


def configured() -> Mapping[str, Any]:
    """The setting as it stands; empty if it is missing or no dictionary."""
    found = getattr(settings, SETTING, None)
    return found if isinstance(found, Mapping) else {}


def faults() -> List[Fault]:
    """All that is wrong with the setting."""
    found = getattr(settings, SETTING, None)
    hint = f"for example: {_EXAMPLE}"
    if found is None:
        return [Fault("syncproton.E001", f"the setting {SETTING} is missing", hint)]
    if not isinstance(found, Mapping):
        wrong = f"the setting {SETTING} must be a dictionary, not {type(found).__name__}"
        return [Fault("syncproton.E002", wrong, hint)]
    if not found:
        return [Fault("syncproton.E001", f"the setting {SETTING} names no broker", hint)]
    return [fault for alias in found for fault in _faults_of(alias)]


def _label(alias: str, key: str) -> str:
    return f"{SETTING}[{alias!r}][{key!r}]"


def _faults_of(alias: str) -> List[Fault]:
    values = configured()[alias]
    if not isinstance(values, Mapping):
        return [Fault("syncproton.E002", f"{SETTING}[{alias!r}] must be a dictionary, not {type(values).__name__}",
                      f"each broker has a dictionary of its own: {_EXAMPLE}")]
    # The threads of a process share one connection here.
    found = [Fault("syncproton.E004", f"{_label(alias, key)} is not a setting", "here is no pool to limit")
             for key in values if isinstance(key, str) and key.startswith("POOL_")]
    try:
        _read(alias)
    except SettingsError as error:
        found += [Fault(_id(alias, problem.setting, problem.text, values), problem.text, problem.hint)
                  for problem in error.problems]
    return found


def _id(alias: str, setting: str, text: str, values: Mapping[str, Any]) -> str:
    if setting == _label(alias, "URL") and values.get("URL") is None:
        return "syncproton.E003"
    return "syncproton.E004" if text.endswith(" is not a setting") else "syncproton.E005"


def _read(alias: str) -> Settings:
    values = configured()[alias]
    return read_settings(values, lambda key: _label(alias, key), [str(key) for key in values if key != "URL"])


def read_broker(alias: str = DEFAULT) -> Settings:
    """The settings of one broker; those of others are not looked at.

    :raises ImproperlyConfigured: naming the key that is missing, misspelt or wrong.
    """
    if not configured():
        raise ImproperlyConfigured("; ".join(map(str, faults())))
    if alias not in configured():
        known = ", ".join(repr(name) for name in configured())
        raise ImproperlyConfigured(f"{SETTING}[{alias!r}] is missing: the brokers there are: {known}")
    found = _faults_of(alias)
    if found:
        raise ImproperlyConfigured("; ".join(map(str, found)))
    return _read(alias)
