"""The settings of the project; environment variables change those that differ from place to place."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = os.environ.get("SECRET_KEY", "not a secret: for looking at the example only")
DEBUG = os.environ.get("DJANGO_DEBUG") == "1"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]

INSTALLED_APPS = ["syncproton.contrib.django", "orders"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.csrf.CsrfViewMiddleware"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
}]

DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": os.environ.get("DATABASE", BASE_DIR / "shop.sqlite3"),
    "OPTIONS": {"timeout": 30},
}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True

AMQP = {"default": {
    "URL": os.environ.get("AMQP_URL", "amqp://localhost"),
    "TIMEOUT": 10,
    "CONSUMER_CREDIT": 5,
}}

# The queue of the orders, and how long it takes to pack one, in seconds.
ORDERS_QUEUE = os.environ.get("ORDERS_QUEUE", "orders")
PACKING_TIME = float(os.environ.get("PACKING_TIME", "1"))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {"orders": {"handlers": ["console"], "level": "INFO"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
