"""Logging: the processes that one starts log as it does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from vedette import log


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """Leave the logging of the other tests as it was."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_a_process_knows_at_what_level_it_logs(level: str) -> None:
    log.configure(level=level)
    assert log.level() == level


def test_unless_it_was_said_it_is_the_usual_one() -> None:
    structlog.reset_defaults()
    assert log.level() == "info"
