"""The form of a job: what was typed becomes a request, and what is wrong with it is said beside its field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pydantic import ValidationError

from registry.job_desk import OfferedTool
from vedette.configuration.loading import reasons_of
from vedette.errors import RefusedError
from vedette.jobs.request import JobRequest, WrongArgumentsError
from vedette.jobs.scope import TargetsOutOfScopeError
from web.api.forms import FormLimits
from web.console.tool_fields import ToolField, fields_of, texts_of, values_of, words_of

LIMITS: Final = FormLimits(size=512 * 1024, fields=512, file=True)
"""As much as 4,096 targets need, typed and in a file."""

REFUSALS: Final = 50
"""Refused targets that are named."""

_USUAL: Final = JobRequest(tool="any", targets=["any"])
_PLAIN: Final = ("place", "parallel", "time_limit")


@dataclass(frozen=True, kw_only=True, slots=True)
class JobForm:
    """The form of one tool, as it is shown."""

    tool: OfferedTool
    """What it is for."""
    fields: Sequence[ToolField]
    """The tool's arguments."""
    texts: Mapping[str, str]
    """What is in it, by the names of its fields."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """What is wrong, by the names of its fields; under an empty name what belongs to none."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Why targets may not be looked at, by target."""


def blank_form(tool: OfferedTool) -> JobForm:
    """Return a form with what is usual."""
    fields = fields_of(tool.arguments)
    texts = texts_of(fields, {}) | {name: _written(getattr(_USUAL, name)) for name in _PLAIN}
    return JobForm(tool=tool, fields=fields, texts=texts)


def form_of(tool: OfferedTool, request: JobRequest) -> JobForm:
    """Return a form that asks for what was asked for before."""
    fields = fields_of(tool.arguments)
    texts = texts_of(fields, request.arguments) | {name: _written(getattr(request, name)) for name in _PLAIN}
    texts |= {"targets": "\n".join(request.targets), "agents": ", ".join(request.agents)}
    return JobForm(tool=tool, fields=fields, texts=texts)


def posted_form(tool: OfferedTool, posted: Mapping[str, str]) -> JobForm:
    """Return what was posted; the targets of a file are shown as if they had been typed."""
    typed, brought = posted.get("targets", "").rstrip(), posted.get("file", "").strip()
    targets = "\n".join(part for part in (typed, brought) if part)
    return JobForm(tool=tool, fields=fields_of(tool.arguments), texts={**posted, "targets": targets})


def request_of(form: JobForm) -> JobRequest | Mapping[str, str]:
    """Return the request that a form means, or what is wrong by the names of its fields."""
    texts = form.texts
    values = {
        "tool": form.tool.name,
        "arguments": values_of(form.fields, texts),
        "targets": targets_of(texts.get("targets", "")),
        "agents": words_of(texts.get("agents", "")),
        **{name: text for name in _PLAIN if (text := texts.get(name, "").strip())},
    }
    if not values["targets"]:
        return {"targets": "say at least one host, address, network or URL"}
    try:
        return JobRequest.model_validate(values)
    except ValidationError as error:
        return reasons_of(error, JobRequest)


def targets_of(text: str) -> list[str]:
    """Return the targets of a text: one a line, or with commas or blanks between; a line with `#` is a remark."""
    found: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        for piece in line.split():
            # A comma may be part of a URL, and of nothing else that is looked at.
            found += [piece] if "://" in piece else [part for part in piece.split(",") if part]
    return found


def with_problems(form: JobForm, problems: Mapping[str, str], arguments: Mapping[str, str]) -> JobForm:
    """Return the form with what is wrong with it, and with the tool's arguments."""
    keys = {one.name: one.key for one in form.fields}
    found = {keys.get(name, ""): reason for name, reason in arguments.items()}
    return replace(form, problems={**found, **problems})


def with_refusal(form: JobForm, error: RefusedError) -> JobForm:
    """Return the form with what was refused beside its field."""
    refusals = error.refusals if isinstance(error, TargetsOutOfScopeError) else {}
    return replace(form, problems=_problems(form, error), refusals=refusals)


def _problems(form: JobForm, error: RefusedError) -> dict[str, str]:
    keys = {one.name: one.key for one in form.fields}
    if isinstance(error, WrongArgumentsError):
        return {keys.get(name, ""): reason for name, reason in error.problems.items()}
    if isinstance(error, TargetsOutOfScopeError):
        count = len(error.refusals)
        return {"targets": f"{'this target' if count == 1 else f'{count} targets'} may not be looked at"}
    if error.field in ("target", "targets"):
        return {"targets": error.reason}
    name, colon, reason = error.reason.partition(": ")
    if error.field == "arguments" and colon and name in keys:
        return {keys[name]: reason}
    return {error.field if error.field in _PLAIN else "": str(error)}


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
