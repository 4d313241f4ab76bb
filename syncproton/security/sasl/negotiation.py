"""The SASL negotiation of a connection, client and server (part 5, section 5.3), bytes-free and clock-free.

Frames' bodies go in by :meth:`Negotiation.receive` and come out of :meth:`Negotiation.output`.  The machine is the
table ``_TRANSITIONS``: what may arrive in which state and what handles it; anything else is the peer's fault.  A client
waits for the mechanisms, picks the best it can use and exchanges until the outcome; a server waits for the choice and
exchanges until it gives the outcome.
"""

from __future__ import annotations

import logging
from enum import Enum
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple, Union

from syncproton.errors import ProtocolError, ProtonException
from syncproton.security.sasl.mechanism import AuthenticationFailed, ClientExchange, Mechanism, ServerExchange
from syncproton.security.sasl.registry import MECHANISMS
from syncproton.security.sasl.users import UserDatabase, find_users
from syncproton.wire.sasl_frames import SaslChallenge, SaslInit, SaslMechanisms, SaslOutcome, SaslResponse

__all__ = ["AUTH", "Authenticator", "Negotiation", "OK", "PERM", "SYS", "SaslError", "SaslFrame", "State", "TEMP"]

#: The outcomes of section 5.3.3.6.
OK, AUTH, SYS, PERM, TEMP = range(5)

#: Says whether a password is a user's: ``(mechanism, user, password) -> bool``.
Authenticator = Callable[[str, str, str], bool]
SaslFrame = Union[SaslMechanisms, SaslInit, SaslChallenge, SaslResponse, SaslOutcome]

_log = logging.getLogger(__name__)

_UNAUTHORIZED = "amqp:unauthorized-access"
_OUTCOME_WORDS = {SYS: "system error", PERM: "permanent system error", TEMP: "temporary system error, try again"}


class SaslError(NamedTuple):
    """Why a negotiation failed, shaped as an AMQP condition."""

    name: str
    description: str


class State(Enum):
    """Where a negotiation is."""

    NOT_STARTED = "before the start"
    MECHANISMS = "waiting for the server's mechanisms"
    INIT = "waiting for the client's choice"
    EXCHANGE = "during the exchange"
    ENDED = "after the outcome"


