"""Answering the peer's opens and closes in kind."""

from __future__ import annotations

from ..engine import Endpoint, Event, Handler

__all__ = ["Handshaker"]


def _open(endpoint: Endpoint) -> None:
    if endpoint.state & Endpoint.LOCAL_UNINIT:
        endpoint.open()


def _close(endpoint: Endpoint) -> None:
    if not endpoint.state & Endpoint.LOCAL_CLOSED:
        endpoint.close()


class Handshaker(Handler):
    """Opens what the peer opens, with the peer's source and target on links, and closes what the peer closes."""

    @staticmethod
    def on_connection_remote_open(event: Event) -> None:
        _open(event.connection)

    @staticmethod
    def on_session_remote_open(event: Event) -> None:
        _open(event.session)

    @staticmethod
    def on_link_remote_open(event: Event) -> None:
        link = event.link
        if link.state & Endpoint.LOCAL_UNINIT:
            link.source.copy(link.remote_source)
            link.target.copy(link.remote_target)
            link.open()

    @staticmethod
    def on_connection_remote_close(event: Event) -> None:
        _close(event.connection)

    @staticmethod
    def on_session_remote_close(event: Event) -> None:
        _close(event.session)

    @staticmethod
    def on_link_remote_close(event: Event) -> None:
        _close(event.link)
