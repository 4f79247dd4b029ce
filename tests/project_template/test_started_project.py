"""A project that is generated from the wheel works at once, with its two commands.

One clean environment serves all of these tests: making it is what takes the time.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.project_template.conftest import Project
from tests.support.redis_server import free_port, until

STAFF = {
    "DJANGO_SUPERUSER_USERNAME": "ada",
    "DJANGO_SUPERUSER_PASSWORD": "for this test alone",
    "DJANGO_SUPERUSER_EMAIL": "ada@example.com",
}
READY_S = 120.0
STOP_S = 30.0
SEEN_MS = 30_000


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a generated project, but for its key, which is drawn."""
    files = {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
    settings = files["config/settings.py"].splitlines(keepends=True)
    files["config/settings.py"] = b"".join(line for line in settings if b"insecure" not in line)
    return files


def test_djangos_own_command_makes_the_same_files(project: Project, tmp_path: Path) -> None:
    where = "import console.startproject as s; print(s.TEMPLATE)"
    template = project.environment.run("python", "-c", where, cwd=tmp_path).strip()
    assert Path(template).is_relative_to(project.environment.folder)
    for name, command in (("by_django", "django-admin"), ("by_us", "channelscope")):
        (tmp_path / name).mkdir()
        extra = ["--template", template] if command == "django-admin" else []
        project.environment.run(
            command, "startproject", *extra, "other", str(tmp_path / name), cwd=tmp_path
        )
    assert files_of(tmp_path / "by_django") == files_of(tmp_path / "by_us")


def test_its_tests_pass(project: Project, chromium_path: Path) -> None:
    said = project.make("test", f"CHROMIUM={chromium_path}", "ARGS=-W error")
    assert " passed" in said
    assert "skipped" not in said


def test_it_needs_no_migration_and_passes_the_checks(project: Project) -> None:
    run = project.environment.run
    run("python", "manage.py", "makemigrations", "--check", cwd=project.folder, DEBUG="1")
    strict = ("check", "--deploy", "--fail-level", "ERROR")
    production = {"SECRET_KEY": "a long random text " * 4, "ALLOWED_HOSTS": "example.com"}
    said = run("python", "manage.py", *strict, cwd=project.folder, **production)
    assert "channelscope." not in said
    assert re.findall(r"runtime\.[A-Z]\d+", said) == ["runtime.W004"]  # no REDIS_URL was given


def test_the_environment_chooses_layer_and_database(project: Project) -> None:
    look = (
        "from django.conf import settings as s;"
        "print(s.CHANNEL_LAYERS['default']['BACKEND'], s.DATABASES['default']['ENGINE'], sep='\\n')"
    )
    run, django = (
        project.environment.run,
        {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "1"},
    )
    assert run("python", "-c", look, cwd=project.folder, **django).split() == [
        "runtime.layers.InMemoryChannelLayer",
        "django.db.backends.sqlite3",
    ]
    servers = {
        "REDIS_URL": "redis://redis:6379/0",
        "DATABASE_URL": "postgres://me:pw@database/site",
    }
    assert run("python", "-c", look, cwd=project.folder, **django, **servers).split() == [
        "runtime.layers.redis.RedisChannelLayer",
        "django.db.backends.postgresql",
    ]


@contextmanager
def running(project: Project) -> Iterator[str]:
    """Run `make run` on a free port; yield the address."""
    port = free_port()
    log = project.folder.parent / "run.log"
    with log.open("w") as output:
        # In a group of its own: the reloader has a child, and both end by one signal.
        process = subprocess.Popen(
            ["make", "run", f"VENV={project.environment.folder}", f"PORT={port}"],
            cwd=project.folder,
            env=project.environment.variables(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until(
            lambda: answers(url, process), "the site answers", told=log.read_text, within_s=READY_S
        )
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_S)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "`make run` ended"
    try:
        with urllib.request.urlopen(url, timeout=READY_S) as response:
            return response.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/console/")
    page.get_by_label("User name").fill(STAFF["DJANGO_SUPERUSER_USERNAME"])
    page.get_by_label("Password").fill(STAFF["DJANGO_SUPERUSER_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()


def test_its_console_shows_a_visitor_and_the_worker_keeps_what_is_said(
    project: Project, chromium_path: Path
) -> None:
    with running(project) as url, sync_playwright() as playwright:
        project.environment.run(
            *("python", "manage.py", "createsuperuser", "--noinput"),
            **STAFF,
            cwd=project.folder,
            DEBUG="1",
        )
        browser = playwright.chromium.launch(
            executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"]
        )
        console, visitor = (browser.new_context().new_page() for _ in range(2))
        sign_in(console, url)
        console.goto(f"{url}/console/connections/")

        visitor.goto(f"{url}/chat/den/")
        expect(visitor.get_by_role("status")).to_have_text("Live", timeout=SEEN_MS)
        row = console.get_by_role("region", name="Connections").get_by_role("row")
        expect(row.filter(has_text="/ws/chat/den/")).to_contain_text(
            "ChatConsumer", timeout=SEEN_MS
        )
        visitor.get_by_role("textbox", name="Message").fill("Is anybody here?")
        visitor.keyboard.press("Enter")
        expect(visitor.get_by_role("log")).to_contain_text("Is anybody here?", timeout=SEEN_MS)

        def is_kept() -> bool:
            with urllib.request.urlopen(f"{url}/chat/den/", timeout=READY_S) as page:
                return b"Is anybody here?" in page.read()

        until(is_kept, "the worker has kept it", within_s=READY_S)
        browser.close()
