"""What is measured."""

from __future__ import annotations

from typing import Any, List, Mapping, NamedTuple

__all__ = ["ROWS", "Row"]


class Row(NamedTuple):
    """One measurement.

    :ivar name: what it is called in the table and by ``--rows``.
    :ivar about: what is done.
    :ivar peer: the kind of the other end, see :mod:`~.peers`; empty if there is none.
    :ivar works: what each client does: a function of its programs.
    :ivar count: how often, at a scale of 1.
    :ivar quick: how often in a quick run.
    :ivar options: what else the programs are told.
    """

    name: str
    about: str
    peer: str
    works: Mapping[str, str]
    count: int
    quick: int
    options: Mapping[str, Any] = {}


def _all(work: str, *others: str) -> Mapping[str, str]:
    """The same work for every client."""
    return {client: work for client in ("proton", "rhea", "syncproton", *others)}


def _python(work: str) -> Mapping[str, str]:
    """The same work for the clients in Python."""
    return {client: work for client in ("proton", "syncproton")}


ROWS: List[Row] = [
    Row("send", "send at least once: on_sendable, on_accepted", "direct", _all("send", "c"), 50_000, 200),
    Row("send-settled", "send pre-settled", "direct", _all("send"), 50_000, 200, {"settled": True}),
    Row("receive-10", "receive with a prefetch of 10, auto-accept", "direct", _all("receive"), 30_000, 200,
        {"prefetch": 10}),
    Row("receive-500", "receive with a prefetch of 500, auto-accept", "direct", _all("receive", "c"), 50_000, 200,
        {"prefetch": 500}),
    Row("encode", "encode a message of 143 bytes", "", _all("encode"), 100_000, 200),
    Row("decode", "decode a message of 143 bytes", "", _all("decode"), 100_000, 200),
    Row("blocking-send", "blocking send, one at a time", "broker", _python("blocking_send"), 5_000, 50),
]
