"""Our packages are ours: short names such as `web` or `agents` must not come from somebody else."""

from __future__ import annotations

import importlib
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("agents", "behaviours", "ejabberd", "registry", "vedette", "web")


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_of_ours_is_in_this_tree_or_in_our_distribution(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None, f"{name} is a namespace package: somebody shadows it"
    file = Path(module.__file__).resolve()
    installed = [Path(str(path.locate())).resolve() for path in distribution("vedette").files or ()]
    assert file == ROOT / name / "__init__.py" or file in installed, f"{name} is {file}"


def test_no_package_under_tests_shadows_ours() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))
    importlib.import_module("tests.agents.station")
    assert "tests" not in Path(str(importlib.import_module("agents").__file__)).parts[len(ROOT.parts) :]
