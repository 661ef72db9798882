"""A lying authority, the OpenSSL oracle and the shared cases."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.vedette.evidence.lying import LyingAuthority
from tests.vedette.evidence.oracle import OpenSsl

SHARED = Path(__file__).resolve().parents[3].parent / "shared"


@pytest.fixture
async def lying_authority() -> AsyncIterator[LyingAuthority]:
    """An authority over HTTP that behaves as its `lie` says; set it before asking."""
    authority = LyingAuthority()
    await authority.start()
    yield authority
    await authority.stop()


@pytest.fixture
def openssl(tmp_path: Path) -> OpenSsl:
    """OpenSSL's command line in a folder of its own."""
    if shutil.which("openssl") is None:
        if os.environ.get("CI"):
            pytest.fail("openssl is not installed")
        pytest.skip("openssl is not installed")
    folder = tmp_path / "openssl"
    folder.mkdir()
    return OpenSsl(folder)


@pytest.fixture(scope="session")
def token_cases() -> Path:
    """The folder of shared token cases; they come beside the repository or not at all."""
    folder = SHARED / "cases" / "evidence" / "tokens"
    if not folder.is_dir():
        pytest.skip("the shared cases are not beside this repository")
    return folder
