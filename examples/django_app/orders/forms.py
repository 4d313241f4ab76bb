"""What a customer fills in."""

from django import forms


class OrderForm(forms.Form):
    """An order."""

    item = forms.CharField(label="Tea", max_length=60, widget=forms.TextInput(attrs={"placeholder": "Earl Grey"}))
    quantity = forms.IntegerField(label="Packets", min_value=1, max_value=999, initial=1)
