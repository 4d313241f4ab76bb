"""Messages in Django projects: an application for ``INSTALLED_APPS``, over the setting ``AMQP``.

:func:`send` sends a message, after the database transaction it is part of; :func:`consumer` registers a function that
``manage.py amqp_consume`` calls with each message of a queue; :func:`connection` gives the connection itself.

Nothing is connected before the first use.  Needs Django, which ``pip install syncproton[django]`` brings along.
"""

from __future__ import annotations

from .connections import close_connections, connection
from .registry import consumer
from .sending import send

__all__ = ["close_connections", "connection", "consumer", "send"]
