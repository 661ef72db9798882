"""The containers: the composition is one, and what it starts and mounts are commands and files of ours.

Nothing here builds or starts a container: `test_containers.py` does.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.commands import unknown_options
from tests.deploy.programs import DEPLOY, need, run
from vedette.configuration.fleet import EJABBERD, load_fleet
from vedette.configuration.gateway import load_gateway
from vedette.configuration.rt import load_rt

FOLDER = DEPLOY / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "vedette:local"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy with secrets."""
    copy = shutil.copytree(FOLDER, tmp_path / "compose", ignore=shutil.ignore_patterns("secrets", "*.deb"))
    for secret in COMPOSE["secrets"].values():
        (copy / secret["file"]).parent.mkdir(exist_ok=True)
        (copy / secret["file"]).write_text("secret\n")
    return copy


def config(folder: Path, *, host: str) -> tuple[int, str]:
    need("docker-compose")
    options = ("-f", folder / "compose.yml", "--project-directory", folder)
    done = run("docker-compose", *options, "config", "--quiet", VEDETTE_HOST=host)
    return done.returncode, done.stderr


def test_docker_compose_takes_it(folder: Path) -> None:
    assert config(folder, host="hub.example") == (0, "")


def test_it_asks_for_the_name_that_others_use(folder: Path) -> None:
    code, said = config(folder, host="")
    assert code == 1
    assert "the name or address by which others reach this machine" in said


def test_a_mistake_would_be_found(folder: Path) -> None:
    file = folder / "compose.yml"
    file.write_text(file.read_text().replace("network_mode:", "network_mod:"))
    assert config(folder, host="hub.example")[0] == 1


@pytest.mark.parametrize("name", [name for name, service in OURS.items() if "entrypoint" not in service])
def test_what_is_started_is_a_command_of_ours(name: str) -> None:
    assert unknown_options(SERVICES[name]["command"]) == []


@pytest.mark.parametrize(
    "name", [name for name, service in OURS.items() if "command" in service and "entrypoint" in service]
)
def test_what_is_prepared_is_prepared_with_commands_of_ours(name: str) -> None:
    (script,) = SERVICES[name]["command"]
    lines = re.findall(r"^(?:\$\$as|vedette) (.*)$", script, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        assert unknown_options(shlex.split(line)) == []


def test_its_files_are_configurations() -> None:
    fleet, paths = load_fleet(FOLDER / "vedette.yml")
    reader, gateway = load_rt(FOLDER / "reader.yml"), load_gateway(FOLDER / "amqp.yml")
    assert paths.store_url == paths.graph_url == reader.graph
    assert fleet.xmpp.server == EJABBERD
    assert {reader.credentials, gateway.credentials} == {paths.credentials_of("reader"), paths.credentials_of("amqp")}
    (script,) = SERVICES["enroll"]["command"]
    assert "enroll reader --role rt" in script
    assert "enroll amqp --role gateway" in script


def test_whoever_shares_a_network_is_reached_by_the_name_in_the_certificate() -> None:
    (script,) = SERVICES["setup"]["command"]
    fleet, _ = load_fleet(FOLDER / "vedette.yml")
    assert fleet.api.url == "https://localhost:8780"
    assert "--host localhost" in script
    sharing = [service for name, service in OURS.items() if name not in ("setup", "network")]
    assert {service.get("network_mode") for service in sharing} == {"service:network"}


def test_the_network_belongs_to_a_container_that_runs_nothing_that_could_end() -> None:
    assert SERVICES["network"]["entrypoint"] == ["/bin/sleep", "infinity"]


def test_only_what_agents_and_people_use_is_reached_from_outside() -> None:
    opened = {port for service in SERVICES.values() for port in service.get("ports", [])}
    assert opened == {"5222:5222", "8780:8780"}


def test_no_secret_is_in_the_files_and_each_is_used() -> None:
    used = {
        secret["source"] if isinstance(secret, dict) else secret
        for service in SERVICES.values()
        for secret in service.get("secrets", [])
    }
    assert used == set(COMPOSE["secrets"])
    for file in FOLDER.glob("*.yml"):
        assert not re.search(r"(?i)password\s*[:=]\s*(?!\{file)\S", file.read_text()), file
        assert "://" not in file.read_text() or not re.search(r"://[^/\s]*:[^/\s]*@", file.read_text()), file


def test_ours_can_do_little_and_theirs_have_a_version() -> None:
    for name, service in OURS.items():
        if name != "setup":
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
            assert "user" not in service
    for service in SERVICES.values():
        assert not service["image"].endswith(":latest")
        assert ":" in service["image"]


def test_the_image_is_the_package_and_does_not_run_as_root() -> None:
    lines = (FOLDER / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER vedette"]
    assert "COPY vedette.deb /tmp/vedette.deb" in lines
    # The folder has secrets, too.
    assert [line for line in (FOLDER / ".dockerignore").read_text().splitlines() if line[0] != "#"] == [
        "*",
        "!vedette.deb",
    ]
    assert re.match(r"FROM debian:\d+-slim$", next(line for line in lines if line.startswith("FROM")))
