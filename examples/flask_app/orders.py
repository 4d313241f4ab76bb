"""What is known of orders, in an SQLite file: the page notes what was placed, the consumer what is packed."""

from __future__ import annotations

import os
import sqlite3
from typing import Any, Dict, List, Optional

from flask import Flask, current_app, g

TEAS = {
    "assam": ("Second Flush Assam", "Malty and strong, takes milk", 9),
    "darjeeling": ("First Flush Darjeeling", "Light, floral, a little dry", 14),
    "sencha": ("Spring Sencha", "Grassy green, steep it cool", 12),
    "rooibos": ("Honeybush Rooibos", "Sweet, red, without caffeine", 8),
}

_TABLE = """CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY, tea TEXT NOT NULL, quantity INTEGER NOT NULL, name TEXT NOT NULL,
    packed INTEGER NOT NULL DEFAULT 0, placed_at TEXT NOT NULL DEFAULT (strftime('%H:%M', 'now', 'localtime')))"""


def init_app(app: Flask) -> None:
    """Create the table if it is not there."""
    path = app.config["ORDERS_DATABASE"]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    database = sqlite3.connect(path, timeout=30)
    with database:
        database.execute("BEGIN IMMEDIATE")  # other processes may be about it at the same time
        database.execute(_TABLE)
    database.close()
    app.teardown_appcontext(_close)


def placed(order: Dict[str, Any]) -> None:
    """Note an order that was sent; the consumer may have been faster."""
    _write("INSERT INTO orders (id, tea, quantity, name) VALUES (:id, :tea, :quantity, :name) "
           "ON CONFLICT (id) DO NOTHING", order)


def packed(order: Dict[str, Any]) -> None:
    """Note that an order is packed, whether or not it was noted before."""
    _write("INSERT INTO orders (id, tea, quantity, name, packed) VALUES (:id, :tea, :quantity, :name, 1) "
           "ON CONFLICT (id) DO UPDATE SET packed = 1", order)


def find(order_id: str) -> Optional[Dict[str, Any]]:
    """One order, or ``None``."""
    row = _database().execute("SELECT * FROM orders WHERE id = ?", (order_id,)).fetchone()
    return _shown(row) if row is not None else None


def recent(count: int) -> List[Dict[str, Any]]:
    """The latest orders, the last one first."""
    rows = _database().execute("SELECT * FROM orders ORDER BY rowid DESC LIMIT ?", (count,))
    return [_shown(row) for row in rows]


def _shown(row: sqlite3.Row) -> Dict[str, Any]:
    title, _, price = TEAS[row["tea"]]
    return {**dict(row), "title": title, "total": price * row["quantity"], "number": row["id"][:8].upper()}


def _write(statement: str, order: Dict[str, Any]) -> None:
    with _database() as database:
        database.execute(statement, order)


def _database() -> sqlite3.Connection:
    if "orders" not in g:
        g.orders = sqlite3.connect(current_app.config["ORDERS_DATABASE"], timeout=30)
        g.orders.row_factory = sqlite3.Row
    database: sqlite3.Connection = g.orders
    return database


def _close(error: Optional[BaseException] = None) -> None:
    database = g.pop("orders", None)
    if database is not None:
        database.close()
