"""The user database of a listener: a text file, found by way of a configuration directory.

``<directory>/<name>.conf`` holds settings, one ``key: value`` a line, of which these count here:

- ``mech_list``: the mechanisms to offer, separated by spaces;
- ``sasldb_path``: the file of users, absolute or relative to the directory.

Without ``sasldb_path`` the users are in the file ``<directory>/<name>``, and any line of the ``.conf`` whose key has
an ``@`` in it, which no setting has, is a user too.  A user is a line ``user@realm:password`` or ``user:password``,
and logs in with exactly the name before the colon.  Empty lines and lines that start with ``#`` are skipped.
"""

from __future__ import annotations

import hmac
import os
from typing import Dict, Iterator, List, Optional, Tuple

from syncproton.errors import ProtonException

__all__ = ["CONFIG_PATH_VARIABLE", "DEFAULT_CONFIG_NAME", "UserDatabase", "find_users"]

CONFIG_PATH_VARIABLE = "PN_SASL_CONFIG_PATH"
DEFAULT_CONFIG_NAME = "proton-server"


class UserDatabase:
    """Users and their passwords; the file of users is read when somebody first asks.

    :ivar mechanisms: the mechanisms the configuration allows, or None for no word on that.
    """

    __slots__ = ("_file", "_passwords", "mechanisms")

    def __init__(
        self,
        file: Optional[str] = None,
        passwords: Optional[Dict[str, str]] = None,
        mechanisms: Optional[List[str]] = None,
    ) -> None:
        self._file = file
        self._passwords = dict(passwords or {})
        self.mechanisms = mechanisms

    def __len__(self) -> int:
        return len(self._load())

    def __repr__(self) -> str:
        return "<UserDatabase>"

    def check(self, user: str, password: str) -> bool:
        """Whether the password is the user's, in a time that does not depend on where they differ.

        :raises ProtonException: the file of users cannot be read.
        """
        known = self._load().get(user)
        same = hmac.compare_digest((known or "").encode(), password.encode())
        return same and known is not None

    def _load(self) -> Dict[str, str]:
        if self._file is not None:
            self._passwords.update(_pairs(self._file))
            self._file = None
        return self._passwords


def find_users(path: Optional[str], name: Optional[str]) -> Optional[UserDatabase]:
    """Read the configuration of a listener.

    :param path: directories to look in, separated as in ``PATH``; None for those in ``PN_SASL_CONFIG_PATH``.
    :param name: the name of the configuration; None for ``proton-server``.
    :returns: what was found, or None if no directory has such a configuration.
    :raises ProtonException: the settings are there but cannot be read.
    """
    if path is None:
        path = os.environ.get(CONFIG_PATH_VARIABLE)
    if not path:
        return None
    name = name or DEFAULT_CONFIG_NAME
    for directory in path.split(os.pathsep):
        settings_file = os.path.join(directory, name + ".conf")
        users_file = os.path.join(directory, name)
        if os.path.isfile(settings_file):
            return _read_settings(directory, settings_file, users_file)
        if os.path.isfile(users_file):
            return UserDatabase(users_file)
    return None


def _read_settings(directory: str, settings_file: str, users_file: str) -> UserDatabase:
    settings: Dict[str, str] = {}
    passwords: Dict[str, str] = {}
    for key, value in _pairs(settings_file):
        if "@" in key:
            passwords[key] = value
        else:
            settings[key] = value.strip()
    file: Optional[str] = None
    if "sasldb_path" in settings:
        file = os.path.join(directory, settings["sasldb_path"])
    elif os.path.isfile(users_file):
        file = users_file
    mechanisms = settings["mech_list"].upper().split() if "mech_list" in settings else None
    return UserDatabase(file, passwords, mechanisms)


def _pairs(file: str) -> Iterator[Tuple[str, str]]:
    try:
        with open(file, encoding="utf-8") as lines:
            text = lines.read()
    except UnicodeDecodeError:
        raise ProtonException(f"{file} is not a text file of users") from None
    except OSError as error:
        raise ProtonException(f"{file}: {error.strerror}") from None
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            key, colon, value = line.partition(":")
            if colon and key.strip():
                yield key.strip(), value
