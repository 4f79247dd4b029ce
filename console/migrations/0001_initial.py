from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Rights",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
            options={
                "verbose_name": "console",
                "verbose_name_plural": "console",
                "permissions": (
                    ("steer", "May steer connections, groups and channels"),
                    ("impersonate", "May open connections as other users"),
                ),
                "managed": False,
                "default_permissions": (),
            },
        ),
    ]
