"""What the console keeps in the project's database; so far only who may do what.

Owns the tables, and the permissions that an administrator gives. Who asks for them is
`policy`.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Rights(models.Model):
    """No table: the permissions of the console, which Django knows only of models."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions: ClassVar = (
            ("steer", "May steer connections, groups and channels"),
            ("impersonate", "May open connections as other users"),
        )
        verbose_name = "console"
        verbose_name_plural = "console"

    def __str__(self) -> str:
        return "the console's permissions"
