"""What is measured."""

from __future__ import annotations

from typing import Any, List, Mapping, NamedTuple, Optional

from .peers import Peer

__all__ = ["ROWS", "Row", "Work"]


class Work(NamedTuple):
    """What a client does for a row.

    :ivar name: a function of its programs.
    :ivar options: what that is told, besides the URL and the count.
    """

    name: str
    options: Mapping[str, Any] = {}


class Row(NamedTuple):
    """One measurement.

    :ivar name: what it is called in the table and by ``--rows``.
    :ivar about: what is done.
    :ivar peer: the other end, if there is one.
    :ivar works: what each client does.
    :ivar count: how often, at a scale of 1.
    :ivar quick: how often in a quick run.
    """

    name: str
    about: str
    peer: Optional[Peer]
    works: Mapping[str, Work]
    count: int
    quick: int


def _all(name: str, **options: Any) -> Mapping[str, Work]:
    """The same work for every client that is compared."""
    return {client: Work(name, options) for client in ("proton", "rhea", "syncproton")}


def _python(name: str, **options: Any) -> Mapping[str, Work]:
    """The same work for the clients in Python."""
    return {client: Work(name, options) for client in ("proton", "syncproton")}


def _and_c(works: Mapping[str, Work]) -> Mapping[str, Work]:
    """What Proton's own programs in C do, too."""
    return {**works, "c": works["proton"]}


def _sized(name: str, size: int, count: int, credit: int) -> List[Row]:
    """Bodies of a size, both ways."""
    peer = Peer("stream", size, credit)
    return [
        Row(f"send-{name}", f"send bodies of {size:,} bytes", peer, _all("send", size=size), count, 20),
        Row(f"receive-{name}", f"receive bodies of {size:,} bytes", peer,
            _all("receive", size=size, prefetch=credit), count, 20)]


def _threads(threads: int) -> Row:
    """Blocking sends from several threads.  Proton crashes if it is used from more than one."""
    works = {"proton": Work("blocking_send"), "syncproton": Work("blocking_send", {"threads": threads})}
    return Row(f"blocking-send-{threads}", f"blocking send from {threads} threads on one connection (proton: 1 thread)",
               _BROKER, works, 5_000 // threads * threads, 2 * threads)


_DIRECT = Peer("direct")
_BROKER = Peer("broker")
_STREAM = Peer("stream")
_TLS = Peer("stream", tls=True)

ROWS: List[Row] = [
    Row("send", "send at least once: on_sendable, on_accepted", _DIRECT, _and_c(_all("send")), 50_000, 200),
    Row("send-settled", "send pre-settled", _DIRECT, _all("send", settled=True), 50_000, 200),
    Row("receive-10", "receive with a prefetch of 10, auto-accept", _DIRECT, _all("receive", prefetch=10), 30_000, 200),
    Row("receive-500", "receive with a prefetch of 500, auto-accept", _DIRECT, _and_c(_all("receive", prefetch=500)),
        50_000, 200),
    Row("encode", "encode a message of 143 bytes", None, _all("encode"), 100_000, 200),
    Row("decode", "decode a message of 143 bytes", None, _all("decode"), 100_000, 200),
    Row("blocking-send", "blocking send, one at a time", _BROKER, _python("blocking_send"), 5_000, 50),
    _threads(8),
    _threads(32),
    Row("futures-500", "futures, up to 500 that are not done (proton: blocking send, one at a time)", _STREAM,
        {"proton": Work("blocking_send"), "syncproton": Work("futures", {"window": 500})}, 10_000, 50),
    Row("send-many-500", "send_many with a window of 500 (proton: blocking send, one at a time)", _STREAM,
        {"proton": Work("blocking_send"), "syncproton": Work("send_many", {"window": 500})}, 10_000, 50),
    *_sized("1k", 1 << 10, 20_000, 1000),
    *_sized("64k", 1 << 16, 2_000, 100),
    *_sized("1m", 1 << 20, 200, 10),
    Row("tls-send", "send at least once over TLS", _TLS, _all("send"), 20_000, 20),
    Row("tls-receive", "receive over TLS with a prefetch of 500", _TLS, _all("receive", prefetch=500), 20_000, 20),
    Row("transactions", "declare, send one message and commit, one after another", Peer("inmemory"),
        _python("transactions"), 1_000, 10),
    Row("links", "1,000 links on a connection, one message each", _BROKER, _all("links"), 1_000, 20),
    Row("connections", "500 connections, one message each; bytes for each while idle, with a sender", _BROKER,
        _all("connections"), 500, 10),
    Row("connect-close", "open a connection and close it, by callbacks", _BROKER, _all("connect_close"), 500, 10),
    Row("blocking-connect-close", "open a connection and close it, blocking", _BROKER,
        _python("blocking_connect_close"), 500, 10),
    Row("memory-link", "open links on a connection; bytes for each", _BROKER, _all("idle_links"), 1_000, 20),
    Row("memory-queued", "send in one callback; bytes for each delivery that waits", _DIRECT, _all("queued"), 2_000,
        20),
]
