import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("channelscope_console", "0002_saved_messages"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Recording",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                (
                    "subject",
                    models.CharField(
                        choices=[
                            ("connection", "a connection"),
                            ("group", "a group"),
                            ("query", "a query"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "of",
                    models.TextField(
                        help_text="The connection's id, the group's name, or the query."
                    ),
                ),
                (
                    "process",
                    models.CharField(
                        blank=True, help_text="Where the console recorded.", max_length=200
                    ),
                ),
                ("began_at", models.DateTimeField(auto_now_add=True)),
                (
                    "heard_at",
                    models.DateTimeField(help_text="When its recorder was last heard of."),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("end_reason", models.CharField(blank=True, max_length=200)),
                ("should_end", models.BooleanField(default=False)),
                (
                    "connections",
                    models.JSONField(default=dict, help_text="Those that are in it, by their ids."),
                ),
                (
                    "volatile",
                    models.JSONField(
                        default=list, help_text="Names of values that no replay compares."
                    ),
                ),
                ("step_count", models.PositiveIntegerField(default=0)),
                ("size_bytes", models.PositiveBigIntegerField(default=0)),
                ("missed", models.PositiveIntegerField(default=0)),
                (
                    "made_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-began_at", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="RecordingStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.FloatField(help_text="Seconds since the Unix epoch.")),
                ("kind", models.CharField(max_length=20)),
                ("record", models.JSONField()),
                (
                    "recording",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="steps",
                        to="channelscope_console.recording",
                    ),
                ),
            ],
            options={
                "ordering": ("recording", "at", "pk"),
            },
        ),
    ]
