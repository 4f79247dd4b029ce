"""A new project: a site with a live page, its tests, and the console beside it.

Owns where the template is, and what is said when the project is there. The copying is
Django's own, so that `django-admin startproject --template` makes the same files. Called by
the command `channelscope`.
"""

from __future__ import annotations

from pathlib import Path

from django.core.management import CommandError, call_command

TEMPLATE = Path(__file__).resolve().parent / "project_template"
"""In a wheel the files themselves, in a checkout a link to them."""

NEXT_STEPS = """
  {name} is in {place}

  cd {place}
  make run     runs it on http://127.0.0.1:8000/
  make admin   makes a member of staff, who may see /console/
  make test    runs its tests
"""


class ProjectRefused(Exception):
    """The project cannot be made as it was asked for; the message is Django's."""


def start_project(name: str, directory: Path | None = None) -> str:
    """Make the project `name` and return what to do next.

    Args:
        name: a Python identifier that names no module that is installed.
        directory: a folder that exists; a new one called `name` by default.

    Raises:
        ProjectRefused: the name will not do, or the place.
    """
    target = [] if directory is None else [str(directory)]
    try:
        call_command("startproject", name, *target, template=str(TEMPLATE.resolve()))
    except CommandError as error:
        raise ProjectRefused(str(error)) from error
    return NEXT_STEPS.format(name=name, place=directory or name)
