"""The selector under the loop: who watches what, and descriptors that become others' behind its back."""

from __future__ import annotations

import os
import socket
from typing import Iterator, List, Tuple

import pytest

from syncproton.reactor.loop import READ, WRITE, Loop

Pair = Tuple[socket.socket, socket.socket]


class Watcher:
    def __init__(self) -> None:
        self.masks: List[int] = []

    def on_ready(self, mask: int) -> None:
        self.masks.append(mask)


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    a, b = socket.socketpair()
    with a, b:
        yield a, b


@pytest.fixture
def other_pair() -> Iterator[Pair]:
    a, b = socket.socketpair()
    with a, b:
        yield a, b


def test_a_watcher_hears_of_what_it_asked_for(loop: Loop, pair: Pair) -> None:
    watcher = Watcher()
    fd = pair[0].fileno()
    loop.watch(fd, READ, watcher)
    loop.poll(0)
    assert watcher.masks == []
    pair[1].send(b"x")
    loop.poll(10)
    loop.watch(fd, READ | WRITE, watcher)
    loop.poll(10)
    loop.watch(fd, WRITE, watcher)
    loop.poll(10)
    loop.watch(fd, 0, watcher)
    loop.poll(0)
    assert watcher.masks == [READ, READ | WRITE, WRITE]


def test_two_watchers_of_one_descriptor_hear_each_its_own(loop: Loop, pair: Pair) -> None:
    reader, writer = Watcher(), Watcher()
    fd = pair[0].fileno()
    loop.watch(fd, READ, reader)
    loop.watch(fd, WRITE, writer)
    loop.poll(10)
    pair[1].send(b"x")
    loop.poll(10)
    loop.watch(fd, 0, writer)
    loop.poll(10)
    loop.watch(fd, 0, reader)
    loop.poll(0)
    assert (reader.masks, writer.masks) == ([READ, READ], [WRITE, WRITE])


def test_a_watcher_may_take_away_the_descriptor_of_another_that_is_ready(loop: Loop, pair: Pair) -> None:
    calls: List[Watcher] = []

    class Jealous(Watcher):
        def on_ready(self, mask: int) -> None:
            calls.append(self)
            for sock, watcher in zip(pair, watchers):
                if watcher is not self:
                    loop.watch(sock.fileno(), 0, watcher)

    watchers = [Jealous(), Jealous()]
    for sock, watcher in zip(pair, watchers):
        loop.watch(sock.fileno(), WRITE, watcher)
    loop.poll(10)
    assert len(calls) == 1


@pytest.mark.skipif(os.name == "nt", reason="sockets have no small numbers there that come again")
def test_a_number_that_has_become_another_socket_is_the_new_watcher_s(
    loop: Loop, pair: Pair, other_pair: Pair
) -> None:
    old, new = Watcher(), Watcher()
    fd = pair[0].fileno()
    loop.watch(fd, READ, old)
    # As if the owner had closed it, and the next socket had got its number.
    os.dup2(other_pair[0].fileno(), fd)
    loop.watch(fd, READ, new)
    other_pair[1].send(b"x")
    loop.poll(10)
    assert new.masks == [READ]
    loop.watch(fd, 0, old)
    loop.poll(10)
    assert new.masks == [READ, READ]


@pytest.mark.skipif(os.name == "nt", reason="sockets have no small numbers there that come again")
def test_a_watcher_can_say_that_its_number_has_become_another_socket(
    loop: Loop, pair: Pair, other_pair: Pair
) -> None:
    watcher = Watcher()
    fd = pair[0].fileno()
    loop.watch(fd, READ, watcher)
    os.dup2(other_pair[0].fileno(), fd)
    loop.watch(fd, READ, watcher, afresh=True)
    other_pair[1].send(b"x")
    loop.poll(10)
    assert watcher.masks == [READ]


def test_what_cannot_be_watched_is_refused_and_leaves_nothing(loop: Loop, pair: Pair) -> None:
    fd = pair[0].fileno()
    pair[0].close()
    for number in (fd, -1):
        with pytest.raises((OSError, ValueError)):
            loop.watch(number, READ, Watcher())
        loop.watch(number, 0, Watcher())
    assert loop._watchers == {}


@pytest.mark.parametrize("timeout", [1e300, 1e10, None])
def test_the_longest_wait_ends_when_the_loop_is_woken(loop: Loop, timeout: float) -> None:
    loop.wake()
    loop.poll(timeout)
