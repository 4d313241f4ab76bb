"""The first tables."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("item", models.CharField(max_length=60)),
                ("quantity", models.PositiveSmallIntegerField()),
                ("placed", models.DateTimeField(auto_now_add=True)),
                ("packed", models.DateTimeField(null=True)),
            ],
        ),
    ]