class Negotiation:
    """One side of one negotiation.

    :ivar server: whether this is the server's side.
    :ivar allowed_mechs: the mechanisms that may be used, or None for all.
    :ivar allow_insecure_mechs: whether a password may travel in clear.
    :ivar user, password, authorization: the client's credentials, and whom it asks to act for; the password is
        forgotten at the end. On a server ``authorization`` is what the client asked for.
    :ivar hostname: the host the client tells the server it wants.
    :ivar encrypted: whether TLS lies below.
    :ivar external_identity: who TLS says the client is: to the server the verified subject, to the client its own.
    :ivar require_auth: a server with this set does not offer ANONYMOUS.
    :ivar authenticator: how a server checks passwords; without one, the user database of ``config_path`` and
        ``config_name`` does (see :mod:`syncproton.security.sasl.users`).
    :ivar outcome: the outcome's code once there is one.
    :ivar mechanism: the mechanism chosen.
    :ivar authenticated_user: who the server found the client to be.
    :ivar error: why it failed, or None.
    """

    def __init__(self, server: bool) -> None:
        self.server = server
        #: The ``SASL`` object by which programs see this one.
        self.view: Any = None
        self.allowed_mechs: Optional[List[str]] = None
        self.allow_insecure_mechs = False
        self.user: Optional[str] = None
        self.password: Optional[str] = None
        self.authorization: Optional[str] = None
        self.hostname: Optional[str] = None
        self.encrypted = False
        self.external_identity: Optional[str] = None
        self.require_auth = False
        self.authenticator: Optional[Authenticator] = None
        self.config_path: Optional[str] = None
        self.config_name: Optional[str] = None
        self.outcome: Optional[int] = None
        self.mechanism: Optional[str] = None
        self.authenticated_user: Optional[str] = None
        self.error: Optional[SaslError] = None
        self.state = State.NOT_STARTED
        self._output: List[SaslFrame] = []
        self._offered: Dict[str, Mechanism] = {}
        self._client: Optional[ClientExchange] = None
        self._exchange: Optional[ServerExchange] = None
        self._refusal: Optional[int] = None
        self._users: Optional[UserDatabase] = None
        self._users_sought = False

    def __repr__(self) -> str:
        side = "server" if self.server else "client"
        return f"<Negotiation {side} {self.state.value!r} mechanism={self.mechanism!r} outcome={self.outcome!r}>"

    @property
    def done(self) -> bool:
        """Whether it has ended, well (``error`` is None) or badly."""
        return self.state is State.ENDED

    def allow(self, mechanisms: Union[str, Iterable[str], None]) -> None:
        """Limit the mechanisms.

        :param mechanisms: names separated by spaces, or several names; None lifts the limit.
        :raises TypeError: if these are no strings.
        """
        if mechanisms is None:
            self.allowed_mechs = None
        else:
            names = mechanisms.split() if isinstance(mechanisms, str) else list(mechanisms)
            if not all(isinstance(name, str) for name in names):
                raise TypeError(f"names of mechanisms are strings, not {mechanisms!r}")
            self.allowed_mechs = [name.upper() for name in names]

    def start(self) -> None:
        """Begin: a server queues its mechanisms. A second start changes nothing."""
        if self.state is not State.NOT_STARTED:
            return
        if not self.server:
            self.state = State.MECHANISMS
            return
        self.state = State.INIT
        try:
            limit = self._database.mechanisms if self.authenticator is None and self._database is not None else None
            for mechanism in MECHANISMS.values():
                allowed = self._allows(mechanism.name) and (limit is None or mechanism.name in limit)
                if allowed and mechanism.server_offers(self):
                    self._offered[mechanism.name] = mechanism
        except ProtonException as error:
            self._fail(PERM, str(error))
            return
        self._output.append(SaslMechanisms(list(self._offered)))

    def receive(self, frame: SaslFrame) -> None:
        """Take the body of a frame.

        :raises ProtocolError: it does not belong here.
        """
        handler = _TRANSITIONS.get((self.server, self.state, type(frame)))
        if handler is None:
            description = f"unexpected {getattr(frame, 'NAME', type(frame).__name__)} {self.state.value}"
            raise ProtocolError("amqp:connection:framing-error", description)
        handler(self, frame)

    def output(self) -> List[SaslFrame]:
        """The bodies of the frames to send, oldest first; the list is handed over and cleared."""
        output, self._output = self._output, []
        return output

    def refuse(self, code: int) -> None:
        """Refuse the client with this outcome, now if it has spoken and else when it does.

        On a client, or with ``OK``, this does nothing: only a mechanism lets anyone in.
        """
        if not self.server or code == OK or self.done:
            return
        self._refusal = self.outcome = code
        if self.state is State.EXCHANGE:
            self._fail(code, "refused by the program")

    # What a server's mechanisms ask.

    @property
    def has_users(self) -> bool:
        """Whether there is anything to check a password with.

        :raises ProtonException: the user database cannot be read.
        """
        return self.authenticator is not None or bool(self._database)

    def check_password(self, mechanism: str, user: str, password: str) -> bool:
        """Whether the password is the user's.

        :raises ProtonException: the user database cannot be read, or the authenticator raised something.
        """
        if self.authenticator is not None:
            try:
                return bool(self.authenticator(mechanism, user, password))
            except Exception as error:  # a peer must not be able to end a listener by a strange name
                _log.exception("the authenticator failed")
                raise ProtonException(f"the authenticator raised {type(error).__name__}") from None
        return self._database is not None and self._database.check(user, password)

    @property
    def _database(self) -> Optional[UserDatabase]:
        if not self._users_sought:
            self._users = find_users(self.config_path, self.config_name)
            self._users_sought = True
        return self._users

    # The client's transitions.

    def _choose(self, frame: SaslMechanisms) -> None:
        offered = [name.upper() for name in frame.sasl_server_mechanisms or ()]
        obstacles: List[str] = []
        for mechanism in MECHANISMS.values():
            if mechanism.name not in offered or not self._allows(mechanism.name):
                continue
            obstacle = mechanism.client_obstacle(self) or self._instead_of_login(mechanism, offered)
            if obstacle is not None:
                obstacles.append(f"{mechanism.name} ({obstacle})")
                continue
            self.mechanism = mechanism.name
            self._client = mechanism.client(self)
            self.state = State.EXCHANGE
            self._output.append(SaslInit(mechanism.name, self._client.start(), self.hostname))
            return
        if obstacles:
            reason = "no usable mechanism: " + "; ".join(obstacles)
        else:
            usable = [name for name in MECHANISMS if self._allows(name)]
            reason = f"no shared mechanism: the server offers {_listed(offered)}, we allow {_listed(usable)}"
        self._fail(PERM, reason)

    def _instead_of_login(self, mechanism: Mechanism, offered: List[str]) -> Optional[str]:
        """Why a client that came to log in does not go in anonymously where only better locks than ours would do."""
        if mechanism.name != "ANONYMOUS" or not self.user or not self.password:
            return None
        unspoken = [name for name in offered if name not in MECHANISMS and self._allows(name)]
        return f"a login was asked for, and of {_listed(unspoken)} none can be spoken" if unspoken else None

    def _respond(self, frame: SaslChallenge) -> None:
        assert self._client is not None
        try:
            self._output.append(SaslResponse(self._client.step(bytes(frame.challenge))))
        except AuthenticationFailed as failure:
            self._fail(AUTH, str(failure))

    def _conclude(self, frame: SaslOutcome) -> None:
        if frame.code == OK:
            self.outcome = OK
            self._end()
        else:
            self._fail(int(frame.code), _OUTCOME_WORDS.get(frame.code))

    # The server's transitions.

    def _begin_exchange(self, frame: SaslInit) -> None:
        self.mechanism = _shown(frame.mechanism.upper())
        self.state = State.EXCHANGE
        mechanism = self._offered.get(self.mechanism)
        if self._refusal is not None:
            self._fail(self._refusal, "refused by the program")
        elif mechanism is None:
            self._fail(AUTH, "the client chose a mechanism that was not offered")
        else:
            self._exchange = mechanism.server(self)
            self._step(None if frame.initial_response is None else bytes(frame.initial_response))

    def _continue_exchange(self, frame: SaslResponse) -> None:
        self._step(bytes(frame.response))

    def _step(self, response: Optional[bytes]) -> None:
        assert self._exchange is not None
        try:
            challenge = self._exchange.step(response)
        except AuthenticationFailed as failure:
            self._fail(AUTH, str(failure))
            return
        except ProtonException as error:
            self._fail(SYS, str(error))
            return
        if challenge is not None:
            self._output.append(SaslChallenge(challenge))
            return
        self.authenticated_user = self._exchange.user
        self.authorization = self._exchange.authorization
        self.outcome = OK
        self._output.append(SaslOutcome(OK))
        self._end()

    # Both.

    def _allows(self, name: str) -> bool:
        return self.allowed_mechs is None or name in self.allowed_mechs

    def _fail(self, code: int, reason: Optional[str]) -> None:
        self.outcome = code
        if self.server:
            verdict = f"Failed to authenticate client [mech={self.mechanism or 'none'}]"
            if self.state is State.EXCHANGE:
                self._output.append(SaslOutcome(code))
        else:
            verdict = f"Authentication failed [mech={self.mechanism or 'none'}]"
        self.error = SaslError(_UNAUTHORIZED, f"{reason} ({verdict})" if reason else verdict)
        self._end()

    def _end(self) -> None:
        self.state = State.ENDED
        self.password = None
        self._client = self._exchange = None


def _shown(name: str) -> str:
    """A peer's word, fit for a log line."""
    return name[:40] if name.isascii() and name.isprintable() else ascii(name[:40])


def _listed(names: List[str]) -> str:
    return " ".join(_shown(name) for name in names[:20]) or "none"


# (are we the server, our state, the body that arrives) -> its handler. What is not here is the peer's fault.
_TRANSITIONS: Dict[Tuple[bool, State, type], Callable[..., None]] = {
    (False, State.MECHANISMS, SaslMechanisms): Negotiation._choose,
    (False, State.EXCHANGE, SaslChallenge): Negotiation._respond,
    (False, State.EXCHANGE, SaslOutcome): Negotiation._conclude,
    (True, State.INIT, SaslInit): Negotiation._begin_exchange,
    (True, State.EXCHANGE, SaslResponse): Negotiation._continue_exchange,
}
