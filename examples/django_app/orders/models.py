"""What the shop remembers."""

from django.db import models


class Order(models.Model):
    """Somebody wants so many of a thing."""

    item = models.CharField(max_length=60)
    quantity = models.PositiveSmallIntegerField()
    placed = models.DateTimeField(auto_now_add=True)
    packed = models.DateTimeField(null=True)
