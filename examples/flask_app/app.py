"""A shop: a page takes orders and sends each as a message, a consumer packs them, and a page shows how far they are.

Everything at once, with an in-memory broker:   flask --app examples/flask_app/app.py demo
With a broker of your own (see README.md):      flask --app examples/flask_app/app.py run
                                                flask --app examples/flask_app/app.py amqp consume
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from typing import Any

import click
import orders
from flask import Flask, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from syncproton import ProtonException
from syncproton.contrib.flask import AMQP

QUEUE = os.environ.get("ORDERS_QUEUE", "orders")
MOST = 20  # of one tea

amqp = AMQP()


def create_app() -> Flask:
    """Make the application.  Where it finds its broker, and its database, the environment says."""
    app = Flask(__name__)
    app.config.update(
        AMQP_URL=os.environ.get("AMQP_URL", "amqp://localhost"),
        AMQP_TIMEOUT=5,
        ORDERS_DATABASE=os.environ.get("ORDERS_DATABASE", os.path.join(app.instance_path, "orders.sqlite")),
        PACKING_SECONDS=float(os.environ.get("PACKING_SECONDS", "0")),
    )
    amqp.init_app(app)
    orders.init_app(app)
    app.add_url_rule("/", view_func=counter)
    app.add_url_rule("/orders", view_func=order, methods=["POST"])
    app.add_url_rule("/orders/<uuid:order_id>", view_func=show)
    app.register_error_handler(404, not_found)
    app.cli.add_command(demo)
    return app


# --- the pages

def counter() -> ResponseReturnValue:
    return _counter()


def order() -> ResponseReturnValue:
    """Send the order, and only then say that it was taken."""
    form = request.form
    tea, name, quantity = form.get("tea", ""), form.get("name", "").strip(), form.get("quantity", "")
    if tea not in orders.TEAS:
        return _counter("Please choose a tea.", 400)
    if not (quantity.isascii() and quantity.isdigit() and 1 <= int(quantity[:9]) <= MOST):
        return _counter(f"Please order between 1 and {MOST} tins.", 400)
    if not 0 < len(name) <= 60:
        return _counter("Please tell us who the parcel is for, in up to 60 characters.", 400)
    body = {"id": str(uuid.uuid4()), "tea": tea, "quantity": int(quantity), "name": name}
    try:
        amqp.send(QUEUE, body)
    except ProtonException as error:
        current_app.logger.warning("an order could not be sent: %s", error)
        return _counter("We cannot take orders right now. Yours was not confirmed: please try again soon.", 503)
    # The message is what counts.  This row only lets the page show the order while it waits.
    orders.placed(body)
    return redirect(url_for("show", order_id=body["id"]), 303)


def show(order_id: uuid.UUID) -> ResponseReturnValue:
    found = orders.find(str(order_id))
    if found is None:
        abort(404)
    return render_template("order.html", order=found)


def not_found(error: Any) -> ResponseReturnValue:
    return render_template("missing.html"), 404


def _counter(problem: str = "", status: int = 200) -> ResponseReturnValue:
    page = render_template("counter.html", teas=orders.TEAS, most=MOST, recent=orders.recent(8), problem=problem)
    return page, status


# --- the worker

@amqp.consumer(QUEUE, threads=2, credit=5)
def pack(message: Any) -> None:
    """Pack an order.  A message may come twice, so packing what is packed does nothing."""
    body = message.body
    if not isinstance(body, dict) or body.get("tea") not in orders.TEAS:
        message.reject("shop:no-order", "this is not an order")
        return
    time.sleep(current_app.config["PACKING_SECONDS"])
    orders.packed(body)
    current_app.logger.info("packed %s", body["id"])


# --- all of it, to try it out

@click.command()
@click.option("--port", default=5000, show_default=True, help="Where to serve the page.")
def demo(port: int) -> None:
    """Run an in-memory broker, a consumer and the page, until Ctrl-C."""
    from syncproton.broker import Broker

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    flask = [sys.executable, "-m", "flask", "--app", __file__]
    programs = []
    with tempfile.TemporaryDirectory() as folder, Broker("amqp://127.0.0.1:0") as broker:
        environment = dict(os.environ, AMQP_URL=broker.url, ORDERS_DATABASE=os.path.join(folder, "orders.sqlite"),
                           PACKING_SECONDS=os.environ.get("PACKING_SECONDS", "2"))
        try:
            for arguments in (["amqp", "consume"], ["run", "--port", str(port)]):
                programs.append(subprocess.Popen([*flask, *arguments], env=environment))
            print(f"open http://127.0.0.1:{port}", flush=True)
            sys.exit(programs[-1].wait())
        except KeyboardInterrupt:
            pass
        finally:
            for program in programs:
                program.terminate()
            for program in programs:
                program.wait()
