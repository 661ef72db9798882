"""The documentation is true: its commands run, its options, links and files exist, its tables are current."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import BaseModel
from typer.core import TyperGroup
from typer.main import get_command

from tests.timing import PATIENCE
from vedette.cli.main import COMMANDS, build
from vedette.configuration.fleet import FleetConfiguration
from vedette.configuration.hosts import HostsConfiguration
from vedette.configuration.loading import parse
from vedette.configuration.probe import ProbeConfiguration
from vedette.tools.catalogue import Catalogue

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
WITHIN = 2 * PATIENCE
"""Seconds for a single wait; on an idle machine none takes more than six."""

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_INLINE = re.compile(r"`(?P<text>[^`\n]+)`")
_MAKE = re.compile(r"^(?:make|`make) (?P<target>[a-z-]+)|`make (?P<inline>[a-z-]+)`", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [
        Block(page, match["language"], re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE))
        for match in _FENCE.finditer(page.read_text(encoding="utf-8"))
    ]


def named(blocks: list[Block]) -> list[object]:
    return [pytest.param(block, id=f"{block.page.name}-{number}") for number, block in enumerate(blocks)]


ALL_BLOCKS = [block for page in PAGES for block in blocks(page)]


# The README's commands, in a fleet of their own --------------------------------------


class Fleet(NamedTuple):
    """The reader's folder, with `vedette up` running in it."""

    folder: Path
    environment: dict[str, str]

    def run(self, script: str) -> str:
        """Run a block as the reader would; a command that fails, fails the test."""
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=WITHIN,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def _needs(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"{', '.join(missing)} must be installed in CI")
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")


