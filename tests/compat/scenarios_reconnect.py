"""Losing connections and making them again, to the same place and to others; heartbeats."""

from __future__ import annotations

from typing import Any, Callable, List

from scenario import (
    AMQP, ATTACH_RECEIVER, ATTACH_SENDER, BEGIN, CLOSE, FIN, GREET, OPEN, RESET, Differs, credited, error, expect,
    flow, frame, hello, kept, parted, say, scenario,
)

FRAMING = "amqp:connection:framing-error"


def lost(times: int = 1) -> List[Differs]:
    """The differences where a connection that was open is lost, and made again."""
    return [parted("AA"), Differs(
        "While a connection is being made again its remote state, and that of its sessions and links, is",
        proton=["event on_connection_unbound connection AA", "event on_connection_bound connection AA"],
        ours=["event on_connection_unbound connection AU", "event on_connection_bound connection AU"])] * times


def failed(condition: str, states: str) -> List[str]:
    """What is told of a socket that failed."""
    names = ("event on_transport_tail_closed", "callback on_disconnected", "callback on_transport_error",
             "event on_transport_head_closed", "callback on_transport_closed", "callback on_disconnected")
    return [f"{name} connection {states}, transport ({condition})" for name in names]


OPENED = [GREET, *expect("Open"), *say(AMQP, OPEN)]
BYE = [*expect("Close"), *say(CLOSE)]
TO_SENDER = [GREET, *expect("Open", "Begin", "Attach"), *say(AMQP, OPEN, BEGIN, ATTACH_RECEIVER, flow(0))]
TO_RECEIVER = [GREET, *expect("Open", "Begin", "Attach", "Flow"), *say(AMQP, OPEN, BEGIN, ATTACH_SENDER)]

#: At once, and once more after a moment.
DELAYS = [0, 0.05]


class Counter:
    """Acts on the nth call."""

    def __init__(self, number: int, act: Callable[[Any], Any]) -> None:
        self._left = number
        self._act = act

    def __call__(self, event: Any) -> None:
        self._left -= 1
        if self._left == 0:
            self._act(event)


def connect(run: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda event: event.container.connect(run.url, **{"reconnect": DELAYS, **options})


def close(event: Any) -> None:
    event.connection.close()


@scenario([[*OPENED, FIN], [*OPENED, *BYE]], differs=lost())
def comes_back(run: Any) -> None:
    run.client(on_start=connect(run), on_connection_opened=Counter(2, close))


@scenario([[*OPENED, FIN], [*OPENED, FIN], [*OPENED, *BYE]], differs=[*lost(2), Differs(
    "A peer that lets connections in and drops them within a second, time after time, is tried more and more slowly",
    ours=["global on_timer_task"])])
def comes_back_twice(run: Any) -> None:
    run.client(on_start=connect(run), on_connection_opened=Counter(3, close))


@scenario([[*expect("header"), FIN], [GREET, FIN]], differs=[parted("AU")] * 2)
def gives_up_after_failed_attempts(run: Any) -> None:
    run.client(on_start=connect(run), on_connection_opened=close)


@scenario([[*OPENED, RESET], [*OPENED, *BYE]], differs=[lost()[1], Differs(
    "where the socket failed while it was used, ``amqp:connection:framing-error``",
    proton=failed(FRAMING, "AA"), ours=failed("io", "AA"))])
def comes_back_after_a_reset(run: Any) -> None:
    run.client(on_start=connect(run), on_connection_opened=Counter(2, close))


@scenario([[*TO_RECEIVER, FIN], [*TO_RECEIVER, *say(hello()), *expect("Disposition"), *BYE]],
          differs=[*lost(), credited(1)])
def a_receiver_comes_back(run: Any) -> None:
    def start(event: Any) -> None:
        event.container.create_receiver(connect(run)(event), "queue", name="link")
    run.client(on_start=start, on_message=close)


@scenario([[*TO_SENDER, FIN], [*TO_SENDER, *BYE]], differs=lost())
def a_sender_comes_back(run: Any) -> None:
    def start(event: Any) -> None:
        event.container.create_sender(connect(run)(event), "queue", name="link")
    run.client(on_start=start, on_sendable=Counter(2, close))


@scenario([[*OPENED, *say(frame("Close", error=error("amqp:internal-error", "boom"))), *expect("Close")]])
def does_not_come_back_after_a_close_with_an_error(run: Any) -> None:
    run.client(on_start=connect(run))


@scenario([[*OPENED, *say(CLOSE), *expect("Close")]])
def does_not_come_back_after_a_close(run: Any) -> None:
    run.client(on_start=connect(run))


@scenario([[*OPENED, FIN]], differs=parted("AA"))
def does_not_come_back_unless_wanted(run: Any) -> None:
    run.client(on_start=connect(run, reconnect=False))


@scenario([[*OPENED, FIN]], differs=[parted("CA"), kept("CA", FRAMING)])
def does_not_come_back_when_closed_on_disconnection(run: Any) -> None:
    run.client(on_start=connect(run), on_disconnected=close)


@scenario([])
def gives_up_after_the_last_delay(run: Any) -> None:
    run.client(on_start=connect(run))


@scenario([], [])
def gives_up_after_the_last_delay_of_all_urls(run: Any) -> None:
    run.client(on_start=lambda event: event.container.connect(urls=run.urls, reconnect=[0, 0.01]))


@scenario([], [[*OPENED, *BYE]])
def goes_to_the_second_url(run: Any) -> None:
    run.client(on_start=lambda event: event.container.connect(urls=run.urls, reconnect=DELAYS),
               on_connection_opened=close)


OTHER_CONNECTION = [
    "< 0 Open(container_id='client', hostname='127.0.0.1', max_frame_size=32768, channel_max=32767)", f"> {AMQP!r}",
    "> Open", "< 0 Close()", "> Close", "< end of stream"]


@scenario([[*OPENED, FIN], [*OPENED, *BYE]], [[*OPENED, *BYE]], differs=[*lost(), Differs(
    "After a loss ``urls`` go on with the one that follows. Proton begins with the first again",
    proton=[f"peer 1: {line}" for line in ("connection 2", *OTHER_CONNECTION)],
    ours=[f"peer 2: {line}" for line in ("connection 1", *OTHER_CONNECTION)])])
def goes_to_another_url_after_a_loss(run: Any) -> None:
    run.client(on_start=lambda event: event.container.connect(urls=run.urls, reconnect=DELAYS),
               on_connection_opened=Counter(2, close))


# --- heartbeats

@scenario([[*OPENED]])
def the_heart_stops(run: Any) -> None:
    run.client(on_start=connect(run, heartbeat=0.2, reconnect=False))


@scenario([[*OPENED], [*OPENED, *BYE]], differs=lost()[1])
def the_heart_stops_and_the_connection_comes_back(run: Any) -> None:
    run.client(on_start=connect(run, heartbeat=0.2), on_connection_opened=Counter(2, close))
