"""What the template says to Docker, read: that it fits together, not that Docker likes it.

Building the images needs a daemon, which a test run does not have.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.packaging import ROOT

TEMPLATE = ROOT / "project_template"
CONSUMERS = (TEMPLATE / "chat/consumers.py").read_text(encoding="utf-8")
SETTINGS = (TEMPLATE / "config/settings.py").read_text(encoding="utf-8")

INSTRUCTIONS = {"FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "CMD"}


def dockerfile() -> Iterator[tuple[str, str]]:
    for line in (TEMPLATE / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            instruction, _, rest = line.partition(" ")
            yield instruction, rest.strip()


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((TEMPLATE / "compose.yaml").read_text(encoding="utf-8"))


def test_the_dockerfile_copies_what_there_is_and_ends_in_one_command() -> None:
    steps = list(dockerfile())
    assert {name for name, _ in steps} == INSTRUCTIONS
    assert steps[0][0] == "FROM"
    for name, rest in steps:
        if name == "COPY":
            *sources, _ = rest.split()
            assert all((TEMPLATE / source).exists() for source in sources), rest
    assert [name for name, _ in steps].count("CMD") == 1
    assert steps[-1][0] == "CMD"


def test_the_server_serves_the_application_of_the_settings_and_not_as_root() -> None:
    steps = dict(dockerfile())
    server, *arguments = json.loads(steps["CMD"])
    assert find_spec(server) is not None
    module, _, attribute = arguments[-1].partition(":")
    assert f'ASGI_APPLICATION = "{module}.{attribute}"' in SETTINGS
    assert (TEMPLATE / f"{module.replace('.', '/')}.py").exists()
    assert arguments[arguments.index("-p") + 1] == steps["EXPOSE"]
    assert steps["USER"] != "root"


def test_the_image_carries_no_secret_and_nothing_of_this_machine() -> None:
    ignored = (TEMPLATE / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".git", ".venv", "*.sqlite3*"} <= set(ignored)
    assert "SECRET_KEY" not in dict(dockerfile())["ENV"]


def test_web_worker_and_migration_are_one_site(compose: Any) -> None:
    services = compose["services"]
    for name in ("web", "worker", "migrate"):
        assert services[name]["build"] == "."
        assert services[name]["environment"] == compose["x-site"]["environment"]


def test_the_environment_says_only_what_the_settings_read(compose: Any) -> None:
    said = re.findall(r"^    ([A-Z_]+):", SETTINGS, re.MULTILINE)
    assert set(compose["x-site"]["environment"]) <= set(said)
    assert {"REDIS_URL", "DATABASE_URL", "SECRET_KEY"} <= set(compose["x-site"]["environment"])


def test_services_wait_for_and_reach_services_that_exist(compose: Any) -> None:
    services = compose["services"]
    for service in services.values():
        for other, how in service.get("depends_on", {}).items():
            assert other in services
            if how["condition"] == "service_healthy":
                assert services[other]["healthcheck"]["test"]
    environment = compose["x-site"]["environment"]
    hosts = {re.search(r"(?:@|//)([a-z]+):\d+/", environment[name]) for name in ("REDIS_URL",)}
    hosts |= {re.search(r"@([a-z]+):\d+/", environment["DATABASE_URL"])}
    assert {host[1] for host in hosts if host} == {"redis", "database"}


def test_the_worker_serves_every_channel_that_the_site_has(compose: Any) -> None:
    command = compose["services"]["worker"]["command"]
    assert command[:3] == ["python", "manage.py", "runworker"]
    channels = re.findall(r'^[A-Z]+ = "([a-z.-]+)"$', CONSUMERS, re.MULTILINE)
    assert command[3:] == channels


def test_every_command_of_the_readme_is_a_target_or_a_service(compose: Any) -> None:
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    makefile = (TEMPLATE / "Makefile").read_text(encoding="utf-8")
    commands = [shlex.split(line, comments=True) for line in re.findall(r"^\$ (.+)$", readme, re.M)]
    for command in commands:
        if command[0] == "make":
            assert re.search(rf"^{command[1]}:.*## ", makefile, re.MULTILINE)
        elif command[:3] == ["docker", "compose", "exec"]:
            assert command[3] in compose["services"]
    assert ["make", "run"] in commands
    assert ["make", "test"] in commands


def test_the_template_holds_no_path_of_a_machine() -> None:
    for file in TEMPLATE.rglob("*"):
        if file.is_file() and file.suffix != ".pyc":
            text = file.read_text(encoding="utf-8")
            assert str(Path.home()) not in text