def _until_up(log: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + WITHIN
    while "The fleet is up" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    _needs("/bin/bash", "openssl", "xxd", "sha256sum")
    folder = tmp_path_factory.mktemp("reader")
    configuration, probe = readme_files()
    (folder / "vedette.yml").write_text(configuration)
    (folder / "hosts.json").write_text(probe)
    binaries = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}
    environment.pop("VEDETTE_TRUST", None)
    log = folder / "up.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [str(binaries / "vedette"), "up"], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            _until_up(log, process)
            yield Fleet(folder, environment)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                ended = process.wait(WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    assert ended == 0, log.read_text()


def readme_files() -> tuple[str, str]:
    """Return the fleet's and the probe's file that the README tells to write."""
    configurations = [block.text for block in blocks(README) if block.language == "yaml"]
    probes = [block.text for block in blocks(README) if block.language == "json"]
    return configurations[0], probes[0]


def shell_blocks() -> list[str]:
    """Return the README's shell blocks without the lines that a test cannot run as they stand."""
    found = []
    for block in blocks(README):
        if block.language == "sh":
            kept = [line for line in block.text.splitlines() if line not in ("make demo", "make test", "vedette up")]
            found.append("\n".join(kept).replace("var/demo/vedette.yml", "vedette.yml"))
    return [script for script in found if script.strip()]


def test_a_newcomer_gets_from_the_readme_to_a_proof_checked_by_hand(fleet: Fleet) -> None:
    said: dict[str, str] = {}
    for script in shell_blocks():
        if "vedette bundle" in script:
            _until(fleet, "vedette items", "self-asserted")
        if "vedette graph" in script:
            _until(fleet, "vedette graph search CVE-2026-0001 || true", "Vulnerability")
        said[script] = fleet.run(script)
    everything = "\n".join(said.values())
    assert "hosts.json: good" in everything
    assert "confirmed by aggregation@localhost, as expected" in everything
    assert "VERIFIED: proof.zip" in everything
    assert "Signature Verified Successfully" in everything
    assert "VERIFIED with the roots given" in everything
    assert "requiredAction: Apply the update." in everything
    assert "vedette.in.structured.kev  item " in everything


def _until(fleet: Fleet, command: str, told: str) -> None:
    until = time.monotonic() + WITHIN
    while told not in (listed := fleet.run(command)):
        assert time.monotonic() < until, listed
        time.sleep(0.2)


def test_without_roots_the_answer_is_no_as_the_readme_says(fleet: Fleet) -> None:
    if not (fleet.folder / "proof.zip").exists():
        pytest.fail("the bundle was not made: see the test before")
    script = "code=0; vedette verify proof.zip || code=$?; test $code -eq 1"
    assert "consistent at best" in fleet.run(script)
    assert "consistent at best" in README.read_text(encoding="utf-8")


def test_the_two_commands_are_targets_and_what_ci_runs() -> None:
    commands = {line for block in blocks(README) if block.language == "sh" for line in block.text.splitlines()}
    assert {"make demo", "make test"} <= commands
    assert "make test" in (ROOT / ".ci" / "run").read_text().splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_named_is_in_the_makefile(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {match["target"] or match["inline"] for match in _MAKE.finditer(page.read_text(encoding="utf-8"))}
    assert named <= targets


# Commands and options ----------------------------------------------------------------


def command_lines(page: Path) -> set[str]:
    """Return what the page names as `vedette …`, in blocks and within lines."""
    text = page.read_text(encoding="utf-8")
    found = [line for block in blocks(page) if block.language in ("", "sh") for line in block.text.splitlines()]
    found += [match["text"] for match in _INLINE.finditer(_FENCE.sub("", text))]
    lines = [line.strip().split("  #")[0].removeprefix("ITEM=$(") for line in found]
    return {line.split("|")[0].strip() for line in lines if line.startswith("vedette ")}


def problem_of(line: str) -> str:
    """Return why a command line of the documentation is wrong; empty where it is right."""
    words = shlex.split(line)[1:]
    if words[0].isupper():
        return ""
    if words[0] not in COMMANDS:
        return f"there is no command {words[0]}"
    root = get_command(build(words))
    assert isinstance(root, TyperGroup)
    command, rest = root.commands[words[0]], words[1:]
    while isinstance(command, TyperGroup) and rest and rest[0] in command.commands:
        command, rest = command.commands[rest[0]], rest[1:]
    # Some groups do something by themselves, such as listing.
    alone = isinstance(command, TyperGroup) and command.invoke_without_command and rest and rest[0].startswith("-")
    if isinstance(command, TyperGroup) and rest and not alone:
        return f"there is no command {words[0]} {rest[0]}"
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    # A dash alone is standard input.
    unknown = [word for word in rest if word.startswith("-") and word.split("=")[0] not in {*known, "--help", "-"}]
    return f"unknown options: {' '.join(unknown)}" if unknown else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_and_option_named_exists(page: Path) -> None:
    problems = {line: problem for line in command_lines(page) if (problem := problem_of(line))}
    assert problems == {}


def test_the_check_of_commands_sees_what_is_wrong() -> None:
    assert problem_of("vedette bundel UUID") == "there is no command bundel"
    assert problem_of("vedette xmpp start") == "there is no command xmpp start"
    assert problem_of("vedette items --newest") == "unknown options: --newest"
    assert problem_of("vedette bundle UUID -o x.zip") == ""
    assert len(command_lines(README)) >= 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_built_in_tool_named_exists(page: Path) -> None:
    named = set(re.findall(r"vedette:([a-z-]+)", page.read_text(encoding="utf-8"))) - {"my-tool"}
    assert named <= set(Catalogue().tool_names)


# Links, examples, tables -------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_internal_links_resolve(page: Path) -> None:
    targets = [match["target"] for match in _LINK.finditer(page.read_text(encoding="utf-8"))]
    inside = [target for target in targets if "://" not in target and not target.startswith("#")]
    missing = [target for target in inside if not (page.parent / target.split("#")[0]).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_named_with_their_folder_exist(page: Path) -> None:
    folders = "vedette|registry|web|behaviours|agents|ejabberd|deploy|tests|tools|requirements|docs"
    named = re.findall(rf"`((?:{folders})/[\w./*-]+)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not list(ROOT.glob(name.rstrip("/")))] == []


@pytest.mark.parametrize("block", named([block for block in ALL_BLOCKS if block.language == "json"]))
def test_every_json_example_is_a_good_probe(block: Block) -> None:
    assert parse(block.text, block.page.name, ProbeConfiguration, syntax="json").argv


@pytest.mark.parametrize("block", named([block for block in ALL_BLOCKS if block.language == "yaml"]))
def test_every_yaml_example_is_a_good_fleet(block: Block) -> None:
    if "\nhosts:" in block.text:
        assert parse(block.text, block.page.name, HostsConfiguration, syntax="yaml").hosts
        return
    assert parse(block.text, block.page.name, FleetConfiguration, syntax="yaml").tsa


def test_the_tables_of_the_configuration_page_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "document-config"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_every_section_of_the_fleet_has_a_table() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    fields = FleetConfiguration.model_fields
    sections = [name for name, field in fields.items() if isinstance(field.default, BaseModel)]
    agents = {"registry", "aggregation"}
    assert agents <= set(sections)
    assert [name for name in sections if name not in agents and f"<!-- table: {name} -->" not in page] == []


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert text.rstrip().endswith("limitations under the License.")


def test_the_package_names_the_licences_of_code_and_weights() -> None:
    """The weights are adapted from texts under CC BY-SA, which whoever installs the package is told."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0 AND CC-BY-SA-4.0"
    assert project["license-files"] == ["LICENSE", "vedette/extraction/prose/weights/LICENSE"]
    assert "SPDX: CC-BY-SA-4.0" in (ROOT / project["license-files"][1]).read_text()


def test_every_decision_is_in_the_list_and_has_its_parts() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    assert [page.name for page in pages if page.name not in index] == []
    parts = ("## Context", "## Decision", "## Consequences", "## Alternatives")
    assert [page.name for page in pages if not all(part in page.read_text() for part in parts)] == []
