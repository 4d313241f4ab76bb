"""An application whose consumer says what it does, for ``flask --app flask_shop amqp consume``."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from flask import Flask, current_app

from syncproton.contrib.flask import AMQP

amqp = AMQP()


def create_app() -> Flask:
    app = Flask("shop")
    app.config["AMQP_URL"] = os.environ["AMQP_URL"]
    app.config["AMQP_TIMEOUT"] = 20
    amqp.init_app(app)
    return app


@amqp.consumer("orders", credit=10)
def pack(message: Any) -> None:
    print(f"{current_app.name} begins {message.body}", flush=True)
    if message.body == "bad":
        raise ValueError("a bad order")
    if message.body == "slow":
        # Until the signal has come: the main thread says so on its way to the end.
        while not any(getattr(frame, "f_code").co_name == "_finish" for frame in _stack()):
            threading.Event().wait(0.01)
    if message.body == "endless":
        threading.Event().wait()
    print(f"ends {message.body}", flush=True)


@amqp.consumer("mail")
def mail(message: Any) -> None:
    """Nothing."""


def _stack() -> Any:
    frame = sys._current_frames()[threading.main_thread().ident or 0]
    while frame is not None:
        yield frame
        frame = frame.f_back  # type: ignore[assignment]
