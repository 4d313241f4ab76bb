"""A Django project in the process of the tests.  Importing this sets it up, once."""

from __future__ import annotations

import django
from django.conf import settings

__all__ = ["NOWHERE"]

#: A broker that no test ever reaches.
NOWHERE = "amqp://127.0.0.1:1"

if not settings.configured:
    settings.configure(
        SECRET_KEY="for tests only",
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["syncproton.contrib.django", "django_shop"],
        AMQP={"default": {"URL": NOWHERE}},
    )
    django.setup()
