"""Who is let in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Mapping, Optional, Union

from syncproton.security.sasl.users import UserDatabase

if TYPE_CHECKING:
    from syncproton.engine import Transport

__all__ = ["Logins", "Users"]

#: Users' passwords by name, or the file that they are in.
Users = Union[Mapping[str, str], "os.PathLike[str]", str, None]


class Logins:
    """Checks who connects, before anything else is listened to.

    :param users: passwords by user, or the path of a file with lines ``user:password``.
    :param anonymous: whether those who do not log in are let in too; if not said, that depends on there being users.
    :param certificates: whether a client can log in by its TLS certificate.
    :raises TypeError: if the users are not strings, nor their passwords.
    :raises ValueError: if nobody could ever be let in.
    :raises ProtonException: if the file can't be read.
    """

    def __init__(self, users: Users = None, anonymous: Optional[bool] = None, certificates: bool = False) -> None:
        if isinstance(users, Mapping):
            if not all(isinstance(text, str) for pair in users.items() for text in pair):
                raise TypeError("users and their passwords are strings")
            database = UserDatabase(passwords=dict(users))
        else:
            database = UserDatabase(None if users is None else os.fspath(users))
        self._check = database.check if len(database) else None
        self._anonymous = users is None if anonymous is None else bool(anonymous)
        if self._check is None and not self._anonymous and not certificates:
            raise ValueError("nobody could log in: there are no users, and none is to be let in without logging in")

    def guard(self, transport: Transport) -> None:
        """Have a connection that was accepted checked."""
        sasl = transport.sasl()
        if self._check is not None:
            check = self._check
            sasl.authenticator = lambda mechanism, user, password: check(user, password)
        if not self._anonymous:
            transport.require_auth(True)
