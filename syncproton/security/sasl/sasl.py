"""``SASL``: a program's view of a transport's negotiation."""

from __future__ import annotations

from typing import Iterable, Optional, Union

from typing_extensions import Protocol

from syncproton.security.sasl import negotiation
from syncproton.security.sasl.negotiation import Authenticator, Negotiation

__all__ = ["SASL", "SaslTransport"]


class SaslTransport(Protocol):
    """What ``SASL`` needs of a transport."""

    def _sasl_negotiation(self) -> Negotiation:
        """The transport's negotiation, made on the first call; from then on the transport speaks SASL."""


class SASL:
    """The SASL layer of a transport. Making one turns the layer on; a transport has one, however often it is made.

    :param transport: the transport to authenticate, or to authenticate the peers of.
    """

    OK = negotiation.OK
    AUTH = negotiation.AUTH
    SYS = negotiation.SYS
    PERM = negotiation.PERM
    TEMP = negotiation.TEMP

    _negotiation: Negotiation

    def __new__(cls, transport: SaslTransport) -> "SASL":
        if not hasattr(transport, "_sasl_negotiation"):
            raise TypeError(f"a Transport is wanted, not {transport!r}")
        layer = transport._sasl_negotiation()
        found = layer.view
        if not isinstance(found, cls):
            found = layer.view = super().__new__(cls)
            found._negotiation = layer
        return found

    def __init__(self, transport: SaslTransport) -> None:
        """See the class."""

    @staticmethod
    def extended() -> bool:
        """Whether more than ANONYMOUS can be spoken. It can."""
        return True

    @property
    def user(self) -> Optional[str]:
        """On a server who the client was found to be, None until then; on a client the user it logs in as."""
        return self._negotiation.authenticated_user if self._negotiation.server else self._negotiation.user

    @property
    def authorization(self) -> Optional[str]:
        """On a server whom the client asks to act for, usually itself. Whether it may is the program's decision."""
        return self._negotiation.authorization if self._negotiation.server else None

    @property
    def mech(self) -> Optional[str]:
        """The mechanism chosen, None until then."""
        return self._negotiation.mechanism

    @property
    def outcome(self) -> Optional[int]:
        """``OK``, ``AUTH``, ``SYS``, ``PERM`` or ``TEMP`` (part 5, section 5.3.3.6); None until it is known."""
        return self._negotiation.outcome

    @property
    def allow_insecure_mechs(self) -> bool:
        """Whether a password may travel in clear. False at first."""
        return self._negotiation.allow_insecure_mechs

    @allow_insecure_mechs.setter
    def allow_insecure_mechs(self, insecure: bool) -> None:
        self._negotiation.allow_insecure_mechs = bool(insecure)

    @property
    def authenticator(self) -> Optional[Authenticator]:
        """How a server checks passwords: ``(mechanism, user, password) -> bool``, called on the connection's thread.

        None, as at first, means the user database of :meth:`config_path`.
        """
        return self._negotiation.authenticator

    @authenticator.setter
    def authenticator(self, authenticator: Optional[Authenticator]) -> None:
        self._negotiation.authenticator = authenticator

    def allowed_mechs(self, mechs: Union[str, Iterable[str], None]) -> None:
        """Limit the mechanisms offered or used.

        :param mechs: names separated by spaces, or several names; None lifts the limit.
        :raises TypeError: if these are no strings.
        """
        self._negotiation.allow(mechs)

    def done(self, outcome: int) -> None:
        """On a server, refuse the client with ``outcome``.

        ``OK`` changes nothing: who passes the mechanism chosen is let in anyway, and nobody else.
        """
        self._negotiation.refuse(outcome)

    def config_name(self, name: str) -> None:
        """Name the configuration of a server's user database, ``proton-server`` at first."""
        self._negotiation.config_name = name

    def config_path(self, path: str) -> None:
        """Say where a server's user database is configured: directories, separated as in ``PATH``.

        At first those in the environment variable ``PN_SASL_CONFIG_PATH``. The files are described in
        :mod:`syncproton.security.sasl.users`.
        """
        self._negotiation.config_path = path
