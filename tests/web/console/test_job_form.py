"""The form of a job: from what is typed to a request, and what was wrong back to its field."""

from __future__ import annotations

import pytest

from registry.job_desk import OfferedTool
from vedette.errors import RefusedError
from vedette.jobs.request import JobRequest
from vedette.jobs.scope import OutOfScopeError, TargetsOutOfScopeError
from vedette.tools.catalogue import Catalogue
from web.console.job_form import blank_form, form_of, posted_form, request_of, targets_of, with_refusal


@pytest.fixture
def tool() -> OfferedTool:
    """tcp-connect."""
    found = Catalogue().tool("tcp-connect", place="test")
    schema = found.Arguments.model_json_schema()
    return OfferedTool(
        name="tcp-connect", kind="tool", summary=found.summary, allowed=True, arguments=schema, words=[]
    )


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("a.example\r\nb.example\n\n", ["a.example", "b.example"]),
        ("a, b c,d", ["a", "b", "c", "d"]),
        ("# remark, with words\n 192.0.2.0/28\t\n", ["192.0.2.0/28"]),
        ("https://a.example/?x=1,2#y, b", ["https://a.example/?x=1,2#y,", "b"]),
        ("", []),
        ("-oN/tmp/x\n--", ["-oN/tmp/x", "--"]),
    ],
    ids=["lines", "mixed", "remark", "url", "nothing", "options"],
)
def test_targets_are_read_as_people_write_them(text: str, targets: list[str]) -> None:
    assert targets_of(text) == targets


def test_what_was_typed_becomes_a_request(tool: OfferedTool) -> None:
    typed = {"targets": "127.0.0.1", "file": "\n# lab\n127.0.0.2\n", "a.ports": "22, 80", "a.banner": "on"}
    typed |= {"agents": "job1@localhost", "place": " ", "parallel": "2", "time_limit": "5.5", "do": "run"}
    form = posted_form(tool, typed)
    assert request_of(form) == JobRequest(
        tool="tcp-connect",
        targets=["127.0.0.1", "127.0.0.2"],
        arguments={"ports": [22, 80], "banner": True},
        agents=["job1@localhost"],
        parallel=2,
        time_limit=5.5,
    )
    # A file cannot be kept in its field, so what was in it is where it can be seen.
    assert form.texts["targets"] == "127.0.0.1\n# lab\n127.0.0.2"


def test_a_request_fills_the_form_that_asks_for_it_again(tool: OfferedTool) -> None:
    wanted = JobRequest(
        tool="tcp-connect",
        targets=["192.0.2.0/28", "a.example"],
        arguments={"ports": [22], "connect_time": 1.5},
        agents=["site1@localhost"],
        place="Luxembourg",
        parallel=8,
        time_limit=12,
    )
    assert request_of(form_of(tool, wanted)) == wanted
    assert request_of(blank_form(tool)) == {"targets": "say at least one host, address, network or URL"}


@pytest.mark.parametrize(
    ("field", "text"),
    [("parallel", "0"), ("parallel", "many"), ("time_limit", "nan"), ("time_limit", "1e9"), ("place", "\0")],
)
def test_what_cannot_be_asked_for_is_said_beside_its_field(tool: OfferedTool, field: str, text: str) -> None:
    found = request_of(posted_form(tool, {"targets": "127.0.0.1", field: text}))
    assert isinstance(found, dict)
    assert list(found) == [field]


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (RefusedError("targets", "one is empty"), "targets"),
        (OutOfScopeError("target", "is a URL without a host"), "targets"),
        (OutOfScopeError("arguments", "ports: not these"), "a.ports"),
        (OutOfScopeError("arguments", "unknown: not these"), ""),
        (RefusedError("policy", "came with no run"), ""),
    ],
    ids=["targets", "target", "argument", "no-argument", "other"],
)
def test_a_refusal_stands_beside_its_field(tool: OfferedTool, error: RefusedError, key: str) -> None:
    form = with_refusal(posted_form(tool, {"targets": "kept"}), error)
    assert list(form.problems) == [key]
    assert form.texts["targets"] == "kept"


def test_each_target_that_is_refused_is_named(tool: OfferedTool) -> None:
    refusals = {"192.0.2.1": "is in no allowed network", "b.example": "has no address"}
    form = with_refusal(posted_form(tool, {}), TargetsOutOfScopeError(refusals))
    assert form.refusals == refusals
    assert form.problems == {"targets": "2 targets may not be looked at"}
