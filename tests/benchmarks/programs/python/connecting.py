"""Connecting as all the programs do, and ending when something goes wrong."""

from __future__ import annotations

from typing import Any, Optional

from library import Library

__all__ = ["connect", "handler_class"]


def connect(library: Library, container: Any, url: str, ca: Optional[str] = None) -> Any:
    """A connection that is not made anew when it is lost.

    :param ca: the certificate of the authority to trust, for TLS.
    """
    if ca is None:
        return container.connect(url, reconnect=False)
    domain = library.SSLDomain(library.SSLDomain.MODE_CLIENT)
    domain.set_trusted_ca_db(ca)
    domain.set_peer_authentication(library.SSLDomain.VERIFY_PEER_NAME)
    return container.connect(url, reconnect=False, ssl_domain=domain)


def handler_class(library: Library) -> Any:
    """The library's ``MessagingHandler``, ending the program when the peer refuses something or is lost."""

    class Handler(library.MessagingHandler):  # type: ignore[misc]
        def on_transport_error(self, event: Any) -> None:
            raise RuntimeError(f"transport: {event.transport.condition}")

        def on_connection_error(self, event: Any) -> None:
            raise RuntimeError(f"connection: {event.connection.remote_condition}")

        def on_session_error(self, event: Any) -> None:
            raise RuntimeError(f"session: {event.session.remote_condition}")

        def on_link_error(self, event: Any) -> None:
            raise RuntimeError(f"link: {event.link.remote_condition}")

        def on_rejected(self, event: Any) -> None:
            raise RuntimeError(f"rejected: {event.delivery.remote.condition}")

        def on_released(self, event: Any) -> None:
            raise RuntimeError("released")

    return Handler
