"""What blocking senders and receivers have in common."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Optional, Tuple

from ...engine import Endpoint, Link
from ...errors import LinkException, ProtonException, Timeout
from ...reactor.futures import new_future
from ..deadline import Deadline
from ..link_driver import REASON_TIMEOUT, LinkDriver
from ..waiting import fresh
from .tail import Tail

if TYPE_CHECKING:
    from .connection import BlockingConnection

__all__ = ["BlockingLink"]


class BlockingLink:
    """What :class:`BlockingSender` and :class:`BlockingReceiver` have in common.

    What it does not define itself is looked up on the engine's link; a method found there is carried out on the I/O
    thread.
    """

    connection: "BlockingConnection"
    link: Any

    def __init__(self, connection: "BlockingConnection", link: Link, driver: LinkDriver) -> None:
        self.connection = connection
        self.link = link
        self._driver = driver
        future = driver.adopted
        if future is None:
            driver.add(Tail(connection, driver))
            future = driver.connection.begin(driver.adopt, link)
        try:
            connection._wait(future, Deadline(connection.timeout), f"Opening link {link.name}")
        except Timeout:
            if not link.state & Endpoint.REMOTE_ACTIVE:
                driver.connection.begin(driver.close)
                raise
            # It has attached without the address asked for, which is about to be found out.
        self._check_terminus()

    def close(self) -> None:
        """Close the link, and wait until the peer has closed it too.

        :raises Timeout: if that takes longer than the connection's timeout.
        """
        self.connection._guard()
        if not self.connection.closing:
            driver = self._driver
            deadline = Deadline(self.connection.timeout)
            self.connection._wait(driver.connection.begin(driver.close), deadline, f"Closing link {self.link.name}")

    def __enter__(self) -> Any:
        return self

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        try:
            self.close()
        except ProtonException:
            if value is None:
                raise

    def __getattr__(self, name: str) -> Any:
        if name in ("link", "_driver"):  # not yet set: __init__ failed
            raise AttributeError(name)
        value = getattr(self.link, name)
        return partial(self._driver.connection.call, value) if callable(value) else value

    def _addresses(self) -> Tuple[Optional[str], Optional[str]]:
        """The address asked for, and the one the peer attached."""
        raise NotImplementedError

    def _check_terminus(self) -> None:
        """A peer that attaches another address is about to refuse: give it time to say why."""
        asked, attached = self._addresses()
        if not asked or asked == attached:
            return
        driver = self._driver
        if attached is not None:
            # Without an address it had that time already.
            detached: "Future[None]" = new_future()
            driver.connection.post(detached, driver.waiters.add, detached)
            try:
                self.connection._wait(detached, Deadline(REASON_TIMEOUT), "Waiting for the peer to refuse")
            except Timeout:
                pass
        if driver.ended is not None:
            raise fresh(driver.ended)
        driver.connection.begin(driver.close)
        word = "target" if self.link.is_sender else "source"
        raise LinkException(f"Failed to open {driver.kind} {self.link.name}, {word} does not match")
