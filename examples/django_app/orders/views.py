"""The pages: one that takes orders, and one for each order."""

import logging

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe
from syncproton import ProtonException
from syncproton.contrib.django import send

from .forms import OrderForm
from .models import Order

logger = logging.getLogger(__name__)


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """Takes an order, and shows the latest."""
    form = OrderForm(request.POST or None)
    status = 400 if request.method == "POST" else 200
    if form.is_valid():
        order = Order(**form.cleaned_data)
        try:
            with transaction.atomic():
                order.save()
                # Sent when the order is safe in the database, so that the consumer finds it there.
                send(settings.ORDERS_QUEUE, {"order": order.pk})
            return redirect("order", order.pk)
        except ProtonException as error:
            # The row is there, and nobody was told of it.  (If somebody was after all, he finds none to pack.)
            logger.warning("an order could not be sent: %s", error)
            order.delete()
            form.add_error(None, "We cannot take orders right now. Please try again soon.")
            status = 503
    context = {"form": form, "orders": Order.objects.order_by("-pk")[:10]}
    return render(request, "orders/index.html", context, status=status)


@require_safe
def show(request: HttpRequest, number: int) -> HttpResponse:
    """Shows an order."""
    return render(request, "orders/order.html", {"order": get_object_or_404(Order, pk=number)})
