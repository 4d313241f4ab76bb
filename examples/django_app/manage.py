#!/usr/bin/env python
"""A small shop with Django: a page takes orders, a consumer packs them, a page shows how far they are.

    pip install syncproton[django]
    python -m syncproton broker                # or set AMQP_URL to another broker's, such as amqp://user:password@host
    python manage.py migrate                   # in other terminals, in this directory
    python manage.py amqp_consume
    python manage.py runserver                 # then look at http://127.0.0.1:8000
"""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
