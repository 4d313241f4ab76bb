"""Do something again and again, and something else if that stops.  Needs no broker.

    python recurring_timer.py --interval 0.5 --ticks 10
"""

import argparse
import time

from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container


class Ticker:
    """Anything with an `on_timer_task` can be scheduled; it is called once for each time it is scheduled."""

    def __init__(self, interval, ticks):
        self.interval = interval
        self.ticks = ticks
        self.ticked = 0

    def start(self, container):
        self.began = time.monotonic()
        self.watchdog = container.schedule(2 * self.interval + 1, Watchdog())
        container.schedule(self.interval, self)

    def on_timer_task(self, event):
        self.ticked += 1
        print(f"tick {self.ticked}", flush=True)
        # A cancelled task does not keep the container running.
        self.watchdog.cancel()
        if self.ticked < self.ticks or not self.ticks:
            self.watchdog = event.container.schedule(2 * self.interval + 1, Watchdog())
            # Counted from the beginning: small delays do not add up.
            due = self.began + (self.ticked + 1) * self.interval
            event.container.schedule(max(0, due - time.monotonic()), self)


class Watchdog:
    def on_timer_task(self, event):
        print("a tick is overdue", flush=True)


class Program(MessagingHandler):
    def __init__(self, ticker):
        super().__init__()
        self.ticker = ticker

    def on_start(self, event):
        self.ticker.start(event.container)


parser = argparse.ArgumentParser(description="Do something again and again.")
parser.add_argument("-i", "--interval", type=float, default=1, help="in seconds (default: %(default)s)")
parser.add_argument("-t", "--ticks", type=int, default=10, help="how many; 0 for ever (default: %(default)s)")
arguments = parser.parse_args()

try:
    Container(Program(Ticker(arguments.interval, arguments.ticks))).run()
except KeyboardInterrupt:
    pass
