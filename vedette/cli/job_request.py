"""The request of a job from what was typed: a tool, its arguments, targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from vedette.configuration.loading import reason_of
from vedette.jobs.request import JobRequest
from vedette.tools.arguments import parse_arguments
from vedette.tools.catalogue import Catalogue


def arguments_of(tool: str, given: list[str]) -> dict[str, Any]:
    """Return arguments such as `ports=22,80` as the tool's schema has them.

    Raises:
        ConfigurationError: unknown tool, unknown argument, or a wrong value.
    """
    model = Catalogue().tool(tool, place="jobs run").Arguments
    parsed = parse_arguments([f"--{one}" for one in given], model, place=f"--arg of {tool}")
    values: dict[str, Any] = parsed.model_dump(mode="json", exclude_defaults=True)
    return values


def request_of(values: dict[str, Any]) -> JobRequest:
    """Return the request that these values are.

    Raises:
        BadParameter: one is wrong.
    """
    try:
        return JobRequest.model_validate(values)
    except ValidationError as error:
        key, reason = reason_of(error, JobRequest)
        raise typer.BadParameter(f"{key}: {reason}") from error


def lines_of(file: Path | None) -> list[str]:
    """Return the lines of a file that are not blank; none where there is no file."""
    if file is None:
        return []
    return [line.strip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
