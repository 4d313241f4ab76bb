"""The application, for ``INSTALLED_APPS``."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks

__all__ = ["SyncprotonConfig"]


class SyncprotonConfig(AppConfig):  # type: ignore[misc]  # Django has no types
    """``syncproton.contrib.django``.  Loading it connects to nothing."""

    name = "syncproton.contrib.django"
    label = "syncproton"
    verbose_name = "AMQP messaging"

    def ready(self) -> None:
        """Have the settings checked by ``manage.py check``, and by all commands that check first."""
        from .checks import check_consumers, check_settings

        checks.register(check_settings, "syncproton")
        checks.register(check_consumers, "syncproton")
