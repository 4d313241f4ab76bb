"""What is done with orders: run by ``python manage.py amqp_consume``."""

import logging
import time

from django.conf import settings
from django.utils import timezone
from syncproton.contrib.django import consumer
from syncproton.sync import ReceivedMessage

from .models import Order

logger = logging.getLogger(__name__)


@consumer(settings.ORDERS_QUEUE)
def pack(message: ReceivedMessage) -> None:
    """Packs an order.  A message may come twice, after a crash say: what is packed stays as it is."""
    number = message.body["order"]
    if not Order.objects.filter(pk=number, packed=None).exists():
        logger.warning("there is no order %s to pack", number)
        return
    logger.info("packing order %s", number)
    time.sleep(settings.PACKING_TIME)
    Order.objects.filter(pk=number, packed=None).update(packed=timezone.now())
    logger.info("packed order %s", number)
