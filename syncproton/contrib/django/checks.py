"""Django's system checks.

- ``syncproton.E001``: the setting ``AMQP`` is missing or empty;
- ``syncproton.E002``: it, or the entry of a broker, is no dictionary;
- ``syncproton.E003``: the ``URL`` of a broker is missing;
- ``syncproton.E004``: a key that there is not, such as one misspelt;
- ``syncproton.E005``: a value that makes no sense;
- ``syncproton.E006``: a consumer is of a broker that is not configured.
"""

from __future__ import annotations

from typing import Any, List

from django.core import checks

from .conf import configured, faults
from .registry import autodiscover, consumers

__all__ = ["check_consumers", "check_settings"]


def check_settings(app_configs: Any = None, **kwargs: Any) -> List[Any]:
    """The setting ``AMQP``: each fault an error that names the key."""
    return [checks.Error(fault.text, hint=fault.hint or None, id=fault.id) for fault in faults()]


def check_consumers(app_configs: Any = None, **kwargs: Any) -> List[Any]:
    """Each consumer is of a broker that is configured."""
    known = configured()
    if not known:
        return []  # told already
    autodiscover()
    return [
        checks.Error(f"AMQP[{using!r}] is missing, and the consumer of {each.address!r} needs it",
                     hint=f"it is registered in {getattr(each.function, '__module__', '?')}", id="syncproton.E006")
        for using, registered in consumers().items() if using not in known for each in registered
    ]
