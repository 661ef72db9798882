"""The Debian package, made with a stand-in for the environment: its files, its fields, its scripts."""

from __future__ import annotations

import re
import stat
import sys
from pathlib import Path

import pytest

from tests.deploy.programs import DEPLOY, ROOT, must, need, run
from vedette import __version__
from vedette.configuration.fleet import load_fleet

SCRIPTS = ("postinst", "prerm", "postrm")
EPOCH = "1700000000"
"""What a repeated build is given as its time."""


def make_environment(folder: Path) -> Path:
    """Make what has the form of an environment."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python3").symlink_to(sys.executable)
    (folder / "bin" / "vedette").write_text("#!/usr/lib/vedette/bin/python3\n")
    (folder / "bin" / "vedette").chmod(0o755)
    library = folder / "lib" / "odd names"
    library.mkdir(parents=True)
    (library / "module.py").write_text("")
    # A careless library's: everybody may write it, and it runs as its owner.
    (library / "open.py").write_text("")
    (library / "open.py").chmod(0o4777)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in."""
    need("dpkg-deb", "md5sum")
    return make_environment(tmp_path_factory.mktemp("made") / "environment")


@pytest.fixture(scope="module")
def package(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package."""
    return Path(must("tools/deb-pack", environment, tmp_path_factory.mktemp("dist"), SOURCE_DATE_EPOCH=EPOCH).strip())


@pytest.fixture(scope="module")
def files(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What it installs."""
    folder = tmp_path_factory.mktemp("files")
    must("dpkg-deb", "-x", package, folder)
    return folder


@pytest.fixture(scope="module")
def control(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What it tells dpkg."""
    folder = tmp_path_factory.mktemp("control")
    must("dpkg-deb", "-e", package, folder)
    return folder


def field(package: Path, name: str) -> str:
    return must("dpkg-deb", "-f", package, name).strip()


def test_it_says_what_it_is(package: Path) -> None:
    assert field(package, "Version") == __version__
    assert package.name == f"vedette_{__version__}_{field(package, 'Architecture')}.deb"
    assert int(field(package, "Installed-Size")) > 100
    first, after = sys.version_info[:2], (sys.version_info[0], sys.version_info[1] + 1)
    needs = field(package, "Depends")
    assert f"python3 (>= {first[0]}.{first[1]}~), python3 (<< {after[0]}.{after[1]}~)" in needs
    assert "@" not in (must("dpkg-deb", "-f", package)).replace("vedette@example.org", "")


@pytest.mark.parametrize("earlier", ["9.0.0rc1", "9.0.0.dev3"])
def test_a_pre_release_is_older_than_its_release(environment: Path, tmp_path: Path, earlier: str) -> None:
    made = Path(must("tools/deb-pack", environment, tmp_path, earlier).strip())
    version = field(made, "Version")
    assert version.startswith("9.0.0~")
    must("dpkg", "--compare-versions", version, "lt", "9.0.0")
    must("dpkg", "--compare-versions", version, "gt", "8.9.9")


def test_everything_is_roots_and_nobody_else_may_change_it(package: Path, files: Path) -> None:
    lines = [line.split(maxsplit=5) for line in must("dpkg-deb", "-c", package).splitlines()]
    assert {line[1] for line in lines} == {"root/root"}
    for path in files.rglob("*"):
        if not path.is_symlink():
            mode = path.stat().st_mode
            assert not mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID), (path, oct(mode))


def test_every_file_has_its_checksum(files: Path, control: Path) -> None:
    sums = control / "md5sums"
    must("sh", "-c", f"cd '{files}' && md5sum --quiet --strict -c '{sums}'")
    listed = {line.split(maxsplit=1)[1] for line in sums.read_text().splitlines()}
    regular = [path for path in files.rglob("*") if path.is_file() and not path.is_symlink()]
    assert listed == {str(path.relative_to(files)) for path in regular}


def test_what_a_person_may_edit_is_kept_at_an_upgrade(files: Path, control: Path) -> None:
    listed = set((control / "conffiles").read_text().split())
    assert listed == {f"/{path.relative_to(files)}" for path in (files / "etc").rglob("*") if path.is_file()}


def test_its_configuration_is_one(files: Path) -> None:
    configuration, paths = load_fleet(files / "etc/vedette/vedette.yml")
    assert paths.data == Path("/var/lib/vedette")
    assert (configuration.api.host, configuration.api.port) == ("127.0.0.1", 8780)
    assert configuration.probes == []


def test_units_find_their_program_and_their_pages(files: Path) -> None:
    units = sorted((files / "usr/lib/systemd/system").iterdir())
    assert [unit.name for unit in units] == sorted(path.name for path in (DEPLOY / "systemd").iterdir())
    assert (files / "usr/bin/vedette").resolve() == files / "usr/lib/vedette/bin/vedette"
    for unit in units:
        for page in re.findall(r"(?:file:|\s)(/usr/share/doc/\S+?)\.?$", unit.read_text(), re.MULTILINE):
            assert (files / page.lstrip("/")).is_file(), (unit.name, page)


def test_nothing_of_the_machine_that_made_it_is_in_it(files: Path, control: Path) -> None:
    for folder in (files / "etc", files / "usr/lib/systemd", files / "usr/share", control):
        for path in folder.rglob("*"):
            assert path.is_dir() or str(ROOT).encode() not in path.read_bytes(), path


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_stop_at_the_first_error_and_can_be_read(control: Path, name: str) -> None:
    script = control / name
    assert script.read_text().startswith("#!/bin/sh\n")
    assert "\nset -e\n" in script.read_text()
    assert script.stat().st_mode & 0o777 == 0o755
    must("sh", "-n", script)


def test_the_same_again_is_the_same_package(package: Path, environment: Path, tmp_path: Path) -> None:
    again = Path(must("tools/deb-pack", environment, tmp_path, SOURCE_DATE_EPOCH=EPOCH).strip())
    assert again.read_bytes() == package.read_bytes()


def test_without_an_environment_there_is_no_package(tmp_path: Path) -> None:
    need("dpkg-deb")
    assert run("tools/deb-pack", tmp_path / "none", tmp_path).returncode != 0
    assert list(tmp_path.iterdir()) == []
